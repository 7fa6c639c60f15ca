"""Who was forgotten is not stored again by accident, whatever the door; and comes back by agreeing anew."""

import pytest

from cluster_rules.errors import RuleViolation
from crm.actions import accounts, applications, claims, erasures, imports, notes, people, todos
from crm.actions.claims import ClaimForm
from crm.actions.drafts import APPLICANT
from crm.actions.notes import NoteForm
from crm.actions.todos import TodoForm
from crm.actor import Actor
from crm.errors import Forbidden, Invalid, NotFound
from crm.folder import ContactRow, Folder, FolderError, OrganisationRow
from crm.forms import ApplicationForm, ContactForm, OrganisationForm
from crm.reads import own_data
from crm.store import accounts as accounts_store
from crm.store import erasures as store
from crm.store.audit import broken_links
from tests.crm.actions import people as support
from tests.crm.actions.people import mails, secret_in

pytestmark = pytest.mark.anyio
HEIDI = "heidi.odegrind@fjordsyn-helse.example"


@pytest.fixture
async def forgotten(context, actor):
    """The address of somebody who was forgotten; her organisation stays a member."""
    organisation = await support.organisation(context)
    async with context.db.tx() as db:
        contact = await db.fetchval("select id from contact where email = $1", HEIDI)
    await erasures.erase_contact(context, actor, organisation, contact, "She asked")
    return HEIDI


def _application(email):
    organisation = OrganisationForm("Nordlys Analyse AS", "NO", "company", 12)
    return ApplicationForm("nora-industry-network", "partner", organisation, ContactForm("Heidi", email))


def _row(name, email):
    return ContactRow(organisation_key="x-1", name=name, email=email)


async def _blocked(context, *emails):
    async with context.db.tx() as db:
        return await store.blocked(db, emails)


async def test_blocked_knows_addresses_however_they_are_written(context, forgotten):
    given = [f" {forgotten.upper()} ", "somebody@else.example", forgotten]
    assert await _blocked(context, *given) == {given[0], given[2]}
    assert await _blocked(context) == set()
    async with context.db.tx() as db:
        assert len(await db.fetch("select from erasure_salt")) == 1, "one look for any number of addresses"
        assert forgotten not in await db.fetchval("select string_agg(e::text, '') from erasure e")


async def test_a_folder_does_not_bring_her_back(context, actor, forgotten):
    organisation = OrganisationRow(key="x-1", name="X AS", kind="company", country="NO")
    contacts = [_row("A", "a@x.example"), _row("Heidi", forgotten)]
    folder = Folder([], [], [], [], [organisation], [], contacts, [])
    with pytest.raises(FolderError) as refused:
        await imports.load(context, actor, folder)
    assert (refused.value.file, refused.value.row, refused.value.field) == ("contacts.csv", 3, "email")
    assert "person_erased" in str(refused.value)


async def test_nor_a_program_nor_an_invitation_nor_the_command_line(context, actor, forgotten):
    program = Actor("System", "api", manages=actor.manages)
    with pytest.raises(RuleViolation) as refused:
        await applications.submit(context, program, _application(forgotten))
    assert (refused.value.code, refused.value.field) == ("person_erased", "contact.email")
    wanted = people.Wanted(forgotten, "Heidi", "viewer", await support.network(context))
    with pytest.raises(RuleViolation) as refused:
        await people.invite(context, actor, wanted)
    assert (refused.value.code, refused.value.field) == ("person_erased", "email")
    with pytest.raises(RuleViolation) as refused:
        await accounts.create(context, forgotten, "Heidi", "correct horse battery", ["nora-industry-network"])
    assert refused.value.code == "person_erased"


@pytest.mark.parametrize(
    "statement",
    (
        "insert into contact (id, organisation_id, name, email) values (gen_random_uuid(), $2, 'H', $1)",
        "update contact set email = $1 where organisation_id = $2",
        "insert into account (id, email, name) select gen_random_uuid(), $1, 'H' where $2::uuid is not null",
    ),
    ids=("contact", "changed", "account"),
)
async def test_what_forgets_to_ask_is_refused_by_the_database(context, forgotten, statement):
    organisation = await support.organisation(context, "923609016")
    with pytest.raises(RuleViolation) as refused:
        async with context.db.tx() as db:
            await db.execute(statement, f" {forgotten.title()}", organisation)
    assert refused.value.code == "person_erased"


async def test_she_comes_back_by_applying_herself(context, forgotten):
    made = await applications.submit(context, APPLICANT, _application(forgotten))
    assert await _blocked(context, forgotten) == set()
    async with context.db.tx() as db:
        told = await db.fetchrow("select basis, note from erasure_return")
        assert tuple(told) == ("applied", "terms 1")
        assert await db.fetchval("select count(*) from contact where organisation_id = $1", made.organisation_id) == 1


async def test_or_by_a_claim_that_proves_her_address(context, forgotten):
    form = ClaimForm("no-orgnr", support.FJORDSYN, "Heidi Ødegrind", forgotten, "")
    await claims.ask(context, form, "nb", support.HERE)
    [mail] = [m for m in await mails(context, "claim_link") if m["recipient"] == forgotten]
    assert await _blocked(context, forgotten) == {forgotten}
    await claims.confirm(context, secret_in(mail["body_text"], "/claim"), support.HERE)
    assert await _blocked(context, forgotten) == set()


