"""The end of an agreement between two networks: looked at first, given notice of, moved, taken back (AC-2e).

Whoever manages either network may give notice in time. Everything else takes both: a manager of both networks, or
`mutual`, the word (kept in the audit trail with its reason) that they agree. What the end does to the linked
memberships is one transaction for all families; the look goes through the same rules and stores nothing.
"""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from uuid import UUID

import msgspec

from cluster_rules import cascades
from cluster_rules.applications import LATEST_START_DAYS
from cluster_rules.cascades import Consequences
from cluster_rules.errors import RuleViolation
from cluster_rules.intents import SetTimeline
from cluster_rules.memberships import Facts, Segment
from cluster_rules.networks import Agreement
from cluster_rules.periods import FAR, Period
from crm import catalogue, forms
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.context import Context
from crm.database import Connection
from crm.errors import Forbidden, Invalid, NotFound
from crm.store import agreements, audit, families, federation, mail, places, rulebooks, shares
from crm.store.agreements import Stored
from crm.store.apply import apply

ON_END = ("end_links", "period_end", "grandfather")
MOST_NAMED = 1000  # of those who are reached; all of them are counted
FAMILIES_AT_A_TIME = 200


class Wanted(msgspec.Struct, frozen=True):
    """An end on the half-open day `ends_on`; `on_end` "" = as was agreed. `mutual`: both networks agree to it."""

    code: str
    ends_on: date
    on_end: str = ""
    reason: str = ""
    mutual: bool = False


class Reached(msgspec.Struct, frozen=True):
    """A membership that changes. `ends_on` is its first day without it (None: it goes on), `ended_on` before this."""

    organisation: UUID
    name: str
    network: str
    ends_on: date | None
    ended_on: date | None

    @property
    def ends(self) -> bool:
        """Does it end sooner than it would have?"""
        return (self.ends_on or FAR) < (self.ended_on or FAR)


class Outcome(msgspec.Struct, frozen=True):
    """How the agreement ends (`ends_on` None: it goes on), and what that does; `changed` by network, all counted.

    `ending` counts those that end sooner, by network; `reached` names the first `MOST_NAMED`, those that end first.
    """

    code: str
    ends_on: date | None
    on_end: str
    earliest: date
    changed: dict[str, int]
    ending: dict[str, int]
    reached: list[Reached]


async def preview(context: Context, actor: Actor, wanted: Wanted) -> Outcome:
    """What an end would do; nothing is stored. Refused as `end` would refuse it."""
    async with context.db.tx(isolation="repeatable_read", readonly=True) as connection:
        kept = await catalogue.load(connection)
        found = await _found(connection, actor, wanted.code)
        earliest = _checked(context, actor, kept, found, wanted)
        on_end = wanted.on_end or found.agreed_on_end
        out = Outcome(found.code, wanted.ends_on, on_end, earliest, {}, {}, [])
        after = _with_end(kept, found, wanted.ends_on, on_end)
        async for _, facts, said in _families(connection, kept, after, found, _today(context, kept, found), False):
            _count(out, facts, said)
        return _sorted(out)


async def end(context: Context, actor: Actor, wanted: Wanted) -> Outcome:
    """The agreement ends on a day, or on another day than was said; the same again changes nothing.

    NotFound, Invalid, and RuleViolation `agreement_ended`, `agreement_both`, `notice_short`, `date_out_of_range`.
    """
    async with context.db.tx() as connection:
        before, found = await _locked(connection, actor, wanted.code)
        earliest = _checked(context, actor, before, found, wanted)
        on_end = wanted.on_end or found.agreed_on_end
        out = Outcome(found.code, wanted.ends_on, on_end, earliest, {}, {}, [])
        if (found.ends_on, found.on_end) == (wanted.ends_on, on_end):
            return out
        detail = {
            "agreement": found.code,
            "ends_on": wanted.ends_on.isoformat(),
            "on_end": on_end,
            "reason": wanted.reason.strip(),
            "mutual": wanted.mutual,
            "agreed_ends_on": found.agreed_ends_on.isoformat() if found.agreed_ends_on else "",
            "agreed_on_end": found.agreed_on_end,
        }
        await _store(connection, context, before, found, out)
        await _told(connection, actor, before, found, "agreement_ending", detail, out)
        return out


