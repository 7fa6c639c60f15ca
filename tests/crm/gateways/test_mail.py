"""The mailer against a real SMTP server on loopback (aiosmtpd)."""

import asyncio
import email
import email.policy
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from crm.gateways.mail import (
    DevelopmentMailer,
    Message,
    NotSent,
    SmtpMailer,
    compose,
    mailer_from,
)
from crm.settings import Settings, SettingsError
from tests.crm.gateways.certificate import CERTIFICATE, PRIVATE_KEY

pytestmark = pytest.mark.anyio
SENDER = "Klynge på Øra <post@klynge.example>"
ID = UUID("6f1c2d7e-0000-4000-8000-000000000001")
MAIL = Message(ID, "kari@firma.example", "Kari Nordmann, Ås", "nb", "Søknaden er mottatt", "Hei på deg\n", "<p>Hei</p>")


class Judge:
    """Keeps what arrives; answers as told."""

    def __init__(self) -> None:
        self.arrived: list[tuple[Envelope, EmailMessage]] = []
        self.recipient_answer = self.data_answer = ""
        self.delay = 0.0
        self.encrypted: list[bool] = []

    async def handle_RCPT(self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]) -> str:
        if not self.recipient_answer:
            envelope.rcpt_tos.append(address)
        return self.recipient_answer or "250 OK"

    async def handle_DATA(self, server: SMTP, _: Session, envelope: Envelope) -> str:
        await asyncio.sleep(self.delay)
        self.encrypted.append(server.transport.get_extra_info("sslcontext") is not None)
        if not self.data_answer:
            parsed = email.message_from_bytes(envelope.content.replace(b"\r\n", b"\n"), policy=email.policy.default)
            self.arrived.append((envelope, parsed))
        return self.data_answer or "250 accepted"


Serve = Callable[..., Awaitable[str]]


@pytest.fixture
def judge() -> Judge:
    return Judge()


@pytest.fixture
async def serve(judge: Judge) -> AsyncIterator[Serve]:
    """Starts the judge; answers with its host and port."""
    loop, started = asyncio.get_running_loop(), []

    async def start(implicit: ssl.SSLContext | None = None, **options: Any) -> str:
        protocol = partial(SMTP, judge, hostname="judge.example", loop=loop, **options)
        server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=implicit)
        started.append(server)
        return f"127.0.0.1:{server.sockets[0].getsockname()[1]}"

    yield start
    for server in started:
        server.close()


@pytest.fixture
def server_tls(tmp_path: Path) -> ssl.SSLContext:
    (tmp_path / "certificate").write_text(CERTIFICATE)
    (tmp_path / "key").write_text(PRIVATE_KEY)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate", tmp_path / "key")
    return context


@pytest.fixture
def trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cadata=CERTIFICATE)


async def test_a_mail_arrives_as_it_was_written(judge: Judge, serve: Serve) -> None:
    await SmtpMailer(f"smtp://{await serve()}?starttls=never", SENDER).send(MAIL)
    [(envelope, arrived)] = judge.arrived
    assert (envelope.mail_from, envelope.rcpt_tos) == ("post@klynge.example", ["kari@firma.example"])
    assert envelope.content.isascii(), "not every server takes 8-bit text"
    assert arrived["Message-ID"] == f"<{ID}@klynge.example>"
    assert arrived["Subject"] == "Søknaden er mottatt" and arrived["From"] == SENDER
    [to] = arrived["To"].addresses
    assert (to.display_name, to.addr_spec) == ("Kari Nordmann, Ås", "kari@firma.example")
    assert arrived["Auto-Submitted"] == "auto-generated" and arrived["Content-Language"] == "nb"
    text, html = arrived.iter_parts()
    assert (text.get_content(), html.get_content_type()) == ("Hei på deg\n", "text/html")


async def test_every_try_has_the_same_message_id(judge: Judge, serve: Serve) -> None:
    mailer = SmtpMailer(f"smtp://{await serve()}?starttls=never", SENDER)
    await mailer.send(MAIL)
    await mailer.send(MAIL)
    assert {arrived["Message-ID"] for _, arrived in judge.arrived} == {mailer.message_id(ID)}


@pytest.mark.parametrize(
    "evil", ["\r\nBcc: other@evil.example", "\nBcc: other@evil.example\n\nbody", "\x85Bcc: a@b.no"]
)
async def test_line_breaks_start_no_headers(judge: Judge, serve: Serve, evil: str) -> None:
    mailer = SmtpMailer(f"smtp://{await serve()}?starttls=never", SENDER)
    await mailer.send(Message(ID, "kari@firma.example", "Kari" + evil, "nb", "Hei" + evil, "Hei\n"))
    [(envelope, arrived)] = judge.arrived
    assert envelope.rcpt_tos == ["kari@firma.example"] and arrived["Bcc"] is None
    assert len(arrived["To"].addresses) == 1 and arrived.get_content() == "Hei\n"
    for address in ("kari@firma.example" + evil, "kari@firma.example, b@evil.example", "kari", "@x.no", "a@", ""):
        with pytest.raises(NotSent) as refused:
            await mailer.send(Message(ID, address, "", "nb", "Hei", "Hei"))
        assert refused.value.final
    assert len(judge.arrived) == 1


