"""Members with years of issued invoices, their bookings and payments, written set by set: half a million in minutes.

Every member joined on a day of its own and pays for calendar years, of two levels and twenty sizes of fee; most pay
within weeks, one in thirty not at all, one in forty in part, one in fifty is credited for a third, some years are
begun later. The rows are those the ledger's writer would make (issued, received, credited), without its fact.
"""

import asyncpg

NETWORK = "nora-industry-network"
YEARS = (2022, 2026)
_ID = "md5('{kind}' || {key})::uuid"


def _id(kind: str, key: str) -> str:
    return _ID.format(kind=kind, key=key)


_MEMBER = f"""
create temporary table who as
select n, {_id("organisation", "n")} as organisation, {_id("membership", "n")} as membership,
    {_id("grant", "n")} as grant_,
    case when n % 5 = 0 then 'principal' else 'partner' end as tier, date '2018-01-01' + (n * 37 % 2500) as joined,
    case when n % 29 = 0 then date '2023-01-01' + (n * 53 % 1400) end as left_on, w.id as network, w.host_id as host
from generate_series(1, $1::int) n, network w where w.slug = '{NETWORK}'
"""
# A first column that is not the table's: what each statement reads.
_FILL = (
    "delete from who where left_on <= joined",
    "insert into organisation (id, name, family_id, created_at) select organisation, 'Bench ' || n,"
    " organisation, now() from who",
    "insert into organisation_profile (id, organisation_id, name, kind, country, employees, starts_on, recorded_at)"
    f" select {_id('profile', 'n')}, organisation, 'Bench ' || n, 'company', 'NO', n % 400, '2018-01-01', now()"
    f" from who",
    "insert into membership (id, organisation_id, network_id, created_at) select membership, organisation,"
    " network, now() from who",
    "insert into membership_grant (id, membership_id, network_id, organisation_id, kind, tier, starts_on,"
    " ends_on, rule,"
    " rulebook_version, agreement, reason, recorded_at) select grant_, membership, network, organisation,"
    " 'direct', tier,"
    " joined, left_on, '', 0, '', '{}', '2026-01-01' from who",
    "insert into membership_period (membership_id, network_id, organisation_id, tier, status, origin, starts_on,"
    " ends_on,"
    " recorded_at) select membership, network, organisation, tier, 'active', 'direct', joined, left_on,"
    " '2026-01-01' from who",
    # One bill a member and year in which it stands: from the first day, or the day of joining.
    "create temporary table bill as select w.*, y, row_number() over (order by y, n) as number,"
    f" {_id('invoice', chr(110) + ' || ' + repr('/') + ' || y')} as invoice,"
    " greatest(make_date(y, 1, 1), joined) as starts_on, make_date(y + 1, 1, 1) as ends_on,"
    " make_date(y, 1, 5) + (n * 7 % 40) + case when joined > make_date(y, 1, 1) then joined - make_date(y, 1, 1)"
    " else 0 end"
    " as issued_on, (1000000 + n % 20 * 50000 + (y - 2022) * 10000)::bigint as fee"
    f" from who w, generate_series({YEARS[0]}, {YEARS[1]}) y"
    " where joined < make_date(y + 1, 1, 1) and (left_on is null or left_on > make_date(y, 1, 10))",
    "alter table bill add net bigint, add vat bigint, add paid bigint, add paid_on date, add back bigint",
    "update bill set net = round(fee * (ends_on - starts_on) / (ends_on - make_date(y, 1, 1))::numeric)",
    "update bill set vat = case n % 3 when 0 then 0 else round(net / 4.0) end,"
    " back = case when (n + y) % 50 = 0 then round(net / 3.0) else 0 end",
    "update bill set paid = case when (n * 7 + y) % 30 = 0 then 0 when (n * 3 + y) % 40 = 0 then (net + vat) / 2"
    " else net + vat - back end, paid_on = issued_on + 3 + (n * 11 + y) % 50",
    "delete from bill where issued_on > '2026-11-22'",
    "analyze bill",
    "insert into invoice (id, host_id, organisation_id, status, currency, payment_days, network_id, kind,"
    " series, number,"
    " issued_on, due_on, starts_on, ends_on, net, vat, gross, created_at) select invoice, host, organisation,"
    " 'issued',"
    " 'NOK', 30, network, 'invoice', 'B', number, issued_on, issued_on + 30, starts_on, ends_on, net, vat, net +"
    " vat, issued_on"
    " from bill",
    "insert into charge (id, invoice_id, membership_id, grant_id, tier, component, names, starts_on, ends_on,"
    " net, vat_code,"
    f" vat_percent, vat, currency, steps, reason, recorded_at) select {_id('charge', 'invoice')}, invoice,"
    f" membership, grant_,"
    " tier, 'membership', '{\"en\": \"Fee\"}', starts_on, ends_on, net, 'standard', 25, vat, 'NOK',"
    " case when ends_on - starts_on < 365 then jsonb_build_array(jsonb_build_object('code', 'fixed', 'values',"
    "   jsonb_build_object('amount', fee)), jsonb_build_object('code', 'prorated_days', 'values',"
    " jsonb_build_object('part',"
    "   ends_on - starts_on, 'whole', ends_on - make_date(y, 1, 1)))) else"
    " jsonb_build_array(jsonb_build_object('code',"
    "   'fixed', 'values', jsonb_build_object('amount', fee))) end, '{\"code\": \"renewal\"}', issued_on from bill",
    "insert into invoice (id, host_id, organisation_id, status, currency, network_id, kind, credits_id, series,"
    " number,"
    f" issued_on, net, vat, gross, created_at) select {_id('note', 'invoice')}, host, organisation, 'issued',"
    f" 'NOK', network,"
    " 'credit_note', invoice, 'C', number, issued_on + 10, back, 0, back, issued_on from bill where back > 0",
    "insert into credit_line (id, invoice_id, charge_id, net, recorded_at)"
    f" select {_id('line', 'invoice')}, {_id('note', 'invoice')}, {_id('charge', 'invoice')}, back, issued_on"
    f" from bill where back > 0",
    "insert into payment (id, host_id, provider, object_id, rail, amount, currency, received_on, actor, recorded_at)"
    f" select {_id('payment', 'invoice')}, host, 'bank', invoice::text, 'bank', paid, 'NOK', paid_on, 'Bench',"
    f" paid_on"
    " from bill where paid > 0 and paid_on <= '2026-11-22'",
    # Whoever was late by a fortnight was reminded, and whoever never paid got a notice of collection.
    "insert into dunning_step (id, invoice_id, network_id, key, kind, outcome, after_days, on_date, pay_by, principal,"
    f" recorded_at) select {_id('reminder', 'invoice')}, invoice, network, 'reminder', 'reminder', 'done', 14,"
    " issued_on + 44, issued_on + 58, net + vat, issued_on + 44 from bill"
    " where (paid = 0 or paid_on > issued_on + 44) and issued_on + 44 <= '2026-11-22'",
    "insert into dunning_step (id, invoice_id, network_id, key, kind, outcome, after_days, on_date, pay_by, principal,"
    f" recorded_at) select {_id('notice', 'invoice')}, invoice, network, 'notice', 'collection_notice', 'done', 30,"
    " issued_on + 60, issued_on + 74, net + vat, issued_on + 60 from bill"
    " where paid = 0 and issued_on + 60 <= '2026-11-22'",
    # Each went by e-mail; one in a thousand did not arrive.
    "insert into invoice_delivery (id, invoice_id, channel, recipient, status, send_after, created_at, updated_at)"
    f" select {_id('delivery', 'invoice')}, invoice, 'email', 'post@example.no', case when (n + y) % 1000 = 0 then"
    " 'failed' else 'sent' end, issued_on, issued_on, issued_on from bill",
)
# Kind of booking: the day of it, which bills, and its entries (account, amount, network, invoice and payment or not).
_BOOKED = (
    (
        "issued",
        "issued_on",
        "true",
        (("receivable", "net + vat", False), ("income", "-net", True), ("vat_payable", "-vat", False)),
    ),
    ("credited", "issued_on + 10", "back > 0", (("receivable", "-back", False), ("income", "back", True))),
    (
        "received",
        "paid_on",
        "paid > 0 and paid_on <= '2026-11-22'",
        (("bank", "paid", False), ("receivable", "-paid", False)),
    ),
)
# What the ledger's trigger would have made of all this.
_STANDING = """
insert into invoice_standing (invoice_id, host_id, starts_on, ends_on, tier, network, networks, currency, balance, paid,
    credited, written_off, claimed, by_bank, by_card, organisation_id, issued_on, due_on, net, gross, first)
    select * from invoice_stretches(array(select invoice from bill)) order by starts_on
"""
_UNTOUCHED = """
insert into invoice_untouched (invoice_id, host_id, organisation_id, tier, network, networks, currency, issued_on,
    due_on, net, gross) select * from invoices_untouched()
"""
_DAYS = """
insert into invoice_day (host_id, issued_on, kind, currency, networks, documents, gross) select * from invoice_days()
"""