async def test_or_by_telling_a_manager_how(context, actor, forgotten):
    with pytest.raises(Invalid):
        await erasures.let_return(context, actor, forgotten, " ")
    with pytest.raises(Forbidden):
        await erasures.let_return(context, Actor("X", "web"), forgotten, "by phone")
    assert await erasures.let_return(context, actor, "nobody@x.example", "by phone") == 0
    assert await erasures.let_return(context, actor, forgotten, "by phone") == 1
    assert await erasures.let_return(context, actor, forgotten, "by phone") == 0
    await people.invite(context, actor, people.Wanted(forgotten, "H", "viewer", await support.network(context)))
    # Forgotten once more, she is held back once more.
    async with context.db.tx() as db:
        who = store.Person(await support.organisation(context), None, "H", forgotten)
        await store.receipt(db, who, {}, [], "", "X", context.clock.now())
    assert await _blocked(context, forgotten) == {forgotten}


async def test_a_manager_forgets_an_account_of_his_own_places_only(context, actor):
    async with context.db.tx() as db:
        staff = await db.fetchval("select id from account where email = $1", support.STAFF)
        rows = await db.fetch(
            "select m.network_id from membership m join role using (organisation_id) where account_id = $1", staff
        )
    networks = frozenset(row["network_id"] for row in rows)
    here = Actor("Ingrid", "web", manages=networks)
    found = await erasures.look_account(context, here, staff)
    assert found.email == support.STAFF and found.done["roles"] >= 1
    with pytest.raises(NotFound):
        await erasures.look_account(context, Actor("X", "web", manages=frozenset({staff})), staff)
    with pytest.raises(Invalid):
        await erasures.erase_person(context, here, staff)
    await erasures.erase_person(context, here, staff, "He has left")
    with pytest.raises(NotFound):
        await erasures.look_account(context, here, staff)
    assert await _blocked(context, support.STAFF) == {support.STAFF}


async def test_the_trail_forgets_an_address_and_its_chain_stands(context, actor):
    organisation = await support.organisation(context)
    wanted = people.Wanted("lise@x.example", "Lise", "organisation_member", organisation)
    await people.invite(context, actor, wanted)
    async with context.db.tx() as db:
        assert await db.fetchval("select count(*) from audit where detail ->> 'email' = 'lise@x.example'") == 1
        who = store.Person(organisation, organisation, "Lise", "lise@x.example")
        assert (await store.blank(db, [who], context.clock.now()))["audit_addresses"] == 1
        assert await db.fetchval("select count(*) from audit where detail::text like '%lise@x%'") == 0
        assert await db.fetchval("select detail ->> 'role' from audit where detail_seal <> ''") == "organisation_member"
        assert await broken_links(db) == []
        await db.execute("alter table audit disable trigger all")
        await db.execute("update audit set detail_seal = repeat('0', 64) where detail_seal <> ''")
        assert len(await broken_links(db)) == 1


async def test_notes_and_tasks_are_exported_and_say_no_longer_whose_they_are(context, actor):
    """Somebody of a network's office leaves: what they wrote stays with the members, their name does not."""
    async with context.db.tx() as db:
        network = await db.fetchval("select id from network where slug = 'nora-industry-network'")
        account = await db.fetchval("select id from account where email = 'leser@klynge.example'")
        who = await accounts_store.get(db, account)
    reader = Actor(who.name, "web", manages=frozenset({network}), reads=frozenset({network}), id=account)
    member = await _member_of(context, network)
    note = await notes.add(context, reader, network, member, NoteForm("Rang about the autumn"))
    await notes.edit(context, reader, note, NoteForm("Rang about the winter"))
    mine = await todos.add(context, reader, network, TodoForm(f"Ask {who.name}", None, account))
    await todos.finish(context, reader, mine, True)
    other = await todos.add(context, actor, network, TodoForm("Somebody else's"))
    async with context.db.tx() as db:
        told = await own_data.of_person(db, account, who.email)
    assert [row["text"] for row in told["notes_written"]] == ["Rang about the winter"]
    assert [(row["title"], row["assigned"]) for row in told["tasks"]] == [(f"Ask {who.name}", True)]

    await erasures.erase_account(context, account)
    async with context.db.tx() as db:
        kept = await db.fetchrow("select text, actor, author_id, edited_by from note where id = $1", note)
        before = await db.fetch("select actor from note_version where note_id = $1", note)
        done = await db.fetchrow("select title, assignee_id, actor, done_by from todo where id = $1", mine)
        assert await db.fetchval("select actor from todo where id = $1", other) == actor.name
        receipt = await db.fetchval("select done from erasure where subject_id = $1", account)
    assert tuple(kept) == ("Rang about the winter", "", None, "") and [row["actor"] for row in before] == [""]
    assert tuple(done) == ("Ask", None, "", "")
    assert {receipt[kind] for kind in ("written", "written_before", "tasks", "assigned")} == {1}


async def _member_of(context, network):
    async with context.db.tx() as db:
        return await db.fetchval("select organisation_id from membership where network_id = $1 limit 1", network)
