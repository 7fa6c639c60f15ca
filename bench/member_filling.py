"""Members of five years and what reports about them read, written set by set: a hundred thousand in two minutes.

Every member joined on a day of its own. One in three changed level after a year, one in five left, one in ten came
back; one in five is a member by a link rule, one in four of another network of the host, too, one in twenty of
another host's. Names and figures of employees have changed, endings were decided, roles given, terms agreed to,
invoices of five years paid, activities taken part in.
"""

import asyncpg

NETWORK, OTHER = "nora-industry-network", "nce-smart-energy-markets"
_DROPPED = (  # row by row these would take minutes; no report reads by them
    ("membership_period", "period_once"),
    ("membership_grant", "grant_never_overlaps"),
    ("organisation_profile", "profile_once"),
)


def _id(kind: str, key: str = "n") -> str:
    return f"md5('{kind}' || {key})::uuid"


_KNOWN = "'2020-01-01'"
_KIND = "(array['company', 'company', 'company', 'university', 'public_body'])[1 + n % 5]"
_YEAR = "n || '/' || y"
_WHO = f"""
create temporary table who as
select n, {_id("organisation")} as organisation, {_id("membership")} as membership, w.id as network, w.host_id as host,
    date '2021-01-01' + ((n::bigint * 7919) % 2100)::int as joined, n % 3 = 0 as changes, n % 5 = 0 as leaves,
    n % 10 = 0 as returns, (array['direct', 'direct', 'direct', 'linked', 'both'])[1 + n % 5] as origin,
    (array['partner', 'startup'])[1 + n % 2] as tier, (select id from network where slug = $4) as other
from generate_series($2::int, $3::int) n, network w where w.slug = $1
"""
_PERIOD = (
    "insert into membership_period (membership_id, network_id, organisation_id, tier, status, origin, starts_on,"
    " ends_on, recorded_at)"
)
# The stretches: as they joined, after the change of level, and once more after they had left.
_STRETCHES = (
    f"{_PERIOD} select membership, network, organisation, tier, case when n % 97 = 0 then 'suspended' else 'active'"
    " end, origin, joined, case when changes then joined + 365 when leaves then joined + 500 end, joined from who",
    f"{_PERIOD} select membership, network, organisation, 'principal', 'active', 'direct', joined + 365,"
    " case when leaves then joined + 800 end, joined + 360 from who where changes",
    f"{_PERIOD} select membership, network, organisation, 'partner', 'active', 'direct', joined + 900, null,"
    " joined + 890 from who where returns",
)
_ORGANISATIONS = (
    "insert into organisation (id, name, family_id, created_at) select organisation, 'Member ' || n, organisation,"
    " joined from who",
    "insert into organisation_profile (id, organisation_id, name, kind, country, county, employees, starts_on, ends_on,"
    f" recorded_at) select {_id('profile')}, organisation, 'Member ' || n, "
    f" {_KIND}, (array['NO', 'NO', 'SE'])[1 + n % 3],"
    " (array['03', '46', '11', '50', ''])[1 + n % 5], nullif(n % 400, 0), '2015-01-01',"
    f" case when n % 4 = 0 then date '2024-01-01' end, {_KNOWN} from who",
    "insert into organisation_profile (id, organisation_id, name, kind, country, county, employees, starts_on,"
    f" recorded_at) select {_id('profile later')}, organisation, 'Member ' || n, case when n % 400 = 0 then"
    f" 'association' else {_KIND} end, 'NO', '03', n % 300, '2024-01-01', '2024-01-01' from who where n % 4 = 0",
    f"insert into membership (id, organisation_id, network_id, created_at) select membership, organisation, network,"
    f" {_KNOWN} from who",
)
_NAMED = (
    "insert into identifier (id, organisation_id, scheme, value) select"
    f" {_id('identifier')}, organisation, 'no-orgnr', (100000000 + n)::text from who",
    "insert into known_name (id, organisation_id, names, starts_on, recorded_at)"
    f" select {_id('name')}, organisation, jsonb_build_object('nb', 'Renamed ' || n), '2024-05-01', '2024-05-01'"
    " from who where n % 50 = 0",
)
_DECIDED = (
    "insert into membership_decision (id, membership_id, kind, effective_on, tier, actor, channel, recorded_at)"
    f" select {_id('joining')}, membership, 'joining', joined, tier, 'Bench', 'web', joined from who",
    "insert into membership_decision (id, membership_id, kind, effective_on, actor, channel, recorded_at)"
    f" select {_id('ending')}, membership, 'ending', joined + case when changes then 800 else 500 end, 'Bench',"
    " case when n % 15 = 0 then 'job' else 'web' end, joined + 480 from who where leaves",
    "insert into membership_grant (id, membership_id, network_id, organisation_id, kind, tier, starts_on, ends_on,"
    " rule, rulebook_version, agreement, reason, recorded_at)"
    f" select {_id('grant')}, membership, network, organisation, 'direct', tier, joined, case when leaves and not"
    " returns then joined + 500 end, '', 0, '', '{}', joined from who where origin <> 'linked'",
    "insert into membership_grant (id, membership_id, network_id, organisation_id, kind, tier, starts_on, ends_on,"
    " rule, source_network_id, cause_id, rulebook_version, agreement, reason, recorded_at)"
    f" select {_id('linked')}, membership, network, organisation, 'linked', tier, joined, case when changes then"
    f" joined + 365 end, 'bench', other, {_id('grant')}, 1, '', '{{}}', joined from who where origin <> 'direct'",
    "insert into organisation_role (id, organisation_id, network_id, role, starts_on, source, recorded_at)"
    f" select {_id('role')}, organisation, network, (array['supplier', 'customer'])[1 + n % 2], joined, 'bench',"
    " joined from who where n % 3 = 0",
    "insert into application (id, reference, network_id, organisation_id, tier, status, created_at, updated_at)"
    f" select {_id('application')}, 'B-' || n, network, organisation, tier, 'approved', joined, joined from who",
    "insert into consent (id, application_id, organisation_id, purpose, given, recorded_at)"
    f" select {_id('consent')}, {_id('application')}, organisation, 'terms', true, joined from who",
    "insert into agreed_fee (id, organisation_id, network_id, component, amount, currency, starts_on, source,"
    f" recorded_at) select {_id('fee')}, organisation, network, 'membership', 100000, 'NOK', joined, 'bench', joined"
    " from who where n % 1000 = 0",
)
# One in twenty is a member of the other network, too.
_OVERLAP = (
    "insert into membership (id, organisation_id, network_id, created_at)"
    f" select {_id('second')}, organisation, other, {_KNOWN} from who where n % 20 = 0",
    f"{_PERIOD} select {_id('second')}, other, organisation, 'member', 'active', 'direct', joined, null, joined"
    " from who where n % 20 = 0",
)
# Of one in four another network of the same host counts, too: a link rule's, for a while; the one it came from.
_SHARED = (
    "create temporary table second as select who.*, w.id as second_network,"
    f" {_id('shared')} as second, n % 5 = 1 as by_rule from who, network w"
    " where w.slug = case when n % 5 = 1 then 'nora' when n % 20 = 3 then 'nora-startup' end",
    "insert into membership (id, organisation_id, network_id, created_at)"
    f" select second, organisation, second_network, {_KNOWN} from second",
    f"{_PERIOD} select second, second_network, organisation, 'partner', 'active', case when by_rule then 'linked' else"
    " 'direct' end, case when by_rule then joined + 30 else joined - 200 end, case when not by_rule then joined + 100"
    " when n % 25 = 1 then joined + 700 end, joined from second",
    "insert into membership_grant (id, membership_id, network_id, organisation_id, kind, tier, starts_on, ends_on,"
    " rule, source_network_id, cause_id, rulebook_version, agreement, reason, recorded_at)"
    f" select {_id('shared grant')}, second, second_network, organisation, 'linked', 'partner', joined + 30,"
    f" case when n % 25 = 1 then joined + 700 end, 'bench', network, {_id('grant')}, 1, '', '{{}}', joined from second"
    " where by_rule",
)
# A year's invoice for each year from the day of joining, paid.
_BILLS = (
    "create temporary table bill as select w.*, y,"
    f" {_id('invoice', _YEAR)} as invoice, {_id('paid', _YEAR)} as paid,"
    " make_date(y, 1, 10) + (n * 7 % 300) as paid_on"
    " from who w, generate_series(2022, 2026) y where joined < make_date(y, 1, 1) and (n + y) % 9 <> 0",
    "insert into invoice (id, host_id, organisation_id, status, currency, network_id, kind, series, number, issued_on,"
    " due_on, net, vat, gross, created_at) select invoice, host, organisation, 'issued', 'NOK', network, 'invoice',"
    " 'B', row_number() over (order by y, n), make_date(y, 1, 5), make_date(y, 2, 4), 100000, 0, 100000,"
    " make_date(y, 1, 5) from bill",
    "insert into charge (id, invoice_id, membership_id, grant_id, tier, component, names, starts_on, ends_on,"
    " net, vat_code,"
    f" vat_percent, vat, currency, steps, reason, recorded_at) select {_id('charge', 'invoice')}, invoice, membership,"
    f" {_id('grant')}, tier, 'membership', '{{\"en\": \"Fee\"}}',"
    " make_date(y, 1, 1), make_date(y + 1, 1, 1), 100000, 'outside', 0, 0,"
    ' \'NOK\', \'[{"code": "fixed", "values": {"amount": 100000}}]\', \'{"code": "renewal"}\', make_date(y, 1, 5)'
    " from bill",
    "insert into ledger_transaction (id, kind, host_id, organisation_id, currency, on_date, provider, object_id, phase,"
    " fact, actor, recorded_at) select paid, 'received', host, organisation, 'NOK', paid_on, 'bank', paid::text,"
    " 'received', '{}', 'Bench', paid_on from bill where paid_on <= '2026-11-22'",
    "insert into ledger_entry (transaction_id, host_id, currency, account, organisation_id, invoice_id, payment_id,"
    " amount) select paid, host, 'NOK', 'receivable', organisation, invoice, paid, -100000 from bill"
    " where paid_on <= '2026-11-22'",
    "insert into ledger_entry (transaction_id, host_id, currency, account, invoice_id, payment_id, amount)"
    " select paid, host, 'NOK', 'bank', invoice, paid, 100000 from bill where paid_on <= '2026-11-22'",
)
# Two activities a week, of five years, with two hundred organisations each; labels of the network.
_ACTIVITIES = (
    "create temporary table event as select e, nextval('activity_row_id_seq') as row_id, w.id as network,"
    " date '2021-12-01' + (e * 7 / 2) as on_day from generate_series(1, 520) e, network w where w.slug = $1",
    "insert into activity (row_id, id, network_id, kind, title, on_day, international, others, recorded_at)"
    f" select row_id, {_id('activity', 'e')}, network, (array['event', 'meeting', 'project'])[1 + e % 3],"
    " 'Event ' || e, on_day, e % 4 = 0, e % 30, on_day from event",
    "insert into activity_participant (activity_row_id, network_id, organisation_id, people) select e.row_id,"
    " e.network, w.organisation, 1 + w.n % 3 from event e cross join generate_series(0, 199) i"
    " join who w on w.n = 1 + (i * 271 + e * 997) % (select count(*) from who) on conflict do nothing",
    "insert into label (id, network_id, kind, name, issued_on, expires_on) select"
    f" {_id('label', 'i')}, w.id, 'label', 'Label ' || i, date '2021-01-01' + i * 10, date '2023-01-01' + i * 10"
    " from generate_series(1, 150) i, network w where w.slug = $1",
)


