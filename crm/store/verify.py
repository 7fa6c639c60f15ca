"""What must hold between stored rows, asked of the database: each check is one query that names the wrong rows.

What rules derive is compared by `crm/actions/verify.py`; here is what no rule looks at again: numbering,
sums, and rows that must come in pairs. Constraints and triggers refuse most of this already; a restored
backup, a repair by hand or a fault of ours would not be stopped by them.
"""

from collections.abc import AsyncIterator
from datetime import date
from uuid import UUID

import asyncpg
import msgspec

from cluster_rules import vat
from cluster_rules.fees import Step, explained
from crm.catalogue import Catalogue
from crm.database import Connection
from crm.store import audit, verify_courses, verify_invoices, verify_renewals, verify_shares
from crm.store.mail import SEND_TASK

FAMILIES_AT_A_TIME = 200
CHARGES_AT_A_TIME = 5000
NOBODY = UUID(int=0)


class Difference(msgspec.Struct, frozen=True):
    """One stored row that is not what the facts give: which check says so, which row, and why."""

    check: str
    row: str
    why: str


# Each query gives (row, why); no rows means all is well.
CHECKS = {
    "family_root": """
        select 'organisation ' || o.id, 'is of family ' || o.family_id || ', not of ' || coalesce(p.family_id, o.id)
        from organisation o left join lateral (
            select parent.family_id from organisation_profile profile join organisation parent
            on parent.id = profile.parent_id where profile.organisation_id = o.id and profile.superseded_at is null
            order by profile.starts_on desc limit 1
        ) p on true
        where o.family_id <> coalesce(p.family_id, o.id) and not exists (
            select from restructuring r
            join organisation other on other.id in (r.from_organisation_id, r.into_organisation_id)
            where o.id in (r.from_organisation_id, r.into_organisation_id) and other.id <> o.id
            and other.family_id = o.family_id)
        and not exists (select from profile_change c where c.united_id = o.id)""",
    "merged_mark": """
        select 'organisation ' || o.id, 'is marked as merged into ' || coalesce(o.merged_into_id::text, 'nobody')
               || ', decided is ' || coalesce(r.into_organisation_id::text, 'nothing')
        from organisation o
        left join restructuring r
        on r.from_organisation_id = o.id and r.kind = 'merger' and r.withdrawn_at is null
        where (o.merged_into_id, o.merged_on) is distinct from (r.into_organisation_id, r.effective_on)""",
    "seniority": """
        select 'membership ' || m.id, 'is held since ' || coalesce(m.carried_since::text, 'it began')
               || ', its transfers say ' || coalesce(t.since::text, 'nothing')
        from membership m left join (
            select target_membership_id, min(member_since) as since from membership_transfer
            where withdrawn_at is null group by 1
        ) t on t.target_membership_id = m.id
        where m.carried_since is distinct from t.since""",
    "row_elsewhere": """
        select said.row, 'names another organisation or network than its membership ' || said.membership_id
        from (
            select 'membership_grant ' || row_id as row, membership_id, organisation_id, network_id
            from membership_grant
            union all select 'membership_period ' || row_id, membership_id, organisation_id, network_id
            from membership_period
            union all select 'feed ' || seq, membership_id, organisation_id, network_id from feed
        ) said left join membership m on m.id = said.membership_id
        where (m.organisation_id, m.network_id) is distinct from (said.organisation_id, said.network_id)""",
    "grant_unrooted": """
        with recursive rooted as (
            select id from membership_grant where superseded_at is null and kind = 'direct'
            union select g.id from membership_grant g join rooted r on g.cause_id = r.id
            where g.superseded_at is null and g.kind = 'linked'
        )
        select 'membership_grant ' || g.row_id, 'linked by ' || g.rule || ', but its cause ' || g.cause_id || ' is gone'
        from membership_grant g
        where g.superseded_at is null and g.kind = 'linked' and g.id not in (select id from rooted)""",
    "feed_version": """
        select 'membership ' || f.membership_id, 'its feed has ' || count(*) || ' entries, versions ' || min(f.version)
               || ' to ' || max(f.version) || ', and the newest told is ' || coalesce(max(m.version), 0)
        from feed f left join feed_member m on m.membership_id = f.membership_id group by f.membership_id
        having max(f.version) - min(f.version) + 1 <> count(*) or count(distinct f.version) <> count(*)
        or max(f.version) is distinct from max(m.version)""",
    "feed_missing": """
        select 'membership ' || p.membership_id, 'has a timeline and was never told of'
        from membership_period p
        where p.superseded_at is null and not exists (select from feed_member f where f.membership_id = p.membership_id)
        group by p.membership_id""",
    "feed_body": """
        select 'membership ' || f.membership_id, 'partners see ' || coalesce(f.body, 'nobody') || ', on ' || f.shown_on
               || ' it was ' || coalesce(feed_versioned(v.body, f.version), 'nobody')
        from feed_member f left join lateral feed_view(f.membership_id, f.network_id, f.organisation_id, f.shown_on) v
        on true
        where f.body is distinct from feed_versioned(v.body, f.version) or f.listed <> coalesce(not v.pending, false)
        or f.body_hash is distinct from sha256(convert_to(f.body, 'UTF8'))""",
    "charge_elsewhere": """
        select 'charge ' || c.id, case
            when i.id is null then 'its invoice ' || c.invoice_id || ' is gone'
            when m.id is null then 'its membership ' || c.membership_id || ' is gone'
            when i.currency <> c.currency then 'is in ' || c.currency || ' on an invoice in ' || i.currency
            when i.host_id <> n.host_id then 'is on the invoice of another host'
            else 'is billed to ' || i.organisation_id || ', which is not the head of the member''s family' end
        from charge c left join invoice i on i.id = c.invoice_id left join membership m on m.id = c.membership_id
        left join network n on n.id = m.network_id left join organisation o on o.id = m.organisation_id
        left join organisation payer on payer.id = i.organisation_id
        where (i.currency, i.host_id, payer.family_id) is distinct from (c.currency, n.host_id, o.family_id)""",
    "charge_unfounded": """
        select 'charge ' || c.id, 'is for ' || c.grant_id || ', which is no grant and no decision' from charge c
        where not exists (select from membership_grant g where g.id = c.grant_id)
        and not exists (select from membership_decision d where d.id = c.grant_id)
        and not exists (select from application a where a.decision_id = c.grant_id and a.status = 'payment_due')
        and c.net <> (select coalesce(sum(l.net), 0) from credit_line l where l.charge_id = c.id)""",
    "waiver_unfounded": """
        select 'fee_waiver ' || w.id, 'rests on ' || w.grant_id || ', which is no grant' from fee_waiver w
        where not exists (select from membership_grant g where g.id = w.grant_id)""",
    "application_decision": """
        select 'application ' || a.id, case
            when d.id is null then 'is approved, but no decision says so'
            when d.tier <> a.tier or d.effective_on is distinct from a.starts_on
                then 'was approved for ' || a.tier || ' from ' || coalesce(a.starts_on::text, 'no day')
                     || ', the decision says ' || d.tier || ' from ' || d.effective_on
            else 'was decided about another organisation or network' end
        from application a
        left join membership_decision d on d.application_id = a.id and d.withdrawn_at is null
        left join membership m on m.id = d.membership_id
        where a.status = 'approved' and (d.kind, d.tier, d.effective_on, m.organisation_id, m.network_id)
            is distinct from ('joining', a.tier, a.starts_on, a.organisation_id, a.network_id)""",
    "decision_application": """
        select 'membership_decision ' || d.id, 'rests on application ' || d.application_id || ', which is '
               || coalesce(a.status, 'gone')
        from membership_decision d left join application a on a.id = d.application_id
        where d.application_id is not null and d.withdrawn_at is null and a.status is distinct from 'approved'""",
    "application_history": """
        select 'application ' || a.id, 'is approved, and its history says so ' || count(e.row_id) || ' times'
        from application a left join application_event e on e.application_id = a.id and e.kind = 'approved'
        where a.status = 'approved' group by a.id having count(e.row_id) <> 1""",
    "application_audit": """
        select 'application ' || a.id, 'is approved, and the audit trail says so ' || count(t.seq) || ' times'
        from application a left join audit t
        on t.action = 'application_approved' and t.detail ->> 'application' = a.id::text
        where a.status = 'approved' group by a.id having count(t.seq) <> 1""",
    "mail_without_job": f"""
        with waiting as materialized (
            select (convert_from(payload, 'UTF8')::jsonb ->> 'mail')::uuid as mail from pgqueuer
            where entrypoint = '{SEND_TASK}' and status in ('queued', 'picked')
        )
        select 'mail ' || m.id, 'is ' || m.status || ' and no job will send it' from mail m
        where m.status in ('queued', 'sending') and not exists (select from waiting w where w.mail = m.id)""",
    **verify_courses.CHECKS,
    **verify_invoices.CHECKS,
    **verify_renewals.CHECKS,
    **verify_shares.CHECKS,
}

