"""What is told of an organisation changes from a day: it moves, becomes a public body, gets another parent.

See first what follows, do it, take it back. A preview is the deed itself in a transaction that is rolled back, so
the two cannot differ. What was billed stays; links, levels, places and the fees to come follow by their rules.
"""

from collections.abc import Iterable
from contextlib import suppress
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
from msgspec import UNSET, UnsetType

from cluster_rules import next_fees
from cluster_rules.applications import LATEST_START_DAYS
from cluster_rules.cascades import Consequences, on_facts
from cluster_rules.errors import RuleViolation
from cluster_rules.memberships import Facts
from cluster_rules.next_fees import FeeChange
from cluster_rules.notices import FactsChange
from cluster_rules.profiles import changed, replaced, restored
from crm import catalogue, forms
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.context import Context
from crm.database import Connection
from crm.errors import Forbidden, Invalid, NotFound, Refused
from crm.i18n import TIME_ZONE
from crm.store import audit, families, known_names, mergers, organisations, places, profiles, reviews, suggestions
from crm.store.apply import apply

LONGEST_BACKDATING_DAYS = 3660
_COLUMNS = {"parent": "parent_id"}


class ProfileForm(msgspec.Struct, frozen=True, kw_only=True):
    """The facts that are others from `effective_on`; what is not named stays. `parent` None: it stands alone."""

    effective_on: date
    country: str | UnsetType = UNSET
    kind: str | UnsetType = UNSET
    municipality: str | UnsetType = UNSET
    county: str | UnsetType = UNSET
    employees: int | UnsetType | None = UNSET
    founded_on: date | UnsetType | None = UNSET
    website: str | UnsetType = UNSET
    parent: UUID | UnsetType | None = UNSET
    reason: str = ""


class Unfit(msgspec.Struct, frozen=True):
    """A membership that goes to review: its level is not open to the organisation as it is now."""

    network: str
    tier: str
    reason: str
    detail: dict[str, Any]


class Seen(msgspec.Struct, frozen=True):
    """What a change does: by rule, to fees to come, and which memberships go to review today."""

    kept: Catalogue
    consequences: Consequences
    fees: tuple[FeeChange, ...]
    reviews: tuple[Unfit, ...]


class Done(msgspec.Struct, frozen=True):
    """The change's id (to take it back with), and what was touched."""

    id: UUID
    organisation: UUID
    memberships: tuple[UUID, ...]
    invoices: tuple[UUID, ...]
    seen: Seen


class _OnlyLooked(Exception):
    """Nobody wanted it done."""


async def preview(context: Context, actor: Actor, organisation: UUID, form: ProfileForm) -> Seen:
    """What the change would do; nothing is stored."""
    done: Done | None = None
    with suppress(_OnlyLooked):
        async with context.db.tx() as connection:
            done = await _change(connection, context, actor, organisation, form)
            raise _OnlyLooked
    assert done is not None
    return done.seen


async def make(context: Context, actor: Actor, organisation: UUID, form: ProfileForm) -> Done:
    """Change the facts, with everything that follows from it, in one transaction."""
    async with context.db.tx() as connection:
        return await _change(connection, context, actor, organisation, form)


async def tell(
    context: Context, actor: Actor, organisation: UUID, values: dict[str, Any], on: date, reason: str
) -> Done:
    """The same for facts by name, as the register of legal entities has them (crm/actions/register_differences.py)."""
    return await make(context, actor, organisation, of_values(values, on, reason))


def of_values(values: dict[str, Any], on: date, reason: str = "") -> ProfileForm:
    """Facts by name as a change from a day."""
    return msgspec.convert({**values, "effective_on": on, "reason": reason}, ProfileForm)


