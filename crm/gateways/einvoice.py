"""Hand an e-invoice to the access point that carries it into Peppol: through a folder, or over HTTP.

There is no standard HTTP interface of access points; ours is small and written down in docs/operations.md, so that
a few lines can stand between it and any provider. What makes sending safe is the delivery's own id: it is the
idempotency key of every try. When we do not know how a try ended, we ask; we never send under another key.
"""

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import unquote, urlsplit
from uuid import UUID

import httpx
import msgspec

from crm.settings import Settings, SettingsError

CONNECT_TIMEOUT_SECONDS = 5.0
TOTAL_TIMEOUT_SECONDS = 30.0
ANSWER_BYTES = 65_536
REASON_LENGTH = 500
REFUSALS = (400, 409, 410, 413, 415, 422)  # about the document or its recipient; no later try can help
LOOPBACK = ("127.0.0.1", "::1", "localhost")
HOW_TO = "KLYNGE_EHF_URL must look like https://TOKEN@host/path or folder:///var/ehf"

# sent: the access point has it. accepted, rejected: what the receiver's side answered; both are the end.
# unknown: we cannot say whether it arrived; ask. missing: it never did; send again, under the same id.
State = Literal["sent", "accepted", "rejected", "unknown", "missing"]


class EInvoice(msgspec.Struct, frozen=True):
    """One document on its way: `id` is the delivery's, `recipient` as scheme:value (0192:923609016)."""

    id: UUID
    recipient: str
    number: str
    xml: bytes


class Outcome(msgspec.Struct, frozen=True):
    """Where it stands; `reference` is the access point's name for it, `reason` why it was rejected or unknown."""

    state: State
    reference: str = ""
    reason: str = ""


class NotSent(Exception):
    """The access point will not take it, however often it is tried; the message says why."""


class Sender(Protocol):
    """What carries e-invoices. Both methods may be called any number of times for one id."""

    async def send(self, document: EInvoice) -> Outcome:
        """Hand it over. NotSent when it is refused for good; state `unknown` when nobody knows."""
        ...

    async def state(self, delivery: UUID) -> Outcome:
        """Ask what became of it."""
        ...


