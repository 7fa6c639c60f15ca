"""No partner's address leads inside: every way to write one, names that change their mind, redirects, slow answers."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from crm.gateways import outgoing
from crm.gateways.outgoing import AddressRefused, NotReached, Rules, call, check, public

pytestmark = pytest.mark.anyio

PUBLIC = ("93.184.216.34", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:400f::1", "192.0.1.1", "172.32.0.1")
_INSIDE = """
    127.0.0.1 127.255.255.254 0.0.0.0 0.1.2.3 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.1
    169.254.169.254 192.0.0.192 192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.9 224.0.0.1 239.255.255.255 240.0.0.1
    255.255.255.255 168.63.129.16 192.88.99.1
    :: ::1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::127.0.0.1 fe80::1 fec0::1 fc00::1 fd00:ec2::254 ff02::1
    64:ff9b::7f00:1 64:ff9b::808:808 64:ff9b:1::7f00:1 2002:7f00:1:: 2002:808:808::1 2001::7f00:1
    2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:db8::1 3fff::1 100::1 5f00::1
"""
INSIDE = _INSIDE.split()


@pytest.mark.parametrize("address", INSIDE)
def test_what_is_not_the_public_internet_is_refused(address: str) -> None:
    assert not public(ip_address(address))
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(AddressRefused) as refused:
        check(Rules(), f"https://{host}/hook")
    assert refused.value.code == "address_not_public"


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public_is_let_through(address: str) -> None:
    host = f"[{address}]" if ":" in address else address
    assert public(ip_address(address))
    assert check(Rules(), f"https://{host}/hook").path == "/hook"


def test_python_itself_would_let_some_of_these_through() -> None:
    """The control: why the table is written out."""
    assert {a for a in INSIDE if ip_address(a).is_global} >= {"64:ff9b::7f00:1", "2002:7f00:1::", "168.63.129.16"}


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://partner.example/hook", "address_scheme"),
        ("ftp://partner.example/hook", "address_scheme"),
        ("file:///etc/passwd", "address_form"),
        ("gopher://partner.example/", "address_scheme"),
        ("partner.example/hook", "address_form"),
        ("https:///hook", "address_form"),
        ("", "address_form"),
        ("https://partner.example/" + "x" * outgoing.URL_MAX, "address_form"),
        ("https://user:secret@partner.example/", "address_login"),
        ("https://partner.example@127.0.0.1/", "address_login"),
        ("https://partner.example/#part", "address_login"),
        ("https://partner.example:8443/", "address_port"),
        ("https://partner.example:22/", "address_port"),
        ("https://partner.example:0/", "address_port"),
        ("https://partner.example:99999/", "address_port"),
        ("https://partner.example\\@127.0.0.1/", "address_form"),
        ("https://partner.example/\r\nX: y", "address_form"),
        ("https://part ner.example/", "address_form"),
        ("https://127.1/", "address_not_public"),
        ("https://0x7f.1/", "address_not_public"),
        ("https://0x7f000001/", "address_not_public"),
        ("https://2130706433/", "address_not_public"),
        ("https://017700000001/", "address_not_public"),
        ("https://0177.0.0.1/", "address_form"),
        ("https://127.0.0.1./", "address_not_public"),
        ("https://0/", "address_not_public"),
        ("https://169.254.43518/", "address_not_public"),
        ("https://[::ffff:7f00:1]/", "address_not_public"),
        ("https://[::1%25lo]/", "address_not_public"),
        ("https://localhost/", "address_not_public"),
        ("https://LOCALHOST/", "address_not_public"),
        ("https://intranet/", "address_not_public"),
        ("https://a.localhost/", "address_not_public"),
        ("https://printer.local/", "address_not_public"),
        ("https://metadata.google.internal/", "address_not_public"),
    ],
)
def test_the_form_is_judged_before_anybody_is_asked(url: str, code: str) -> None:
    with pytest.raises(AddressRefused) as refused:
        check(Rules(), url)
    assert refused.value.code == code


def test_names_with_other_letters_are_judged_by_what_they_become() -> None:
    assert check(Rules(), "https://blåbær.example/hook").raw_host == b"xn--blbr-roah.example"
    for url in ("https://１２７.０.０.１/", "https://①②⑦.0.0.1/", "https://127。0。0。1/"):
        with pytest.raises(AddressRefused):
            check(Rules(), url)


def test_ports_are_those_of_the_settings() -> None:
    assert check(Rules(ports=frozenset({443, 8443})), "https://partner.example:8443/").port == 8443


def _answers(*given: list[str]) -> Callable[[str, int], Awaitable[list[str]]]:
    """A name server: one answer after the other, then the last for ever."""
    left = list(given)

    async def resolve(_host: str, _port: int) -> list[str]:
        return left.pop(0) if len(left) > 1 else left[0]

    return resolve


@pytest.mark.parametrize("address", INSIDE)
async def test_what_a_name_leads_to_is_judged(address: str) -> None:
    with pytest.raises(NotReached) as refused:
        await call(Rules(resolve=_answers([address])), "POST", "https://partner.example/", {})
    assert refused.value.why == "address"


async def test_one_bad_address_of_a_name_condemns_it() -> None:
    with pytest.raises(NotReached) as refused:
        await call(Rules(resolve=_answers(["93.184.216.34", "10.0.0.7"])), "POST", "https://partner.example/", {})
    assert refused.value.why == "address"


async def test_a_name_that_is_not_there_is_said_so() -> None:
    async def nothing(_host: str, _port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    for resolve in (nothing, _answers([])):
        with pytest.raises(NotReached) as lost:
            await call(Rules(resolve=resolve), "GET", "https://partner.example/", {})
        assert lost.value.why == "name"


# --- against a server of our own


@asynccontextmanager
async def _listening(said: bytes, tls: ssl.SSLContext | None = None, slow: bool = False) -> AsyncIterator[list[bytes]]:
    """A server on loopback that says the same to everybody: its port, and then what it was asked."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(said)
        if slow:
            await asyncio.Event().wait()
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    heard.append(str(server.sockets[0].getsockname()[1]).encode())
    try:
        yield heard
    finally:
        server.close()


