"""From nothing to a network that works, by command: host, network, who administers it."""

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest

from crm.migrate import migrate
from tests.crm.test_cli import PASSWORD, crm
from tests.postgres import Server

pytestmark = pytest.mark.commits


@pytest.fixture(scope="module")
def dsn(server: Server) -> Iterator[str]:
    made = server.create_database("klynge_cli_setup")
    asyncio.run(migrate(made))
    yield made
    server.drop_database("klynge_cli_setup")


def test_a_host_with_a_network_and_who_administers_it(dsn: str) -> None:
    host = crm("host", "create", "havn", "Havn Klynge AS", "--bank-account", "9999 00 00014", DATABASE_URL=dsn)
    assert host.returncode == 0 and "crm account create EMAIL" in host.stdout, host.stderr
    network = crm(
        *("network", "create", "sea", "--host", "havn", "--name", "Sea Cluster", "--name-nb", "Havklyngen"),
        *("--level", "Partner:25000", "--level", "Start-up"),
        DATABASE_URL=dsn,
    )
    assert network.returncode == 0 and "/n/sea" in network.stdout, network.stderr
    account = ("account", "create", "kari@havn.example", "--name", "Kari", "--role", "host_admin", "--host", "havn")
    assert crm(*account, stdin=PASSWORD, DATABASE_URL=dsn).returncode == 0
    assert asyncio.run(_one(dsn)) == ("99990000014", "HAVN", "Havklyngen", 2)
    assert crm("verify", DATABASE_URL=dsn).returncode == 0


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("host", "create", "Big Code", "X"), "small letters"),
        (("host", "create", "x", "X", "--country", "no"), "country"),
        (("network", "create", "sea2", "--host", "nobody", "--name", "X", "--level", "A"), "There is no host nobody"),
        (("network", "create", "sea2", "--host", "havn", "--name", "X", "--level", "A:many"), "whole kroner"),
    ],
)
def test_slips_are_told_in_a_sentence(dsn: str, command: tuple[str, ...], said: str) -> None:
    done = crm(*command, DATABASE_URL=dsn)
    assert done.returncode != 0 and said in " ".join((done.stdout + done.stderr).split()), done
    assert "Traceback" not in done.stderr


async def _one(dsn: str) -> tuple[object, ...]:
    connection = await asyncpg.connect(dsn)
    try:
        row = await connection.fetchrow(
            "select h.bank_account, h.invoice_series, n.names::jsonb ->> 'nb',"
            " jsonb_array_length(r.body::jsonb -> 'tiers')"
            " from host h join network n on n.host_id = h.id join rulebook r on r.network_id = n.id"
            " where h.code = 'havn'"
        )
        return tuple(row)
    finally:
        await connection.close()
