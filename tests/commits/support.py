"""What tests with real commits share: who decides, applications to decide about, and what a decision must leave."""

from datetime import date
from typing import Any
from uuid import UUID, uuid4

from crm.actions import applications
from crm.actor import Actor
from crm.context import Context
from crm.forms import ApplicationForm, ContactForm, OrganisationForm

STARTS = date(2026, 12, 1)
NETWORK = "nora-industry-network"
# Everything one approval makes, counted by one of its application's decision.
MADE = """
    select count(distinct d.id) as decisions,
        count(distinct g.row_id) filter (where g.kind = 'direct') as direct_grants,
        (select count(*) from membership_grant l where l.cause_id = any(array_agg(d.id))) as linked_grants,
        (select count(*) from charge c where c.grant_id = any(array_agg(d.id))) as charges,
        (select count(distinct c.invoice_id) from charge c where c.grant_id = any(array_agg(d.id))) as invoices,
        (select count(*) from feed f where f.organisation_id = any(array_agg(m.organisation_id))) as feed_entries,
        (select count(*) from membership x where x.organisation_id = any(array_agg(m.organisation_id))) as memberships,
        (select count(*) from membership_period p where p.organisation_id = any(array_agg(m.organisation_id)))
            as periods,
        (select count(*) from application_event e where e.application_id = $1 and e.kind = 'approved') as events,
        (select count(*) from audit a where a.action = 'application_approved'
            and a.detail ->> 'application' = $1::text) as audits
    from membership_decision d join membership m on m.id = d.membership_id
    join membership_grant g on g.membership_id = m.id where d.application_id = $1
"""
ONE_OF_EVERYTHING = {
    "decisions": 1,
    "direct_grants": 1,
    "linked_grants": 1,
    "charges": 1,
    "invoices": 1,
    "feed_entries": 2,
    "memberships": 2,
    "periods": 2,
    "events": 1,
    "audits": 1,
}
MAILS = "select kind, recipient, count(*) from mail where organisation_id = $1 group by kind, recipient order by 1, 2"


async def manager(context: Context) -> Actor:
    """Somebody who may decide about everything."""
    rows = await context.db.pool.fetch("select id from network")
    ids = frozenset(row["id"] for row in rows)
    return Actor("Test Manager", "web", manages=ids, reads=ids)


async def waiting(context: Context) -> UUID:
    """The demo's application to become a principal partner: it brings a linked membership along."""
    return UUID(
        str(
            await context.db.pool.fetchval(
                "select a.id from application a join network n on n.id = a.network_id"
                " where n.slug = $1 and a.tier = 'principal' and a.status = 'sent'",
                NETWORK,
            )
        )
    )


async def made_by(context: Context, application: UUID) -> dict[str, int]:
    """How much of everything an application's approval has left."""
    return dict(await context.db.pool.fetchrow(MADE, application))


async def mails_about(context: Context, application: UUID) -> dict[tuple[str, str], int]:
    """How many mails of each kind somebody gets about the application's organisation."""
    organisation = await context.db.pool.fetchval("select organisation_id from application where id = $1", application)
    return {(row[0], row[1]): row[2] for row in await context.db.pool.fetch(MAILS, organisation)}


async def apply_many(context: Context, count: int) -> list[UUID]:
    """Applications of as many organisations that have nothing to do with each other."""
    actor = Actor("Applicant", "web")
    out = []
    for number in range(count):
        form = ApplicationForm(
            network=NETWORK,
            tier="principal",
            organisation=OrganisationForm(f"Bedrift {number} AS", "NO", "company", employees=10),
            contact=ContactForm("Kari Nordmann", f"kari@bedrift{number}.example"),
        )
        out.append((await applications.submit(context, actor, form)).id)
    return out


async def apply_as_family(context: Context, count: int) -> list[UUID]:
    """Applications of a company's units: one family, one lock, one payer."""
    out = await apply_many(context, count + 1)
    async with context.db.tx() as connection:
        rows = await connection.fetch(
            "select organisation_id from application where id = any($1) order by array_position($1, id)", out
        )
        parent, *units = [row["organisation_id"] for row in rows]
        await connection.execute("update organisation set family_id = $1 where id = any($2)", parent, units)
        profiles = await connection.fetch(
            "update organisation_profile set superseded_at = now() where organisation_id = any($1) returning *", units
        )
        for row in profiles:
            fresh: dict[str, Any] = {**row, "id": uuid4(), "parent_id": parent, "superseded_at": None}
            places = ", ".join(f"${place}" for place in range(1, len(fresh) + 1))
            await connection.execute(
                f"insert into organisation_profile ({', '.join(fresh)}) values ({places})", *fresh.values()
            )
    return out[1:]
