"""The seed networks as a running demo: data, logins and keys. Everything goes through actions."""

import os
from pathlib import Path

import msgspec

from crm import catalogue, demo_facts, demo_listings, demo_money
from crm.actions import accounts, applications, imports, keys, register
from crm.actor import Actor
from crm.context import Context
from crm.errors import Unauthenticated
from crm.folder import ApplicationRow
from crm.forms import ApplicationForm, ContactForm, IdentifierForm, OrganisationForm
from crm.gateways import folder
from crm.i18n import TIME_ZONE
from crm.register_shapes import Wanted

DATA = Path(__file__).parent / "demo_data"
REGISTER = DATA / "enheter.json"
FILE = "demo.json"
DEMO_LOCK = 727_003
# Printed at the start of the demo and good for nothing else: the demo serves 127.0.0.1 only.
PASSWORD = "klynge-demo-2026"  # noqa: S105
MANAGERS = (
    ("ingrid@klynge.example", "Ingrid Vik", "nb", ("nora", "nora-industry-network", "nora-startup")),
    ("claire@klynge.example", "Claire Dubois", "en", ("claire", "claire-innovation-network")),
    ("sindre@klynge.example", "Sindre Moe", "nb", ("sin-applied-ai", "nce-smart-energy-markets")),
)
# Who else signs in: (address, name, language, role, slugs or code or organisation numbers).
OTHERS = (
    ("kasserer@klynge.example", "Kari Nordby", "nb", "treasurer", ("nora", "nora-industry-network", "nora-startup")),
    ("leser@klynge.example", "Lars Lesar", "nb", "viewer", ("nora-industry-network",)),
    ("vert@klynge.example", "Vera Holm", "nb", "host_admin", ("nora",)),
    ("medlem@klynge.example", "Tuva Nor", "nb", "organisation_admin", ("388476389", "349373963")),
    ("ansatt@klynge.example", "Anders Lie", "nb", "organisation_member", ("388476389",)),
)
EVERYTHING = ("demo@klynge.example", "Demo Manager", "en")


class DemoError(Exception):
    """The demo cannot run on this database; the message says why."""


class Demo(msgspec.Struct, frozen=True):
    """What `crm demo` prints and writes to demo.json."""

    manager_key: str
    partner_keys: dict[str, str] = msgspec.field(name="partner_key")
    logins: list[dict[str, str]]
    base_url: str = ""


async def prepare(context: Context, place: Path) -> Demo:
    """Load the demo into an empty database, or take up the one that is there, keys and all.

    The file is written inside the transaction that loads: killed at any moment, there is either a whole
    demo with its file, or an empty database. DemoError when the data is not this demo's.
    """
    async with context.db.tx() as connection:
        await connection.execute("select pg_advisory_xact_lock($1)", DEMO_LOCK)
        kept = await catalogue.load(connection)
        made = await _adopt(context, place / FILE) if kept.networks else await _load_all(context)
        made = msgspec.structs.replace(made, base_url=context.settings.base_url)
        _write(place / FILE, made)
        return made


async def _load_all(context: Context) -> Demo:
    """Members and who signs in, two years of their money, and what else the networks tell."""
    made = await load(context)
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
    await demo_money.load(context, Actor("Demo data", "import"), kept)
    await demo_facts.load(context, Actor("Demo data", "import"), kept, DATA)
    await read_register(context)
    return made


async def read_register(context: Context) -> None:
    """A part of the register, made up: one member's headcount is another, and one is bankrupt."""
    day = context.clock.today(TIME_ZONE)
    with REGISTER.open("rb") as file:
        await register.read(context, Actor("Demo data", "import"), "", file, Wanted(REGISTER.name, day, part=True))


async def load(context: Context) -> Demo:
    """Load the demo's members, logins and keys into an empty, migrated database."""
    actor = Actor("Demo data", "import")
    rows = folder.read(DATA)
    await imports.load(context, actor, rows)
    await demo_listings.load(context, actor, DATA)
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
    slugs = [n.slug for n in kept.networks]
    logins = []
    for email, name, language, networks in (*MANAGERS, (*EVERYTHING, tuple(slugs))):
        await accounts.create(context, email, name, PASSWORD, networks, language, demo=True)
        logins.append({"email": email, "password": PASSWORD, "name": name, "networks": " ".join(networks)})
    for email, name, language, role, places in OTHERS:
        await accounts.create(context, email, name, PASSWORD, places, language, demo=True, role=role)
        logins.append({"email": email, "password": PASSWORD, "name": name, "role": role, "networks": " ".join(places)})
    for row in rows.applications:
        await applications.submit(context, actor, _form(row))
    _, manager_key = await keys.create(context, "Demo manager", "manager", None)
    partners = {}
    for slug in slugs:
        _, partners[slug] = await keys.create(context, f"{slug} sync", "partner", slug)
    return Demo(manager_key, partners, logins)


async def _adopt(context: Context, file: Path) -> Demo:
    """The demo that was loaded before. A database of somebody's own is never served as a demo."""
    try:
        found = _read(file)
        for key in (found.manager_key, *found.partner_keys.values()):
            await keys.open_with(context, key)
    except (OSError, msgspec.DecodeError, Unauthenticated) as error:
        raise DemoError(
            f"This database holds networks already, and {file} is not about them: it is not this demo's."
            " Serve it with `crm serve`, or give the demo another --data-dir."
        ) from error
    return found


def _read(file: Path) -> Demo:
    return msgspec.json.decode(file.read_bytes(), type=Demo)


def _write(file: Path, made: Demo) -> None:
    """For the owner's eyes only, and never half written."""
    fresh = file.with_name(file.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(msgspec.json.format(msgspec.json.encode(made), indent=2) + b"\n")
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)


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
