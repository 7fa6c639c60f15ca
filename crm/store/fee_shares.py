"""What networks owe each other of what is collected (peers.md 2.5 item 13): booked with every change of an invoice.

Called after facts were posted, whether somebody paid, got money back or was credited. Amounts are minor units.
"""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from cluster_rules import shares, vat
from cluster_rules.money_facts import Shared
from cluster_rules.shares import Claim, Leg
from crm.catalogue import Catalogue
from crm.database import Connection
from crm.store import ledger
from crm.store.ledger import Booked

# The lines of an invoice that a link's cause was billed with, less what was credited of them, per link rule.
_CLAIMS = """
select invoice_id, network_id as source, target, rule, version, sum(net)::bigint as net from (
    select distinct on (c.id, g.source_network_id, g.rule, g.rulebook_version, g.network_id) c.invoice_id, m.network_id,
        g.network_id as target, g.rule, g.rulebook_version as version,
        c.net - coalesce((select sum(l.net) from credit_line l join invoice n on n.id = l.invoice_id
            where l.charge_id = c.id and n.status = 'issued'), 0) as net
    from charge c join membership m on m.id = c.membership_id
    join membership_grant g on g.cause_id = c.grant_id and g.kind = 'linked' and g.superseded_at is null
        and g.network_id <> m.network_id and (c.ends_on is null or g.starts_on < c.ends_on)
        and (g.ends_on is null or g.ends_on > c.starts_on)
    where c.invoice_id = any($1) and c.net > 0
) found group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
"""
_COLLECTED = """
select e.invoice_id, coalesce(sum(e.amount) filter (where t.kind in ('issued', 'credited')), 0)::bigint as gross,
    -coalesce(sum(e.amount) filter (where e.payment_id is not null), 0)::bigint as collected
from ledger_entry e join ledger_transaction t on t.id = e.transaction_id
where e.invoice_id = any($1) and e.account in ('receivable', 'member_credit') group by e.invoice_id
"""
_SHARED = """
select e.invoice_id, e.network_id as source, (t.fact ->> 'other')::uuid as target, t.fact ->> 'rule' as rule,
    (t.fact ->> 'version')::int as version, sum(e.amount)::bigint as amount
from ledger_entry e join ledger_transaction t on t.id = e.transaction_id
where e.invoice_id = any($1) and e.account = 'share_cost' group by 1, 2, 3, 4, 5
"""
# From the network's own books: what it owes (share_cost) and what it gets (share_income, a credit).
_BOOKED = """
select e.invoice_id, (t.fact ->> case t.fact ->> 'side' when 'owes' then 'network' else 'other' end)::uuid as source,
    (t.fact ->> case t.fact ->> 'side' when 'owes' then 'other' else 'network' end)::uuid as target,
    t.fact ->> 'rule' as rule, (t.fact ->> 'version')::int as version,
    sum(case e.account when 'share_cost' then e.amount else -e.amount end)::bigint as amount
from ledger_transaction t join ledger_entry e on e.transaction_id = t.id and e.account in ('share_cost', 'share_income')
where t.kind = 'shared' and t.on_date >= $2 and t.on_date < $3 and e.network_id = $1
group by 1, 2, 3, 4, 5 order by 2, 3, 4, 5, 1
"""
_Key = tuple[UUID, UUID, UUID, str, int]


async def share(connection: Connection, kept: Catalogue, booked: Booked, actor: str) -> None:
    """Book what the shares of the invoices touched by these postings changed by, in the books of both hosts."""
    touched = booked.invoices
    if not touched:
        return
    claims = await _claims(connection, kept, touched)
    rows = await connection.fetch(_SHARED, list(touched))
    stands: dict[_Key, int] = {tuple(row)[:5]: row["amount"] for row in rows}
    if not claims and not stands:
        return
    found = await connection.fetch(_COLLECTED, list(touched))
    money = {row["invoice_id"]: (row["collected"], row["gross"]) for row in found}
    because = booked.postings[-1]
    for key in sorted({*claims, *stands}, key=str):
        before = stands.get(key, 0)
        collected, gross = money[key[0]]
        # A link that is gone (its payment was a mistake) owes nothing; one that ended keeps what was collected for it.
        wanted = shares.owed(claims[key], collected, gross) if key in claims else before if collected > 0 else 0
        if wanted == before:
            continue
        for side in ("owes", "gets"):
            own, other = (key[1], key[2]) if side == "owes" else (key[2], key[1])
            fact = Shared(
                host=kept.by_id[own].host_id,
                currency=because.currency,
                on=because.on,
                side=side,
                because=because.id,
                invoice=key[0],
                network=own,
                other=other,
                rule=key[3],
                version=key[4],
                amount=wanted - before,
            )
            await ledger.post(connection, fact, actor)


async def _claims(connection: Connection, kept: Catalogue, touched: Sequence[UUID]) -> dict[_Key, Claim]:
    out: dict[_Key, Claim] = {}
    for row in await connection.fetch(_CLAIMS, list(touched)):
        claim = _claim(kept, row["invoice_id"], row["source"], row["target"], row["rule"], row["version"], row["net"])
        if claim:
            out[tuple(row)[:5]] = claim
    return out


def _claim(
    kept: Catalogue, invoice: UUID, source: UUID, target: UUID, rule: str, version: int, net: int
) -> Claim | None:
    """The claim by the rule's own words; None when it shares nothing."""
    book = kept.rulebooks.version(kept.by_id[source].slug, version)
    found = book.link_rule(rule) if book else None
    if book is None or found is None or not found.fee.share_percent:
        return None
    fee = found.fee
    percent = vat.percent(book.vat.country, fee.share_vat, book.effective_from)
    return Claim(invoice, source, target, rule, version, fee.share_percent, fee.share_vat, percent, net)


async def statement(
    connection: Connection, kept: Catalogue, network: UUID, first: date, after: date
) -> tuple[Leg, ...]:
    """What a network owes others (and others owe it) of what was collected from `first` to before `after`.

    By rule and version, with the VAT of each leg counted on its sum.
    """
    return shares.statement(await booked(connection, kept, network, first, after))


async def booked(
    connection: Connection, kept: Catalogue, network: UUID, first: date, after: date
) -> list[tuple[Claim, int]]:
    """By how much each share of an invoice changed from `first` to before `after`, from the network's own books."""
    rows = await connection.fetch(_BOOKED, network, first, after)
    found = []
    for row in rows:
        claim = _claim(kept, row["invoice_id"], row["source"], row["target"], row["rule"], row["version"], 0)
        if claim:
            found.append((claim, row["amount"]))
    return found