# "Gone" is said by the decision, or by the hourly turn of the day (crm/actions/days.py) once the last day has
# passed in the network's time zone: a day later than that an entry that says otherwise is wrong.
_FEED_NEWEST = """
    select 'feed ' || f.seq, 'says ' || f.op || ', but the timeline ' || case
        when t.last is null then 'is empty' when t.last = 'infinity' then 'is open' else 'ends ' || t.last end
    from (select distinct on (membership_id) * from feed order by membership_id, version desc) f
    left join lateral (
        select max(coalesce(p.ends_on, 'infinity')) as last from membership_period p
        where p.membership_id = f.membership_id and p.superseded_at is null
    ) t on true
    where case f.op when 'remove' then t.last > $1 else coalesce(t.last < $1, true) end
"""


async def check_rows(connection: Connection, today: date) -> list[Difference]:
    """Run every check of one query, and the audit chain."""
    out = []
    for name, query in CHECKS.items():
        out += [Difference(name, row[0], row[1]) for row in await connection.fetch(query)]
    out += [Difference("feed_newest", row[0], row[1]) for row in await connection.fetch(_FEED_NEWEST, today)]
    out += [
        Difference("audit_chain", f"audit {seq}", "its hash is not that of the row and the row before it")
        for seq in await audit.broken_links(connection)
    ]
    return out