class FolderSender:
    """Writes `<id>.xml` into a folder that an access point's program empties, whole or not at all.

    What became of it is told by a file beside it: `<id>.accepted`, or `<id>.rejected` with the reason in it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, document: EInvoice) -> Outcome:
        known = await self.state(document.id)
        if known.state != "missing":
            return known
        try:
            await asyncio.to_thread(self._write, document)
        except OSError as error:
            return Outcome("unknown", reason=_short(f"the folder cannot be written: {error.strerror}"))
        return Outcome("sent", f"{document.id}.xml")

    async def state(self, delivery: UUID) -> Outcome:
        return await asyncio.to_thread(self._read, delivery)

    def _write(self, document: EInvoice) -> None:
        """To a name nobody looks for, on the disk, then to the one they do."""
        self._folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._folder, prefix=".", suffix=".part")
        part = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(document.xml)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self._folder / f"{document.id}.xml")
        finally:
            part.unlink(missing_ok=True)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _read(self, delivery: UUID) -> Outcome:
        reference = f"{delivery}.xml"
        rejected = self._folder / f"{delivery}.rejected"
        if rejected.exists():
            with rejected.open(encoding="utf-8", errors="replace") as file:
                return Outcome("rejected", reference, _short(file.read(REASON_LENGTH)))
        if (self._folder / f"{delivery}.accepted").exists():
            return Outcome("accepted", reference)
        return Outcome("sent", reference) if (self._folder / reference).exists() else Outcome("missing")


class HttpSender:
    """POST {base}/documents with the id as Idempotency-Key; GET {base}/documents/{id} to ask."""

    def __init__(
        self,
        base: str,
        token: str,
        *,
        timeout_seconds: float = TOTAL_TIMEOUT_SECONDS,
        client: httpx.AsyncClient | None = None,
    ) -> None:
        self._base = base.rstrip("/")
        self._timeout = timeout_seconds
        self._client = client or httpx.AsyncClient(
            timeout=httpx.Timeout(timeout_seconds, connect=CONNECT_TIMEOUT_SECONDS), follow_redirects=False
        )
        self._headers = {"authorization": f"Bearer {token}"} if token else {}

    async def send(self, document: EInvoice) -> Outcome:
        headers = self._headers | {
            "content-type": "application/xml",
            "idempotency-key": str(document.id),
            "peppol-recipient": document.recipient,
        }
        return await self._ask("POST", f"{self._base}/documents", headers, document.xml)

    async def state(self, delivery: UUID) -> Outcome:
        return await self._ask("GET", f"{self._base}/documents/{delivery}", self._headers, b"")

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.aclose()

    async def _ask(self, method: str, url: str, headers: dict[str, str], content: bytes) -> Outcome:
        try:
            async with asyncio.timeout(self._timeout):  # the whole exchange, however slowly it drips
                request = self._client.build_request(method, url, headers=headers, content=content)
                response = await self._client.send(request, stream=True)
                try:
                    return _read(method, response.status_code, await _body(response))
                finally:
                    await response.aclose()
        except TimeoutError:
            return Outcome("unknown", reason="the access point did not answer in time")
        except httpx.HTTPError as error:
            return Outcome("unknown", reason=_short(f"the access point cannot be reached: {type(error).__name__}"))


class _Answer(msgspec.Struct):
    """What an access point answers; what we do not know in it is passed over."""

    state: Literal["sent", "accepted", "rejected"] = "sent"
    id: str = ""
    reason: str = ""


async def _body(response: httpx.Response) -> bytes:
    out = b""
    async for part in response.aiter_bytes():
        out += part
        if len(out) > ANSWER_BYTES:
            return b""
    return out


def _read(method: str, status: int, body: bytes) -> Outcome:
    """Only what is said about the document itself is final; a wrong address or token is ours to repair."""
    if method == "GET" and status == 404:
        return Outcome("missing")
    if status in (200, 201, 202):
        try:
            answer = msgspec.json.decode(body, type=_Answer)
        except msgspec.DecodeError:
            return Outcome("unknown", reason="the access point's answer cannot be read")
        return Outcome(answer.state, answer.id, _short(answer.reason))
    if method == "POST" and status in REFUSALS:
        raise NotSent(_short(f"refused with {status}: {_said(body)}"))
    return Outcome("unknown", reason=f"the access point answered {status}")


def _said(body: bytes) -> str:
    """The reason in a refusal: of our own shape, of problem+json, or as it is."""
    try:
        found = msgspec.json.decode(body, type=dict[str, object])
    except msgspec.DecodeError:
        return body.decode("utf-8", "replace")
    return str(found.get("reason") or found.get("detail") or found.get("title") or "")


def sender_from(settings: Settings) -> Sender | None:
    """The sender that KLYNGE_EHF_URL names, None when it is empty; SettingsError when it names none.

    The token is never sent in the clear: https, or a program on the same machine.
    """
    if not settings.ehf_url:
        return None
    parts = urlsplit(settings.ehf_url)
    if parts.scheme == "folder" and not parts.netloc and parts.path:
        return FolderSender(Path(unquote(parts.path)))
    host = parts.hostname or ""
    secure = parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK)
    if not (secure and host) or parts.query or parts.fragment or parts.password:
        raise SettingsError(HOW_TO)
    try:
        place = f"{host if ':' not in host else f'[{host}]'}{f':{parts.port}' if parts.port else ''}"
    except ValueError:
        raise SettingsError(HOW_TO) from None
    return HttpSender(f"{parts.scheme}://{place}{parts.path}", unquote(parts.username or ""))


def _short(text: str) -> str:
    return " ".join(text.split())[:REASON_LENGTH]