async def take_back(context: Context, actor: Actor, code: str, reason: str = "", mutual: bool = False) -> Outcome:
    """The end is off: the agreement stands as it was agreed at first, and so do the memberships.

    An end that was agreed at first is taken off, too. RuleViolation `agreement_ended`, `agreement_both`, and
    `decision_unknown` when no end is ahead.
    """
    async with context.db.tx() as connection:
        before, found = await _locked(connection, actor, code)
        _texts(reason, mutual)
        _not_over(context, before, found)
        if found.ends_on is None:
            raise RuleViolation("decision_unknown", "code")
        if not (mutual or _manages_both(actor, found)):
            raise RuleViolation("agreement_both", "mutual")
        ends_on = found.agreed_ends_on if found.ended else None
        today = _today(context, before, found)
        out = Outcome(found.code, ends_on, found.agreed_on_end, today, {}, {}, [])
        told = {"agreement": code, "ends_on": ends_on.isoformat() if ends_on else "", "reason": reason.strip()}
        await _store(connection, context, before, found, out)
        await _told(connection, actor, before, found, "agreement_goes_on", told | {"mutual": mutual}, out)
        return out


async def _found(connection: Connection, actor: Actor, code: str, lock: bool = False) -> Stored:
    """The agreement, for who manages one of its networks. NotFound, Forbidden."""
    found = await agreements.find(connection, code, lock)
    if found is None or not {found.source, found.target} & actor.sees:
        raise NotFound("code", code)
    if await federation.find(connection, code):  # it ends by a word that the other system hears of, too
        raise RuleViolation("agreement_elsewhere", "code")
    if not {found.source, found.target} & actor.manages:
        raise Forbidden
    return found


async def _locked(connection: Connection, actor: Actor, code: str) -> tuple[Catalogue, Stored]:
    """The rules and the agreement as they are while nobody else changes either of them."""
    found = await _found(connection, actor, code)
    for network in sorted({found.source, found.target}):
        await rulebooks.lock(connection, network)
    await catalogue.rule(connection)
    found = await _found(connection, actor, code, lock=True)
    return await catalogue.load(connection), found


def _manages_both(actor: Actor, found: Stored) -> bool:
    return {found.source, found.target} <= actor.manages


def _today(context: Context, kept: Catalogue, found: Stored) -> date:
    return context.clock.today(kept.by_id[found.source].zone)


def _texts(reason: str, mutual: bool, on_end: str = "") -> None:
    """Invalid names what is wrong with what was typed; that both agree needs a reason to be found again."""
    problems: forms.Problems = []
    forms.text(problems, "reason", reason, forms.NOTE_MAX, required=mutual)
    if on_end and on_end not in ON_END:
        problems.append(("on_end", "value_unknown", {"message": on_end[:20]}))
    if problems:
        raise Invalid(problems)


def _not_over(context: Context, kept: Catalogue, found: Stored) -> None:
    if found.ends_on is not None and found.ends_on <= _today(context, kept, found):
        raise RuleViolation("agreement_ended", "code", on=found.ends_on)


def _checked(context: Context, actor: Actor, kept: Catalogue, found: Stored, wanted: Wanted) -> date:
    """The earliest day this actor can name; refuses an end that cannot be."""
    _texts(wanted.reason, wanted.mutual, wanted.on_end)
    _not_over(context, kept, found)
    both = wanted.mutual or _manages_both(actor, found)
    today = _today(context, kept, found)
    first = max(today, found.starts_on + timedelta(days=1))
    notice = max(first, today + timedelta(days=found.notice_days))
    latest = today + timedelta(days=LATEST_START_DAYS)
    later = found.ends_on is not None and wanted.ends_on > found.ends_on
    if not both and (later or wanted.on_end not in ("", found.on_end)):
        raise RuleViolation("agreement_both", "ends_on" if later else "on_end")
    earliest = first if both else min(notice, found.ends_on or notice)
    if wanted.ends_on < earliest and wanted.ends_on >= first:
        raise RuleViolation("notice_short", "ends_on", days=found.notice_days, earliest=earliest)
    if not first <= wanted.ends_on <= latest:
        raise RuleViolation("date_out_of_range", "ends_on", given=wanted.ends_on, earliest=earliest, latest=latest)
    return earliest


