"""Hand one mail to the mail server, or (in development) to nobody: the demo's mailbox page reads our own table.

The Message-ID is made from the row's id, the same at every try: if a mail must be sent again because we
do not know how the first try ended, the receiving side can see that it is the same mail.
"""

import asyncio
import contextlib
import re
import ssl
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

import aiosmtplib
import msgspec

from crm.settings import Settings, SettingsError

SEND_TIMEOUT_SECONDS = 30.0
QUIT_TIMEOUT_SECONDS = 2.0
REASON_LENGTH = 500
PORTS = {"smtp": 587, "smtps": 465}
TEXT_ONLY = SMTP.clone(cte_type="7bit")  # not every server takes 8-bit text
ADDRESS_LENGTH = 254
ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
SINGLE_LINE = str.maketrans(dict.fromkeys([*range(32), 127, 0x85, 0x2028, 0x2029], " "))


class Attachment(msgspec.Struct, frozen=True):
    """A file that goes with a mail; `media_type` like application/pdf."""

    name: str
    media_type: str
    content: bytes


class Message(msgspec.Struct, frozen=True):
    """One mail as it is to be delivered."""

    id: UUID
    recipient: str
    recipient_name: str
    language: str
    subject: str
    text: str
    html: str = ""
    attachments: tuple[Attachment, ...] = ()
    unsubscribe: str = ""


class NotSent(Exception):
    """The mail was not accepted. `final`: trying again cannot help (no such mailbox, say)."""

    def __init__(self, reason: str, final: bool = False) -> None:
        super().__init__(reason[:REASON_LENGTH])
        self.final = final


class Mailer(Protocol):
    """What sends mail."""

    def message_id(self, mail: UUID) -> str:
        """The Message-ID the mail of this row has, at every try."""
        ...

    async def send(self, message: Message) -> None:
        """Deliver to the next server; NotSent when it was refused or could not be reached."""
        ...


class DevelopmentMailer:
    """Delivers nothing: the row, marked as sent, is what the mailbox page shows."""

    def message_id(self, mail: UUID) -> str:
        return f"<{mail}@development.invalid>"

    async def send(self, message: Message) -> None:
        """Accept it, if a real server could have got it."""
        compose(message, "Klynge <development@development.invalid>", self.message_id(message.id))


class SmtpMailer:
    """Sends through one SMTP server, a connection per mail, over TLS unless the address says otherwise.

    `smtp://user:password@host:587` asks for STARTTLS and gives up without it, `smtps://` speaks TLS from the
    first byte, and `smtp://host?starttls=never` is for a relay on the same machine.
    """

    def __init__(
        self,
        url: str,
        sender: str,
        *,
        tls: ssl.SSLContext | None = None,
        timeout_seconds: float = SEND_TIMEOUT_SECONDS,
    ) -> None:
        try:
            parts = urlsplit(url)
            self._host, self._port = parts.hostname or "", parts.port or PORTS[parts.scheme]
            options = {
                key: values[-1] for key, values in parse_qs(parts.query, strict_parsing=bool(parts.query)).items()
            }
            starttls = options.pop("starttls", "always")
        except (KeyError, ValueError):
            raise SettingsError("KLYNGE_SMTP_URL must look like smtp://user:password@host:587") from None
        if not self._host or options or starttls not in ("always", "never") or parts.path not in ("", "/"):
            raise SettingsError("KLYNGE_SMTP_URL must look like smtp://user:password@host:587[?starttls=never]")
        self._user = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else None
        self._implicit = parts.scheme == "smtps"
        self._starttls = not self._implicit and starttls == "always"
        if self._user and not (self._implicit or self._starttls):
            raise SettingsError("KLYNGE_SMTP_URL: a password is only sent over TLS")
        self._tls = tls
        self._timeout = timeout_seconds
        self._sender = sender
        self._address = parseaddr(sender)[1]
        self._domain = self._address.rpartition("@")[2]
        if not ADDRESS.fullmatch(self._address):
            raise SettingsError("KLYNGE_MAIL_FROM must hold an address, like Klynge <post@example.org>")

    def message_id(self, mail: UUID) -> str:
        return f"<{mail}@{self._domain}>"

    async def send(self, message: Message) -> None:
        composed = compose(message, self._sender, self.message_id(message.id))
        recipient = composed["To"].addresses[0].addr_spec
        client = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            username=self._user,
            password=self._password,
            use_tls=self._implicit,
            start_tls=self._starttls,
            tls_context=self._tls,
            local_hostname=self._domain,  # else it asks the name server who we are, and waits
            timeout=self._timeout,
        )
        try:
            async with asyncio.timeout(self._timeout):  # the whole conversation, however slowly it drips
                await client.connect()
                await client.sendmail(self._address, [recipient], composed.as_bytes(policy=TEXT_ONLY))
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:  # TimeoutError is an OSError
            client.close()
            raise _not_sent(error) from None
        except asyncio.CancelledError:
            client.close()
            raise
        # It is accepted; how the goodbye goes must not have it sent again.
        with contextlib.suppress(aiosmtplib.SMTPException, OSError):
            async with asyncio.timeout(QUIT_TIMEOUT_SECONDS):
                await client.quit()
        client.close()