async def fill(dsn: str, members: int) -> int:
    """So many members with their years; how many invoices they have."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("set session_replication_role = replica")
        await connection.execute(_MEMBER.replace("$1::int", str(members)))
        for statement in _FILL:
            await connection.execute(statement)
        for kind, day, which, entries in _BOOKED:
            await connection.execute(_transactions(kind, day, which))
            for account, amount, of_network in entries:
                await connection.execute(_entries(kind, which, account, amount, of_network))
        await connection.execute("analyze")
        await connection.execute(_STANDING)
        await connection.execute(f"delete from invoice_untouched; {_UNTOUCHED}")
        await connection.execute(f"delete from invoice_day; {_DAYS}")
        await connection.execute("vacuum analyze")
        return await connection.fetchval("select count(*) from bill")
    finally:
        await connection.close()


def _transactions(kind: str, day: str, which: str) -> str:
    return (
        "insert into ledger_transaction (id, kind, host_id, organisation_id, currency, on_date, provider,"
        " object_id, phase,"
        f" fact, actor, recorded_at) select {_id(kind, 'invoice')}, '{kind}', host, organisation, 'NOK', {day},"
        f" 'klynge',"
        f" invoice::text, '{kind}', '{{}}', 'Bench', {day} from bill where {which}"
    )


def _entries(kind: str, which: str, account: str, amount: str, of_network: bool) -> str:
    own = "organisation" if account == "receivable" else "null::uuid"
    paid = _id("payment", "invoice") if kind == "received" else "null::uuid"
    about = "invoice" if account != "bank" else "null::uuid"
    return (
        "insert into ledger_entry (transaction_id, host_id, currency, account, organisation_id, network_id,"
        " invoice_id,"
        f" payment_id, amount) select {_id(kind, 'invoice')}, host, 'NOK', '{account}', {own},"
        f" {'network' if of_network else 'null::uuid'}, {about}, {paid}, {amount} from bill where ({which}) and"
        f" {amount} <> 0"
    )