async def take_back(context: Context, actor: Actor, wanted: UUID) -> Done:
    """Withdraw a change: the facts are what they were, and so is what follows from them.

    NotFound when there is none, or it was taken back before, or it is about an organisation one may not know;
    RuleViolation `changed_since` when a newer change of the same fact stands: that one goes first.
    """
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        change = await profiles.get(connection, wanted)
        organisation = change.organisation_id
        await _must_know(connection, actor, organisation)
        family = await families.lock(connection, organisation)
        change = await profiles.get(connection, wanted)
        later = await profiles.later(connection, change)
        if later:
            raise Refused("changed_since", "id", on=later)
        before = await families.load(connection, kept, family)
        told = await profiles.told(connection, organisation)
        new = profiles.values_of({name: each["new"] for name, each in change.facts.items()})
        if change.before:
            await profiles.write(connection, organisation, told, restored(told, change.before, new))
        if "website" in new and await profiles.website(connection, organisation) == new["website"]:
            await profiles.set_website(connection, organisation, change.facts["website"]["old"])
        await profiles.withdraw(connection, wanted, actor)
        facts = {name: {"old": each["new"], "new": each["old"]} for name, each in change.facts.items()}
        undone = msgspec.structs.replace(change, facts=facts)
        return await _follow(connection, context, actor, kept, family, before, undone, "facts_taken_back")


class Answer(msgspec.Struct, frozen=True):
    """The home network's word on a suggested correction: which fields it accepts, from which day (None: today).

    `seen`: what the decider saw as told now, by field; accepting a field that has changed since it was suggested
    takes that word.
    """

    accept: frozenset[str]
    effective_on: date | None = None
    note: str = ""
    seen: dict[str, Any] = {}


async def preview_suggestion(context: Context, actor: Actor, suggestion: UUID, answer: Answer) -> Seen | None:
    """What accepting these fields would do; None when no facts would change. Nothing is stored."""
    done: Done | None = None
    with suppress(_OnlyLooked):
        async with context.db.tx() as connection:
            done = await _answer(connection, context, actor, suggestion, answer)
            raise _OnlyLooked
    return done.seen if done else None


async def answer_suggestion(context: Context, actor: Actor, suggestion: UUID, answer: Answer) -> None:
    """Accept the fields that are named, with everything that follows, and decline the others.

    NotFound; Forbidden for who may only read it; Refused `suggestion_closed`, `suggestion_stale` (it names the field),
    and what `make` refuses.
    """
    async with context.db.tx() as connection:
        await _answer(connection, context, actor, suggestion, answer)


async def _answer(connection: Connection, context: Context, actor: Actor, wanted: UUID, answer: Answer) -> Done | None:
    found = await suggestions.lock(connection, wanted)
    owner = found.owner_network_id
    if owner not in actor.manages:
        if {owner, found.network_id} & actor.sees:
            raise Forbidden
        raise NotFound("suggestion_id", wanted)
    if found.status != "open":
        raise Refused("suggestion_closed", "suggestion_id")
    problems: forms.Problems = []
    forms.text(problems, "note", answer.note, forms.NOTE_MAX, required=False)
    problems += [(f"accept.{name[:40]}", "field_unknown", {}) for name in sorted(answer.accept - set(found.fields))]
    if problems:
        raise Invalid(problems)
    now = await suggestions.values(connection, found.organisation_id)
    for name in sorted(answer.accept):
        if now[name] != found.fields[name]["then"] and answer.seen.get(name, UNSET) != now[name]:
            raise Refused("suggestion_stale", f"seen.{name}")
    done = await _accept(connection, context, actor, found, answer, now)
    outcome = {
        name: {**each, "outcome": "accepted" if name in answer.accept else "declined", "now": now[name]}
        for name, each in found.fields.items()
    }
    await suggestions.close(connection, wanted, "decided", outcome, answer.note.strip(), actor)
    detail = {"accepted": sorted(answer.accept), "declined": sorted(set(found.fields) - answer.accept)}
    for network in sorted({owner, found.network_id}):
        await audit.append(connection, actor, "suggestion_answered", detail, network, found.organisation_id, found.id)
    return done