async def fill(dsn: str, members: int) -> None:
    """So many members of NETWORK with five years behind them."""
    statements = (*_ORGANISATIONS, *_NAMED, *_STRETCHES, *_DECIDED, *_OVERLAP, *_SHARED, *_BILLS, *_ACTIVITIES)
    await _filled(dsn, NETWORK, 1, members, statements)


async def fill_memberships(dsn: str, memberships: int) -> None:
    """So many memberships of NETWORK, with their organisations, and nothing else of them."""
    await _filled(dsn, NETWORK, 1, memberships, (*_ORGANISATIONS, *_STRETCHES))


async def _filled(dsn: str, network: str, first: int, last: int, statements: tuple[str, ...]) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        # Triggers of decisions (feed, directory, checks of references) have nothing to say about a report.
        await connection.execute("set session_replication_role = replica; set work_mem = '256MB'")
        for table, constraint in _DROPPED:
            await connection.execute(f"alter table {table} drop constraint if exists {constraint}")
        await connection.execute(_WHO, network, first, last, OTHER)
        await connection.execute("analyze who")
        for statement in statements:
            await connection.execute(statement, *([network] if "$1" in statement else []))
        # With triggers it would have been done at the end of each transaction (ADR 0044).
        await connection.execute("set session_replication_role = default")
        await connection.execute("select courses_settle(array(select organisation from who))")
        await connection.execute("vacuum analyze")
    finally:
        await connection.close()
