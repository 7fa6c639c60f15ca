"""The desk's own things for tests/flows/pages.py: tasks, notes, fields, tags, files, mailings, and partners' writes."""

from datetime import date
from uuid import UUID, uuid4

from crm import listed
from crm.actions import (
    bulk_runs,
    custom_fields,
    keys,
    link_receipts,
    mailings,
    member_documents,
    member_lists,
    notes,
    saved_reports,
    saved_views,
    suggestions,
    tags,
    todos,
    webhooks,
)
from crm.actions.bulk_runs import Wanted
from crm.actions.custom_fields import FieldForm
from crm.actions.link_receipts import Objection
from crm.actions.mailings import MailingForm
from crm.actions.member_documents import About, DocumentForm
from crm.actions.notes import NoteForm
from crm.actions.suggestions import Values
from crm.actions.tags import TagForm
from crm.actions.todos import TodoForm
from crm.actor import Actor
from crm.context import Context
from crm.store import federation
from tests.crm.billing import NETWORK

LINKED_TO = "claire-innovation-network"
A_SYSTEM = "fed-0000000000000000"
_OUTSIDE = "https://crm.partner.example/hooks"


async def prepare_desk(context: Context, actor: Actor) -> None:
    """One of each in NORA Industry Network, about eSmart where it is about a member."""
    async with context.db.tx() as connection:
        network = await connection.fetchval("select id from network where slug = $1", NETWORK)
        organisation, membership, account = await connection.fetchrow(
            "select m.organisation_id, m.id, (select id from account where email = 'demo@klynge.example')"
            " from membership m join organisation o on o.id = m.organisation_id"
            " where m.network_id = $1 and o.name like 'eSmart%' limit 1",
            network,
        )
    person = Actor(actor.name, "web", manages=actor.manages, reads=actor.reads, id=account)
    await todos.add(context, person, network, TodoForm("Ring eSmart", date(2026, 11, 25), account, organisation))
    await notes.add(context, person, network, organisation, NoteForm("Ringte om høstmøtet", kind="call"))
    field = FieldForm("board_seat", {"nb": "Styreplass", "en": "Board seat"}, "text")
    await custom_fields.create(context, person, network, field)
    tag = await tags.create(context, person, network, TagForm("Styret", "info", "flag"))
    await bulk_runs.begin(context, person, network, Wanted("tag", tag=tag), [membership], uuid4())
    about = About(organisation=organisation)
    await member_documents.add(context, person, network, about, DocumentForm("Avtale"), "avtale.txt", b"Avtale\n")
    await saved_views.save(context, person, network, "Store", "tier=principal", True)
    words = {"nb": "Hei kjære medlem", "en": "Hello members"}
    await mailings.make(context, person, network, MailingForm("Nyttår", words, words, [membership]))
    kept = saved_reports.Wanted("members", "Medlemmer", [("period", "last_month")], True, "month", "pdf", [account])
    await saved_reports.save(context, person, network, kept, [network])
    key, _ = await keys.create(context, "Partnerens system", "partner", NETWORK)
    await webhooks.create(context, person, key.id, webhooks.Wanted(_OUTSIDE, "Partnerens medlemsregister"))
    async with context.db.tx() as connection:
        values = {"code": A_SYSTEM, "side": "granting", "network_id": network, "created_by": actor.name}
        await federation.add(connection, values)
    await _from_partners(context, actor, organisation)


async def _from_partners(context: Context, actor: Actor, organisation: UUID) -> None:
    """An objection and a suggestion of CLAIRE's about a linked member, and a list of NORA's own system."""
    async with context.db.tx() as connection:
        linked = await connection.fetchval(
            "select m.id from membership m join network n on n.id = m.network_id"
            " where n.slug = $1 and m.organisation_id = $2",
            LINKED_TO,
            organisation,
        )
    await link_receipts.object_to(context, actor, linked, Objection("Konkurrerer med et medlem", date(2027, 1, 1)))
    better = Values(website="https://www.esmartsystems.com/en/about", country="SE")
    await suggestions.suggest(context, actor, LINKED_TO, organisation, better, "Står på sidene deres")
    rows = [
        listed.check(listed.Listed("C-1", "eSmart Systems", "NO", "principal")),
        listed.check(listed.Listed("C-2", "Helt Ny AS", "NO", "partner")),
        listed.check(listed.Listed("C-3", "Uten nivå AS", "NO", "gull")),
    ]
    await member_lists.begin(context, actor, NETWORK, rows, member_lists.Options())
