"""What an organisation decides about its own memberships: from which day, which levels, and what it may undo."""

from datetime import date

import pytest

from cluster_rules.errors import RuleViolation
from crm.actions import memberships
from crm.actions.memberships import Change
from crm.actor import Actor
from crm.errors import Forbidden, NotFound
from tests.crm.web import office

pytestmark = pytest.mark.anyio
TODAY, FJORDSYN, PARTNER = date(2026, 11, 22), "Fjordsyn Helse", "Cyviz"


async def test_an_administrator_goes_up_at_once_and_down_or_out_with_notice(context):
    organisation, membership = await office.member(context, FJORDSYN)
    found = await memberships.choices(context, _person(organisation), membership)
    # Notice for 2027 was due by 1 November.
    assert found == memberships.Choices((("partner", date(2028, 1, 1)),), date(2028, 1, 1))
    organisation, membership = await office.member(context, PARTNER)
    admin, up = _person(organisation), "principal"
    found = await memberships.choices(context, admin, membership)
    assert dict(found.levels)[up] == TODAY
    made = await memberships.make(context, admin, membership, Change("tier_change", TODAY, up))
    async with context.db.tx() as connection:
        told = await connection.fetchrow("select actor, channel from audit order by seq desc limit 1")
        kept = await connection.fetchrow("select actor, channel, tier from membership_decision where id = $1",
                                         made.decision)  # fmt: skip
    assert dict(told) == {"actor": "Tuva Nor", "channel": "member"}
    assert dict(kept) == {"actor": "Tuva Nor", "channel": "member", "tier": up}
    with pytest.raises(RuleViolation) as refused:
        await memberships.preview(context, admin, membership, Change("ending", TODAY))
    assert refused.value.code == "notice_required" and refused.value.params["earliest"] == found.leave_on
    _, follows = await memberships.preview(context, admin, membership, Change("ending", found.leave_on))
    assert follows.intents
    await memberships.take_back(context, admin, membership, made.decision)


async def test_what_only_the_network_decides_is_not_the_members(context):
    organisation, membership = await office.member(context, FJORDSYN)
    admin = _person(organisation)
    with pytest.raises(Forbidden):
        await memberships.make(context, admin, membership, Change("suspension", TODAY))
    with pytest.raises(RuleViolation) as refused:  # for start-ups of at most so many people
        await memberships.make(context, admin, membership, Change("tier_change", TODAY, "startup"))
    assert refused.value.code == "tier_by_manager"


async def test_others_do_not_know_of_it_and_staff_only_read(context):
    organisation, membership = await office.member(context, FJORDSYN)
    other, _ = await office.member(context, PARTNER)
    change = Change("ending", date(2029, 1, 1))
    with pytest.raises(NotFound):
        await memberships.make(context, _person(other), membership, change)
    staff = Actor("Anders Lie", "web", acts_for=frozenset({organisation})).as_member()
    with pytest.raises(Forbidden):
        await memberships.preview(context, staff, membership, change)
    with pytest.raises(Forbidden):
        await memberships.choices(context, staff, membership)


async def test_what_a_manager_decided_is_not_the_members_to_undo(context):
    organisation, membership = await office.member(context, FJORDSYN)
    manager = _manager(await _networks(context))
    made = await memberships.make(context, manager, membership, Change("ending", date(2027, 1, 1)))
    with pytest.raises(RuleViolation) as refused:
        await memberships.take_back(context, _person(organisation), membership, made.decision)
    assert refused.value.code == "not_yours_to_undo"
    # At the member's own door even a manager of the network is only the organisation's administrator.
    both = Actor("Ingrid", "web", manages=await _networks(context), runs=frozenset({organisation}),
                 acts_for=frozenset({organisation}))  # fmt: skip
    with pytest.raises(RuleViolation):
        await memberships.take_back(context, both.as_member(), membership, made.decision)
    await memberships.take_back(context, both, membership, made.decision)


def _person(organisation) -> Actor:
    own = frozenset({organisation})
    return Actor("Tuva Nor", "web", runs=own, acts_for=own).as_member()


def _manager(networks) -> Actor:
    return Actor("Ingrid", "web", manages=networks, reads=networks)


async def _networks(context):
    async with context.db.tx() as connection:
        return frozenset(row["id"] for row in await connection.fetch("select id from network"))
