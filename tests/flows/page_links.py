"""What only the holder of a link sees, under links that are known: drafts, an application, an invitation, a claim."""

from datetime import timedelta
from uuid import UUID

from crm.actions import applications, drafts
from crm.context import Context
from crm.database import Connection
from crm.forms import ApplicationForm, ContactForm, OrganisationForm
from crm.store import accounts, factors, people
from tests.crm.billing import NETWORK
from tests.crm.web.wizard import EQUINOR, GOOD

A_DRAFT, A_KNOWN, SENT = (name.ljust(43, "-") for name in ("a-draft", "a-known-organisation", "sent"))
CLAIM, INVITATION, SIGN_IN, NEWSLETTER = "a-claim", "an-invitation", "a-sign-in-link", "a-newsletter"
RECEIPT, PERSON = UUID("00000000-0000-4000-8000-00000000f0f0"), UUID("00000000-0000-4000-8000-00000000acc0")
TERMS = "2"  # what tests/flows/page_data.py makes of them: new rules since the demo's
_NOT_LONG = timedelta(days=1)


async def prepare_links(context: Context) -> None:
    """All of them; a newsletter's is of whoever a mailing goes to, so a mailing with recipients must be there."""
    await _applicants(context)
    async with context.db.tx() as connection:
        await _people(connection, context)


async def _applicants(context: Context) -> None:
    for token, organisation in ((A_DRAFT, {}), (A_KNOWN, {"orgnr": EQUINOR, "name": "Equinor ASA"})):
        wanted = drafts.Draft(NETWORK, token, "en")
        given = GOOD | {"organisation": GOOD["organisation"] | organisation}
        given |= {"terms": GOOD["terms"] | {"terms_version": TERMS}}
        steps = list(GOOD)[: 2 if organisation else 4]
        for version, step in enumerate(steps):
            await drafts.save(context, wanted, step, given[step], version)
        if organisation:
            await drafts.ask_access(context, wanted, "Kari Nordby", "kari@nordby.example")
    company = OrganisationForm("Ventende Data AS", "NO", "company", employees=10)
    form = ApplicationForm(NETWORK, "partner", company, ContactForm("Kari Nordby", "kari@ventende.example"))
    await applications.submit(context, drafts.APPLICANT, form, None, SENT)


async def _people(connection: Connection, context: Context) -> None:
    now = context.clock.now()
    network = await connection.fetchval("select id from network where slug = $1", NETWORK)
    organisation = await connection.fetchval("select organisation_id from identifier where value = $1", EQUINOR)
    who = ("ny@equinor.example", "Ny Person")
    await people.invite(connection, *who, "en", "viewer", network, INVITATION, "Test Manager", now)
    await connection.execute(
        "insert into account (id, email, name, language, created_at) values ($1, $2, $3, 'en', $4)",
        PERSON,
        "leser@equinor.example",
        "Lars Leser",
        now,
    )
    await accounts.give_role(connection, PERSON, "viewer", network, "Test Manager")
    claim = {"organisation": str(organisation), "name": who[1], "email": who[0], "note": "", "language": "en"}
    await factors.open_step(connection, "claim", claim, now, _NOT_LONG, None, CLAIM)
    await factors.open_step(connection, "link", {"code": ""}, now, _NOT_LONG, None, SIGN_IN)
    await connection.execute(
        "insert into erasure (id, about, subject_id, salt, email_hash, done, actor, erased_at)"
        " select $1, 'account', $1, min(salt), '', $2, 'Borte', $3 from erasure_salt",
        RECEIPT,
        {"contacts": 1},
        now,
    )
    await connection.execute(
        "insert into mailing_recipient (mailing_id, network_id, organisation_id, email, name, language, token_hash)"
        " select id, network_id, $1, $2, $3, 'en', encode(sha256($4::text::bytea), 'hex') from mailing"
        " where network_id = $5 limit 1",
        organisation,
        *who,
        NEWSLETTER,
        network,
    )
