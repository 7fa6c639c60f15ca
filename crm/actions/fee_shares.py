"""Statements between networks whose rules share fees: for both the same figures; noting that one was settled."""

from datetime import date, timedelta
from uuid import UUID

from cluster_rules.errors import RuleViolation
from crm import catalogue, forms
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.context import Context
from crm.errors import Forbidden, Invalid, NotFound
from crm.store import audit, fee_share_statements
from crm.store.fee_share_statements import Settlement, Statement

LONGEST = timedelta(days=3660)


async def statement(
    context: Context, actor: Actor, network: str, first: date, last: date
) -> tuple[Catalogue, Statement]:
    """A network's statement for the days `first` to `last`, both included, for who manages it.

    RuleViolation `period_empty`, `date_out_of_range`; NotFound, Forbidden.
    """
    after = _after(first, last)
    async with context.db.tx(readonly=True) as connection:
        kept = await catalogue.load(connection)
        own = _own(kept, actor, network)
        return kept, await fee_share_statements.statement(connection, kept, own, first, after)


async def settle(
    context: Context,
    actor: Actor,
    network: str,
    source: str,
    target: str,
    currency: str,
    first: date,
    last: date,
    reference: str = "",
) -> UUID:
    """Note that what `source` owes `target` for these days was paid; either of the two may say so.

    Refused `share_nothing_owed`, `share_settled`; RuleViolation `network_unknown` when it is about two others.
    """
    after = _after(first, last)
    problems: forms.Problems = []
    forms.text(problems, "reference", reference, forms.SHORT_MAX, required=False)
    if problems:
        raise Invalid(problems)
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        own = _own(kept, actor, network)
        pair = [kept.by_slug[slug].id for slug in (source, target) if slug in kept.by_slug]
        if len(pair) != 2 or own not in pair:
            raise RuleViolation("network_unknown", "target" if source == network else "source", given=target)
        found = await fee_share_statements.statement(connection, kept, own, first, after)
        reference = reference.strip()
        made = await fee_share_statements.settle(connection, found, pair[0], pair[1], currency, reference, actor.name)
        detail = {"source": source, "target": target, "from": first.isoformat(), "to": last.isoformat()}
        for each in pair:
            await audit.append(connection, actor, "share_settled", detail | {"reference": reference}, each, None, made)
        return made


async def undo(context: Context, actor: Actor, settlement: UUID) -> Settlement:
    """It was not settled after all: said by who manages one of the two networks. NotFound."""
    async with context.db.tx() as connection:
        found = await fee_share_statements.settlement(connection, settlement)
        if not {found.source, found.target} & actor.manages:
            raise Forbidden if {found.source, found.target} & actor.sees else NotFound("settlement_id", settlement)
        await fee_share_statements.undo(connection, settlement, actor.name)
        for each in (found.source, found.target):
            await audit.append(connection, actor, "share_settlement_undone", {}, each, None, settlement)
        return found


def _own(kept: Catalogue, actor: Actor, slug: str) -> UUID:
    if slug not in kept.by_slug:
        raise NotFound("network", slug)
    actor.must_manage(kept.by_slug[slug].id)
    return kept.by_slug[slug].id


def _after(first: date, last: date) -> date:
    if last < first:
        raise RuleViolation("period_empty", "to", starts_on=first, ends_on=last)
    if last - first > LONGEST or last == date.max:
        raise RuleViolation("date_out_of_range", "to", given=last)
    return last + timedelta(days=1)
