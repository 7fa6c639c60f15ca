"""From draft to published: what is refused, what a draft would do and does, and the way back."""

import asyncio
from datetime import date

import msgspec
import pytest

from cluster_rules.errors import RulebookError
from cluster_rules.networks import LinkPolicy
from crm import catalogue
from crm.actions import rulebooks, simulation, verify
from crm.actor import Actor
from crm.errors import NotFound
from tests.conftest import context_on

pytestmark = pytest.mark.anyio
NORA, CLAIRE = "nora-industry-network", "claire-innovation-network"
NEXT_YEAR = date(2027, 1, 1)


async def _newest(context, slug=NORA):
    async with context.db.tx() as connection:
        return (await catalogue.load(connection)).rulebooks.of(slug)[-1]


async def _draft(context, **changes):
    """The next version, for everybody from the next year on."""
    book = await _newest(context)
    days = {"version": book.version + 1, "effective_from": NEXT_YEAR, "effective_from_existing": NEXT_YEAR}
    return msgspec.structs.replace(book, **(days | changes))


async def _dearer(context, more=1_000_000):
    """Principal partners pay so much more."""
    first, *rest = (await _newest(context)).tiers
    fee = msgspec.structs.replace(first.fees[0], amount=first.fees[0].amount + more)
    return await _draft(context, tiers=(msgspec.structs.replace(first, fees=(fee,)), *rest))


async def _linked(context):
    """How many stand in CLAIRE by rule on the first day of the next year, and how many versions there are."""
    async with context.db.tx() as connection:
        return tuple(
            await connection.fetchrow(
                "select (select count(*) from membership_grant where kind = 'linked' and superseded_at is null and"
                " starts_on <= $1 and (ends_on is null or ends_on > $1)), (select count(*) from rulebook)",
                NEXT_YEAR,
            )
        )


async def test_a_dearer_level_changes_fees_and_no_membership(context, actor):
    before = await _linked(context)
    found = await simulation.simulate(context, actor, await _dearer(context))
    assert found.on == NEXT_YEAR
    principal = found.levels["principal"]
    assert principal.members_before == principal.members_after > 0
    assert principal.fees_after - principal.fees_before == 1_000_000 * principal.members_after
    assert {each.kind for each in found.affected} == {"fee"}
    assert len(found.affected) == principal.members_after
    assert found.total.members_after == sum(level.members_after for level in found.levels.values())
    assert await _linked(context) == before


async def test_a_draft_that_changes_nothing_changes_nobody(context, actor):
    heard = []
    found = await simulation.simulate(context, actor, await _draft(context), tell=lambda *how: heard.append(how))
    kinds = {each.kind for each in found.affected}
    assert not kinds & {"starts", "ends", "level", "fee"}
    assert found.total.members_before == found.total.members_after > 0
    assert heard[-1] == (found.families, found.families)
    earlier = await simulation.simulate(context, actor, await _dearer(context), on=date(2026, 12, 1))
    assert [each for each in earlier.affected if each.kind == "fee"] == []


async def test_what_was_simulated_is_what_publishing_does_and_the_former_text_brings_it_back(context, actor):
    former = await _newest(context)
    standing, versions = await _linked(context)
    draft = await _draft(context, link_rules=())
    found = await simulation.simulate(context, actor, draft)
    reached = [each for each in found.affected if each.network == CLAIRE]
    assert len(reached) == standing > 1
    assert {each.kind for each in reached} == {"ends", "days"}  # who is there by its own membership too, stays
    made = await rulebooks.publish(context, actor, draft)
    moved = [each for each in found.affected if each.kind != "fee"]
    assert (made.version, made.new, made.changed) == (2, True, len(moved))
    assert await _linked(context) == (0, versions + 1)
    assert await verify.run(context) == []
    after = await simulation.simulate(context, actor, msgspec.structs.replace(draft, version=3))
    assert not {each.kind for each in after.affected} & {"starts", "ends", "level", "fee"}
    await rulebooks.publish(context, actor, msgspec.structs.replace(former, version=3))
    assert await _linked(context) == (standing, versions + 2)
    assert await verify.run(context) == []


