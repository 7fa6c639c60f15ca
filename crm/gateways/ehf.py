"""Hand an e-invoice to whoever brings it into the Peppol network: a folder that an access point empties, or HTTP.

We are no access point. A sender takes a file once for each key, however often it is asked, and tells later what
became of it. Over HTTP: `POST url` with the XML, `Idempotency-Key` and `Peppol-Recipient`, answered by
`{"id", "status": sent|accepted|rejected, "reason"}`; `GET url/id` answers the same later. In a folder: `key.xml`, and
beside it, when the access point knows, `key.accepted` or `key.rejected` with the reason in it.
"""

import asyncio
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import quote, urlsplit

import httpx
import msgspec

from crm.settings import Settings, SettingsError

TIMEOUT_SECONDS = 30.0
REASON_LENGTH = 500
ANSWER_BYTES = 64 * 1024
_LATER = frozenset({408, 409, 425, 429})  # asking again can help


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
            await asyncio.to_thread(self._write, key, xml)
        except OSError as error:
            raise NotDelivered(f"{type(error).__name__}: {error.strerror}") from None
        return State(key, "sent")

    async def state(self, wanted: str) -> State:
        return await asyncio.to_thread(self._look, wanted)

    def _write(self, key: str, xml: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        part = self._folder / f"{key}.part"
        part.write_bytes(xml)
        part.replace(self._folder / f"{key}.xml")

    def _look(self, wanted: str) -> State:
        rejected = self._folder / f"{wanted}.rejected"
        if rejected.is_file():
            return State(wanted, "rejected", rejected.read_text("utf-8", errors="replace")[:REASON_LENGTH].strip())
        return State(wanted, "accepted" if (self._folder / f"{wanted}.accepted").is_file() else "sent")


class HttpSender:
    """An access point's own interface, or a small program in front of it."""

    def __init__(self, url: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._url = url.rstrip("/")
        self._timeout = timeout_seconds

    async def send(self, key: str, recipient: str, xml: bytes) -> State:
        headers = {"content-type": "application/xml", "idempotency-key": key, "peppol-recipient": recipient}
        return await self._ask("POST", self._url, headers, xml)

    async def state(self, wanted: str) -> State:
        return await self._ask("GET", f"{self._url}/{quote(wanted, safe='')}", {}, None)

    async def _ask(self, method: str, url: str, headers: dict[str, str], content: bytes | None) -> State:
        try:
            async with httpx.AsyncClient(timeout=self._timeout, follow_redirects=False, trust_env=False) as client:
                answer = await client.request(method, url, headers=headers, content=content)
        except httpx.HTTPError as error:
            raise NotDelivered(f"{type(error).__name__}: {error}") from None
        if not answer.is_success:
            final = 400 <= answer.status_code < 500 and answer.status_code not in _LATER
            raise NotDelivered(f"{answer.status_code} {answer.text[:REASON_LENGTH]}", final)
        try:
            found = msgspec.json.decode(answer.content[:ANSWER_BYTES], type=State)
        except msgspec.MsgspecError as error:
            raise NotDelivered(f"the answer cannot be read: {error}") from None
        return msgspec.structs.replace(found, reason=found.reason[:REASON_LENGTH])


def sender_from(settings: Settings) -> Sender | None:
    """The sender the settings ask for, None when there is none; SettingsError when it is written wrongly."""
    parts = urlsplit(settings.ehf_url)
    if not settings.ehf_url:
        return None
    if parts.scheme == "folder" and parts.path:
        return FolderSender(Path(parts.path))
    if parts.scheme in ("http", "https") and parts.hostname:
        return HttpSender(settings.ehf_url)
    raise SettingsError("KLYNGE_EHF_URL must look like folder:/var/spool/ehf or https://accesspoint.example/documents")