async def _accept(
    connection: Connection,
    context: Context,
    actor: Actor,
    found: suggestions.Suggestion,
    answer: Answer,
    now: dict[str, Any],
) -> Done | None:
    """The accepted values that are not told already, as a change of facts and a new name."""
    today = context.clock.today(TIME_ZONE)
    on = answer.effective_on or today
    wanted = {n: found.fields[n]["wanted"] for n in answer.accept if found.fields[n]["wanted"] != now[n]}
    name = wanted.pop("name", "")
    if name:
        if not today - timedelta(days=LONGEST_BACKDATING_DAYS) <= on <= today + timedelta(days=LATEST_START_DAYS):
            raise RuleViolation("date_out_of_range", "effective_on", given=on)
        organisation = found.organisation_id
        await known_names.name_organisation(connection, organisation, name, on, actor, today)
        told = {"former": now["name"], "name": name, "on": on.isoformat()}
        await known_names.tell(connection, actor, organisation, told, today)
        await audit.append(
            connection,
            actor,
            "organisation_renamed",
            {"name": name, "on": on.isoformat(), "changes": {"name": [now["name"], name]}},
            found.owner_network_id,
            organisation,
        )
    if not wanted:
        return None
    form = msgspec.convert({**wanted, "effective_on": on, "reason": found.reason}, ProfileForm)
    return await _change(connection, context, actor, found.organisation_id, form)


async def _change(
    connection: Connection, context: Context, actor: Actor, organisation: UUID, form: ProfileForm
) -> Done:
    kept = await catalogue.load(connection)
    new = _checked(context, form)
    await _must_know(connection, actor, organisation)
    family, united = await _family(connection, organisation, form)
    before = await families.load(connection, kept, family)
    told = await profiles.told(connection, organisation)
    address = new.pop("website", UNSET)
    after = changed(told, form.effective_on, new) if new else told
    change = profiles.Change(
        uuid4(),
        organisation,
        form.effective_on,
        _facts(told, after, form.effective_on, new),
        replaced(told, form.effective_on, new) if after != told else (),
        united,
        form.reason.strip(),
    )
    if address is not UNSET and address != (old := await profiles.website(connection, organisation)):
        change.facts["website"] = {"old": old, "new": address}
        await profiles.set_website(connection, organisation, address)
    if not change.facts:
        raise Refused("facts_same", "effective_on", on=form.effective_on)
    await profiles.write(connection, organisation, told, after)
    await profiles.record(connection, change, actor)
    return await _follow(connection, context, actor, kept, family, before, change, "facts_changed")


async def _follow(
    connection: Connection,
    context: Context,
    actor: Actor,
    kept: Catalogue,
    family: UUID,
    before: Facts,
    change: profiles.Change,
    action: str,
) -> Done:
    """Everything that follows once the facts are written: by rule, places, reviews, mails, audit."""
    organisation = change.organisation_id
    mine = [n for n in kept.networks if n.id in actor.manages]
    days = {n.slug: context.clock.today(n.zone) for n in mine}
    today = context.clock.today(TIME_ZONE)
    after = await places.ask(connection, kept, await families.load(connection, kept, family), today)
    told_by = tuple(sorted(n.slug for n in mine))
    undone = action == "facts_taken_back"
    about = FactsChange(organisation, change.effective_on, change.facts, told_by, undone)
    consequences = on_facts(before, after, about, today)
    applied = await apply(connection, kept, after, consequences.intents, family)
    unfit = await _reviewed(connection, context, kept, [o.id for o in after.organisations])
    fees = next_fees.changes(before, after, organisation, days)
    touched = {i.network for i in consequences.intents if hasattr(i, "network")}
    await _audit(connection, actor, kept, change, action, touched)
    seen = Seen(kept, consequences, tuple(f for f in fees if f.before != f.after), tuple(unfit))
    return Done(change.id, organisation, tuple(applied.memberships.values()), applied.invoices, seen)


