"""The member list kept in memory follows every change that another connection commits, and forgets when it must."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest

from cluster_rules.ledger import Part, Place
from cluster_rules.money_facts import Issued, Received, Sold
from crm import catalogue
from crm.actions import memberships
from crm.actions.memberships import Change
from crm.actor import Actor
from crm.context import Context
from crm.database import Connection
from crm.reads import member_index, member_rows, member_search
from crm.reads.member_query import Field, Filters, Search
from crm.reads.member_search import SORTS, Order
from crm.store import ledger, payments, retention
from tests.conftest import NOW, context_on

pytestmark = [pytest.mark.anyio, pytest.mark.commits]
SLUG = "nora-industry-network"
TODAY = NOW.date()
TAG, FIELD, NUMBER, INVOICE = uuid4(), uuid4(), uuid4(), uuid4()
# What changes a member ({m}embership, {o}rganisation, {n}etwork), one after the other, each to be seen at once.
CHANGES = {
    "a name": "update organisation set name = 'Zz' || name where id = '{o}'",
    "fields of work": "update organisation set fields = '[\"quantum\"]' where id = '{o}'",
    "headcount": "update organisation_profile set employees = 3 where organisation_id = '{o}'",
    "an old name": "insert into known_name (id, organisation_id, names, actor, recorded_at)"
    " values (gen_random_uuid(), '{o}', jsonb_build_object('nb', 'Oldest'), 't', now())",
    "a number": "insert into identifier (id, organisation_id, scheme, value)"
    " values (gen_random_uuid(), '{o}', 'vat', 'XX77')",
    "nobody speaks for it": "delete from contact where organisation_id = '{o}'",
    "somebody does": "insert into contact (id, organisation_id, name, email, created_at)"
    " values (gen_random_uuid(), '{o}', 'A', 'a@b.example', now())",
    "a tag": "insert into membership_tag (id, membership_id, tag_id, network_id, added_at)"
    " values (gen_random_uuid(), '{m}', '{tag}', '{n}', now())",
    "the tag is gone": "update tag set deleted_at = now() where id = '{tag}'",
    "an answer": "insert into custom_value (id, membership_id, field_id, network_id, value, changed_at)"
    " values (gen_random_uuid(), '{m}', '{field}', '{n}', 'true', now())",
    "another answer": "update custom_value set value = 'false' where membership_id = '{m}' and field_id = '{field}'",
    "a figure": "insert into custom_value (id, membership_id, field_id, network_id, value, changed_at)"
    " values (gen_random_uuid(), '{m}', '{number}', '{n}', '\"7\"', now())",
    "no answer": "delete from custom_value where membership_id = '{m}' and field_id = '{field}'",
    "somebody of the office": "insert into membership_responsible select '{m}', '{n}', id, now(), '' from account"
    " order by email limit 1",
    "nobody of the office": "delete from membership_responsible where membership_id = '{m}'",
    "a call": "insert into note (id, network_id, organisation_id, kind, text, on_date, actor, channel, created_at)"
    " values (gen_random_uuid(), '{n}', '{o}', 'call', 'x', '2026-11-21', 't', 'web', now())",
    "a letter": "insert into mail (id, network_id, organisation_id, kind, recipient, subject, body_text, send_after,"
    " created_at, sent_at) values (gen_random_uuid(), '{n}', '{o}', 'x', 'a@b.example', 'x', 'x', now(), now(),"
    " '2026-11-22')",
    "linked as well": "update membership_period set origin = 'both' where membership_id = '{m}'",
    "another level paid for": "update membership_grant set tier = 'other' where membership_id = '{m}'"
    " and kind = 'direct'",
    "an industry": "with u as (insert into register_unit (number, nace, as_of) values ('899999990', '{{62.100}}',"
    " '2026-11-01') returning number) insert into identifier (id, organisation_id, scheme, value)"
    " select gen_random_uuid(), '{o}', 'no-orgnr', number from u",
    "another industry": "update register_unit set nace = '{{25.11}}' where number = '899999990'",
    "an empty register": "truncate register_unit",
    "the industry is back": "insert into register_unit (number, nace, as_of) values ('899999990', '{{62.1}}',"
    " '2026-11-01')",
    "the register has it no more": "delete from register_unit where number = '899999990'",
    "a member no more": "update membership_period set superseded_at = now() where membership_id = '{m}'",
}
# Read of facts that never change once they have been booked or issued, or asked for with every question.
NEVER_MOVE = {"invoice", "charge", "ledger_transaction", "membership", "tag", "touched"}


async def _search(context: Context) -> Search:
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        network = kept.by_slug[SLUG]
        await connection.execute(
            "insert into tag (id, network_id, name, created_at) values ($1, $2, 'T', now())", TAG, network.id
        )
        for field, kind in ((FIELD, "yes_no"), (NUMBER, "number")):
            await connection.execute(
                "insert into custom_field (id, network_id, code, names, kind, created_at)"
                " values ($1, $2, $3, '{}', $3, now())", field, network.id, kind,
            )  # fmt: skip
    tiers = [tier.code for tier in kept.rulebooks.of(SLUG)[-1].tiers]
    fields = (Field(FIELD, "yes_no", "yes_no"), Field(NUMBER, "number", "number"))
    search = Search(network.id, network.host_id, "NOK", TODAY, tiers, fields=fields)
    return member_search.with_prices(search, kept.rulebooks, SLUG)


async def _said(connection: Connection, s: Search) -> dict[str, Any]:
    """All the list says, by every column and to some questions."""
    out: dict[str, Any] = {}
    for number, by in enumerate(SORTS):
        out[by] = await member_search.search(connection, s, Order(by, back=bool(number % 2)))
    for text in ("zz", "oldest", "xx77"):
        out[text] = sorted(await member_search.ids(connection, msgspec.structs.replace(s, filters=Filters(text))))
    figures = Filters(fields={"number": {"from": 5}})
    out["figures"] = await member_search.ids(connection, msgspec.structs.replace(s, filters=figures))
    every = await connection.fetchval("select array(select id from membership where network_id = $1)", s.network)
    return out | {"rows": await member_search.members(connection, s, every)}


async def _now(context: Context, s: Search) -> dict[str, Any]:
    """What the list in memory says: what one that is read anew says, too."""
    async with context.db.reading({s.network}) as connection:
        kept = await _said(connection, s)
        async with connection.transaction():
            assert kept == await _said(connection, s)
    return kept


async def _member(context: Context, s: Search) -> tuple[UUID, UUID]:
    row = await context.db.pool.fetchrow(
        "select membership_id, organisation_id from membership_period where network_id = $1 and origin = 'direct'"
        " and superseded_at is null and ends_on is null and starts_on < $2 and exists (select from contact c"
        " where c.organisation_id = membership_period.organisation_id) order by 1 limit 1", s.network, TODAY,
    )  # fmt: skip
    return row["membership_id"], row["organisation_id"]


async def test_the_list_follows_whatever_another_connection_changes(
    own_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with context_on(own_database) as context, context_on(own_database) as other:
        search = await _search(context)
        membership, organisation = await _member(context, search)
        before = await _now(context, search)
        monkeypatch.setattr(member_index, "_fresh", _only_inside(member_index._fresh))

        async def follows(what: str, change: Callable[[Connection], Awaitable[Any]]) -> None:
            nonlocal before
            async with other.db.tx() as connection:
                await change(connection)
            after = await _now(context, search)
            assert after != before, what
            before = after

        await follows("an invoice", lambda c: _billed(c, search, organisation))
        told = {"host": search.host, "currency": "NOK", "on": TODAY, "provider": "bank", "rail": "bank"}
        paid = Received(**told, object="p", amount=400_00, parts=(Part(400_00, Place(organisation, INVOICE)),))
        await follows("a payment", lambda c: payments.receive(c, paid, payments.Told(payer_name="P"), "Test"))
        named = {"m": membership, "o": organisation, "n": search.network, "tag": TAG, "field": FIELD, "number": NUMBER}
        for what, sql in CHANGES.items():
            await follows(what, lambda c, sql=sql: _unguarded(c, sql.format(**named)))


def _only_inside(fresh: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """A list read anew is only for who is inside a transaction: elsewhere it is mended."""

    async def read(connection: Connection, s: Search) -> Any:
        assert connection.is_in_transaction(), "the list was read anew"
        return await fresh(connection, s)

    return read


async def _unguarded(connection: Connection, sql: str) -> None:
    """Whatever guards some of these rows is not looked at here; who moves is told as ever."""
    for table in ("organisation_profile", "membership_grant", "membership_period"):
        await connection.execute(f"alter table {table} disable trigger user")
        await connection.execute(f"alter table {table} enable trigger touched_changed")
    assert (await connection.execute(sql)).split()[-1] != "0"


async def _billed(connection: Connection, s: Search, organisation: UUID) -> None:
    await connection.execute("set local session_replication_role = replica")
    await connection.execute(
        "insert into invoice (id, host_id, organisation_id, status, currency, payment_days, network_id, kind, series,"
        " number, issued_on, due_on, net, vat, gross, created_at) values ($1, $2, $3, 'issued', 'NOK', 14, $4,"
        " 'invoice', 'T', 1, '2026-11-01', '2026-11-15', 100000, 0, 100000, now())",
        *(INVOICE, s.host, organisation, s.network),
    )
    await connection.execute("set local session_replication_role = origin")
    sold = (Sold(s.network, 1000_00, 0, "standard"),)
    issued = Issued(
        host=s.host, currency="NOK", on=date(2026, 11, 1), invoice=INVOICE, organisation=organisation, lines=sold
    )
    await ledger.post_many(connection, [issued], "Test")


async def test_a_decision_of_a_manager_is_in_the_list_with_its_commit(own_database: str) -> None:
    async with context_on(own_database) as context, context_on(own_database) as other:
        search = await _search(context)
        membership, _ = await _member(context, search)
        before = (await _now(context, search))["name"]
        manager = Actor("Manager", "web", manages=frozenset({search.network}))
        await memberships.make(other, manager, membership, Change("suspension", TODAY, reason="unpaid"))
        after = (await _now(context, search))["name"]
        assert after.counts["state"]["suspended"] == before.counts["state"].get("suspended", 0) + 1


async def test_who_began_first_and_commits_last_is_followed_and_old_moves_are_forgotten(own_database: str) -> None:
    async with context_on(own_database) as context:
        search = await _search(context)
        ids = await context.db.pool.fetchval(
            "select array(select organisation_id from membership where network_id = $1 order by 1 limit 3)",
            search.network,
        )
        await _now(context, search)
        early, late = await asyncpg.connect(own_database), await asyncpg.connect(own_database)
        try:
            first = early.transaction()
            await first.start()
            for connection, id_ in ((early, ids[0]), (late, ids[1])):
                await connection.execute("update organisation set name = 'Zz ' || name where id = $1", id_)
            assert len((await _now(context, search))["zz"]) == 1
            assert len((await _now(context, search))["zz"]) == 1
            await first.commit()
            assert len((await _now(context, search))["zz"]) == 2
            # Moves of which this process has not heard are forgotten meanwhile: all is read anew.
            await late.execute("update organisation set name = 'Zz ' || name where id = $1", ids[2])
            await late.execute("update member_moved set moved_at = now() - interval '3 days'")
            await late.execute(retention.FORGET_MOVES)
            assert await late.fetchval("select count(*) from member_moved") == 1
            assert len((await _now(context, search))["zz"]) == 3
        finally:
            await early.close()
            await late.close()


async def test_whoever_does_not_see_the_network_is_not_told_what_is_in_memory(own_database: str) -> None:
    async with context_on(own_database) as context:
        search = await _search(context)
        assert (await _now(context, search))["rows"]
        async with context.db.reading({uuid4()}) as connection:
            assert await member_search.ids(connection, search) == []
            assert await member_search.members(connection, search, [(await _member(context, search))[0]]) == []
        assert (await _now(context, search))["rows"]


async def test_whatever_the_list_is_made_of_says_when_it_moves(own_database: str) -> None:
    """The tables its statements read have the trigger, or never change."""
    read: set[str] = set()

    class Watched:
        def __init__(self, connection: Connection) -> None:
            self.connection = connection

        def transaction(self) -> Any:
            return self.connection.transaction()

        async def fetch(self, sql: str, *values: Any) -> Any:
            await self._watch(sql, *values)
            return await self.connection.fetch(sql, *values)

        async def cursor(self, sql: str, *values: Any) -> Any:
            await self._watch(sql, *values)
            return await self.connection.cursor(sql, *values)

        async def _watch(self, sql: str, *values: Any) -> None:
            plan = await self.connection.fetchval(f"explain (format json) {sql}", *values)
            read.update(_relations(msgspec.json.decode(plan)))

    async with context_on(own_database) as context:
        search = await _search(context)
        async with context.db.pool.acquire() as connection:  # as the owner: policies read other tables
            assert [row async for row in member_rows.read(Watched(connection), search)]
            told = {
                row["t"]
                for row in await connection.fetch(
                    "select tgrelid::regclass::text as t from pg_trigger where tgname like 'member_moved%'"
                    " or tgname like 'touched_%'"
                )
            }
    assert {"organisation", "membership_period", "ledger_entry", "known_name", "custom_value"} <= read
    assert read - told <= NEVER_MOVE


def _relations(plan: Any) -> set[str]:
    if isinstance(plan, list):
        return {name for each in plan for name in _relations(each)}
    if not isinstance(plan, dict):
        return set()
    own = {plan["Relation Name"]} if "Relation Name" in plan else set()
    return own | {name for each in plan.values() for name in _relations(each)}
