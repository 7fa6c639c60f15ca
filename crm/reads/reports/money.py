"""SQL that reports on money share: issued invoices as of a day, what they were for, and contracted fees.

Amounts are minor units of the row's `currency`. An invoice counts whole, also where other networks of the host have
lines on it: it is one sum to pay; it belongs to `several` networks or levels where its lines do. A day is the end of
that day: what was booked by then stands, whatever came later (ledger_transaction.on_date).
"""

HOSTS = "(select n.host_id from network n where n.id = any(:networks))"
KNOWN = "(:known_at::timestamptz is null or {t}.recorded_at <= :known_at)"
POSITION = "('receivable', 'member_credit')"
DAYS_OF_A_YEAR = 365
# Of an invoice `i`: ours, not an opening balance that another system invoiced before its members were imported.
OURS = "not exists (select from opening_item o where o.invoice_id = i.id)"


def known(alias: str) -> str:
    """Was the booking of this transaction known then?"""
    return KNOWN.format(t=alias)


_SETTLED = """
    left join invoice_settled s on s.invoice_id = i.id and s.settled_on <= :as_of and :known_at::timestamptz is null
"""
_NOT_LOOKED = """
    cross join lateral (select null::uuid as invoice_id, null::text as tier, null::text as network,
        null::bigint as paid, null::bigint as credited, null::bigint as written_off, null::bigint as claimed) s
"""


def invoices(condition: str, settled: bool = True) -> str:
    """The issued invoices of the networks for which a condition on `i` holds, with the row of those that are settled.

    An invoice that was settled by the day asked for says by itself what became of it and what it was for; of others the
    ledger and their lines are read. As it was known earlier, the ledger is read of all. `settled` False: nobody asks
    what became of them.
    """
    return f"""
    select i.id, i.organisation_id, i.network_id, i.series || '-' || i.number as number, i.currency, i.net, i.vat,
        i.gross, i.issued_on, i.due_on, s.invoice_id is not null as settled, s.tier, s.network, s.paid, s.credited,
        s.written_off, s.claimed
    from invoice i {_SETTLED if settled else _NOT_LOOKED}
    where i.host_id in {HOSTS} and i.kind = 'invoice' and i.status = 'issued' and ({condition})
        and (i.network_id = any(:networks) or i.network_id is null and exists
            (select from charge c join membership m on m.id = c.membership_id
             where c.invoice_id = i.id and m.network_id = any(:networks)))
        and (:known_at::timestamptz is null or exists (select from ledger_entry e
            join ledger_transaction t on t.id = e.transaction_id
            where e.invoice_id = i.id and t.kind in ('issued', 'opened') and t.recorded_at <= :known_at))
    """


# What stood at the end of :as_of on those of the invoices `wanted` that were not settled, by why. What was taken back
# counts as what it took back.
BOOKS = f"""
    select w.id as invoice_id, b.* from wanted w cross join lateral (
        select sum(e.amount)::bigint as balance,
            coalesce(-sum(e.amount) filter (where e.payment_id is not null), 0)::bigint as paid,
            coalesce(-sum(e.amount) filter (where coalesce(r.kind, t.kind) = 'credited'), 0)::bigint as credited,
            coalesce(-sum(e.amount) filter (where coalesce(r.kind, t.kind) = 'writtenoff'), 0)::bigint as written_off,
            coalesce(sum(e.amount) filter (where coalesce(r.kind, t.kind) = 'claimed'), 0)::bigint as claimed
        from ledger_entry e join ledger_transaction t on t.id = e.transaction_id
        left join ledger_transaction r on r.id = t.reverses_id
        where e.invoice_id = w.id and e.account in {POSITION} and t.on_date <= :as_of and {known("t")}
    ) b where not w.settled
"""
# The level and network of each of them.
LINES = """
    select w.id as invoice_id, l.* from wanted w cross join lateral (
        select case when min(c.tier) = max(c.tier) then min(c.tier) else 'several' end as tier,
            case when min(n.slug) = max(n.slug) then min(n.slug) else 'several' end as network
        from charge c join membership m on m.id = c.membership_id join network n on n.id = m.network_id
        where c.invoice_id = w.id having count(*) > 0
    ) l where not w.settled
"""
# Joined to them, what every list of invoices is cut by, and what it shows.
CUT_BY = "coalesce(w.tier, l.tier, '') as tier, coalesce(w.network, l.network, own.slug, '') as network, w.currency"
CUTS = "left join l on l.invoice_id = w.id left join network own on own.id = w.network_id"
DESCRIBED = f"""
    w.number || ' ' || w.id as key, w.id as invoice_id, w.number, w.organisation_id, o.name, {CUT_BY}, w.issued_on,
    w.due_on
"""
JOINS = f"join organisation o on o.id = w.organisation_id {CUTS}"


def contracts(day: str) -> str:
    """Own active memberships on a day with their contracted yearly fee (ADR 0036): one row each that has one.

    The fee is what the newest bill of the membership is a part of, up to a year after its last day. Days given back
    are no longer billed; a fee that a link takes away is none; an entry fee is not recurring. A bill counts from its
    first day, but not before the day it was made: whoever asked in between was told what stood then.
    """
    return f"select * from contracted_fees(:networks, {day}, :known_at)"
