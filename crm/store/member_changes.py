"""What rows of a pushed list change: decisions about memberships with all that follows by rule, facts, suggestions.

Nothing is billed and no mail is written: the list tells how things are in the partner's own system, which does both
(ADR 0025). Facts of an organisation whose home is another network become suggestions to it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec

from cluster_rules import cascades, matching, member_lists
from cluster_rules.applications import LATEST_START_DAYS
from cluster_rules.cascades import allowed
from cluster_rules.errors import RuleViolation
from cluster_rules.fees import Step
from cluster_rules.intents import Intent
from cluster_rules.memberships import Decision, Facts
from cluster_rules.profiles import changed, replaced
from crm.actor import Actor
from crm.catalogue import Catalogue, NetworkRow
from crm.database import Connection
from crm.listed import FACTS, Listed
from crm.store import audit, families, known_names, member_identities, places, profiles, reviews, suggestions
from crm.store import decisions as stored_decisions
from crm.store.apply import apply
from crm.store.member_identities import Known
from crm.store.member_lists import Row, Run, Settled

SUGGESTED = "suggested:"  # before a field that was suggested to its home network instead of changed
_VERDICTS = {"joining": "created", "tier_change": "updated", "ending": "ended"}
_FIELDS = {"network": "external_id", "id": "external_id"}
Entry = tuple[str, UUID, UUID | None, UUID | None, dict[str, Any]]


class At(msgspec.Struct, frozen=True):
    """Where and when: the network, the run, and its today. `again`: a person has said that somebody comes back."""

    kept: Catalogue
    network: NetworkRow
    run: Run
    now: datetime
    today: date
    again: bool = False

    @property
    def actor(self) -> Actor:
        """Who pushed."""
        return self.run.by


class Work(msgspec.Struct, frozen=True):
    """A row and whom it means; `known` is what is stored of them, None when they are new (or only to be ended)."""

    row: Row
    organisation: UUID
    known: Known | None = None
    parent: Known | None = None
    is_new: bool = False

    @property
    def listed(self) -> Listed:
        """What the row says."""
        assert self.row.row is not None
        return self.row.row


class _Plan(msgspec.Struct):
    """What is to be done for one row."""

    work: Work
    decisions: list[Decision]
    facts: dict[str, Any] = {}
    name: str = ""
    suggested: dict[str, dict[str, Any]] = {}
    home: UUID | None = None


async def decide(connection: Connection, at: At, work: Sequence[Work]) -> list[Settled]:
    """Do what the rows ask, as far as the rules let them; what became of each."""
    if not work:
        return []
    families_of, facts = await _locked(connection, at, work)
    homes = await member_identities.homes(connection, [w.organisation for w in work if w.known])
    plans: list[_Plan] = []
    out: list[Settled] = []
    for each in work:
        family = families_of[each.organisation]
        try:
            decided = decisions(facts[family], at, each)
        except RuleViolation as refusal:
            out.append(refused_by(each.row, refusal))
            continue
        if decided is None:
            out.append(held(each.row, "ended_here", (member_lists.Candidate(each.organisation),)))
            continue
        plan = _plan(at, each, decided, homes.get(each.organisation))
        facts[family] = msgspec.structs.replace(facts[family], decisions=(*facts[family].decisions, *decided))
        plans.append(plan)
    memberships = await _write(connection, at, plans, families_of)
    return [*out, *(_settled(plan, memberships) for plan in plans)]


def decisions(facts: Facts, at: At, work: Work) -> list[Decision] | None:
    """The decisions that the row needs, each allowed by the rules. None: a person must say. RuleViolation."""
    network, row = at.network.slug, work.row.row
    if row is None:
        wanted: tuple[member_lists.Wish, ...] | None = (member_lists.Wish("ending", at.run.ends_on or at.today),)
    else:
        days = (row.starts_on, row.ends_on)
        own = row.is_own or at.again
        again = at.again and not work.is_new
        wanted = member_lists.wishes(facts, work.organisation, network, row.tier, days, own, at.today, again)
    if wanted is None:
        return None
    if row is not None:
        _must_know(at, row)
    out: list[Decision] = []
    for wish in wanted:
        moment = families.moment(facts, at.now)
        made = Decision(uuid4(), work.organisation, network, wish.kind, wish.on, moment, tier=wish.tier)
        try:
            _in_reach(at, wish)
            allowed(facts, made)
        except RuleViolation as refusal:
            field = {"effective_on": "ends_on" if wish.kind == "ending" else "starts_on"} | _FIELDS
            raise RuleViolation(refusal.code, field.get(refusal.field, refusal.field), **refusal.params) from refusal
        out.append(made)
        facts = msgspec.structs.replace(facts, decisions=(*facts.decisions, made))
    return out


def refused(row: Row, field: str, rule: str, values: dict[str, Any]) -> Settled:
    """Nothing of the row is stored."""
    return Settled(row.number, row.external_id, "refused", problems=((field, rule, values),))


def refused_by(row: Row, refusal: RuleViolation) -> Settled:
    """A rule says no."""
    return refused(row, refusal.field or "external_id", refusal.code, dict(refusal.params))


def held(row: Row, why: str, candidates: Sequence[member_lists.Candidate]) -> Settled:
    """A person has to say."""
    return Settled(row.number, row.external_id, "held", why=why, candidates=tuple(candidates), row=row.row)


def _must_know(at: At, row: Listed) -> None:
    """A level that no version of the rules knows is refused also where nothing about it is to be decided."""
    if not any(book.tier(row.tier) for book in at.kept.rulebooks.of(at.network.slug)):
        raise RuleViolation("tier_unknown", "tier", tier=row.tier, network=at.network.slug)


def _in_reach(at: At, wish: member_lists.Wish) -> None:
    latest = at.today + timedelta(days=LATEST_START_DAYS)
    if wish.on > latest:
        raise RuleViolation("date_out_of_range", "effective_on", given=wish.on)


async def _locked(connection: Connection, at: At, work: Sequence[Work]) -> tuple[dict[UUID, UUID], dict[UUID, Facts]]:
    """The families of all of them, locked, and their facts."""
    wanted = list({w.organisation for w in work})
    while True:
        before = await _families(connection, wanted)
        await families.lock_many(connection, sorted(set(before.values())))
        if before == await _families(connection, wanted):  # nobody was merged while we waited
            break
    listed = sorted(set(before.values()))
    loaded = await families.load_many(connection, at.kept, listed)
    return before, dict(zip(listed, loaded, strict=True))


async def _families(connection: Connection, organisations: Sequence[UUID]) -> dict[UUID, UUID]:
    rows = await connection.fetch("select id, family_id from organisation where id = any($1)", list(organisations))
    return {row["id"]: row["family_id"] for row in rows}


def _plan(at: At, work: Work, decided: list[Decision], home: UUID | None) -> _Plan:
    """Facts that the row tells otherwise: changed where this network is the home, suggested to the home otherwise."""
    plan = _Plan(work, decided)
    if work.known is None or work.row.row is None:
        return plan
    row, known = work.row.row, work.known
    told = {name: getattr(row, name) for name in FACTS}
    differing = {name: v for name, v in told.items() if v is not None and v != known.facts[name]}
    if row.name not in known.names and matching.name_key(row.name) not in map(matching.name_key, known.names):
        differing["name"] = row.name
    if home in (None, at.network.id):
        plan.name = differing.pop("name", "")
        plan.facts = differing
    elif differing:
        plan.home = home
        now = {**known.facts, "name": known.identity.name}
        plan.suggested = {name: {"then": now[name], "wanted": value} for name, value in differing.items()}
    return plan


async def _write(
    connection: Connection, at: At, plans: Sequence[_Plan], families_of: Mapping[UUID, UUID]
) -> dict[UUID, UUID]:
    """Everything that was planned; the membership of each organisation that has one."""
    touched = [p for p in plans if p.decisions or p.facts or p.name]
    for plan in plans:
        await _tell(connection, at, plan)
    if touched:
        rows = [d for p in touched for d in p.decisions]
        await stored_decisions.record_many(connection, at.network.id, rows, at.actor)
        reached = await _follow(connection, at, sorted({families_of[p.work.organisation] for p in touched}))
        await reviews.turn(
            connection,
            at.kept,
            {n.id: at.now.astimezone(n.zone).date() for n in at.kept.networks},
            at.now,
            [p.work.organisation for p in touched],
        )
        await audit.append_many(connection, at.actor, [*_entries(at, touched), *reached])
    found = await connection.fetch(
        "select id, organisation_id from membership where network_id = $1 and organisation_id = any($2)",
        at.network.id,
        [p.work.organisation for p in plans],
    )
    return {row["organisation_id"]: row["id"] for row in found}


async def _tell(connection: Connection, at: At, plan: _Plan) -> None:
    organisation = plan.work.organisation
    if plan.facts:
        new = dict(plan.facts)
        address = new.pop("website", None)
        if address is not None:
            await profiles.set_website(connection, organisation, address)
        was = plan.work.known.facts if plan.work.known else {}
        facts = {name: {"old": was.get(name), "new": value} for name, value in plan.facts.items()}
        if "employees" in new:
            new["employees_as_of"] = at.today
        told = await profiles.told(connection, organisation)
        after = changed(told, at.today, new) if new else told
        before = replaced(told, at.today, new) if after != told else ()
        await profiles.write(connection, organisation, told, after)
        change = profiles.Change(uuid4(), organisation, at.today, facts, before)
        await profiles.record(connection, change, at.actor)
    if plan.name:
        await known_names.name_organisation(connection, organisation, plan.name, at.today, at.actor, at.today)
    if plan.suggested and plan.home:
        await suggestions.add(connection, (at.network.id, plan.home), organisation, "", plan.suggested, "", at.actor)


async def _follow(connection: Connection, at: At, listed: Sequence[UUID]) -> list[Entry]:
    """Grants, timelines and feed brought in line, for all families at once; an entry for each network reached."""
    intents: list[Intent] = []
    timelines: dict[tuple[UUID, str], Any] = {}
    reason = Step("member_list", {"list": str(at.run.id)})
    for facts in await families.load_many(connection, at.kept, listed):
        asked = await places.ask(connection, at.kept, facts, at.today, at_once=False)
        intents += cascades.repair(asked, at.today, reason)
        timelines |= facts.timelines
    before = Facts((), at.kept.rulebooks, timelines=timelines)
    await apply(connection, at.kept, before, intents, listed[0])
    linked = {(g.organisation, g.network) for i in intents if (g := getattr(i, "grant", None)) and g.kind == "linked"}
    detail = {"list": str(at.run.id), "source": at.network.slug}
    return [
        ("linked_membership", at.kept.network(slug).id, organisation, None, detail)
        for organisation, slug in sorted(linked)
        if slug != at.network.slug
    ]


def _entries(at: At, plans: Iterable[_Plan]) -> list[Entry]:
    return [
        (
            "member_list_row",
            at.network.id,
            plan.work.organisation,
            at.run.id,
            {
                "external_id": plan.work.row.external_id,
                "decisions": [[d.kind, d.tier, d.effective_on.isoformat()] for d in plan.decisions],
                "facts": msgspec.to_builtins(plan.facts),
                "name": plan.name,
            },
        )
        for plan in plans
    ]


def _settled(plan: _Plan, memberships: Mapping[UUID, UUID]) -> Settled:
    kinds = [d.kind for d in plan.decisions]
    own = [*sorted(plan.facts), *(["name"] if plan.name else [])]
    verdict = _VERDICTS[kinds[0]] if kinds else "updated" if own else "unchanged"
    if kinds == ["tier_change", "ending"]:
        verdict = "ended"
    said = {"joining": "membership", "tier_change": "tier", "ending": "ends_on"}
    changes = [*(said[kind] for kind in kinds), *own, *(SUGGESTED + name for name in sorted(plan.suggested))]
    work = plan.work
    return Settled(
        work.row.number,
        work.row.external_id,
        verdict,
        work.organisation,
        memberships.get(work.organisation),
        changes=tuple(changes),
    )
