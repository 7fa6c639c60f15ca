"""SQL that reports on money share: issued invoices as of a day, what they were for, and contracted fees.

Amounts are minor units of the row's `currency`. An invoice counts whole, also where other networks of the host have
lines on it: it is one sum to pay; it belongs to `several` networks or levels where its lines do. A day is the end of
that day: what was booked by then stands, whatever came later (ledger_transaction.on_date).
"""

HOSTS = "(select distinct n.host_id from network n where n.id = any(:networks))"
KNOWN = "(:known_at::timestamptz is null or {t}.recorded_at <= :known_at)"
MONTH = "left({day}::text, 7)"
POSITION = "('receivable', 'member_credit')"
DAYS_OF_A_YEAR = 365
# Of an invoice `i`: ours, not an opening balance that another system invoiced before its members were imported.
OURS = "not exists (select from opening_item o where o.invoice_id = i.id)"


def known(alias: str) -> str:
    """Was the booking of this transaction known then?"""
    return KNOWN.format(t=alias)


_STANDING = """
    left join invoice_standing s on s.host_id = i.host_id and s.invoice_id = i.id and s.starts_on <= :as_of
        and (s.ends_on is null or s.ends_on > :as_of) and :known_at::timestamptz is null
"""
_NOT_LOOKED = """
    cross join lateral (select null::uuid as invoice_id, null::text as tier, null::text as network,
        null::bigint as balance, null::bigint as paid, null::bigint as credited,
        null::bigint as written_off, null::bigint as claimed) s
"""


def invoices(condition: str, standing: bool = True) -> str:
    """The issued invoices of the networks for which a condition on `i` holds, with what stood on each after :as_of.

    What stood, `s`, is a row that the ledger keeps (ADR 0045); an invoice without one is owed as it was issued. As it
    was known earlier, nobody keeps: the ledger is read (BOOKS). `standing` False: nobody asks what became of them.
    """
    return f"""
    select i.id, i.organisation_id, i.network_id, i.series || '-' || i.number as number, i.currency, i.net, i.vat,
        i.gross, i.issued_on, i.due_on, s.invoice_id is not null as stands, s.tier, s.network, s.balance, s.paid,
        s.credited, s.written_off, s.claimed
    from invoice i {_STANDING if standing else _NOT_LOOKED}
    where i.host_id in {HOSTS} and i.kind = 'invoice' and i.status = 'issued' and ({condition})
        and (i.network_id = any(:networks)
            or i.network_id is null and i.id in (select x from invoices_together(:networks) x))
        and (:known_at::timestamptz is null or exists (select from ledger_entry e
            join ledger_transaction t on t.id = e.transaction_id
            where e.invoice_id = i.id and t.kind in ('issued', 'opened') and t.recorded_at <= :known_at))
    """


_STOOD = """
    select s.invoice_id as id, s.organisation_id, s.tier, s.network, s.currency, s.issued_on, s.due_on, s.net, s.gross,
        {sums} from {table} s
    where :known_at::timestamptz is null and s.host_id in {hosts} and s.networks && :networks and s.issued_on <= :as_of
        and {days} and {condition}
"""
_KEPT = "s.balance, s.paid, s.credited, s.written_off, s.claimed"
_NONE = "s.gross, 0::bigint, 0::bigint, 0::bigint, 0::bigint"


def standing(condition: str, owed: bool = False) -> str:
    """The same invoices from what is kept alone (ADR 0051), with a condition on `s`; none as it was known earlier.

    Each stands in one row: something was booked on it by then, something was later, nothing was yet. `owed`: only
    those whose balance is not zero. (Its networks, of which it has a few, are compared last.)
    """
    branches = (
        ("invoice_standing", _KEPT, "s.starts_on <= :as_of and (s.ends_on is null or s.ends_on > :as_of)", "balance"),
        ("invoice_standing", _NONE, "s.first and s.starts_on > :as_of", "gross"),
        ("invoice_untouched", _NONE, "true", "gross"),
    )
    return " union all ".join(
        _STOOD.format(
            table=table,
            sums=sums,
            days=days,
            hosts=HOSTS,
            condition=f"s.{balance} <> 0 and ({condition})" if owed else f"({condition})",
        )
        for table, sums, days, balance in branches
    )


# What stood at the end of :as_of on the invoices `wanted` as it was known earlier, by why. What was taken back counts
# as what it took back.
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
    ) b where :known_at::timestamptz is not null
"""
# The level and network of each that has no row of what stands on it.
LINES = "select l.* from invoice_lines(array(select w.id from wanted w where not w.stands)) l"
# Joined to them, what every list of invoices is cut by, and what it shows.
CUT_BY = "coalesce(w.tier, l.tier, '') as tier, coalesce(w.network, l.network, own.slug, '') as network, w.currency"
CUTS = "left join l on l.invoice_id = w.id left join network own on own.id = w.network_id"
DESCRIBED = f"""
    w.number || ' ' || w.id as key, w.id as invoice_id, w.number, w.organisation_id, o.name, {CUT_BY}, w.issued_on,
    w.due_on
"""
JOINS = f"join organisation o on o.id = w.organisation_id {CUTS}"


def contracts(day: str, earlier: str = "null") -> str:
    """Own active memberships with their contracted yearly fee on a day, and on an earlier one beside it (ADR 0036).

    One row each that has one on either day: `fee` and `tier`, `before` and `tier_before`, are null where there is none.

    The fee is what the newest bill of the membership is a part of, up to a year after its last day. Days given back
    are no longer billed; a fee that a link takes away is none; an entry fee is not recurring. A bill counts from its
    first day, but not before the day it was made: whoever asked in between was told what stood then.
    """
    return f"select * from contracted_fees(:networks, {earlier}, {day}, :known_at)"
