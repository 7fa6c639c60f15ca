"""Many differences answered together: seen first with fees, done row by row, taken back; and headcounts by class."""

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from crm.actions import profiles, register_bulks, register_differences, register_runs
from crm.actions.register_bulks import Deeds
from crm.actor import Actor
from crm.context import Context
from crm.errors import Invalid, NotFound, Refused
from crm.register_shapes import Bulk, Row
from crm.store import register_bulks as store
from tests.crm.actions.test_register import NETWORK, Member, member, open_of, read, told
from tests.register_files import array, unit

pytestmark = pytest.mark.anyio
__all__ = ["member"]

DEEDS = Deeds(register_differences.take_over, profiles.tell, profiles.take_back)
TODAY = date(2026, 11, 22)
# Members of the network with a headcount and a number, and whether a fee of theirs depends on it.
MEMBERS = """
select o.id, i.value as number, o.name, p.employees, g.membership_id as membership, g.network_id as network
from organisation o join identifier i on i.organisation_id = o.id and i.scheme = 'no-orgnr'
join organisation_profile p on p.organisation_id = o.id and p.superseded_at is null and p.ends_on is null
join membership_grant g on g.organisation_id = o.id and g.kind = 'direct' and g.superseded_at is null
    and g.ends_on is null and g.starts_on <= '2026-01-01'
join network n on n.id = g.network_id and n.slug = $1
where p.employees is not null and p.parent_id is null order by o.name
"""


async def members_of(context: Context, slug: str = NETWORK) -> list[Member]:
    async with context.db.tx() as connection:
        return [Member(**dict(row)) for row in await connection.fetch(MEMBERS, slug)]


async def answered(context: Context, bulk: UUID) -> tuple[Bulk, list[Row]]:
    """The job, and what came of it."""
    await register_bulks.settle(context, bulk, DEEDS)
    async with context.db.tx() as connection:
        found = await store.lock(connection, bulk)
        rows = await connection.fetch(
            "select r.*, o.name as organisation from register_bulk_row r"
            " join organisation o on o.id = r.organisation_id where r.bulk_id = $1 order by r.row_id",
            bulk,
        )
    return found, [msgspec.convert({n: row[n] for n in Row.__struct_fields__}, Row) for row in rows]


async def begin(context: Context, actor: Actor, deed: str, reason: str, **more: Any) -> UUID:
    told = {"reviews": None, "token": uuid4(), **more}
    return await register_bulks.begin(context, actor, NETWORK, deed, reason, **told)  # type: ignore[arg-type]


async def changes_of(context: Context, chosen: list[Member]) -> list[int | None]:
    return [(await told(context, each))[1] for each in chosen]


@pytest.fixture
async def small(context: Context, actor: Actor) -> list[Member]:
    """Members whose headcount differs by one in the register, within their class of size."""
    chosen = [m for m in await members_of(context) if m.employees not in (9, 49, 249, 19, 99)][:4]
    await read(context, actor, array(*(each.unit(antallAnsatte=each.employees + 1) for each in chosen)))
    return chosen


async def test_a_headcount_of_the_same_class_stands_in_a_group_and_one_of_another_is_a_review(
    context: Context, actor: Actor, member: Member
) -> None:
    assert member.employees == 38
    await read(context, actor, array(member.unit(antallAnsatte=41)))
    assert (await open_of(context, member)).keys() == {"register_headcount"}
    await read(context, actor, array(member.unit(antallAnsatte=50)), as_of=date(2026, 11, 21))
    assert (await open_of(context, member)).keys() == {"register_employees"}
    await read(context, actor, array(member.unit(antallAnsatte=49)), as_of=date(2026, 11, 22))
    assert (await open_of(context, member)).keys() == {"register_headcount"}


async def test_taking_over_together_is_seen_first_then_done_and_taken_back(
    context: Context, actor: Actor, small: list[Member]
) -> None:
    before = await changes_of(context, small)
    bulk = await begin(context, actor, "take_over", "register_headcount", note="Autumn round")
    looked, rows = await answered(context, bulk)
    assert (looked.status, looked.total, looked.done, looked.failed) == ("looked", 4, 4, 0)
    assert [(row.looked.ours, row.looked.register) for row in rows if row.looked] == [
        (each, each + 1) for each in (m.employees for m in await _in_order(small, rows))
    ]
    assert await changes_of(context, small) == before
    await register_bulks.confirm(context, actor, bulk)
    await register_bulks.confirm(context, actor, bulk)
    done, rows = await answered(context, bulk)
    assert (done.status, done.changed, done.failed) == ("done", 4, 0)
    assert await changes_of(context, small) == [each.employees + 1 for each in small]
    async with context.db.tx() as connection:
        entries = await connection.fetch("select detail from audit where action = 'register_taken_over'")
        reason = await connection.fetchval("select reason from profile_change where id = $1", rows[0].change_id)
    assert len(entries) == 4 and {e["detail"]["bulk"] for e in entries} == {str(bulk)}
    assert reason == "Enhetsregisteret 2026-11-20: Autumn round"
    # Somebody has told something newer of one of them: that one stays as it is.
    form = profiles.ProfileForm(effective_on=TODAY, employees=7_000)
    await profiles.make(context, actor, rows[0].organisation_id, form)
    await register_bulks.undo(context, actor, bulk)
    undone, rows = await answered(context, bulk)
    assert (undone.status, [row.outcome for row in rows]) == ("undone", ["stays", *["undone"] * 3])
    assert rows[0].problem and rows[0].problem["rule"] == "changed_since"
    assert (undone.total, undone.failed) == (4, 1)
    back = [each.employees for each in await _in_order(small, rows[1:])]
    assert sorted(map(int, filter(None, await changes_of(context, small)))) == sorted([7_000, *back])


