"""What the register of legal entities says otherwise, answered: its word becomes ours, with everything that follows.

Keeping ours is keeping the review (crm/actions/reviews.py); an end or a suspension is decided like any other.
"""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import msgspec

from cluster_rules.applications import LATEST_START_DAYS
from cluster_rules.errors import RuleViolation
from cluster_rules.intents import Charge, EndGrant, ReviseGrant, StartGrant, WaiveFee
from cluster_rules.register import Unit, taken_over
from crm import catalogue, forms
from crm.actor import Actor
from crm.context import Context
from crm.database import Connection
from crm.errors import Invalid, NotFound, Refused
from crm.i18n import TIME_ZONE
from crm.register_shapes import Fee, Looked
from crm.store import audit, known_names, organisations, register

LONGEST_BACKDATING_DAYS = 3660
SOURCE = "Enhetsregisteret"
FOLLOWS = (StartGrant, EndGrant, ReviseGrant, Charge, WaiveFee)  # more than telling it
# Tells facts of an organisation with all that follows: `crm.actions.profiles.tell`, given by who calls.
Change = Callable[[Context, Actor, UUID, dict[str, Any], date, str], Awaitable[Any]]


class Offered(msgspec.Struct, frozen=True):
    """What taking over would tell of an organisation: facts by name, {} where it is a decision."""

    organisation_id: UUID
    network_id: UUID
    reason: str
    facts: dict[str, Any]
    unit: Unit
    as_of: date
    closed: bool

    @property
    def source(self) -> str:
        """Who says so, and as of which day."""
        return f"{SOURCE} {self.as_of.isoformat()}"


class Taken(msgspec.Struct, frozen=True):
    """What became of it: the change of facts it is (none for a name), and what it did."""

    change: UUID | None
    looked: Looked


async def offered(context: Context, actor: Actor, review: UUID) -> Offered:
    """A difference with the register's word as it is now. NotFound; Forbidden for who may only read."""
    async with context.db.tx() as connection:
        return await _offered(connection, actor, review)


async def take_over(
    context: Context,
    actor: Actor,
    review: UUID,
    change: Change,
    name: str = "",
    on: date | None = None,
    note: str = "",
    bulk: UUID | None = None,
) -> Taken:
    """Say of a member what the register says, from a day on (None: today), and close the difference.

    `name`: how a new name is written; `note`: why, behind who says so; `bulk`: with which others. NotFound; Invalid;
    Refused `register_closed`, `register_no_fact`, and whatever a change of facts is refused for.
    """
    async with context.db.tx() as connection:
        found = await _offered(connection, actor, review)
        if found.closed:
            raise Refused("register_closed", "review_id")
        if not found.facts:
            raise Refused("register_no_fact", "review_id")
        today = context.clock.today(TIME_ZONE)
        before = (await register.difference(connection, review)).detail
        await register.taken(connection, review, actor)
        facts, day = dict(found.facts), on or today
        looked, made = Looked(before.get("ours"), before.get("register")), None
        if "name" in facts:
            facts["name"] = " ".join(name.split()) or facts["name"]
            await _rename(connection, actor, found, facts["name"], day, today)
            kept = await catalogue.load(connection)
            await register.turn(connection, kept, today, context.clock.now(), [found.organisation_id])
        else:
            reason = f"{found.source}: {note}" if note else found.source
            done = await change(context, actor, found.organisation_id, facts, day, reason[: forms.NOTE_MAX])
            looked, made = _looked(looked, done.seen), done.id
        detail = {
            "reason": found.reason,
            "ours": before.get("ours"),
            "taken": facts,
            "on": day.isoformat(),
            "source": found.source,
            "number": found.unit.number,
        }
        detail |= {"note": note} if note else {}
        detail |= {"bulk": str(bulk)} if bulk else {}
        await audit.append(
            connection, actor, "register_taken_over", detail, found.network_id, found.organisation_id, review
        )
        return Taken(made, looked)


def _looked(values: Looked, seen: Any) -> Looked:
    """What a change of facts did, but for telling people."""
    return msgspec.structs.replace(
        values,
        fees=tuple(Fee(f.network, f.tier, f.currency, f.before, f.after) for f in seen.fees),
        follows=sum(isinstance(intent, FOLLOWS) for intent in seen.consequences.intents),
        reviews=len(seen.reviews),
    )


async def _offered(connection: Connection, actor: Actor, review: UUID) -> Offered:
    found = await register.difference(connection, review)
    actor.must_manage(found.network_id)
    said = await register.unit_of(connection, found.organisation_id)
    if said is None:
        raise NotFound("review", review)
    unit, as_of = said
    facts = taken_over(found.reason, unit)
    return Offered(found.organisation_id, found.network_id, found.reason, facts, unit, as_of, found.closed)


async def _rename(connection: Connection, actor: Actor, found: Offered, name: str, on: date, today: date) -> None:
    """Another name from a day on, told to whom it concerns."""
    earliest, latest = today - timedelta(days=LONGEST_BACKDATING_DAYS), today + timedelta(days=LATEST_START_DAYS)
    if not earliest <= on <= latest:
        raise RuleViolation("date_out_of_range", "effective_on", given=on, earliest=earliest, latest=latest)
    problems: forms.Problems = []
    forms.text(problems, "name", name, forms.NAME_MAX)
    if problems:
        raise Invalid(problems)
    of = found.organisation_id
    former = await organisations.name(connection, of) or ""
    await known_names.name_organisation(connection, of, name, on, actor, today)
    told = {"former": former, "name": name, "on": on.isoformat()}
    await known_names.tell(connection, actor, of, told, today)
    detail = {"name": name, "on": on.isoformat(), "changes": {"name": [former, name]}}
    await audit.append(connection, actor, "organisation_renamed", detail, found.network_id, of)