async def check_charges(connection: Connection) -> list[Difference]:
    """Every amount again from its own explanation, and VAT from the amount."""
    out = []
    after = NOBODY
    while rows := await connection.fetch(
        "select id, net, vat, vat_code, vat_percent, steps from charge where id > $1 order by id limit $2",
        after,
        CHARGES_AT_A_TIME,
    ):
        after = rows[-1]["id"]
        for row in rows:
            out += [Difference(check, f"charge {row['id']}", why) for check, why in _amounts(row)]
    return out


def _amounts(row: asyncpg.Record) -> list[tuple[str, str]]:
    found = []
    net = explained(msgspec.convert(row["steps"], list[Step]))
    if net != row["net"]:
        found.append(("charge_net", f"says {row['net']}, its steps give {net}"))
    percent = vat.rate(row["vat_percent"])
    if not vat.possible(row["vat_code"], percent):
        found.append(("charge_vat_rate", f"{row['vat_code']} is not {percent} percent"))
    added = vat.of(row["net"], percent)
    if added != row["vat"]:
        found.append(("charge_vat", f"says {row['vat']}, {percent} percent are {added}"))
    return found


async def check_fees(connection: Connection, catalogue: Catalogue) -> list[Difference]:
    """An approved application to a level with fees has been billed, component by component.

    What was billed before for another membership of the same days is not billed again; who waits for a place of the
    level has nothing to pay yet.
    """
    rows = await connection.fetch(
        "select d.id, d.membership_id, d.tier, d.effective_on, m.network_id,"
        " array(select c.component from charge c where c.grant_id = d.id) as billed,"
        " exists (select from charge c where c.membership_id = d.membership_id and c.grant_id <> d.id"
        "   and c.net >= 0 and (c.ends_on is null or c.ends_on > d.effective_on)) as otherwise"
        " from membership_decision d join membership m on m.id = d.membership_id"
        " where d.application_id is not null and d.withdrawn_at is null and not exists ("
        "   select from place p where p.cause_id = d.id and p.tier <> '' and p.status in ('waiting', 'removed'))"
        " order by d.id"
    )
    out = []
    for row in rows:
        slug = catalogue.by_id[row["network_id"]].slug
        tier = catalogue.book(slug, row["effective_on"]).tier(row["tier"])
        due = {component.code for component in tier.fees} if tier else set()
        missing = due - set(row["billed"])
        if missing and not row["otherwise"]:
            why = f"joined {slug} as {row['tier']}, but {', '.join(sorted(missing))} was never billed"
            out.append(Difference("fee_missing", f"membership_decision {row['id']}", why))
    return out


async def family_batches(connection: Connection) -> AsyncIterator[list[UUID]]:
    """All families, some at a time."""
    after = NOBODY
    while rows := await connection.fetch(
        "select distinct family_id from organisation where family_id > $1 order by family_id limit $2",
        after,
        FAMILIES_AT_A_TIME,
    ):
        after = rows[-1]["family_id"]
        yield [row["family_id"] for row in rows]


async def count_families(connection: Connection) -> int:
    """How many there are."""
    return int(await connection.fetchval("select count(distinct family_id) from organisation"))
