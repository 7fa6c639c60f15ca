"""Hand an e-invoice to whoever brings it into the Peppol network: a folder that an access point empties, or HTTP.

We are no access point. A sender takes a file once for each key, however often it is asked, and tells later what
became of it. Over HTTP: `POST url` with the XML, `Idempotency-Key` and `Peppol-Recipient`, answered by
`{"id", "status": sent|accepted|rejected, "reason"}`; `GET url/id` answers the same later. In a folder: `key.xml`, and
beside it, when the access point knows, `key.accepted` or `key.rejected` with the reason in it. The key is the
delivery's own id at every try: when nobody knows how a try ended, the same document is offered again, never another.
"""

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import quote, unquote, urlsplit

import httpx
import msgspec

from crm.settings import Settings, SettingsError

TIMEOUT_SECONDS = 30.0
REASON_LENGTH = 500
ANSWER_BYTES = 64 * 1024
LOOPBACK = ("127.0.0.1", "::1", "localhost")
HOW_TO = "KLYNGE_EHF_URL must look like folder:/var/spool/ehf or https://TOKEN@accesspoint.example/documents"
# What is said about the document or its buyer. A wrong address or token is ours to repair, and then it may go out.
REFUSALS = frozenset({400, 410, 413, 415, 422})


class State(msgspec.Struct, frozen=True):
    """What is known of a document that was handed over; `id` is what to ask for it by."""

    id: str
    status: Literal["sent", "accepted", "rejected"]
    reason: str = ""


class NotDelivered(Exception):
    """It was not taken. `final`: trying again cannot help."""

    def __init__(self, reason: str, final: bool = False) -> None:
        super().__init__(reason[:REASON_LENGTH])
        self.final = final


class Sender(Protocol):
    """What brings e-invoices to their buyers."""

    async def send(self, key: str, recipient: str, xml: bytes) -> State:
        """Hand it over; the same key again is the same document. NotDelivered."""
        ...

    async def state(self, wanted: str) -> State:
        """What became of it. NotDelivered when nobody can tell now."""
        ...


class FolderSender:
    """Files in a folder; a file is there whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, key: str, recipient: str, xml: bytes) -> State:
        try:
            return await asyncio.to_thread(self._put, key, xml)
        except OSError as error:
            raise NotDelivered(f"{type(error).__name__}: {error.strerror}") from None

    async def state(self, wanted: str) -> State:
        return await asyncio.to_thread(self._look, wanted)

    def _put(self, key: str, xml: bytes) -> State:
        """Written once: what the access point has seen, it does not see again."""
        known = self._look(key)
        if known.status == "sent" and not (self._folder / f"{key}.xml").is_file():
            self._write(key, xml)
        return known

    def _write(self, key: str, xml: bytes) -> None:
        """Under a name nobody looks for, on the disk, then under the one they do."""
        self._folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._folder, prefix=".", suffix=".part")
        part = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(xml)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self._folder / f"{key}.xml")
        finally:
            part.unlink(missing_ok=True)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)  # the name too
        finally:
            os.close(folder)

    def _look(self, wanted: str) -> State:
        rejected = self._folder / f"{wanted}.rejected"
        if rejected.is_file():
            with rejected.open(encoding="utf-8", errors="replace") as file:
                return State(wanted, "rejected", _short(file.read(REASON_LENGTH)))
        return State(wanted, "accepted" if (self._folder / f"{wanted}.accepted").is_file() else "sent")


class HttpSender:
    """An access point's own interface, or a small program in front of it."""

    def __init__(self, url: str, token: str = "", timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._url = url.rstrip("/")
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        self._timeout = timeout_seconds

    async def send(self, key: str, recipient: str, xml: bytes) -> State:
        headers = {"content-type": "application/xml", "idempotency-key": key, "peppol-recipient": recipient}
        return await self._ask("POST", self._url, headers, xml)

    async def state(self, wanted: str) -> State:
        return await self._ask("GET", f"{self._url}/{quote(wanted, safe='')}", {}, None)

    async def _ask(self, method: str, url: str, headers: dict[str, str], content: bytes | None) -> State:
        try:
            async with asyncio.timeout(self._timeout):  # the whole exchange, however slowly it drips
                status, answer = await self._exchange(method, url, self._headers | headers, content)
        except TimeoutError:
            raise NotDelivered("Timeout: the access point did not answer in time") from None
        except httpx.HTTPError as error:
            raise NotDelivered(f"{type(error).__name__}: {error}") from None
        if not 200 <= status < 300:
            raise NotDelivered(_short(f"{status} {answer.decode('utf-8', 'replace')}"), status in REFUSALS)
        try:
            found = msgspec.json.decode(answer, type=State)
        except msgspec.MsgspecError as error:
            raise NotDelivered(f"the answer cannot be read: {error}") from None
        return msgspec.structs.replace(found, reason=_short(found.reason))

    async def _exchange(
        self, method: str, url: str, headers: dict[str, str], content: bytes | None
    ) -> tuple[int, bytes]:
        """Status and body, of which no more is read than an answer can have."""
        async with (
            httpx.AsyncClient(timeout=self._timeout, follow_redirects=False, trust_env=False) as client,
            client.stream(method, url, headers=headers, content=content) as response,
        ):
            body = b""
            async for part in response.aiter_bytes():
                body += part
                if len(body) > ANSWER_BYTES:
                    break
            return response.status_code, body[:ANSWER_BYTES]


def sender_from(settings: Settings) -> Sender | None:
    """The sender the settings ask for, None when there is none; SettingsError when it is written wrongly.

    A token goes out over https only, or to a program on the same machine.
    """
    if not settings.ehf_url:
        return None
    parts = urlsplit(settings.ehf_url)
    if parts.scheme == "folder" and parts.path and not parts.netloc:
        return FolderSender(Path(unquote(parts.path)))
    secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    if not (secure and parts.hostname) or parts.password or parts.query or parts.fragment:
        raise SettingsError(HOW_TO)
    place = parts.netloc.rpartition("@")[2]
    return HttpSender(f"{parts.scheme}://{place}{parts.path}", unquote(parts.username or ""))


def _short(text: str) -> str:
    return " ".join(text.split())[:REASON_LENGTH]
