"""A whole instance as CSV files, and into an empty one: every row and every report is what it was (AC-16)."""

import asyncio
import json
import shutil
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import httpx
import msgspec
import pytest

from crm import catalogue, demo, demo_facts, demo_money
from crm.actions import member_imports
from crm.actor import Actor
from crm.app import create_app
from crm.clock import FixedClock
from crm.migrate import migrate
from tests.commits.databases import ANEW, hashes, rows
from tests.conftest import SETTINGS, TEMPLATE, context_on
from tests.crm.test_cli import crm
from tests.postgres import Server
from tests.seed import Keys

pytestmark = pytest.mark.commits
CREDIT = "Navn;Nivå;Innmeldt;Til gode\nForskuddsbetaler AS;partner;01.02.2024;1 250,50\n".encode()
NOT_EXPORTED = {"migration", "sign_in_step", "pgqueuer", "pgqueuer_log", "pgqueuer_schedules", "pgqueuer_statistics"}


@pytest.fixture(scope="module")
def blank(server: Server) -> Iterator[str]:
    """An instance nobody has worked with."""
    dsn = server.create_database("klynge_blank")
    asyncio.run(migrate(dsn))
    yield dsn
    server.drop_database("klynge_blank")


@pytest.fixture(scope="module")
def full(server: Server, seeded: Keys) -> Iterator[str]:
    """The demo with two years of money, what networks tell, and a member that came by a file with credit."""
    dsn = server.create_database("klynge_full", TEMPLATE)
    asyncio.run(_with_money(dsn))
    yield dsn
    server.drop_database("klynge_full")


@pytest.fixture(scope="module")
def exported(full: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("exported") / "everything"
    done = crm("export", place, DATABASE_URL=full)
    assert done.returncode == 0, done.stderr
    return place


@pytest.fixture
def folder(exported: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return Path(shutil.copytree(exported, tmp_path / "everything"))


def test_ac_16_every_report_of_an_imported_instance_is_what_it_was(
    server: Server, full: str, blank: str, exported: Path, seeded: Keys
) -> None:
    empty = server.create_database("klynge_imported", "klynge_blank")
    done = crm("import", exported, DATABASE_URL=empty)
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(exported.stat().st_mode) == 0o700
    assert "Amounts are minor units" in (exported / "README.txt").read_text()
    before, after = hashes(full), hashes(empty)
    assert before.keys() == after.keys()
    assert {name for name in before if before[name] != after[name]} - ANEW - NOT_EXPORTED <= {"mail", "audit"}
    assert rows(empty, "select action from audit order by seq desc limit 1") == [("instance_imported",)]
    assert rows(empty, "select amount from opening_credit") == [(125050,)]
    first, second = (asyncio.run(_reports(dsn, seeded)) for dsn in (full, empty))
    assert len(first) >= 18 and sum(len(report["figures"]) for report in first.values()) > 60
    assert second == first
    assert crm("verify", DATABASE_URL=empty).returncode == 0
    again = crm("import", exported, DATABASE_URL=empty)
    assert again.returncode == 1 and "goes into an empty instance only" in again.stderr
    server.drop_database("klynge_imported")


def _change(table: str, find: str, put: str, seal: bool) -> Callable[[Path], None]:
    """Change a table's file; `seal`: as somebody who also changes the manifest."""

    def change(place: Path) -> None:
        file = place / f"{table}.csv"
        was = file.read_text("utf-8")
        assert find in was
        file.write_text(was.replace(find, put, 1), "utf-8")
        if seal:
            manifest = json.loads((place / "manifest.json").read_text())
            manifest["tables"][table]["sha256"] = sha256(file.read_bytes()).hexdigest()
            (place / "manifest.json").write_text(json.dumps(manifest))

    return change


def _manifest(**changes: object) -> Callable[[Path], None]:
    def change(place: Path) -> None:
        manifest = json.loads((place / "manifest.json").read_text())
        (place / "manifest.json").write_text(json.dumps({**manifest, **changes}))

    return change


BROKEN = {
    "a file was changed": (_change("organisation", "SINTEF", "SINTEG", False), "organisation.csv, sha256"),
    "a file is away": (lambda place: (place / "network.csv").unlink(), "network.csv, file"),
    "a value that is none": (
        _change("membership_grant", ",direct,", ",direct,2207-13-45,", True),
        "membership_grant.csv, rows",
    ),
    "another version": (_manifest(schema=["2020-01-01T00:00:00:000000"]), "manifest.json, schema"),
    "another product": (_manifest(product="Other"), "manifest.json, format"),
    "another table": (_manifest(tables={}), "manifest.json, tables"),
    "no manifest": (lambda place: (place / "manifest.json").write_text("{"), "manifest.json, file"),
}


@pytest.mark.parametrize("harm", BROKEN)
def test_a_folder_that_is_not_what_was_exported_is_refused_whole(blank: str, folder: Path, harm: str) -> None:
    change, told = BROKEN[harm]
    change(folder)
    done = crm("import", folder, DATABASE_URL=blank)
    assert done.returncode == 1 and told in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert rows(blank, "select (select count(*) from host), (select count(*) from organisation)") == [(0, 0)]
    assert rows(blank, "select count(*) > 200 from pg_constraint where contype = 'f'") == [(True,)]
    assert rows(blank, "select count(*) from pg_trigger where not tgisinternal and tgenabled = 'D'") == [(0,)]


def test_an_export_does_not_write_into_a_folder_that_is_there(full: str, tmp_path: Path) -> None:
    done = crm("export", tmp_path, DATABASE_URL=full)
    assert done.returncode == 1 and "cannot be made" in done.stderr


async def _with_money(dsn: str) -> None:
    async with context_on(dsn) as context:
        then = msgspec.structs.replace(context, clock=FixedClock(datetime(2026, 11, 22, 9, tzinfo=UTC)))
        async with context.db.tx() as connection:
            kept = await catalogue.load(connection)
        actor = Actor("Demo data", "import", manages=frozenset(kept.by_id), reads=frozenset(kept.by_id))
        await demo_money.load(then, actor, kept)
        await demo_facts.load(then, actor, kept, demo.DATA)
        wanted = await member_imports.upload(then, actor, "nora-industry-network", "one.csv", CREDIT)
        await member_imports.map_columns(then, actor, wanted, None)
        await member_imports.check(then, wanted)
        await member_imports.confirm(then, actor, wanted)
        await member_imports.load(then, wanted)


async def _reports(dsn: str, keys: Keys) -> dict[str, dict[str, object]]:
    """Every report of two networks, over a year and compared with the year before."""
    out = {}
    headers = {"authorization": f"Bearer {keys.manager_key}"}
    async with context_on(dsn) as context:
        transport = httpx.ASGITransport(app=create_app(SETTINGS, context))
        async with httpx.AsyncClient(transport=transport, base_url=SETTINGS.base_url, headers=headers) as client:
            listed = (await client.get("/api/v1/reports")).json()["items"]
            for each in listed:
                for network in ("nora-industry-network", "claire-innovation-network"):
                    asked = {"network": network, "from": "2026-01-01", "to": "2027-01-01", "compare": "year"}
                    answer = await client.get(f"/api/v1/reports/{each['name']}", params=asked)
                    assert answer.status_code == 200, answer.text
                    out[f"{each['name']} {network}"] = answer.json()
    return out
