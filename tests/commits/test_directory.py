"""What is searched is what is stored, from the moment of the commit: seen from another connection, on another day."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
import pytest

from crm import catalogue
from crm.actions import listings, memberships
from crm.actions.memberships import Change
from crm.actor import Actor
from crm.clock import FixedClock
from crm.context import Context
from crm.reads import directory, directory_index
from crm.reads.directory import Asked
from crm.web.directory_opening import opened
from tests.conftest import NOW, context_on

pytestmark = [pytest.mark.anyio, pytest.mark.commits]


async def names_of(context: Context, text: str = "", **chosen: tuple[str, ...]) -> tuple[set[str], int, dict]:
    """Who is found now: names, the total, the counts."""
    async with opened(context) as opening:
        rows = [r async for batch in opening.every(Asked(text, chosen)) for r in batch]
        found = await opening.search(Asked(text, chosen))
    return {row.name for row in rows}, found.total, found.counts


async def one(context: Context, condition: str) -> tuple[UUID, str]:
    async with context.db.tx() as connection:
        row = await connection.fetchrow(
            f"select organisation_id as id, name from directory_entry where shown and {condition} order by name limit 1"
        )
    return row["id"], row["name"]


async def test_gone_with_the_commit_and_back_with_the_next(own_database: str) -> None:
    async with context_on(own_database) as context, context_on(own_database) as other:
        member, name = await one(context, "jsonb_array_length(body -> 'memberships') = 1")
        actor = Actor("Own", "web", runs=frozenset({member}), acts_for=frozenset({member}))
        _, total, counts = await names_of(other)
        await listings.set_listed(context, actor, member, False)
        names, fewer, after = await names_of(other)
        assert name not in names
        assert fewer == total - 1
        assert sum(after["network"].values()) == sum(counts["network"].values()) - 1
        assert (await names_of(other, name))[0].isdisjoint({name})
        await listings.set_listed(context, actor, member, True)
        assert name in (await names_of(other))[0]
        assert (await names_of(other))[1:] == (total, counts)


async def test_before_the_commit_nobody_else_sees_it(own_database: str) -> None:
    async with context_on(own_database) as context, context_on(own_database) as other:
        member, name = await one(context, "true")
        async with context.db.tx() as connection:
            await connection.execute("update organisation set name = 'Zzz Renamed' where id = $1", member)
            assert name in (await names_of(other))[0]
        names, _, _ = await names_of(other)
        assert name not in names
        assert "Zzz Renamed" in names


async def test_an_ending_decided_today_shows_on_its_day(own_database: str) -> None:
    clock = FixedClock(NOW)
    async with context_on(own_database, clock) as context:
        async with context.db.tx() as connection:
            row = await connection.fetchrow(
                "select p.membership_id, e.organisation_id as id, e.name, n.slug from directory_entry e"
                " join membership_period p on p.organisation_id = e.organisation_id and p.superseded_at is null"
                " join network n on n.id = p.network_id where e.shown and p.origin = 'direct' and p.ends_on is null"
                " and jsonb_array_length(e.body -> 'memberships') = 1 and n.slug = 'nora-startup'"
                " order by e.name limit 1"
            )
            await connection.execute(
                "update membership_period set superseded_at = now() where membership_id = $1", row["membership_id"]
            )
            await connection.execute(
                "insert into membership_period (membership_id, network_id, organisation_id, tier, status, origin,"
                " starts_on, ends_on, recorded_at) select membership_id, network_id, organisation_id, tier, status,"
                " origin, starts_on, '2027-03-01', now() from membership_period where membership_id = $1 limit 1",
                row["membership_id"],
            )
        assert row["name"] in (await names_of(context))[0]
        clock.moment = datetime(2027, 2, 28, 22, 30, tzinfo=UTC)  # still February in Oslo
        assert row["name"] in (await names_of(context))[0]
        clock.moment = datetime(2027, 2, 28, 23, 30, tzinfo=UTC)
        names, total, _ = await names_of(context)
        assert row["name"] not in names
        assert len(names) == total
        clock.moment = NOW


async def test_two_transactions_about_one_member_at_once(own_database: str) -> None:
    """The second looks after the first has committed: neither's words are lost from what is searched."""
    one_connection, other = await asyncpg.connect(own_database), await asyncpg.connect(own_database)
    try:
        member = await one_connection.fetchval(
            "select organisation_id from directory_entry where shown order by name limit 1"
        )
        first, second = one_connection.transaction(), other.transaction()
        await first.start()
        await second.start()
        await one_connection.execute("update organisation set name = 'Qqq First' where id = $1", member)
        await other.execute(
            "insert into listing (id, organisation_id, offers, changed_at) values ($2, $1, '[\"data\"]', now())"
            " on conflict (organisation_id) do update set offers = excluded.offers",
            member,
            uuid4(),
        )
        await first.commit()
        await second.commit()
        row = await other.fetchrow("select name, tags from directory_entry where organisation_id = $1", member)
        assert row["name"] == "Qqq First"
        assert "o:data" in row["tags"]
    finally:
        await one_connection.close()
        await other.close()


