"""E-invoices are handed over once, whatever happens on the way; what became of them comes back."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import UUID

import pytest

from crm.gateways.einvoice import (
    EInvoice,
    FolderSender,
    HttpSender,
    NotSent,
    Outcome,
    Sender,
    sender_from,
)
from crm.settings import Settings, SettingsError
from tests.access_point import REFUSED, TOKEN, AccessPoint, access_point

pytestmark = pytest.mark.anyio
ID = UUID("6f1c2d7e-0000-4000-8000-000000000001")
XML = "<Invoice>Ørsted</Invoice>".encode()
DOCUMENT = EInvoice(ID, "0192:923609016", "20270001", XML)


@pytest.fixture
def point() -> Iterator[AccessPoint]:
    with access_point() as running:
        yield running


@pytest.fixture
async def sender(point: AccessPoint) -> AsyncIterator[HttpSender]:
    made = HttpSender(point.url, TOKEN, timeout_seconds=0.3)
    yield made
    await made.close()


async def test_it_is_handed_over_with_its_id_and_asked_for(sender: HttpSender, point: AccessPoint) -> None:
    assert await sender.send(DOCUMENT) == Outcome("sent", "ap-6f1c2d7e")
    assert point.documents == {str(ID): XML}
    point.decide(str(ID), "accepted")
    assert await sender.state(ID) == Outcome("accepted", "ap-6f1c2d7e")


async def test_a_timeout_after_it_was_taken_is_not_known_and_never_doubles(
    sender: HttpSender, point: AccessPoint
) -> None:
    point.faults, point.slow_seconds = ["timeout_after_accept"], 0.6
    assert (await sender.send(DOCUMENT)).state == "unknown"
    assert (await sender.state(ID)).state == "sent"
    assert (await sender.send(DOCUMENT)).state == "sent"
    assert point.posts == [str(ID)] * 2
    assert list(point.documents) == [str(ID)]


async def test_an_error_of_theirs_is_not_known_and_asking_tells_that_it_never_came(
    sender: HttpSender, point: AccessPoint
) -> None:
    point.faults = ["500"]
    assert await sender.send(DOCUMENT) == Outcome("unknown", reason="the access point answered 500")
    assert (await sender.state(ID)).state == "missing"
    assert (await sender.send(DOCUMENT)).state == "sent"


async def test_a_refusal_is_final_and_says_why(sender: HttpSender, point: AccessPoint) -> None:
    point.faults = ["reject"]
    with pytest.raises(NotSent, match=REFUSED):
        await sender.send(DOCUMENT)
    assert point.documents == {}


async def test_a_rejection_by_the_receiver_comes_back_with_its_reason(sender: HttpSender, point: AccessPoint) -> None:
    await sender.send(DOCUMENT)
    point.decide(str(ID), "rejected", "wrong\n reference" + "." * 900)
    found = await sender.state(ID)
    assert (found.state, found.reason[:15], len(found.reason)) == ("rejected", "wrong reference", 500)


async def test_one_id_cannot_carry_two_documents(sender: HttpSender) -> None:
    await sender.send(DOCUMENT)
    with pytest.raises(NotSent, match="another document"):
        await sender.send(EInvoice(ID, DOCUMENT.recipient, "20270002", b"<Invoice/>"))


async def test_what_cannot_be_read_and_who_cannot_be_reached_are_not_known(
    sender: HttpSender, point: AccessPoint
) -> None:
    point.faults = ["garbage"]
    assert (await sender.send(DOCUMENT)).state == "unknown"
    nobody = HttpSender("http://127.0.0.1:9", TOKEN, timeout_seconds=0.3)
    assert (await nobody.send(DOCUMENT)).state == "unknown"
    assert (await nobody.state(ID)).state == "unknown"
    await nobody.close()


async def test_a_wrong_token_is_ours_to_repair_so_it_is_tried_again(point: AccessPoint) -> None:
    stranger = HttpSender(point.url, "wrong")
    assert await stranger.send(DOCUMENT) == Outcome("unknown", reason="the access point answered 401")
    await stranger.close()


# The folder


async def test_a_folder_gets_the_whole_file_once(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    sender = FolderSender(folder)
    assert await sender.state(ID) == Outcome("missing")
    assert await sender.send(DOCUMENT) == Outcome("sent", f"{ID}.xml")
    assert [path.name for path in folder.iterdir()] == [f"{ID}.xml"]
    assert (folder / f"{ID}.xml").read_bytes() == XML
    written = (folder / f"{ID}.xml").stat().st_mtime_ns
    assert await sender.send(DOCUMENT) == Outcome("sent", f"{ID}.xml")
    assert (folder / f"{ID}.xml").stat().st_mtime_ns == written


async def test_a_folder_tells_what_became_of_it(tmp_path: Path) -> None:
    sender = FolderSender(tmp_path)
    await sender.send(DOCUMENT)
    (tmp_path / f"{ID}.accepted").touch()
    assert (await sender.state(ID)).state == "accepted"
    (tmp_path / f"{ID}.rejected").write_text("ukjent mottaker\n", "utf-8")
    assert await sender.state(ID) == Outcome("rejected", f"{ID}.xml", "ukjent mottaker")
    assert (await sender.send(DOCUMENT)).state == "rejected"


async def test_a_folder_that_cannot_be_written_leaves_nothing_and_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    sender = FolderSender(tmp_path / "file/out")
    assert (await sender.send(DOCUMENT)).state == "unknown"


# Settings


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("", type(None)),
        ("folder:///var/ehf", FolderSender),
        ("https://t%40ken@ap.example/v1", HttpSender),
        ("http://127.0.0.1:9000/ap", HttpSender),
    ],
)
def test_the_settings_name_a_sender(url: str, kind: type[Sender]) -> None:
    assert type(sender_from(Settings(ehf_url=url))) is kind


@pytest.mark.parametrize(
    "url",
    [
        "http://token@ap.example",
        "ftp://ap.example",
        "folder://here",
        "https://",
        "https://a:b@ap.example",
        "https://ap.example:x",
        "https://ap.example/?x=1",
    ],
)
def test_a_setting_that_names_none_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="KLYNGE_EHF_URL"):
        sender_from(Settings(ehf_url=url))
