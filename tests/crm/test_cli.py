"""The command line as an operator meets it: no tracebacks; what runs on is a real process with real signals."""

import asyncio
import io
import json
import logging
import os
import signal
import socket
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import asyncpg
import httpx
import pytest
import structlog

from crm import cli
from crm.api.keys import FRESH_SECONDS
from tests.postgres import Server, temporary_place
from tests.processes import ROOT, Running, environment

STOP_SECONDS = 3.0
PASSWORD = "a long enough password\n"


class Done(NamedTuple):
    """How a command went."""

    returncode: int
    stdout: str
    stderr: str


def crm(*arguments: object, stdin: str = "", **given: str) -> Done:
    """Run one command to its end, in this process: it is quicker, and no exception may come out of it."""
    out, err = io.StringIO(), io.StringIO()
    root = logging.getLogger()
    before = (root.handlers, root.level)
    try:
        with (
            patch.dict(os.environ, environment(**given), clear=True),
            patch.object(sys, "argv", ["crm", *map(str, arguments)]),
            patch.object(sys, "stdin", io.StringIO(stdin)),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            cli.main()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0
    finally:
        root.handlers, root.level = before
        structlog.reset_defaults()
    return Done(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A data directory shared by the tests of this file, in the order they stand here."""
    with temporary_place() as made:
        yield made


def demo_file(place: Path) -> dict[str, Any]:
    return json.loads((place / "demo.json").read_text())


def test_demo_from_nothing_to_pages_api_and_mails(place: Path) -> None:
    with Running("demo", "--port", 0, "--data-dir", place, ready="Ctrl-C") as demo:
        told = demo_file(place)
        assert stat.S_IMODE((place / "demo.json").stat().st_mode) == 0o600
        assert told["base_url"].startswith("http://127.0.0.1:")
        assert set(told) == {"base_url", "manager_key", "partner_key", "logins"}
        assert "nora-industry-network" in told["partner_key"]
        assert told["base_url"] in demo.shown
        for login in told["logins"]:
            assert login["email"] in demo.shown
            assert login["password"] in demo.shown
        with httpx.Client(base_url=told["base_url"]) as client:
            assert client.get("/readyz").status_code == 200
            assert f"{told['base_url']}/dev/mailbox" in demo.shown
            assert client.get("/dev/mailbox").status_code == 200
            headers = {"authorization": f"Bearer {told['manager_key']}"}
            networks = client.get("/api/v1/networks", headers=headers).json()
            assert len(networks["items"]) == 7
            assert client.get("/api/v1/networks").status_code == 401
        assert crm("verify", "--data-dir", place).returncode == 0  # beside the running demo
        code, seconds = demo.stop()
    assert code == 0
    assert seconds < STOP_SECONDS
    assert "Stopped." in demo.shown


def test_a_second_start_goes_on_with_the_same_keys(place: Path) -> None:
    before = demo_file(place)
    with Running("demo", "--port", 0, "--data-dir", place, ready="Ctrl-C") as demo:
        after = demo_file(place)
        assert (after["manager_key"], after["partner_key"]) == (before["manager_key"], before["partner_key"])
        headers = {"authorization": f"Bearer {after['manager_key']}"}
        assert httpx.get(f"{after['base_url']}/api/v1/networks", headers=headers).status_code == 200
        port = after["base_url"].rpartition(":")[2]
        refused = crm("demo", "--port", port, "--data-dir", place)
        assert refused.returncode == 1
        assert f"Port {port} is in use" in refused.stderr
        assert "--port" in refused.stderr
        code, seconds = demo.stop(signal.SIGTERM)
    assert code == 0
    assert seconds < STOP_SECONDS


def test_a_killed_demo_is_taken_up_again(place: Path) -> None:
    with Running("demo", "--port", 0, "--data-dir", place, ready="Ctrl-C") as demo:
        demo.process.kill()
        demo.process.wait()
    with Running("demo", "--port", 0, "--data-dir", place, ready="Ctrl-C") as demo:
        assert httpx.get(f"{demo_file(place)['base_url']}/readyz").status_code == 200
        assert demo.stop()[0] == 0


def test_an_open_page_does_not_hold_up_the_end(place: Path) -> None:
    with Running("demo", "--port", 0, "--data-dir", place, ready="Ctrl-C") as demo:
        host, port = demo_file(place)["base_url"].removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as half:
            half.sendall(b"POST /api/v1/applications HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{")
            time.sleep(0.2)
            code, seconds = demo.stop()
    assert code == 0
    assert seconds < STOP_SECONDS


def test_a_database_of_somebodys_own_is_never_served_as_a_demo(place: Path) -> None:
    kept = (place / "demo.json").read_bytes()
    try:
        for wrong in (None, b"{}", kept.replace(b"kly_", b"kly_x")):
            (place / "demo.json").unlink(missing_ok=True)
            if wrong is not None:
                (place / "demo.json").write_bytes(wrong)
            refused = crm("demo", "--port", 0, "--data-dir", place)
            assert refused.returncode == 1
            assert "not this demo's" in refused.stderr
    finally:
        (place / "demo.json").write_bytes(kept)


def test_serve_and_keys_and_accounts_on_the_same_data(place: Path) -> None:
    made = crm("key", "create", "Sync of the partner", "--role", "partner", "--network", "nora", "--data-dir", place)
    assert made.returncode == 0, made.stderr
    key = made.stdout.strip()
    account = ("account", "create", "ola@klynge.example", "--name", "Ola Berg", "--network", "nora")
    assert crm(*account, "--data-dir", place, stdin=PASSWORD).returncode == 0
    twice = crm(*account, "--data-dir", place, stdin=PASSWORD)
    assert twice.returncode == 1
    assert (
        "ola@klynge.example\tOla Berg\tmanager@nora\tpassword\t0" in crm("account", "list", "--data-dir", place).stdout
    )
    for command in ("end-sessions", "reset", "invite"):
        assert crm("account", command, "ola@klynge.example", "--data-dir", place).returncode == 0
        assert crm("account", command, "nobody@klynge.example", "--data-dir", place).returncode == 1
    assert (
        "ola@klynge.example\tOla Berg\tmanager@nora\tnothing yet\t0"
        in crm("account", "list", "--data-dir", place).stdout
    )
    nowhere = crm("account", "create", "x@klynge.example", "--name", "X", "--role", "treasurer", "--data-dir", place)
    assert nowhere.returncode == 2 and "--network" in nowhere.stderr
    short = crm("account", "create", "eva@klynge.example", "--name", "E", "--network", "nora", "--data-dir", place)
    assert short.returncode == 1
    assert "password" in short.stderr
    with Running("serve", "--port", 0, "--data-dir", place, ready="Serving on") as web:
        address = web.shown.split("Serving on ")[1].split()[0]
        headers = {"authorization": f"Bearer {key}"}
        assert httpx.get(f"{address}/api/v1/networks", headers=headers).status_code == 200
        assert httpx.get(f"{address}/dev/mailbox").status_code == 404
        prefix = key.split("_")[1]
        changed = crm("key", "rotate", prefix, "--old-valid-hours", 1, "--data-dir", place)
        for each in (key, changed.stdout.strip()):
            told = httpx.get(f"{address}/api/v1/networks", headers={"authorization": f"Bearer {each}"})
            assert told.status_code == 200
        listed = crm("key", "list", "--data-dir", place).stdout
        assert f"{prefix}\tSync of the partner\tpartner\tnora\t-\t" in listed and "old secret until" in listed
        assert crm("key", "revoke", prefix, "--data-dir", place).returncode == 0
        time.sleep(FRESH_SECONDS)
        assert httpx.get(f"{address}/api/v1/networks", headers=headers).status_code == 401
        code, seconds = web.stop()
    assert code == 0
    assert seconds < STOP_SECONDS
    assert crm("key", "revoke", "nosuchkey", "--data-dir", place).returncode == 1
    unknown = crm("key", "create", "x", "--role", "partner", "--network", "nowhere", "--data-dir", place)
    assert unknown.returncode == 1
    assert "nowhere" in unknown.stderr


def test_the_worker_needs_a_mail_server_and_stops_when_told(place: Path) -> None:
    refused = crm("worker", "--data-dir", place)
    assert refused.returncode == 1
    assert "KLYNGE_SMTP_URL" in refused.stderr
    with Running("worker", "--data-dir", place, ready="Working", KLYNGE_DEVELOPMENT="1") as worker:
        code, seconds = worker.stop(signal.SIGTERM)
    assert code == 0
    assert seconds < STOP_SECONDS


def test_migrate_import_and_verify_on_a_plain_server(server: Server) -> None:
    dsn = server.create_database("klynge_cli")
    try:
        early = (("verify",), ("serve", "--port", 0), ("worker",), ("import", ROOT / "crm" / "demo_data"))
        for command in early:
            refused = crm(*command, DATABASE_URL=dsn, KLYNGE_DEVELOPMENT="1")
            assert refused.returncode == 1
            assert "crm migrate" in refused.stderr
        assert crm("migrate", DATABASE_URL=dsn).returncode == 0
        assert crm("migrate", DATABASE_URL=dsn).returncode == 0
        loaded = crm("import", ROOT / "crm" / "demo_data", DATABASE_URL=dsn)
        assert loaded.returncode == 0, loaded.stderr
        assert "240 organisations" in loaded.stdout
        again = crm("import", ROOT / "crm" / "demo_data", DATABASE_URL=dsn)
        assert "New: 0 rulebook versions, 0 organisations, 0 decisions" in again.stdout
        assert crm("verify", DATABASE_URL=dsn).stdout == "Everything stored is what the facts give.\n"
    finally:
        server.drop_database("klynge_cli")


def test_verify_lists_what_differs_and_fails(server: Server, own_database: str) -> None:
    asyncio.run(damage(own_database))
    found = crm("verify", DATABASE_URL=own_database)
    assert found.returncode == 1
    assert found.stdout.count("feed_newest: feed ") == 3
    assert "3 differences." in found.stdout


async def damage(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute("set session_replication_role = replica")
    await connection.execute(
        "update feed set op = 'remove' where seq in (select f.seq from feed f join membership_period p"
        " using (membership_id) where p.ends_on is null order by f.seq limit 3)"
    )
    await connection.close()


def test_a_rulebook_is_checked_and_applied(tmp_path: Path, own_database: str) -> None:
    source = ROOT / "crm" / "demo_data" / "rulebooks" / "nora-industry-network.toml"
    fine = crm("rulebook", "check", source)
    assert fine.returncode == 0
    assert "nora-industry-network version 1" in fine.stdout
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(source.read_text().replace("rank =", "rang =", 1))
    refused = crm("rulebook", "check", wrong)
    assert refused.returncode == 1
    line = wrong.read_text().split("rang =")[0].count("\n") + 1
    assert f"wrong.toml, line {line}, tiers[0].rang: " in refused.stderr
    assert "published already, with this text" in crm("rulebook", "apply", source, DATABASE_URL=own_database).stdout
    edited = tmp_path / "edited.toml"
    edited.write_text(source.read_text().replace("payment_days = 30", "payment_days = 31", 1))
    published = crm("rulebook", "apply", edited, DATABASE_URL=own_database)
    assert published.returncode == 1
    assert "edited.toml, line 4, version: Version 1 is published already with another text" in published.stderr
    edited.write_text(edited.read_text().replace("version = 1", "version = 3", 1))
    skipped = crm("rulebook", "apply", edited, DATABASE_URL=own_database)
    assert skipped.returncode == 1
    assert "line 4, version: The next version is 2, not 3" in skipped.stderr
    other = tmp_path / "other.toml"
    other.write_text(source.read_text().replace('network = "nora-industry-network"', 'network = "nowhere"', 1))
    unknown = crm("rulebook", "apply", other, DATABASE_URL=own_database)
    assert unknown.returncode == 1
    assert "nowhere" in unknown.stderr


def test_a_published_rulebook_is_exported_and_a_draft_is_told_apart_from_it(tmp_path: Path, own_database: str) -> None:
    written = crm("rulebook", "export", "nora-industry-network", DATABASE_URL=own_database)
    assert written.returncode == 0
    draft = tmp_path / "draft.toml"
    draft.write_text(written.stdout)
    assert crm("rulebook", "check", draft).returncode == 0
    same = crm("rulebook", "diff", draft, DATABASE_URL=own_database)
    assert "Nothing is different." in same.stdout
    assert "published already, with this text" in crm("rulebook", "apply", draft, DATABASE_URL=own_database).stdout
    later = written.stdout.replace("version = 1", "version = 2", 1).replace("15000000", "16000000", 1)
    draft.write_text(later.split("[[link_rules]]")[0])
    told = crm("rulebook", "diff", draft, DATABASE_URL=own_database).stdout.replace("\N{NO-BREAK SPACE}", " ")
    assert "version 1 is published, the file says version 2" in told
    assert "~ Level Principal partner, fee Membership fee: Amount a year: NOK 150,000 -> NOK 160,000" in told
    assert "- Link rule Principal partners join CLAIRE Innovation Network: removed: When a member" in told
    days = (("2026-11-22", "1,727,000", "ends: Lysverk"), ("2027-02-01", "1,612,000", "fee NOK 150,000 -> NOK 160,000"))
    for day, fees, change in days:
        shown = crm("rulebook", "simulate", draft, "--on", day, DATABASE_URL=own_database).stdout
        shown = shown.replace("\N{NO-BREAK SPACE}", " ")
        assert "nothing is stored" in shown
        assert f"NOK {fees}" in shown, shown
        assert change in shown, shown
    published = crm("rulebook", "apply", draft, DATABASE_URL=own_database).stdout
    assert "nora-industry-network version 2 is published: " in published and " 0 memberships" not in published
    for arguments, said in ((("nowhere",), "nowhere"), (("nora-industry-network", "--version", "7"), "number 7")):
        refused = crm("rulebook", "export", *arguments, DATABASE_URL=own_database)
        assert refused.returncode == 1 and said in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "given", "said"),
    [
        (("verify", "--data-dir", "no-such-place"), {}, "There is no data in no-such-place"),
        (("verify",), {"DATABASE_URL": "mysql://h/d"}, "DATABASE_URL must start with"),
        (("verify",), {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}, "cannot be used"),
        (("migrate",), {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}, "cannot be used"),
        (("demo", "--port", "0"), {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}, "cannot be used"),
        (("demo", "--port", "70000"), {}, "65535"),
        (("demo", "--port", "0", "--data-dir", "/dev/null/x"), {}, "cannot be made"),
        (("serve", "--host", "192.0.2.1"), {}, "cannot be served"),
        (("verify",), {"KLYNGE_POOL_SIZE": "none"}, "KLYNGE_POOL_SIZE"),
        (("worker",), {"DATABASE_URL": "postgresql://h/d", "KLYNGE_SMTP_URL": "http://x"}, "KLYNGE_SMTP_URL"),
        (("import", "no-such-folder"), {}, "no-such-folder, folder: there is no such folder"),
        (("import", "docs"), {}, "docs, folder: holds none of the files of an import: hosts.toml"),
        (("rulebook", "check", "no-such-file.toml"), {}, "no-such-file.toml"),
        (("rulebook", "check", "README.md"), {}, "README.md"),
        (("nonsense",), {}, "nonsense"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(arguments: tuple[str, ...], given: dict[str, str], said: str) -> None:
    done = crm(*arguments, **given)
    assert done.returncode in (1, 2)
    assert said in done.stderr


def test_every_command_has_help() -> None:
    for command in ("demo", "serve", "worker", "migrate", "import", "verify", "rulebook", "key", "account"):
        shown = crm(command, "--help")
        assert shown.returncode == 0
        if command not in ("rulebook", "key", "account"):
            assert "--data-dir" in shown.stdout
