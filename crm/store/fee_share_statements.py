"""What networks owe each other of shared fees for some days, line by line; and that it was settled.

The figures come from the network's own books, where `fee_shares` booked them; in those of the other network stand the
same. A settlement is a note of both about money that moved between the hosts: their accounts book it, ours do not.
"""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID, uuid4

import msgspec
from asyncpg import ExclusionViolationError

from cluster_rules import vat
from cluster_rules.errors import RuleViolation
from cluster_rules.shares import Claim
from crm.catalogue import Catalogue
from crm.database import Connection
from crm.errors import NotFound, Refused
from crm.store import fee_shares

# The members on an invoice whose links by a rule the share is for: their linked memberships are known to both networks.
_MEMBERS = """
select w.invoice as invoice_id, w.source, w.target, w.rule, w.version, string_agg(distinct o.name, ', ') as members
from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::int[]) as w (invoice, source, target, rule, version)
join charge c on c.invoice_id = w.invoice and c.net > 0
join membership m on m.id = c.membership_id and m.network_id = w.source
join membership_grant g on g.cause_id = c.grant_id and g.kind = 'linked' and g.network_id = w.target
    and g.rule = w.rule and g.rulebook_version = w.version
join organisation o on o.id = m.organisation_id group by 1, 2, 3, 4, 5
"""
_SETTLEMENTS = """
select id, source_id, target_id, first_on, after_on, currency, net, vat, reference, actor, recorded_at
from share_settlement where undone_at is null and first_on < $3 and after_on > $2 and (source_id = $1 or target_id = $1)
order by first_on, recorded_at
"""


class Line(msgspec.Struct, frozen=True):
    """A share that changed in the days asked for: of one invoice, by one rule. `net` is less than 0 where it fell.

    `members` are the organisations whose fee is shared; `agreement` is the code of what the rule rests on.
    """

    source: UUID
    target: UUID
    rule: str
    version: int
    agreement: str
    members: str
    percent: int
    treatment: str
    currency: str
    net: int


class Sum(msgspec.Struct, frozen=True):
    """What the source owes the target for the days, in one currency; VAT is counted once for each rule."""

    source: UUID
    target: UUID
    currency: str
    net: int
    vat: int


class Settlement(msgspec.Struct, frozen=True):
    """That what the source owed the target for [first, after) was paid; with what it came to then."""

    id: UUID
    source: UUID
    target: UUID
    first: date
    after: date
    currency: str
    net: int
    vat: int
    reference: str
    actor: str
    recorded_at: datetime


class Statement(msgspec.Struct, frozen=True):
    """A network with the others it shares fees with, for [first, after)."""

    first: date
    after: date
    lines: tuple[Line, ...]
    sums: tuple[Sum, ...]
    settlements: tuple[Settlement, ...]


async def statement(connection: Connection, kept: Catalogue, network: UUID, first: date, after: date) -> Statement:
    """What the network owes others and they owe it, from its own books."""
    booked = await fee_shares.booked(connection, kept, network, first, after)
    names = await _members(connection, [claim for claim, _ in booked])
    lines = [_line(kept, claim, amount, names.get(_key(claim), "")) for claim, amount in booked if amount]
    rows = await connection.fetch(_SETTLEMENTS, network, first, after)
    settled = tuple(Settlement(*row) for row in rows)
    return Statement(first, after, tuple(sorted(lines, key=_order)), tuple(_sums(kept, booked)), settled)


async def settle(
    connection: Connection, found: Statement, source: UUID, target: UUID, currency: str, reference: str, actor: str
) -> UUID:
    """Note that one of the statement's sums was paid. Refused `share_nothing_owed`, `share_settled` (days overlap)."""
    owed = next((s for s in found.sums if (s.source, s.target, s.currency) == (source, target, currency)), None)
    if owed is None or owed.net <= 0:
        raise Refused("share_nothing_owed", "source")
    made = uuid4()
    try:
        async with connection.transaction():
            await connection.execute(
                "insert into share_settlement (id, source_id, target_id, first_on, after_on, currency, net, vat,"
                " reference, actor, recorded_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, now())",
                made,
                source,
                target,
                found.first,
                found.after,
                currency,
                owed.net,
                owed.vat,
                reference,
                actor,
            )
    except ExclusionViolationError:
        raise Refused("share_settled", "from") from None
    return made


async def settlement(connection: Connection, wanted: UUID) -> Settlement:
    """One settlement that stands. NotFound."""
    row = await connection.fetchrow(
        "select id, source_id, target_id, first_on, after_on, currency, net, vat, reference, actor, recorded_at"
        " from share_settlement where id = $1 and undone_at is null for update",
        wanted,
    )
    if row is None:
        raise NotFound("settlement_id", wanted)
    return Settlement(*row)


async def undo(connection: Connection, wanted: UUID, actor: str) -> None:
    """It was not settled after all."""
    await connection.execute(
        "update share_settlement set undone_at = now(), undone_by = $2 where id = $1 and undone_at is null",
        wanted,
        actor,
    )


def _key(claim: Claim) -> tuple[UUID, UUID, UUID, str, int]:
    return claim.invoice, claim.source, claim.target, claim.rule, claim.version


def _order(line: Line) -> tuple[str, ...]:
    return str(line.source), str(line.target), line.currency, line.members, line.rule, str(line.version)


async def _members(connection: Connection, claims: Sequence[Claim]) -> dict[tuple[UUID, UUID, UUID, str, int], str]:
    keys = [_key(claim) for claim in claims]
    columns = [list(column) for column in zip(*keys, strict=True)] or [[], [], [], [], []]
    return {tuple(row)[:5]: row["members"] for row in await connection.fetch(_MEMBERS, *columns)}


def _line(kept: Catalogue, claim: Claim, amount: int, members: str) -> Line:
    book = kept.rulebooks.version(kept.by_id[claim.source].slug, claim.version)
    rule = book.link_rule(claim.rule) if book else None
    return Line(
        claim.source,
        claim.target,
        claim.rule,
        claim.version,
        rule.agreement if rule else "",
        members,
        claim.percent,
        claim.treatment,
        _currency(kept, claim),
        amount,
    )


def _currency(kept: Catalogue, claim: Claim) -> str:
    book = kept.rulebooks.version(kept.by_id[claim.source].slug, claim.version)
    if book is None:
        raise RuleViolation("rulebook_missing", "network", network=kept.by_id[claim.source].slug)
    return book.currency


def _sums(kept: Catalogue, booked: Sequence[tuple[Claim, int]]) -> list[Sum]:
    """One for each direction and currency; the VAT of each rule's sum, as on `shares.statement`."""
    legs: dict[tuple[UUID, UUID, str, int, str], tuple[Claim, int]] = {}
    for claim, amount in booked:
        key = (claim.source, claim.target, claim.rule, claim.version, _currency(kept, claim))
        legs[key] = (claim, legs.get(key, (claim, 0))[1] + amount)
    sums: dict[tuple[UUID, UUID, str], tuple[int, int]] = {}
    for (source, target, _, _, currency), (claim, net) in legs.items():
        before = sums.get((source, target, currency), (0, 0))
        sums[source, target, currency] = before[0] + net, before[1] + vat.of(net, claim.vat_percent)
    ordered = sorted(sums.items(), key=lambda each: tuple(map(str, each[0])))
    return [Sum(*key, *amounts) for key, amounts in ordered if any(amounts)]