async def _in_order(chosen: list[Member], rows: list[Row]) -> list[Member]:
    by_id = {each.id: each for each in chosen}
    return [by_id[row.organisation_id] for row in rows]


async def test_the_total_of_fees_is_what_is_billed_and_a_fee_that_moved_meanwhile_is_not_changed(
    context: Context, actor: Actor
) -> None:
    """A network whose fee has bands of headcounts: the total is each single preview's, added up."""
    slug, chosen = await _with_bands(context)
    await read(context, actor, array(*(m.unit(antallAnsatte=5_000) for m in chosen)), slug=slug)
    async with context.db.tx() as connection:
        ids = await connection.fetch(
            "select r.id from membership_review r join network n on n.id = r.network_id"
            " where n.slug = $1 and r.reason = 'register_employees' and r.closed_at is null",
            slug,
        )
    single = []
    for row in ids:
        offered = await register_differences.offered(context, actor, row["id"])
        form = profiles.of_values(offered.facts, TODAY, offered.source)
        single += (await profiles.preview(context, actor, offered.organisation_id, form)).fees
    bulk = await register_bulks.begin(context, actor, slug, "take_over", "register_employees", None, uuid4())
    looked, rows = await answered(context, bulk)
    known = [fee for fee in single if fee.before is not None and fee.after is not None]
    sums = looked.fees_in({fee.network for fee in single})["NOK"]
    assert looked.fees_in(["another"]) == {}  # whoever manages elsewhere is not told
    assert known and sums["after"] > sums["before"] > 0
    assert (sums["before"], sums["after"]) == (sum(f.before for f in known), sum(f.after for f in known))
    assert (sums["changed"], sums["unknown"]) == (len(single), len(single) - len(known))
    first = next(row for row in rows if row.looked and row.looked.fees)
    async with context.db.tx() as connection:  # as if another fee had been seen
        changed = "update register_bulk_row set looked = jsonb_set(looked, '{fees}', '[]') where row_id = $1"
        await connection.execute(changed, first.row_id)
    await register_bulks.confirm(context, actor, bulk)
    done, rows = await answered(context, bulk)
    verdicts = {row.organisation_id: row for row in rows}
    assert verdicts[first.organisation_id].problem == {"rule": "register_fees_moved", "values": {}}
    assert (done.changed, done.failed) == (len(rows) - 1, 1)


async def _with_bands(context: Context) -> tuple[str, list[Member]]:
    """The first network in which a headcount of 5,000 changes fees of several members."""
    async with context.db.tx() as connection:
        slugs = [row["slug"] for row in await connection.fetch("select slug from network order by slug")]
    for slug in slugs:
        chosen = [each for each in await members_of(context, slug) if each.employees < 50][:3]
        if len(chosen) == 3 and await _depends(context, slug, chosen[0]):
            return slug, chosen
    raise AssertionError("no network of the demo has bands of headcounts")


async def _depends(context: Context, slug: str, one: Member) -> bool:
    everything = frozenset({one.network})
    form = profiles.ProfileForm(effective_on=TODAY, employees=5_000)
    seen = await profiles.preview(context, Actor("Test", "web", manages=everything), one.id, form)
    return any(fee.network == slug and fee.before is not None and fee.after is not None for fee in seen.fees)


async def test_keeping_together_needs_a_reason_and_holds(context: Context, actor: Actor, small: list[Member]) -> None:
    with pytest.raises(Invalid):
        await begin(context, actor, "keep", "register_headcount")
    review, _ = (await open_of(context, small[0]))["register_headcount"]
    await register_differences.take_over(context, actor, review, profiles.tell)
    token = uuid4()
    bulk = await begin(context, actor, "keep", "register_headcount", note="Counted by hand", token=token)
    assert await begin(context, actor, "keep", "register_headcount", note="Counted by hand", token=token) == bulk
    done, _ = await answered(context, bulk)
    assert (done.status, done.total, done.changed) == ("done", 3, 3)
    content = array(*(each.unit(antallAnsatte=each.employees + 1, hjemmeside="x.no") for each in small))
    await read(context, actor, content, as_of=date(2026, 11, 21))
    assert [await open_of(context, each) for each in small] == [{}, {}, {}, {}]
    with pytest.raises(Refused, match="bulk_not_undoable"):
        await register_bulks.undo(context, actor, bulk)
    with pytest.raises(Refused, match="selection_empty"):
        await begin(context, actor, "keep", "register_headcount", note="Again")


