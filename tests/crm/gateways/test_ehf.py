"""E-invoices are handed over once, whatever happens on the way; what became of them comes back."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from crm.gateways.ehf import FolderSender, HttpSender, NotDelivered, Sender, State, sender_from
from crm.settings import Settings, SettingsError
from tests.access_point import REFUSED, TOKEN, AccessPoint, access_point

pytestmark = pytest.mark.anyio

PEPPOL = "0192:310004715"
KEY = "6f1c2d7e-0000-4000-8000-000000000001"
XML = "<Invoice>Ørsted</Invoice>".encode()
SENT = State(KEY, "sent")


@pytest.fixture
def point() -> Iterator[AccessPoint]:
    with access_point() as running:
        yield running


@pytest.fixture
def sender(point: AccessPoint) -> HttpSender:
    return HttpSender(point.url, TOKEN, timeout_seconds=0.3)


async def fails(sender: Sender, said: str, final: bool = False, xml: bytes = XML) -> None:
    with pytest.raises(NotDelivered, match=said) as failure:
        await sender.send(KEY, PEPPOL, xml)
    assert failure.value.final is final


async def test_it_is_handed_over_with_its_key_and_asked_for(sender: HttpSender, point: AccessPoint) -> None:
    assert await sender.send(KEY, PEPPOL, XML) == SENT
    assert point.documents == {KEY: XML}
    assert point.recipients == [PEPPOL]
    point.decide(KEY, "accepted")
    assert await sender.state(KEY) == State(KEY, "accepted")


async def test_a_timeout_after_it_was_taken_is_offered_again_under_its_key_and_never_doubles(
    sender: HttpSender, point: AccessPoint
) -> None:
    point.faults, point.slow_seconds = ["timeout_after_accept"], 0.6
    await fails(sender, "did not answer in time")
    assert await sender.send(KEY, PEPPOL, XML) == SENT
    assert point.posts == [KEY] * 2
    assert list(point.documents) == [KEY]


@pytest.mark.parametrize(
    ("fault", "said", "final"),
    [
        ("500", "500", False),
        ("404", "404", False),
        ("reject", REFUSED, True),
        ("garbage", "cannot be read", False),
        ("flood", "cannot be read", False),
    ],
)
async def test_a_failure_is_final_only_when_it_is_about_the_document(
    sender: HttpSender, point: AccessPoint, fault: str, said: str, final: bool
) -> None:
    point.faults = [fault]
    await fails(sender, said, final)
    assert point.documents == {}


async def test_a_rejection_by_the_receiver_comes_back_with_its_reason(sender: HttpSender, point: AccessPoint) -> None:
    await sender.send(KEY, PEPPOL, XML)
    point.decide(KEY, "rejected", "wrong\n reference" + "." * 900)
    found = await sender.state(KEY)
    assert (found.status, found.reason[:15], len(found.reason)) == ("rejected", "wrong reference", 500)


async def test_one_key_cannot_carry_two_documents(sender: HttpSender) -> None:
    await sender.send(KEY, PEPPOL, XML)
    await fails(sender, "another document", final=True, xml=b"<Invoice/>")


async def test_a_wrong_token_and_nobody_there_are_ours_to_repair(point: AccessPoint) -> None:
    await fails(HttpSender(point.url, "wrong"), "401")
    await fails(HttpSender("http://127.0.0.1:9"), "ConnectError")
    silent = await asyncio.start_server(lambda *_: asyncio.sleep(5), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    await fails(HttpSender(f"http://127.0.0.1:{port}", timeout_seconds=0.2), "Timeout")
    silent.close()


# The folder


async def test_a_folder_gets_the_whole_file_once(tmp_path: Path) -> None:
    sender = FolderSender(tmp_path / "out")
    assert await sender.send(KEY, PEPPOL, XML) == SENT
    (file,) = (tmp_path / "out").iterdir()
    assert (file.name, file.read_bytes()) == (f"{KEY}.xml", XML)
    written = file.stat().st_mtime_ns
    assert await sender.send(KEY, PEPPOL, XML) == SENT
    assert file.stat().st_mtime_ns == written
    assert [each.name for each in (tmp_path / "out").iterdir()] == [file.name]


async def test_a_folder_tells_what_became_of_it_and_takes_it_no_second_time(tmp_path: Path) -> None:
    sender = FolderSender(tmp_path)
    await sender.send(KEY, PEPPOL, XML)
    assert await sender.state(KEY) == SENT
    (tmp_path / f"{KEY}.xml").rename(tmp_path / f"{KEY}.accepted")
    assert await sender.send(KEY, PEPPOL, XML) == State(KEY, "accepted")
    assert not (tmp_path / f"{KEY}.xml").exists()
    (tmp_path / f"{KEY}.rejected").write_text("ukjent mottaker\n", "utf-8")
    assert await sender.state(KEY) == State(KEY, "rejected", "ukjent mottaker")


async def test_a_folder_that_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    await fails(FolderSender(tmp_path / "file/out"), "NotADirectoryError")


# Settings


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("", type(None)),
        ("folder:/var/spool/ehf", FolderSender),
        ("folder:///var/spool/ehf", FolderSender),
        ("https://t%40ken@ap.example/documents", HttpSender),
        ("http://127.0.0.1:9000/documents", HttpSender),
    ],
)
def test_the_setting_names_a_sender(url: str, kind: type) -> None:
    assert type(sender_from(Settings(ehf_url=url))) is kind


async def test_the_token_of_the_setting_is_shown_to_the_access_point(point: AccessPoint) -> None:
    sender = sender_from(Settings(ehf_url=point.url.replace("://", f"://{TOKEN}@")))
    assert sender is not None
    assert await sender.send(KEY, PEPPOL, XML) == SENT


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x",
        "folder:",
        "folder://here/x",
        "nonsense",
        "http://token@ap.example",
        "https://",
        "https://a:b@ap.example",
    ],
)
def test_a_setting_that_names_none_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="KLYNGE_EHF_URL"):
        sender_from(Settings(ehf_url=url))
