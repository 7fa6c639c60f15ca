"""A whole system into one file and back: all of it or nothing, and partners who come to the same list by themselves."""

import stat
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from crm import client as partner
from crm import migrate
from crm.actions import backups
from crm.gateways import postgres_backup
from crm.gateways.postgres_backup import BackupError
from crm.i18n import TIME_ZONE
from crm.store.backups import BEFORE, WITHHELD
from tests.commits.databases import ANEW, hashes, rows, run
from tests.crm.api.serving import served
from tests.crm.api.support import NORA
from tests.crm.test_cli import crm
from tests.postgres import Server
from tests.seed import Keys

pytestmark = pytest.mark.commits

CLEARED = "drop schema public cascade; create schema public"


@pytest.fixture
def empty(server: Server) -> Iterator[str]:
    yield server.create_database("klynge_empty")
    server.drop_database("klynge_empty")


@pytest.fixture
def file(own_database: str, tmp_path: Path) -> Path:
    """A backup of the demo in which mails wait and somebody is about to sign in."""
    run(
        own_database,
        "insert into sign_in_step (kind, token_hash, data, created_at, expires_at)"
        " values ('link', repeat('0', 64), '{}', now(), now() + interval '1 day')",
    )
    place = tmp_path / "klynge.backup"
    done = crm("backup", place, DATABASE_URL=own_database)
    assert (done.returncode, "holds everything" in done.stdout) == (0, True), done.stderr
    return place


def test_everything_comes_back_and_what_must_not_is_left(own_database: str, empty: str, file: Path) -> None:
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    done = crm("restore", file, DATABASE_URL=empty)
    assert done.returncode == 0, done.stderr
    [(waiting,)] = rows(own_database, "select count(*) from mail where status = 'queued'")
    assert "7 networks" in done.stdout and f"{waiting} mails and deliveries waited and are withheld" in done.stdout
    before, after = hashes(own_database), hashes(empty)
    assert before.keys() == after.keys() and len(before) > 100
    differ = {table for table in before if before[table] != after[table]}
    assert differ - ANEW == {"sign_in_step", "mail", "audit"}, differ
    assert rows(empty, f"select count(*) from mail where status = 'cancelled' and last_error = '{WITHHELD}'") == [
        (waiting,)
    ]
    assert waiting and rows(empty, "select count(*) from mail where status = 'queued'") == [(0,)]
    assert rows(empty, "select count(*) from session, sign_in_step") == [(0,)]
    assert rows(empty, "select action, channel from audit order by seq desc limit 1") == [("restored", "cli")]
    assert crm("verify", DATABASE_URL=empty).returncode == 0


def test_what_waited_is_sent_when_the_operator_says_so(empty: str, file: Path) -> None:
    assert crm("restore", file, "--send-waiting", DATABASE_URL=empty).returncode == 0
    assert rows(empty, "select count(*) from mail where status = 'queued'") != [(0,)]


def test_partners_recover_by_themselves(
    own_database: str, empty: str, file: Path, seeded: Keys, tmp_path: Path
) -> None:
    """F11: a cursor from after the backup is answered 410 in the restored system, and the client reads all again.

    The control puts the same file back without renewing positions: the partner then keeps what never happened.
    """
    where = str(tmp_path / "members.sqlite")
    with served(own_database) as address:
        gone = _end_one(address, seeded)
        copy = partner.Mirror(address, NORA, seeded.partner_keys[NORA], where)
        copy.sync()
        assert gone not in {m["id"] for m in copy.members()}
        copy.close()
    postgres_backup.put_back(empty, file, BEFORE, "")
    with served(empty) as address:
        assert gone not in _synced(address, seeded, where)  # the control
    run(empty, CLEARED)
    assert crm("restore", file, DATABASE_URL=empty).returncode == 0
    with served(empty) as address:
        assert gone in _synced(address, seeded, where)
        copy = partner.Mirror(address, NORA, seeded.partner_keys[NORA], where)
        assert copy.prove() == []
        copy.close()


@pytest.mark.parametrize("harm", ["cut short", "a byte turned", "a byte at the end", "no backup", "empty"])
def test_a_damaged_file_is_refused_and_nothing_of_it_stays(empty: str, file: Path, harm: str) -> None:
    whole = file.read_bytes()
    middle = len(whole) * 2 // 3
    turned = whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :]
    last = whole[:-1] + bytes([whole[-1] ^ 1])
    broken = {
        "cut short": whole[:middle],
        "a byte turned": turned,
        "a byte at the end": last,
        "no backup": b"PK\x03\x04 something",
        "empty": b"",
    }
    file.chmod(0o600)
    file.write_bytes(broken[harm])
    done = crm("restore", file, DATABASE_URL=empty)
    assert done.returncode == 1 and str(file) in done.stderr and "Traceback" not in done.stderr
    assert rows(empty, "select count(*) from pg_tables where schemaname = 'public'") == [(0,)]


def test_wrong_questions_are_told_in_a_sentence(own_database: str, file: Path, tmp_path: Path) -> None:
    there = crm("backup", file, DATABASE_URL=own_database)
    assert there.returncode == 1 and f"{file} is there already" in there.stderr
    nowhere = crm("backup", tmp_path / "no" / "such.backup", DATABASE_URL=own_database)
    assert nowhere.returncode == 1 and "cannot be written" in nowhere.stderr
    full = crm("restore", file, DATABASE_URL=own_database)
    assert full.returncode == 1 and "The database is not empty" in full.stderr
    missing = crm("restore", tmp_path / "none", "--data-dir", tmp_path / "new")
    assert missing.returncode == 1 and "There is no file" in missing.stderr and not (tmp_path / "new").exists()
    with pytest.raises(BackupError, match="was made by a newer Klynge"):
        backups.look_at(file, migrate.known() - {max(migrate.known())})


def test_another_database_is_no_backup_of_ours(server: Server, empty: str, tmp_path: Path) -> None:
    run(empty, "create table something (one integer)")
    postgres_backup.write(empty, tmp_path / "other", 1, lambda _done, _of: None)
    with pytest.raises(BackupError, match="no backup of Klynge"):
        backups.look_at(tmp_path / "other", migrate.known())


def _end_one(address: str, keys: Keys) -> str:
    """End one member's stay now; the id of its membership."""
    manager = {"authorization": f"Bearer {keys.manager_key}"}
    items = httpx.get(f"{address}/api/v1/networks/{NORA}/members?origin=direct", headers=manager).json()["items"]
    chosen = items[0]["id"]
    ended = httpx.post(
        f"{address}/api/v1/memberships/{chosen}/endings",
        json={"effective_on": datetime.now(TIME_ZONE).date().isoformat(), "reason": "resigned"},
        headers=manager,
    )
    assert ended.status_code == 201, ended.text
    return str(chosen)


def _synced(address: str, keys: Keys, where: str) -> set[str]:
    copy = partner.Mirror(address, NORA, keys.partner_keys[NORA], where)
    copy.sync()
    found = {m["id"] for m in copy.members()}
    copy.close()
    return found
