"""The seed networks as a running demo: data, logins and keys. Everything goes through actions."""

from pathlib import Path

import msgspec

from crm import catalogue
from crm.actions import accounts, applications, imports, keys
from crm.actor import Actor
from crm.context import Context
from crm.folder import ApplicationRow
from crm.forms import ApplicationForm, ContactForm, IdentifierForm, OrganisationForm
from crm.gateways import folder

DATA = Path(__file__).parent / "demo_data"
# Printed at the start of the demo and good for nothing else: the demo serves 127.0.0.1 only.
PASSWORD = "klynge-demo-2026"  # noqa: S105
MANAGERS = (
    ("ingrid@klynge.example", "Ingrid Vik", "nb", ("nora", "nora-industry-network", "nora-startup")),
    ("claire@klynge.example", "Claire Dubois", "en", ("claire", "claire-innovation-network")),
    ("sindre@klynge.example", "Sindre Moe", "nb", ("sin-applied-ai", "nce-smart-energy-markets")),
)
EVERYTHING = ("demo@klynge.example", "Demo Manager", "en")


class Demo(msgspec.Struct, frozen=True):
    """What `crm demo` prints and writes to demo.json."""

    manager_key: str
    partner_keys: dict[str, str]
    logins: list[dict[str, str]]


async def load(context: Context) -> Demo:
    """Load the demo data into an empty, migrated database."""
    actor = Actor("Demo data", "import")
    rows = folder.read(DATA)
    await imports.load(context, actor, rows)
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
    slugs = [n.slug for n in kept.networks]
    logins = []
    for email, name, language, networks in (*MANAGERS, (*EVERYTHING, tuple(slugs))):
        await accounts.create(context, email, name, PASSWORD, networks, language)
        logins.append({"email": email, "password": PASSWORD, "name": name, "networks": " ".join(networks)})
    for row in rows.applications:
        await applications.submit(context, actor, _form(row))
    _, manager_key = await keys.create(context, "Demo manager", "manager", None)
    partners = {}
    for slug in slugs:
        _, partners[slug] = await keys.create(context, f"{slug} sync", "partner", slug)
    return Demo(manager_key, partners, logins)


def _form(row: ApplicationRow) -> ApplicationForm:
    return ApplicationForm(
        network=row.network,
        tier=row.tier,
        organisation=OrganisationForm(
            name=row.organisation_name,
            country=row.country,
            kind=row.kind,
            employees=row.employees,
            identifiers=[IdentifierForm("no-orgnr", row.orgnr)] if row.orgnr else [],
            website=row.website,
        ),
        contact=ContactForm(row.contact_name, row.contact_email, row.contact_role),
        billing_reference=row.billing_reference,
        language=row.language,
    )