def _with_end(kept: Catalogue, found: Stored, ends_on: date | None, on_end: str) -> Catalogue:
    """The same rules, with that end."""

    def ended(each: Agreement) -> Agreement:
        if each.code != found.code:
            return each
        return msgspec.structs.replace(each, period=Period(found.starts_on, ends_on), on_end=on_end)

    books = kept.rulebooks
    return msgspec.structs.replace(
        kept, rulebooks=msgspec.structs.replace(books, agreements=tuple(ended(each) for each in books.agreements))
    )


async def _families(
    connection: Connection, before: Catalogue, after: Catalogue, found: Stored, today: date, write: bool
) -> AsyncIterator[tuple[UUID, Facts, Consequences]]:
    """What follows for every family with a member in the network whose rules rest on the agreement; some at a time."""
    listed = await families.touched(connection, [], [found.source])
    for at in range(0, len(listed), FAMILIES_AT_A_TIME):
        some = listed[at : at + FAMILIES_AT_A_TIME]
        if write:
            await families.lock_many(connection, some)
        for family, facts in zip(some, await families.load_many(connection, after, some), strict=True):
            now = await places.ask(connection, after, facts, today, write=write, at_once=False)
            then = msgspec.structs.replace(facts, rulebooks=before.rulebooks)
            said = cascades.on_agreement(then, now, found.code, today)
            if said.intents:
                yield family, facts, said


async def _store(connection: Connection, context: Context, before: Catalogue, found: Stored, out: Outcome) -> None:
    await agreements.set_end(connection, found.id, out.ends_on, out.on_end)
    after = await catalogue.load(connection)
    today = _today(context, before, found)
    async for family, facts, said in _families(connection, before, after, found, today, True):
        await apply(connection, after, facts, said.intents, family)
        _count(out, facts, said)
    await shares.turn(connection, context.clock.now(), [found.source, found.target])
    _sorted(out)


async def _told(
    connection: Connection, actor: Actor, kept: Catalogue, found: Stored, action: str, detail: dict, out: Outcome
) -> None:
    """The managers of both networks get one mail each, and both networks an entry in the audit trail."""
    to = await mail.managers_of(connection, [found.source, found.target])
    letters = []
    for network in (found.source, found.target):
        for recipient in to.get(network, []):
            values = agreements.letter(kept, found, network, out.ends_on, recipient.language)
            count = out.ending.get(kept.by_id[network].slug, 0)
            values |= {"ending": count, "reason": detail["reason"]}
            letters.append(mail.Outgoing(action, recipient, values, network))
    await mail.queue(connection, letters)
    for network in (found.source, found.target):
        told = detail | {"memberships": out.changed.get(kept.by_id[network].slug, 0)}
        await audit.append(connection, actor, action, told, network, None, found.id)


def _count(out: Outcome, facts: Facts, said: Consequences) -> None:
    for each in said.intents:
        if not isinstance(each, SetTimeline):
            continue
        before = facts.timelines.get((each.organisation, each.network), ())
        name = facts.organisation(each.organisation).name
        reached = Reached(each.organisation, name, each.network, _end(each.segments, before), _end(before, before))
        out.changed[each.network] = out.changed.get(each.network, 0) + 1
        if reached.ends:
            out.ending[each.network] = out.ending.get(each.network, 0) + 1
        out.reached.append(reached)


def _end(segments: tuple[Segment, ...], before: tuple[Segment, ...]) -> date | None:
    """The first day without it; of what never begins now, the day it would have begun."""
    if segments:
        return segments[-1].period.end
    return before[0].period.start if before else None


def _sorted(out: Outcome) -> Outcome:
    out.reached.sort(key=lambda r: (not r.ends, r.ends_on or FAR, r.network, r.name, r.organisation))
    del out.reached[MOST_NAMED:]
    return out