async def _reviewed(
    connection: Connection, context: Context, kept: Catalogue, organisations: list[UUID]
) -> list[Unfit]:
    """Open reviews of this family alone, close what is settled; the new ones."""
    known = await reviews.open_of(connection, organisations)
    today = {network.id: context.clock.today(network.zone) for network in kept.networks}
    await reviews.turn(connection, kept, today, context.clock.now(), organisations)
    rows = await reviews.open_of(connection, organisations)
    return [Unfit(kept.by_id[r.network_id].slug, r.tier, r.reason, r.detail) for r in rows if r not in known]


async def _audit(
    connection: Connection, actor: Actor, kept: Catalogue, change: profiles.Change, action: str, touched: set[str]
) -> None:
    """One entry for each network that is its own, or that a rule reached."""
    known = await organisations.networks(connection, change.organisation_id)
    networks = set(known) | {kept.network(slug).id for slug in touched}
    detail = {
        "facts": msgspec.to_builtins(change.facts),
        "on": change.effective_on.isoformat(),
        "reason": change.reason,
    }
    for network in sorted(networks):
        await audit.append(connection, actor, action, detail, network, change.organisation_id, change.id)


async def _family(connection: Connection, organisation: UUID, form: ProfileForm) -> tuple[UUID, UUID | None]:
    """Lock the family, with that of a new parent; (the family, the one that became part of it or None)."""
    one = await mergers.standing(connection, organisation)
    if one.merged_into:
        raise Refused("already_merged", "organisation", name=one.name)
    if form.parent is UNSET or form.parent is None or form.parent == one.parent:
        return await families.lock(connection, organisation), None
    other = await mergers.standing(connection, form.parent, "parent")
    await families.lock_many(connection, sorted([one.family, other.family]))
    if other.merged_into:
        raise Refused("already_merged", "parent", name=other.name)
    if other.parent or other.id == organisation or await mergers.units_of(connection, organisation):
        raise Refused("parent_wrong", "parent", name=other.name)
    one, other = await mergers.standing(connection, organisation), await mergers.standing(connection, form.parent)
    if one.family == other.family:
        return other.family, None
    await mergers.unite(connection, one.family, other.family)
    return other.family, one.family


async def _must_know(connection: Connection, actor: Actor, organisation: UUID) -> None:
    """Facts are told by whoever manages a network that the organisation has to do with. NotFound."""
    if not await organisations.networks(connection, organisation, actor.manages):
        raise NotFound("organisation", organisation)


def _facts(told: Iterable[Any], after: Iterable[Any], on: date, new: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Fact -> {old, new} of those that are others on the day."""
    was = next((t.values for t in told if t.period.covers(on)), next(iter(told)).values)
    now = next((t.values for t in after if t.period.covers(on)), was)  # nothing new: nothing is told of that day
    return {name: {"old": was[name], "new": now[name]} for name in new if was[name] != now[name]}


def _checked(context: Context, form: ProfileForm) -> dict[str, Any]:
    """The facts by column; Invalid names every field that is wrong, RuleViolation `date_out_of_range` the day."""
    told = {
        name: value
        for name, value in msgspec.structs.asdict(form).items()
        if value is not UNSET and name not in ("effective_on", "reason")
    }
    forms.facts(told, form.reason)
    today = context.clock.now().date()
    earliest, latest = today - timedelta(days=LONGEST_BACKDATING_DAYS), today + timedelta(days=LATEST_START_DAYS)
    if not earliest <= form.effective_on <= latest:
        raise RuleViolation(
            "date_out_of_range", "effective_on", given=form.effective_on, earliest=earliest, latest=latest
        )
    new = {_COLUMNS.get(name, name): v.strip() if isinstance(v, str) else v for name, v in told.items()}
    if "employees" in new:
        new["employees_as_of"] = form.effective_on if new["employees"] is not None else None
    return new
