"""Secrets at rest in the database: sealed when stored, opened when used, sealed anew, refused when they were moved."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from crm import serving, vault
from crm.actions import seals, verify
from crm.actor import Actor
from crm.context import Context
from crm.database import open_database
from crm.errors import Refused
from crm.serving import OperatorError
from crm.settings import Settings
from crm.store import factors, federation, webhook_deliveries, webhooks
from crm.vault import CLEAR, SealBroken, Vault
from tests.conftest import NOW
from tests.crm.test_cli import crm
from tests.crm.test_vault import NEW, OLD, OTHER

pytestmark = pytest.mark.anyio
SEED, SIGNING = b"\x01" * 20, "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
OPERATOR = Actor("Command line", "cli")


@contextmanager
def keys(connection: Any, *given: str) -> Iterator[None]:
    """This connection has these keys meanwhile."""
    connection._con.vault = Vault(given)
    try:
        yield
    finally:
        connection._con.vault = CLEAR


async def stored(connection: Any) -> dict[str, UUID]:
    """An app, a webhook with two secrets and an agreement with another system; ids of accounts and rows."""
    account = await connection.fetchval("select id from account where email = 'demo@klynge.example'")
    await factors.set_authenticator(connection, account, SEED, 1, NOW)
    key = await connection.fetchval("select id from api_key where network_id is not null limit 1")
    hook = await webhooks.add(connection, key, "https://crm.partner.example/", "Partner", "whsec_" + "A" * 32, NOW)
    await webhooks.rotate(connection, hook, SIGNING, NOW + timedelta(days=1))
    network = await connection.fetchval("select network_id from api_key where id = $1", key)
    values = {"code": "fed-1", "side": "granting", "network_id": network, "secret": SIGNING, "created_by": "Test"}
    agreement = await federation.add(connection, values)
    await federation.change(connection, agreement, peer_secret=SIGNING[::-1], failure="none")
    return {"account": account, "webhook": hook, "agreement": agreement}


async def rows(connection: Any) -> list[bytes]:
    """All secrets as they lie there."""
    found = await connection.fetch(
        "select secret as s from authenticator union all select secret::bytea from webhook"
        " union all select old_secret::bytea from webhook union all select secret::bytea from federated_agreement"
        " union all select peer_secret::bytea from federated_agreement"
    )
    return [row["s"] for row in found if row["s"]]


async def opened(connection: Any, ids: dict[str, UUID]) -> tuple[bytes, list[str], str, str]:
    """The same secrets as those who use them get them."""
    app = await factors.authenticator(connection, ids["account"])
    assert app is not None
    ping = await webhook_deliveries.ping(connection, ids["webhook"], NOW)
    claimed = await webhook_deliveries.claim(connection, ping, NOW, timedelta(minutes=1))
    agreement = await federation.one(connection, "fed-1")
    await connection.execute("delete from webhook_delivery where webhook_id = $1", ids["webhook"])
    return app.secret, claimed.secrets, agreement.secret, agreement.peer_secret  # type: ignore[union-attr]


ALL = (SEED, [SIGNING, "whsec_" + "A" * 32], SIGNING, SIGNING[::-1])


async def test_every_secret_lies_sealed_and_is_used_as_it_was_given(context: Context) -> None:
    async with context.db.tx() as connection:
        with keys(connection, OLD):
            ids = await stored(connection)
            assert await opened(connection, ids) == ALL
        assert all(row.startswith(f"sealed:{vault.fingerprint(OLD)}:".encode()) for row in await rows(connection))
        with pytest.raises(SealBroken), keys(connection, OTHER):
            await factors.authenticator(connection, ids["account"])


async def test_all_are_sealed_anew_with_the_first_key_once(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seals, "AT_A_TIME", 1)
    async with context.db.tx() as connection:
        ids = await stored(connection)  # in clear
        with pytest.raises(Refused, match="data_key_missing"):
            await seals.seal(context, OPERATOR)
        with keys(connection, OLD):
            assert (await seals.kept(context)).clear == 5
            assert (await seals.seal(context, OPERATOR)).done == {"apps": 1, "webhooks": 2, "agreements": 2}
        with keys(connection, NEW, OLD):
            assert (await seals.kept(context)).older == 5
            assert await opened(connection, ids) == ALL
            assert sum((await seals.seal(context, OPERATOR)).done.values()) == 5
            assert sum((await seals.seal(context, OPERATOR)).done.values()) == 0, "harmless to repeat"
        with keys(connection, NEW):
            kept = await seals.kept(context)
            assert (kept.sealed, kept.older, kept.clear, kept.lost) == (5, 0, 0, 0)
            assert await opened(connection, ids) == ALL
        told = await connection.fetch("select detail from audit where action = 'secrets_sealed' order by seq")
        assert [row["detail"]["secrets"] for row in told] == [5, 5] and SIGNING not in str(told)


async def test_a_sealed_secret_moved_to_another_row_is_refused_and_found(context: Context) -> None:
    async with context.db.tx() as connection:
        with keys(connection, OLD):
            ids = await stored(connection)
            other = await connection.fetchval("select id from account where id <> $1 limit 1", ids["account"])
            await connection.execute(
                "insert into authenticator (account_id, secret, last_step, created_at)"
                " select $1, secret, 0, created_at from authenticator where account_id = $2",
                other,
                ids["account"],
            )
            await connection.execute("update federated_agreement set secret = peer_secret where code = 'fed-1'")
            with pytest.raises(SealBroken, match="something else"):
                await factors.authenticator(connection, other)
            with pytest.raises(SealBroken, match="something else"):
                await federation.one(connection, "fed-1")
            found = [each for each in await verify.run(context) if each.check == "sealed_secret"]
            assert {each.row for each in found} == {f"authenticator {other}", f"federated_agreement {ids['agreement']}"}
        with keys(connection, NEW, OLD):
            assert len((await seals.seal(context, OPERATOR)).broken) == 2, "told, and left as it is"


@pytest.mark.commits
def test_nothing_starts_without_the_keys_until_what_is_lost_is_given_up(own_database: str) -> None:
    ids, said = asyncio.run(_sealed_with(OLD, own_database)), ""
    for given in ((), (OTHER,)):
        with pytest.raises(OperatorError, match=f"5 with key {vault.fingerprint(OLD)}") as refused:
            asyncio.run(_kept(own_database, *given))
        said += str(refused.value)
    sealed = crm("secrets", "seal", DATABASE_URL=own_database, KLYNGE_DATA_KEYS=f"{NEW} {OLD}")
    assert sealed.returncode == 0 and "apps 1, webhooks 2, agreements 2" in sealed.stdout, sealed.stderr
    assert asyncio.run(_kept(own_database, NEW)).sealed == 5
    given_up = crm("secrets", "forget-lost", DATABASE_URL=own_database, KLYNGE_DATA_KEYS=OTHER)
    assert "5 secrets" in given_up.stdout and "--yes" in given_up.stdout
    given_up = crm("secrets", "forget-lost", "--yes", DATABASE_URL=own_database, KLYNGE_DATA_KEYS=OTHER)
    assert "apps 1, webhooks 1, agreements 1" in given_up.stdout, given_up.stderr
    assert asyncio.run(_left(own_database, ids)) == (None, "disabled", "")
    state = crm("secrets", "state", DATABASE_URL=own_database, KLYNGE_DATA_KEYS=OTHER)
    assert "Key lost: 0." in state.stdout and "In clear: 0." in state.stdout, state
    said += sealed.stdout + sealed.stderr + given_up.stdout + given_up.stderr + state.stdout
    assert not any(hidden in said for hidden in (OLD, NEW, OTHER, SIGNING)), "no key and no secret is ever said"


async def _sealed_with(key: str, dsn: str) -> dict[str, UUID]:
    async with open_database(dsn, 2, [key]) as db, db.tx() as connection:
        return await stored(connection)


async def _kept(dsn: str, *given: str) -> seals.Kept:
    async with serving.opened(Settings(database_url=dsn, data_keys=given)) as context:
        return await seals.kept(context)


async def _left(dsn: str, ids: dict[str, UUID]) -> tuple[Any, str, str]:
    async with serving.opened(Settings(database_url=dsn, data_keys=(OTHER,))) as context, context.db.tx() as connection:
        app = await factors.authenticator(connection, ids["account"])
        status = await connection.fetchval("select status from webhook where id = $1", ids["webhook"])
        return app, status, (await federation.one(connection, "fed-1")).peer_secret
