"""Calls to addresses that partners name (webhooks, federation), guarded against SSRF (ASVS 1.3.6, CWE-918).

`call` is the one way out: the address's form is judged, its name is resolved, every resolved address is judged, and
the connection goes to exactly the address that was judged; TLS still checks the name. No redirects, no proxies.
`check` judges what can be judged without asking anybody, for forms.
"""

import asyncio
import re
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Literal

import httpx
import msgspec

from crm.settings import Settings

URL_MAX = 2000
TIMEOUT_SECONDS = 15.0
CONNECT_SECONDS = 5.0  # for each address
ANSWER_BYTES = 4 * 1024
MOST_ADDRESSES = 3  # of one name that are tried, one after the other
REASON_LENGTH = 300
_PORTS = {"https": 443, "http": 80}
_NAME = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_UNSEEMLY = re.compile(r"[\x00-\x20\x7f-\xa0\\]")

# RFC 6890 and successors, written out: `is_global` of Python 3.11 calls several of these global. What is not a unicast
# address of the public internet, or carries an IPv4 address within it, is no partner.
_NOT_PUBLIC_4 = tuple(
    map(
        ip_network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
            *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24"),
            *("192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
            *("224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32"),  # the last: Azure's host, public by its number only
        ),
    )
)
_PUBLIC_6 = ip_network("2000::/3")  # leaves out ::1, mapped and compatible IPv4, 64:ff9b::/96, fc00::/7, fe80::/10 ...
_NOT_PUBLIC_6 = tuple(  # IETF protocols with Teredo (2001::/32), documentation, 6to4, AS112, documentation
    map(ip_network, ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"))
)

Resolve = Callable[[str, int], Awaitable[list[str]]]
Why = Literal["address", "name", "connection", "certificate", "time", "protocol"]


class AddressRefused(ValueError):
    """An address nobody may be called at. `code`: address_form, address_scheme, address_port, address_login,
    address_not_public; each has a sentence (crm/sentences.py)."""

    def __init__(self, code: str, given: str) -> None:
        super().__init__(f"{code}: {given}")
        self.code = code
        self.given = given[:REASON_LENGTH]


class NotReached(Exception):
    """There was no answer; `why` is a stable word, the text is for people. `address`: it is refused, not away."""

    def __init__(self, why: Why, reason: str) -> None:
        super().__init__(" ".join(reason.split())[:REASON_LENGTH])
        self.why = why


class Answer(msgspec.Struct, frozen=True):
    """What came back: headers in lower case, the body's beginning, whether that is all, how long it took (ms)."""

    status: int
    headers: dict[str, str]
    body: bytes
    whole: bool
    took_ms: int


async def resolved(host: str, port: int) -> list[str]:
    """The addresses of a name, as this machine's resolver tells them; also of numbers such as 127.1 and 0x7f.1."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]).partition("%")[0] for each in found))


class Rules(msgspec.Struct, frozen=True):
    """Where calls may go: `ports` by https, and with `loopback` (development, tests) http to this machine.

    `tls` and `resolve` are handed in by tests: who is trusted, who tells the addresses of a name.
    """

    ports: frozenset[int] = frozenset({443})
    loopback: bool = False
    tls: ssl.SSLContext | None = None
    resolve: Resolve = resolved


def rules_from(settings: Settings) -> Rules:
    """The rules of this instance (KLYNGE_OUTGOING_PORTS, KLYNGE_OUTGOING_LOOPBACK)."""
    return Rules(frozenset(settings.outgoing_ports), settings.outgoing_loopback)


async def call(
    rules: Rules,
    method: str,
    url: str,
    headers: Mapping[str, str],
    content: bytes = b"",
    *,
    timeout_seconds: float = TIMEOUT_SECONDS,
    answer_bytes: int = ANSWER_BYTES,
) -> Answer:
    """Ask once. AddressRefused when the form is wrong; NotReached when nothing was answered, or the name leads astray.

    The whole exchange takes at most `timeout_seconds`, name server included; of the body no more than `answer_bytes`
    is read. Any status is an answer: 3xx is not followed. Not to be called inside a transaction.
    """
    wanted = check(rules, url)
    began = time.monotonic()
    try:
        async with asyncio.timeout(timeout_seconds):
            addresses = await _addresses(rules, wanted)
            return await _reached(rules, method, wanted, addresses, headers, content, answer_bytes, began)
    except TimeoutError:
        raise NotReached("time", f"no answer within {timeout_seconds:g} s") from None


def check(rules: Rules, url: str) -> httpx.URL:
    """The address taken apart, when its form is right. AddressRefused says what is wrong.

    Names are not resolved here; numbers, however they are written, are judged at once.
    """
    if len(url) > URL_MAX or _UNSEEMLY.search(url):
        raise AddressRefused("address_form", url)
    try:
        found = httpx.URL(url)
        host = found.raw_host.decode("ascii").lower()
    except (httpx.InvalidURL, ValueError):
        raise AddressRefused("address_form", url) from None
    if found.scheme not in _PORTS or not host:
        raise AddressRefused("address_scheme" if found.scheme not in _PORTS and host else "address_form", url)
    if found.userinfo or found.fragment or "#" in url:
        raise AddressRefused("address_login", url)
    if found.port == 0:
        raise AddressRefused("address_port", url)
    literal = _literal(host)
    near = rules.loopback and (host == "localhost" or (literal is not None and literal.is_loopback))
    if near:
        return found
    if literal is None and not _NAME.fullmatch(host.removesuffix(".")):
        raise AddressRefused("address_form" if "." in host else "address_not_public", url)
    if literal is None and host.removesuffix(".").endswith((".localhost", ".local", ".internal", ".home.arpa")):
        raise AddressRefused("address_not_public", url)
    if literal is not None and not public(literal):
        raise AddressRefused("address_not_public", url)
    if found.scheme != "https":
        raise AddressRefused("address_scheme", url)
    if (found.port or 443) not in rules.ports:
        raise AddressRefused("address_port", url)
    return found


def public(address: IPv4Address | IPv6Address) -> bool:
    """Is it a unicast address of the public internet that carries no other address within it?"""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    return address in _PUBLIC_6 and not any(address in network for network in _NOT_PUBLIC_6)


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    """The address a host stands for when it is a number, in any of the ways the C library reads one."""
    try:
        return ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host.removesuffix(".")))
    except OSError:
        return None


def _may_go(rules: Rules, url: httpx.URL, address: IPv4Address | IPv6Address) -> bool:
    """An http address is only ever this machine's own, whatever its name now resolves to."""
    if rules.loopback and address.is_loopback:
        return True
    return url.scheme == "https" and (url.port or 443) in rules.ports and public(address)


async def _addresses(rules: Rules, url: httpx.URL) -> list[str]:
    """The addresses to try. One that is not allowed condemns the name: no choice is left to who answers for it."""
    port = url.port or _PORTS[url.scheme]
    try:
        found = await rules.resolve(url.raw_host.decode("ascii"), port)
        judged = [(each, ip_address(each)) for each in found]
    except (OSError, UnicodeError, ValueError) as error:
        raise NotReached("name", f"the name {url.host} was not found ({type(error).__name__})") from None
    if not judged:
        raise NotReached("name", f"the name {url.host} has no address")
    if not all(_may_go(rules, url, address) for _, address in judged):
        raise NotReached("address", f"{url.host} leads to an address that may not be called")
    return [each for each, _ in judged[:MOST_ADDRESSES]]


async def _reached(
    rules: Rules,
    method: str,
    url: httpx.URL,
    addresses: list[str],
    headers: Mapping[str, str],
    content: bytes,
    answer_bytes: int,
    began: float,
) -> Answer:
    for address in addresses:
        try:
            return await _ask(rules, method, url, address, headers, content, answer_bytes, began)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:  # nothing was sent
            if address == addresses[-1]:
                certificate = "CERTIFICATE" in str(error).upper()
                reason = str(error) or "no connection"
                raise NotReached("certificate" if certificate else "connection", reason) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise NotReached("protocol", f"{type(error).__name__}: {error}") from None
    raise AssertionError("no address")


async def _ask(
    rules: Rules,
    method: str,
    url: httpx.URL,
    address: str,
    headers: Mapping[str, str],
    content: bytes,
    answer_bytes: int,
    began: float,
) -> Answer:
    """One connection, to this address. `sni_hostname` is the name TLS asks for and checks the certificate against."""
    pinned = url.copy_with(host=address)
    sent = {"user-agent": "Klynge", "accept-encoding": "identity", **headers, "host": url.netloc.decode("ascii")}
    name = {"sni_hostname": url.raw_host.decode("ascii").removesuffix(".")}
    tls, waits = rules.tls or _trusted(), httpx.Timeout(None, connect=CONNECT_SECONDS)
    async with (
        httpx.AsyncClient(verify=tls, timeout=waits, follow_redirects=False, trust_env=False) as client,
        client.stream(method, pinned, headers=sent, content=content, extensions=name) as response,
    ):
        body, whole = bytearray(), True
        async for part in response.aiter_raw():
            body += part
            if len(body) > answer_bytes:
                whole = False
                break
        took = int((time.monotonic() - began) * 1000)
        known = {key.lower(): value for key, value in response.headers.items()}
        return Answer(response.status_code, known, bytes(body[:answer_bytes]), whole, took)


@cache
def _trusted() -> ssl.SSLContext:
    """Reading the authorities' certificates takes longer than many a call."""
    return httpx.create_ssl_context()