def _said(status: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def test_an_answer_is_read_and_the_name_is_told() -> None:
    async with _listening(_said("202 Accepted", "X-Word: yes", body=b"thanks")) as heard:
        rules, port = Rules(loopback=True), heard[0].decode()
        found = await call(rules, "POST", f"http://localhost:{port}/hook?a=1", {"x-mine": "1"}, b"{}")
    assert (found.status, found.body, found.whole, found.headers["x-word"]) == (202, b"thanks", True, "yes")
    lines = heard[1].decode().lower().splitlines()
    assert lines[0] == "post /hook?a=1 http/1.1"
    assert {f"host: localhost:{port}", "x-mine: 1", "accept-encoding: identity"} <= set(lines)


async def test_a_name_that_changes_its_mind_after_it_was_judged_gains_nothing() -> None:
    """DNS rebinding: judged it is public, connected it would be ours. The control, which asks twice, falls for it."""
    async with _listening(_said("200 OK", body=b"secret")) as heard:
        port = int(heard[0])
        lying = (["93.184.216.34"], ["127.0.0.1"])
        rules = Rules(ports=frozenset({port}), resolve=_answers(*lying))
        url = outgoing.check(rules, f"https://partner.example:{port}/")
        assert await outgoing._addresses(rules, url) == ["93.184.216.34"]  # what is connected to

        async def judged_then_asked_again(resolve: Callable[[str, int], Awaitable[list[str]]]) -> bytes:
            assert all(public(ip_address(each)) for each in await resolve("partner.example", port))
            (address,) = await resolve("partner.example", port)
            async with httpx.AsyncClient(trust_env=False) as client:
                return (await client.get(f"http://{address}:{port}/")).content

        assert await judged_then_asked_again(_answers(*lying)) == b"secret"
    assert len(heard) == 2


async def test_a_call_asks_for_the_addresses_once_and_goes_there() -> None:
    asked: list[str] = []

    async def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    async with _listening(_said("204 No Content")) as heard:
        rules = Rules(loopback=True, resolve=resolve)
        assert (await call(rules, "POST", f"http://localhost:{int(heard[0])}/", {})).status == 204
    assert asked == ["localhost"]


def _certified(name: str, file: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What a server of that name proves itself with, and what trusts nobody else."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder(who, who, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False)
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(key.private_bytes(serialization.Encoding.PEM, *plain) + pem)
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(file)
    return own, ssl.create_default_context(cadata=pem.decode())


async def test_the_certificate_is_that_of_the_name_though_the_address_is_pinned(tmp_path: Path) -> None:
    own, trust = _certified("partner.example", tmp_path / "both.pem")
    async with _listening(_said("200 OK"), own) as heard:
        port = int(heard[0])
        rules = Rules(frozenset({port}), True, trust, _answers(["127.0.0.1"]))
        assert (await call(rules, "POST", f"https://partner.example:{port}/", {})).status == 200
        with pytest.raises(NotReached) as refused:
            await call(rules, "POST", f"https://other.example:{port}/", {})
        assert refused.value.why == "certificate"
        with pytest.raises(NotReached) as refused:  # whom nobody vouches for
            await call(Rules(rules.ports, True, None, rules.resolve), "POST", f"https://partner.example:{port}/", {})
        assert refused.value.why == "certificate"


async def test_a_redirect_is_an_answer_and_nobody_follows_it() -> None:
    async with _listening(_said("307 Temporary Redirect", "location: http://127.0.0.1:1/inside")) as heard:
        found = await call(Rules(loopback=True), "POST", f"http://127.0.0.1:{int(heard[0])}/", {})
    assert found.status == 307
    assert len(heard) == 2


async def test_no_more_is_read_than_was_asked_for() -> None:
    async with _listening(_said("200 OK", body=b"x" * 100_000)) as heard:
        url = f"http://127.0.0.1:{int(heard[0])}/"
        found = await call(Rules(loopback=True), "GET", url, {}, answer_bytes=1000)
    assert (len(found.body), found.whole) == (1000, False)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\n", _said("200 OK", body=b"half")[:-2]])
async def test_who_is_silent_is_not_waited_for(answer: bytes) -> None:
    async with _listening(answer, slow=True) as heard:
        with pytest.raises(NotReached) as late:
            await call(Rules(loopback=True), "POST", f"http://127.0.0.1:{int(heard[0])}/", {}, timeout_seconds=0.1)
    assert late.value.why == "time"


async def test_nobody_at_home_and_nonsense_are_told_apart() -> None:
    async with _listening(b"what?\r\n\r\n") as heard:
        url = f"http://127.0.0.1:{int(heard[0])}/"
        with pytest.raises(NotReached) as odd:
            await call(Rules(loopback=True), "POST", url, {})
    with pytest.raises(NotReached) as gone:
        await call(Rules(loopback=True), "POST", url, {})
    assert (odd.value.why, gone.value.why) == ("protocol", "connection")


@pytest.mark.parametrize("url", ["http://partner.example/", "http://10.0.0.1/", "https://10.0.0.1/", "http://[::2]/"])
def test_loopback_opens_this_machine_and_nothing_else(url: str) -> None:
    with pytest.raises(AddressRefused):
        check(Rules(loopback=True), url)
    assert check(Rules(loopback=True), "http://127.0.0.1:8999/").port == 8999