async def test_old_addresses_lead_on_and_are_never_given_away(own_database: str) -> None:
    async with context_on(own_database) as context:
        async with context.db.tx() as connection:
            rows = await connection.fetch(
                "select organisation_id as id, slug from directory_entry where shown order by name limit 2"
            )
        (one_id, old), (other_id, _) = [(row["id"], row["slug"]) for row in rows]
        for who, name in (
            (one_id, "Nytt Navn AS"),
            (other_id, old.replace("-", " ").title()),
            (one_id, "Nytt Navn AS"),
        ):
            async with context.db.tx() as connection:
                await connection.execute("update organisation set name = $2 where id = $1", who, name)
        async with context.db.tx() as connection:
            slugs = dict(await connection.fetch("select slug, organisation_id from directory_slug"))
            now = await connection.fetchval("select slug from directory_entry where organisation_id = $1", other_id)
            await connection.execute("update organisation set name = $2 where id = $1", one_id, old.replace("-", " "))
        assert slugs[old] == slugs["nytt-navn-as"] == one_id
        assert now.startswith(f"{old}-")
        assert slugs[now] == other_id
        async with context.db.tx() as connection:
            assert (
                await connection.fetchval("select slug from directory_entry where organisation_id = $1", one_id) == old
            )


async def test_the_index_of_one_process_follows_another(own_database: str) -> None:
    """Changes in an order the transaction numbers do not tell: the one that began first commits last."""
    async with context_on(own_database) as context:
        early, late = await asyncpg.connect(own_database), await asyncpg.connect(own_database)
        try:
            ids = [
                row["id"]
                for row in await early.fetch(
                    "select organisation_id as id from directory_entry where shown order by name limit 2"
                )
            ]
            _, total, _ = await names_of(context)
            first, second = early.transaction(), late.transaction()
            await first.start()
            await early.execute(
                "insert into listing (id, organisation_id, listed, changed_at) values ($2, $1, false, now())"
                " on conflict (organisation_id) do update set listed = false", ids[0], uuid4(),
            )  # fmt: skip
            await second.start()
            await late.execute(
                "insert into listing (id, organisation_id, listed, changed_at) values ($2, $1, false, now())"
                " on conflict (organisation_id) do update set listed = false", ids[1], uuid4(),
            )  # fmt: skip
            await second.commit()
            assert (await names_of(context))[1] == total - 1
            await first.commit()
            assert (await names_of(context))[1] == total - 2
            async with context.db.reading([]) as connection:
                kept, _ = await directory_index.current(connection, keep=True)
                fresh, _ = await directory_index.current(connection, keep=False)
            assert {t: kept.bits(t) for t in fresh.marks()} == {t: fresh.bits(t) for t in fresh.marks()}
        finally:
            await early.close()
            await late.close()


@pytest.mark.parametrize("loose", [directory_index.LOOSE, 0])
async def test_a_word_that_is_remembered_follows_names(
    own_database: str, monkeypatch: pytest.MonkeyPatch, loose: int
) -> None:
    """Once asked for, a word is not looked up again, and yet true; also when all are put in order anew each time."""
    monkeypatch.setattr(directory_index, "LOOSE", loose)
    async with context_on(own_database) as context, context_on(own_database) as other:
        member, name = await one(context, "name not ilike '%energi%'")
        before, total, _ = await names_of(context, "energi")
        await names_of(context, "energi zzz")
        assert name not in before
        assert total == len(before) > 0
        monkeypatch.setattr(directory, "_WORDS", "select nobody_asks()")
        for called in ("Zzz Energi", "Aaa Energi", name):
            async with other.db.tx() as connection:
                await connection.execute("update organisation set name = $2 where id = $1", member, called)
            found, now, _ = await names_of(context, "energi")
            assert found == before | ({called} - {name})
            assert now == len(found)
        with pytest.raises(asyncpg.UndefinedFunctionError):
            await names_of(context, "somethingelse")


async def test_a_suspended_member_is_gone_with_the_decision(own_database: str) -> None:
    async with context_on(own_database) as context:
        async with context.db.tx() as connection:
            kept = await catalogue.load(connection)
            row = await connection.fetchrow(
                "select p.membership_id, o.name from membership_period p"
                " join organisation o on o.id = p.organisation_id"
                " join directory_entry e on e.organisation_id = o.id join network n on n.id = p.network_id"
                " where p.superseded_at is null and p.origin = 'direct' and e.shown and n.slug = 'nora-startup'"
                " and jsonb_array_length(e.body -> 'memberships') = 1 and p.ends_on is null order by o.name limit 1"
            )
        manager = Actor("Manager", "web", manages=frozenset(kept.by_id))
        assert row["name"] in (await names_of(context))[0]
        await memberships.make(
            context, manager, row["membership_id"], Change("suspension", NOW.date(), reason="unpaid")
        )
        assert row["name"] not in (await names_of(context))[0]