async def test_who_ends_is_never_answered_together_and_strangers_see_nothing(
    context: Context, actor: Actor, small: list[Member]
) -> None:
    await read(context, actor, array(small[0].unit(konkurs=True)), as_of=date(2026, 11, 21))
    for deed in ("take_over", "keep"):
        with pytest.raises(Refused, match="register_one_by_one"):
            await begin(context, actor, deed, "register_bankrupt", note="All of them")
    bulk = await begin(context, actor, "take_over", "register_headcount")
    stranger = Actor("Stranger", "web")
    for deed in (register_bulks.confirm, register_bulks.drop, register_bulks.undo):
        with pytest.raises(NotFound):
            await deed(context, stranger, bulk)
    with pytest.raises(Refused, match="register_bulk_status"):
        await register_bulks.confirm(context, actor, bulk)  # not looked at yet
    await register_bulks.drop(context, actor, bulk)
    dropped, _ = await answered(context, bulk)
    assert (dropped.status, dropped.done) == ("dropped", 0)


async def test_what_cannot_be_looked_at_stays_out_and_is_counted(
    context: Context, actor: Actor, small: list[Member]
) -> None:
    bulk = await begin(context, actor, "take_over", "register_headcount")
    review, _ = (await open_of(context, small[0]))["register_headcount"]
    await register_differences.take_over(context, actor, review, profiles.tell)
    looked, _ = await answered(context, bulk)
    assert (looked.done, looked.failed) == (4, 1)
    await register_bulks.confirm(context, actor, bulk)
    done, rows = await answered(context, bulk)
    assert (done.total, done.done, done.changed, done.failed) == (4, 4, 3, 1)
    assert sorted(row.outcome for row in rows) == ["changed", "changed", "changed", "closed"]


async def test_what_is_answered_meanwhile_is_left_alone(context: Context, actor: Actor, small: list[Member]) -> None:
    bulk = await begin(context, actor, "take_over", "register_headcount")
    await answered(context, bulk)
    review, _ = (await open_of(context, small[0]))["register_headcount"]
    await register_differences.take_over(context, actor, review, profiles.tell)
    await register_bulks.confirm(context, actor, bulk)
    done, rows = await answered(context, bulk)
    assert (done.changed, done.failed) == (3, 1)
    assert {row.organisation_id: row.outcome for row in rows}[small[0].id] == "closed"


async def test_small_ones_are_taken_over_by_themselves_where_the_host_says_so_and_nothing_else_follows(
    context: Context, actor: Actor, small: list[Member]
) -> None:
    await register_runs.rule(context, actor, NETWORK, True)
    content = array(
        *(each.unit(antallAnsatte=each.employees + 1) for each in small[:-1]),
        unit(small[-1].number, small[-1].name, antallAnsatte=5_000, forretningsadresse=None),
    )
    result = await read(context, actor, content, as_of=date(2026, 11, 21))
    assert result.reads[0].counts["by_rule"] == 3
    async with context.db.tx() as connection:
        bulks = await connection.fetch("select id from register_bulk where by_rule")
    assert len(bulks) == 1
    done, _ = await answered(context, bulks[0]["id"])
    assert (done.status, done.changed, done.note) == ("done", 3, "")
    assert await changes_of(context, small) == [
        *(each.employees + 1 for each in small[:-1]),
        small[-1].employees,
    ]
    assert (await open_of(context, small[-1])).keys() == {"register_employees"}  # a fee may depend on it
    await register_runs.rule(context, actor, NETWORK, False)
    async with context.db.tx() as connection:
        told = await connection.fetch("select detail from audit where action = 'register_rule' order by seq")
    assert [row["detail"]["take_small"] for row in told] == [True, False]


async def test_by_rule_nothing_is_taken_over_that_changes_a_fee(
    context: Context, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second wall: even if a bound of a rulebook had been overlooked, the fee itself is looked at."""
    slug, chosen = await _with_bands(context)
    await register_runs.rule(context, actor, slug, True)
    monkeypatch.setattr(store, "SMALL", "register_employees")
    await read(context, actor, array(*(each.unit(antallAnsatte=5_000) for each in chosen)), slug=slug)
    async with context.db.tx() as connection:
        bulk = await connection.fetchval("select id from register_bulk where by_rule")
    done, rows = await answered(context, bulk)
    verdicts = {row.organisation_id: row for row in rows}
    refused = {"rule": "register_not_quiet", "values": {}}
    assert verdicts[chosen[0].id].problem == refused and done.changed + done.failed == len(rows)
    assert await changes_of(context, chosen[:1]) == [chosen[0].employees]
