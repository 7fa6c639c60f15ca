"""SQL that reports on money share: issued invoices as of a day, what they were for, and contracted fees.

Amounts are minor units of the row's `currency`. An invoice counts whole, also where other networks of the host have
lines on it: it is one sum to pay; it belongs to `several` networks or levels where its lines do. A day is the end of
that day: what was booked by then stands, whatever came later (ledger_transaction.on_date).
"""

HOSTS = "(select n.host_id from network n where n.id = any(:networks))"
KNOWN = "(:known_at::timestamptz is null or {t}.recorded_at <= :known_at)"
POSITION = "('receivable', 'member_credit')"
DAYS_OF_A_YEAR = 365


def known(alias: str) -> str:
    """Was the booking of this transaction known then?"""
    return KNOWN.format(t=alias)


def invoices(condition: str) -> str:
    """The issued invoices of the networks for which a condition on `i` holds."""
    return f"""
    select i.id, i.organisation_id, i.network_id, i.series || '-' || i.number as number, i.currency, i.net, i.vat,
        i.gross, i.issued_on, i.due_on, i.starts_on, i.ends_on
    from invoice i
    where i.host_id in {HOSTS} and i.kind = 'invoice' and i.status = 'issued' and ({condition})
        and (i.network_id = any(:networks) or i.network_id is null and exists
            (select from charge c join membership m on m.id = c.membership_id
             where c.invoice_id = i.id and m.network_id = any(:networks)))
        and (:known_at::timestamptz is null or exists (select from ledger_entry e
            join ledger_transaction t on t.id = e.transaction_id
            where e.invoice_id = i.id and t.kind in ('issued', 'opened') and t.recorded_at <= :known_at))
    """


# What stood on the invoices `wanted` at the end of :as_of, by why. Taken back counts as what it took back.
BOOKS = f"""
    select e.invoice_id, sum(e.amount)::bigint as balance,
        coalesce(-sum(e.amount) filter (where e.payment_id is not null), 0)::bigint as paid,
        coalesce(-sum(e.amount) filter (where coalesce(r.kind, t.kind) = 'credited'), 0)::bigint as credited,
        coalesce(-sum(e.amount) filter (where coalesce(r.kind, t.kind) = 'writtenoff'), 0)::bigint as written_off,
        coalesce(sum(e.amount) filter (where coalesce(r.kind, t.kind) = 'claimed'), 0)::bigint as claimed
    from wanted w join ledger_entry e on e.invoice_id = w.id and e.account in {POSITION}
    join ledger_transaction t on t.id = e.transaction_id
    left join ledger_transaction r on r.id = t.reverses_id
    where t.on_date <= :as_of and {known("t")}
    group by e.invoice_id
"""
# The level and network of each of the invoices `wanted`.
LINES = """
    select c.invoice_id, case when min(c.tier) = max(c.tier) then min(c.tier) else 'several' end as tier,
        case when min(m.network_id::text) = max(m.network_id::text) then min(m.network_id::text) else 'several' end
            as network_id
    from wanted w join charge c on c.invoice_id = w.id join membership m on m.id = c.membership_id group by 1
"""
# Joined to them, the columns every list of invoices has.
DESCRIBED = """
    w.number || ' ' || w.id as key, w.id as invoice_id, w.number, w.organisation_id, o.name,
    coalesce(l.tier, '') as tier, coalesce(n.slug, l.network_id, own.slug, '') as network, w.currency,
    w.issued_on, w.due_on
"""
JOINS = """
    join organisation o on o.id = w.organisation_id left join l on l.invoice_id = w.id
    left join network n on n.id::text = l.network_id left join network own on own.id = w.network_id
"""


def _made(alias: str, day: str) -> str:
    """Was this line there at the end of a day: recorded, or on a document issued by then?"""
    return (
        f"({alias}.recorded_at < ({day} + 1)::timestamp at time zone 'Europe/Oslo' or exists (select from invoice d"
        f" where d.id = {alias}.invoice_id and d.issued_on <= {day}))"
    )


def contracts(day: str) -> str:
    """Own active memberships on a day with their contracted yearly fee (ADR 0036): one row each that has one.

    The fee is what the newest bill of the membership is a part of, up to a year after its last day. Days given back
    are no longer billed; a fee that a link takes away is none; an entry fee is not recurring. A bill counts from its
    first day, but not before the day it was made: whoever asked in between was told what stood then.
    """
    return f"""
    select p.membership_id, p.organisation_id, p.network_id, p.tier, bill.currency, sum(bill.yearly)::bigint as fee
    from membership_period p
    join (
        select c.membership_id, c.currency, c.yearly, m.network_id, c.tier, c.component,
            rank() over (partition by c.membership_id order by c.starts_on desc) as age
        from charge c join membership m on m.id = c.membership_id and m.network_id = any(:networks)
        where c.yearly > 0 and c.starts_on <= {day} and (c.ends_on is null or c.ends_on > {day} - {DAYS_OF_A_YEAR})
            and {known("c")} and {_made("c", day)}
            and not exists (select from charge b where b.grant_id = c.grant_id and b.component = c.component
                and b.net < 0 and b.starts_on <= {day} and b.starts_on >= c.starts_on and {known("b")}
                and {_made("b", day)})
            and (m.network_id, c.tier, c.component) not in (select * from entry_fees)
    ) bill on bill.membership_id = p.membership_id and bill.age = 1
    where p.network_id = any(:networks) and stands(p) and p.status = 'active' and p.origin in ('direct', 'both')
        and p.starts_on <= {day} and (p.ends_on is null or p.ends_on > {day})
        and not exists (select from fee_waiver v where v.membership_id = p.membership_id and {known("v")}
            and v.starts_on <= {day} and (v.ends_on is null or v.ends_on > {day}))
    group by 1, 2, 3, 4, 5
    """


# Components that are billed in the first year alone, where another one does not follow in the years after.
ENTRY_FEES = """
    select distinct b.network_id, t ->> 'code' as tier, f ->> 'code' as component
    from rulebook b, jsonb_array_elements(b.body -> 'tiers') t, jsonb_array_elements(t -> 'fees') f
    where b.network_id = any(:networks) and f ->> 'charged' = 'first_year' and not exists
        (select from jsonb_array_elements(t -> 'fees') later where later ->> 'charged' = 'later_years')
"""