async def test_norwegian_domains_and_long_lines(judge: Judge, serve: Serve) -> None:
    mailer = SmtpMailer(f"smtp://{await serve()}?starttls=never", SENDER)
    await mailer.send(Message(ID, "kari@blåbær.example", "", "nb", "Æ" * 300, "ø" * 5000 + "\n.\nslutt\n"))
    [(envelope, arrived)] = judge.arrived
    assert envelope.rcpt_tos == ["kari@xn--blbr-roah.example"]
    assert (
        arrived["Subject"] == "Æ" * 300 and arrived.get_content().replace("\r\n", "\n") == "ø" * 5000 + "\n.\nslutt\n"
    )


@pytest.mark.parametrize(
    ("answer", "final"),
    [
        ({"recipient_answer": "550 5.1.1 no such mailbox"}, True),
        ({"recipient_answer": "450 4.2.0 greylisted"}, False),
        ({"data_answer": "554 5.7.1 refused"}, True),
        ({"data_answer": "451 4.3.0 try later"}, False),
    ],
)
async def test_refusals_say_whether_to_try_again(
    judge: Judge, serve: Serve, answer: dict[str, str], final: bool
) -> None:
    for name, value in answer.items():
        setattr(judge, name, value)
    with pytest.raises(NotSent) as refused:
        await SmtpMailer(f"smtp://{await serve()}?starttls=never", SENDER).send(MAIL)
    assert refused.value.final is final
    [told] = answer.values()
    assert str(refused.value) == told


async def test_no_server_and_a_silent_server(judge: Judge, serve: Serve) -> None:
    with pytest.raises(NotSent) as refused:
        await SmtpMailer("smtp://127.0.0.1:1?starttls=never", SENDER).send(MAIL)
    assert not refused.value.final
    judge.delay = 5
    slow = SmtpMailer(f"smtp://{await serve()}?starttls=never", SENDER, timeout_seconds=0.3)
    with pytest.raises(NotSent, match="did not answer in time") as refused:
        await slow.send(MAIL)
    assert not refused.value.final


async def test_a_rude_goodbye_is_no_failure(judge: Judge, serve: Serve) -> None:
    """Once accepted, the mail must not be sent again because the server hung up."""

    async def hang_up(server: SMTP, *_: object) -> str:
        server.transport.abort()
        return "221 bye"

    judge.handle_QUIT = hang_up  # type: ignore[attr-defined]
    await SmtpMailer(f"smtp://{await serve()}?starttls=never", SENDER).send(MAIL)
    assert len(judge.arrived) == 1


async def test_starttls_with_password(
    judge: Judge, serve: Serve, server_tls: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    def check(_: SMTP, __: Session, ___: Envelope, ____: str, given: Any) -> AuthResult:
        return AuthResult(success=(given.login, given.password) == (b"crm@x", b"p/ss:w@rd"), handled=False)

    address = await serve(tls_context=server_tls, authenticator=check, auth_required=True)
    good = SmtpMailer(f"smtp://crm%40x:p%2Fss%3Aw%40rd@{address}", SENDER, tls=trusting)
    await good.send(MAIL)
    assert judge.encrypted == [True]
    with pytest.raises(NotSent) as refused:
        await SmtpMailer(f"smtp://crm%40x:wrong@{address}", SENDER, tls=trusting).send(MAIL)
    assert not refused.value.final, "a wrong password is ours to repair; the mail goes out afterwards"
    assert "wrong" not in str(refused.value)


async def test_tls_is_not_given_up(judge: Judge, serve: Serve, server_tls: ssl.SSLContext) -> None:
    for mailer in (
        SmtpMailer(f"smtp://{await serve()}", SENDER),  # offers no STARTTLS
        SmtpMailer(f"smtp://{await serve(tls_context=server_tls)}", SENDER),  # a certificate nobody vouches for
    ):
        with pytest.raises(NotSent) as refused:
            await mailer.send(MAIL)
        assert not refused.value.final
    assert judge.arrived == []


async def test_tls_from_the_first_byte(
    judge: Judge, serve: Serve, server_tls: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    address = await serve(implicit=server_tls)
    await SmtpMailer(f"smtps://{address}", SENDER, tls=trusting).send(MAIL)
    assert judge.encrypted == [True]


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.org",
        "http://host",
        "smtp://",
        "smtp://h:port",
        "smtp://h?tls=no",
        "smtp://h/x",
        "smtp://u:p@h?starttls=never",
    ],
)
def test_wrong_addresses_refuse_to_start(url: str) -> None:
    with pytest.raises(SettingsError, match="KLYNGE_SMTP_URL"):
        mailer_from(Settings(smtp_url=url))


def test_which_mailer() -> None:
    assert isinstance(mailer_from(Settings(development=True)), DevelopmentMailer)
    assert isinstance(mailer_from(Settings(smtp_url="smtp://mail.example.org", development=True)), SmtpMailer)
    with pytest.raises(SettingsError, match="KLYNGE_SMTP_URL is missing"):
        mailer_from(Settings())
    with pytest.raises(SettingsError, match="KLYNGE_MAIL_FROM"):
        mailer_from(Settings(smtp_url="smtp://mail.example.org", mail_from="Klynge"))


async def test_development_mailer_refuses_what_no_server_could_send() -> None:
    await DevelopmentMailer().send(MAIL)
    with pytest.raises(NotSent):
        await DevelopmentMailer().send(Message(ID, "kari", "", "nb", "Hei", "Hei"))
    assert compose(MAIL, SENDER, "<a@b>")["To"].addresses[0].domain == "firma.example"