async def test_publishing_leaves_a_trace_in_every_network_it_reached(context, actor):
    await rulebooks.publish(context, actor, await _draft(context, link_rules=()))
    async with context.db.tx() as connection:
        rows = await connection.fetch(
            "select n.slug, a.action, a.actor, a.detail from audit a join network n on n.id = a.network_id"
            " where a.action like 'rulebook_%' order by a.seq"
        )
        by = await connection.fetchval("select published_by from rulebook where version = 2")
    assert [(row["slug"], row["action"]) for row in rows] == [
        (CLAIRE, "rulebook_reached"),
        (NORA, "rulebook_published"),
    ]
    assert rows[1]["detail"]["version"] == 2 and rows[0]["detail"]["memberships"] > 0
    assert by == rows[0]["actor"] == actor.name


async def test_twice_is_once_and_only_the_next_version_is_taken(context, actor):
    draft = await _dearer(context)
    assert (await rulebooks.publish(context, actor, draft)).new
    assert not (await rulebooks.publish(context, actor, draft)).new
    for version, code in ((2, "rulebook_published"), (4, "rulebook_malformed"), (0, "rulebook_malformed")):
        with pytest.raises(RulebookError) as told:
            await rulebooks.publish(context, actor, msgspec.structs.replace(draft, version=version, currency="EUR"))
        assert (told.value.code, told.value.field) == (code, "version")


async def test_a_circle_is_refused_with_the_circle_printed(context, actor):
    async with context.db.tx() as connection:
        await connection.execute(
            "insert into agreement (code, source_network_id, target_network_id, names, starts_on, on_end)"
            " select 'back', target_network_id, source_network_id, names, starts_on, on_end from agreement"
            " where code = 'nora-claire-2021'"
        )
    (rule,) = (await _newest(context)).link_rules
    through = msgspec.structs.replace(rule, policy=LinkPolicy(through_linked=True))
    await rulebooks.publish(context, actor, await _draft(context, link_rules=(through,)))
    back = msgspec.structs.replace(
        through,
        when=msgspec.structs.replace(rule.when, tiers=()),
        grants=msgspec.structs.replace(rule.grants, network=NORA, tier="principal"),
        agreement="back",
    )
    book = await _newest(context, CLAIRE)
    draft = msgspec.structs.replace(book, version=book.version + 1, link_rules=(back,))
    for act in (simulation.simulate, rulebooks.publish):
        with pytest.raises(RulebookError) as told:
            await act(context, actor, draft)
        assert told.value.code == "rule_cycle"
        assert f"{NORA} -> {CLAIRE}" in told.value.params["cycle"]


async def test_a_draft_names_its_network_and_agreements_that_are_there(context, actor):
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
    good = rulebooks.text(await _draft(context))
    assert rulebooks.read(kept, NORA, good).version == 2
    for old, new, field in (
        ("version = 2", "version = 3", "version"),
        ("version = 2", "version = 1", "version"),
        ('network = "nora-industry-network"', 'network = "nora"', "network"),
        ("nora-claire-2021", "nora-claire-1921", "link_rules.principal-joins-claire.agreement"),
        (f'network = "{CLAIRE}"', 'network = "nowhere"', f"{NORA}.link_rules.principal-joins-claire.grants.network"),
    ):
        assert old in good
        with pytest.raises(RulebookError) as told:
            rulebooks.read(kept, NORA, good.replace(old, new, 1))
        assert told.value.field == field
        assert good.splitlines()[told.value.params["line"] - 1] == next(x for x in good.splitlines() if old in x)


async def test_who_does_not_manage_the_network_neither_tries_nor_publishes(context):
    stranger = Actor("Somebody", "web")
    draft = await _dearer(context)
    for act in (simulation.simulate, rulebooks.publish):
        with pytest.raises(NotFound):
            await act(context, stranger, draft)


@pytest.mark.commits
async def test_of_two_managers_at_once_one_publishes(own_database):
    async with context_on(own_database) as context:
        async with context.db.tx() as connection:
            ids = frozenset(row["id"] for row in await connection.fetch("select id from network"))
        actor = Actor("Test Manager", "web", manages=ids, reads=ids)
        drafts = [await _dearer(context, 100_000), await _dearer(context, 200_000)]
        told = await asyncio.gather(
            *(rulebooks.publish(context, actor, draft) for draft in drafts), return_exceptions=True
        )
        assert sorted(type(each).__name__ for each in told) == ["Published", "RulebookError"]
        refused = next(each for each in told if isinstance(each, RulebookError))
        assert refused.code == "rulebook_published"
        assert (await _newest(context)).version == 2
        assert await verify.run(context) == []