def compose(message: Message, sender: str, message_id: str) -> EmailMessage:
    """The mail with its headers. NotSent when the address is none; line breaks cannot start new headers."""
    address = Address(
        display_name=message.recipient_name.translate(SINGLE_LINE).strip(),
        addr_spec=_plain_address(message.recipient),
    )
    composed = EmailMessage(policy=TEXT_ONLY)
    composed["From"] = sender
    composed["To"] = address
    composed["Subject"] = message.subject.translate(SINGLE_LINE)
    composed["Date"] = format_datetime(datetime.now(UTC))
    composed["Message-ID"] = message_id
    if message.unsubscribe:  # one click in the reader's mail program ends it (RFC 8058)
        composed["List-Unsubscribe"] = f"<{message.unsubscribe}>"
        composed["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    composed["Auto-Submitted"] = "auto-generated"  # so that holiday replies do not come back
    composed.set_content(message.text)
    if message.html:
        composed.add_alternative(message.html, subtype="html")
    for each in message.attachments:
        main, _, sub = each.media_type.partition("/")
        composed.add_attachment(each.content, maintype=main, subtype=sub, filename=each.name)
    composed["Content-Language"] = message.language  # last: set_content drops all Content- headers
    return composed


def _plain_address(given: str) -> str:
    """The address in the letters every server understands; a Norwegian domain in its ASCII form."""
    name, _, host = given.strip().rpartition("@")
    try:
        address = f"{name}@{host.encode('idna').decode()}"
    except UnicodeError:
        address = ""
    if len(address) > ADDRESS_LENGTH or not ADDRESS.fullmatch(address):
        raise NotSent("this is no address mail can be sent to", final=True)
    return address


def mailer_from(settings: Settings) -> Mailer:
    """The mailer the settings ask for; SettingsError when they name none outside development."""
    if settings.smtp_url:
        return SmtpMailer(settings.smtp_url, settings.mail_from)
    if settings.development:
        return DevelopmentMailer()
    raise SettingsError("KLYNGE_SMTP_URL is missing: without it no mail can leave")


def _not_sent(error: Exception) -> NotSent:
    """Final only when the server refuses this recipient or this text for good.

    A refused password or sender is ours to repair, and the mail may go out afterwards.
    """
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        refused = error.recipients[0]
        return NotSent(f"{refused.code} {refused.message}", final=refused.code >= 500)
    if isinstance(error, aiosmtplib.SMTPDataError):
        return NotSent(f"{error.code} {error.message}", final=error.code >= 500)
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return NotSent(f"{error.code} {error.message}")
    if isinstance(error, TimeoutError):
        return NotSent("the mail server did not answer in time")
    return NotSent(f"{type(error).__name__}: {error}")
