"""AC-23 and AC-24 whole, and what goes by itself when its time has come: by host, on the day, once."""

import re
from datetime import date
from uuid import uuid4

import asyncpg
import pytest

from cluster_rules.errors import RuleViolation
from cluster_rules.retention import Policy
from crm.actions import days, erasures, invoices, listings, retention, shares, verify
from crm.actor import SYSTEM, Actor
from crm.errors import Forbidden, NotFound
from crm.reads import own_data
from crm.store.audit import broken_links
from tests.conftest import context_on
from tests.crm import billing
from tests.crm.api import sharing
from tests.crm.api.support import NORA

pytestmark = pytest.mark.anyio
KARI = "kari@nordby.example"
FIRM = "Fjord & Data AS"
# Where a person may stand; after an erasure nobody of that name or address stands there.
FORGETS = (
    "contact", "mail", "invitation", "billing", "consent", "application", "application_event", "invoice_delivery",
    "mailing_recipient", "newsletter_choice", "note", "note_version",
    "listing_person", "listing_change", "directory_entry", "share", "share_version", "feed_member", "erasure",
)  # fmt: skip
NAMED = "t::text ~* 'kari@nordby|kari nordby'"


GENERATED = "select attname from pg_attribute where attrelid = 'charge'::regclass and attgenerated <> ''"


async def _everybody(context):
    async with context.db.tx() as db:
        ids = frozenset(await db.fetchval("select array_agg(id) from network"))
    return Actor("Ingrid Nor", "web", manages=ids, reads=ids)


async def _named(context, tables):
    async with context.db.tx() as db:
        return [each for each in tables if await db.fetchval(f"select exists (select from {each} t where {NAMED})")]


async def _two_invoices(context):
    """Kari's firm: a member, billed twice in 2026, both documents name her; she is in the directory by her consent."""
    actor = await _everybody(context)
    first = await billing.bill(context, actor, FIRM)
    async with context.db.tx() as db:
        await db.execute("update billing set name = 'Kari Nordby' where organisation_id = $1", first.organisation)
        charge = await db.fetchrow("select * from charge where invoice_id = $1", first.id)
        draft = uuid4()
        await db.execute(
            "insert into invoice (id, host_id, organisation_id, currency, buyer_reference, network_id) select $1,"
            " host_id, organisation_id, currency, 'v/Kari Nordby', network_id from invoice where id = $2",
            draft, first.id,
        )  # fmt: skip
        made = {r[0] for r in await db.fetch(GENERATED)}
        row = {
            **{name: value for name, value in charge.items() if name not in made},
            "id": uuid4(),
            "invoice_id": draft,
            "component": "extra",
        }
        names, values = ", ".join(row), ", ".join(f"${n}" for n in range(1, len(row) + 1))
        await db.execute(f"insert into charge ({names}) values ({values})", *row.values())
    await invoices.issue(context, actor, draft)
    async with context.db.tx() as db:
        contact = await db.fetchval("select id from contact where email = $1", KARI)
        documents = await db.fetch("select document from invoice_document where document::text ~ 'Kari Nordby'")
    assert len(documents) == 2, "on two invoices"
    async with context.db.tx() as db:
        await _on_lists(db, first.organisation, contact)
    admin = Actor("Kari Nordby", "web", runs=frozenset({first.organisation}), acts_for=frozenset({first.organisation}))
    await listings.agree(context, admin, first.organisation, contact)
    return first.organisation, contact


async def _on_lists(db, organisation, contact):
    """A newsletter, a mailing, a note that names her."""
    network = await db.fetchval("select id from network where slug = $1", NORA)
    await db.execute(
        "insert into newsletter_choice (network_id, email, given, channel, actor, recorded_at)"
        " values ($1, $2, true, 'web', 'Kari Nordby', now())", network, KARI,
    )  # fmt: skip
    mailing = uuid4()
    await db.execute(
        "insert into mailing (id, network_id, name, purpose, contact_role, actor, created_at)"
        " values ($1, $2, 'News', 'newsletter', 'primary', 'Ingrid', now())", mailing, network,
    )  # fmt: skip
    await db.execute(
        "insert into mailing_recipient (mailing_id, network_id, organisation_id, email, name)"
        " values ($1, $2, $3, $4, 'Kari Nordby')", mailing, network, organisation, KARI,
    )  # fmt: skip
    await db.execute(
        "insert into note (id, network_id, organisation_id, kind, text, on_date, contact_ids, actor, channel)"
        " values (gen_random_uuid(), $1, $2, 'call', 'Kari Nordby rang, kari@nordby.example', '2026-11-20',"
        " $3, 'Ingrid', 'web')", network, organisation, [contact],
    )  # fmt: skip


async def _documents(context):
    async with context.db.tx() as db:
        return await db.fetch(
            "select d.*, i::text from invoice_document d join invoice i on i.id = d.invoice_id order by 1"
        )


@pytest.mark.commits
async def test_ac_23_erased_everywhere_but_on_the_invoices_and_there_on_new_year_s_day(
    own_database, application, seeded
):
    async with context_on(own_database) as before:
        organisation, contact = await _two_invoices(before)
        actor = await _everybody(before)
    async with sharing.opened(own_database, application, seeded, sharing.later(2027, 6, 1)) as doors:
        context = doors.context
        await days.turn(context)
        terms = {"fields": list(sharing.FIELDS), "persons_basis": "notice", "starts_on": "2027-06-01"}
        assert (await doors.set_terms(**terms)).status_code == 201
        assert KARI.encode() in await doors.everything()
        _, cursor = await doors.changes()
        documents = await _documents(context)
        async with context.db.tx() as db:
            copy = await own_data.of_contact(db, organisation, contact, actor.manages)
        found = {name for name, rows in copy.items() if rows}
        assert {"contacts", "consents", "applications", "application_steps", "named_in_directory", "invoices",
                "deliveries", "shared_with", "mails", "mailings", "newsletters", "notes"} <= found  # fmt: skip
        assert len(copy["invoices"]) == 2 and copy["shared_with"][0]["contact"]["email"] == KARI

        looked = await erasures.look(context, actor, organisation, contact)
        kept = {each.what: each for each in looked.kept}
        assert (kept["invoices"].count, kept["invoices"].until) == (2, date(2031, 12, 31))
        await erasures.erase_contact(context, actor, organisation, contact, "Asked by mail")

        assert await _named(context, FORGETS) == []
        async with context.db.tx() as db:
            assert not await db.fetchval("select exists (select from audit t where t.detail::text ~* 'kari@nordby')")
            assert await broken_links(db) == []
        items, cursor = await doors.changes(cursor)
        assert [item["member"]["organisation"]["id"] for item in items] == [str(organisation)], "the next sync"
        assert "contact" not in items[0]["member"]
        assert KARI.encode() not in await doors.everything()
        for path in ("/en/members.csv", "/en/members.json", "/en/members.atom", "/en/members?q=kari+nordby"):
            answer = await doors.client.get(path)
            assert answer.status_code == 200 and b"Nordby" not in answer.content, path
        await _nobody_else_finds_her(doors, organisation)
        assert await _documents(context) == documents, "bit by bit"

        await retention.run(context, SYSTEM, date(2031, 12, 31))
        assert await _documents(context) == documents, "not a day too early"
        await retention.run(context, SYSTEM, date(2032, 1, 1))
        assert await _named(context, ("invoice_document", "invoice", "invoice_delivery", "audit", *FORGETS)) == []
        sums = [(row["document"]["number"], row["document"]["totals"]) for row in documents]
        assert [(r["document"]["number"], r["document"]["totals"]) for r in await _documents(context)] == sums
        async with context.db.tx() as db:
            assert await broken_links(db) == []
        assert [each for each in await verify.run(context) if "invoice" in str(each) or "audit" in str(each)] == []


async def _nobody_else_finds_her(doors, organisation):
    """The office's own list and file, as its program reads them."""
    for path in (f"/api/v1/organisations/{organisation}", f"{sharing.OURS}/members"):
        answer = await doors.get(path, doors.manager)
        assert answer.status_code == 200 and KARI not in answer.text, path


@pytest.mark.commits
async def test_ac_24_organisation_only_leaves_no_person_anywhere_and_a_withdrawn_consent_is_a_tombstone(
    own_database, application, seeded
):
    async with sharing.opened(own_database, application, seeded, sharing.later(2026, 12, 1)) as doors:
        context = doors.context
        async with context.db.tx() as db:
            await sharing.marked(db)
        only = {"fields": ["name", "identifiers", "country", "tier", "status"], "persons_basis": ""}
        assert (await doors.set_terms(**only, starts_on="2026-12-01")).status_code == 201
        told = (await doors.everything()).decode()
        assert "NAMEMARK" in told and "PERSONMARK" not in told and "mailmark" not in told
        async with context.db.tx() as db:
            people = await db.fetch("select name, email from contact")
        assert not [row for row in people if row["email"] in told or row["name"] in told]
        assert not re.search(r"[\w.+-]+@[\w-]+\.[a-z]", told), "nothing like an address at all"

        consents = {**only, "legal_basis": "consent", "starts_on": "2026-12-01"}
        assert (await doors.set_terms(**consents)).status_code == 201
        assert await doors.members() == []
        async with context.db.tx() as db:
            organisation = await db.fetchval(
                "select p.organisation_id from membership_period p join network n on n.id = p.network_id"
                " where n.slug = $1 and p.status = 'active' and p.ends_on is null and p.superseded_at is null"
                " order by 1 limit 1",
                NORA,
            )
        own = Actor("Tuva", "web", runs=frozenset({organisation}), acts_for=frozenset({organisation}))
        await shares.choose(context, own, sharing.CODE, NORA, organisation, "consents")
        assert [m["organisation"]["id"] for m in await doors.members()] == [str(organisation)]
        _, cursor = await doors.changes()
        await shares.take_back(context, own, sharing.CODE, NORA, organisation)
        items, _ = await doors.changes(cursor)
        assert [item["op"] for item in items] == ["remove"], "within one sync"


async def _left(context, organisation, on):
    """The organisation has left on a day; all its networks are over for it."""
    async with context.db.tx() as db:
        await db.execute("alter table membership_period disable trigger all")
        await db.execute(
            "update membership_period set ends_on = $2 where organisation_id = $1 and superseded_at is null"
            " and ends_on is null",
            organisation,
            on,
        )
        await db.execute("alter table membership_period enable trigger all")


async def _host(context, network=NORA):
    async with context.db.tx() as db:
        return await db.fetchval("select host_id from network where slug = $1", network)


async def test_contacts_of_who_left_go_on_the_day_unless_somebody_still_needs_them(context, actor):
    heidi = "heidi.odegrind@fjordsyn-helse.example"
    async with context.db.tx() as db:
        organisation = await db.fetchval("select organisation_id from contact where email = $1", heidi)
        await db.execute("delete from role where organisation_id = $1", organisation)
        await db.execute("update application set decided_at = '2025-01-01' where organisation_id = $1", organisation)
    await _left(context, organisation, date(2026, 3, 1))

    async def going(day):
        return sum(each.done.get("contacts", 0) for each in await retention.preview(context, day))

    nobody = await going(date(2027, 3, 1))
    assert await going(date(2027, 3, 2)) == nobody + 1
    async with context.db.tx() as db:  # whoever signs in for it, or an application that waits, keeps them
        account = await db.fetchval("select id from account limit 1")
        await db.execute("insert into role (id, account_id, organisation_id, role) values (gen_random_uuid(), $1, $2,"
                         " 'organisation_admin')", account, organisation)  # fmt: skip
    assert await going(date(2027, 3, 2)) == nobody
    async with context.db.tx() as db:
        await db.execute("delete from role where organisation_id = $1", organisation)
    await retention.run(context, SYSTEM, date(2027, 3, 2))
    async with context.db.tx() as db:
        assert await db.fetchval("select count(*) from contact where organisation_id = $1", organisation) == 0
        assert await db.fetchval("select count(*) from erasure") == 0, "nobody asked to be forgotten"


async def test_a_dry_run_says_what_the_run_does_and_twice_is_once(context):
    day = date(2034, 1, 1)
    async with context.db.tx() as db:
        await db.execute("update application set status = 'declined', decided_at = now() where status = 'sent'")
        await db.execute("update mail set status = 'sent' where status = 'queued'")
    looked = {g.host.code if g.host else "": g.done for g in await retention.preview(context, day)}
    done = {g.host.code if g.host else "": g.done for g in await retention.run(context, SYSTEM, day)}
    for host, found in looked.items():
        said = {kind: count for kind, count in done[host].items() if kind in found}
        # What contacts take with them is not there any more when the rest goes.
        assert found.get("contacts") == said.get("contacts") and set(said) <= set(found)
        assert all(said.get(kind, 0) <= count for kind, count in found.items())
    assert looked["nora"]["applications"] and looked["nora"]["mails"] and looked[""]["audit"]
    again = await retention.run(context, SYSTEM, day)
    assert [g.done for g in again if g.done] == []
    async with context.db.tx() as db:
        assert await db.fetchval("select count(*) from retention_run") == len([1 for d in done.values() if d])
        assert await broken_links(db) == []
        actors = await db.fetchval("select count(*) from audit where channel = 'web' and actor not like 'pseudonym-%'")
        assert actors == 0


async def test_one_person_has_one_pseudonym_a_run_and_the_chain_stands(context, actor):
    async with context.db.tx() as db:
        before = await db.fetch("select seq, actor, hash from audit where channel in ('web', 'import') order by seq")
    await retention.run(context, SYSTEM, date(2034, 1, 1))
    async with context.db.tx() as db:
        after = await db.fetch("select seq, actor, hash from audit where seq = any ($1) order by seq",
                               [row["seq"] for row in before])  # fmt: skip
        names = {(b["actor"], a["actor"]) for b, a in zip(before, after, strict=True)}
        assert len(names) == len({old for old, _ in names}) == len({new for _, new in names})
        assert all(new.startswith("pseudonym-") and old not in new for old, new in names)
        assert [row["hash"] for row in before] == [row["hash"] for row in after]
        assert await broken_links(db) == []


@pytest.mark.parametrize(
    "change",
    (
        "update audit set actor = 'Somebody else'",
        "update audit set actor = 'x', actor_salt = ''",
        "update audit set actor = 'x', actor_salt = '', actor_seal = audit_sealed(actor_salt, 'Another')",
        "update audit set detail = '{}'",
        "update audit set action = 'x', actor_salt = '', actor_seal = audit_sealed(actor_salt, actor)",
        "update membership_decision set actor = 'Somebody else'",
        "update invoice_document set document = jsonb_set(document, '{buyer,contact}', '\"\"')",
        "update invoice_document set document = jsonb_set(document, '{totals,net}', '1')",
        "update invoice set buyer_reference = '' where status = 'issued'",
        "delete from retention_run",
    ),
)
async def test_history_takes_no_other_change(context, actor, change):
    await billing.bill(context, actor, FIRM)
    await retention.run(context, SYSTEM, date(2028, 1, 1))
    with pytest.raises(asyncpg.RestrictViolationError):
        async with context.db.tx() as db:
            await db.execute(change)


async def test_even_the_day_that_is_said_lets_a_document_lose_names_only(context, actor):
    await billing.bill(context, actor, FIRM)
    for change in ("'{totals,net}', '1'", "'{buyer,contact}', '\"Ola\"'", "'{lines}', '[]'"):
        with pytest.raises(asyncpg.RestrictViolationError):
            async with context.db.tx() as db:
                await db.execute("set local crm.retention_on = '2032-01-01'")
                await db.execute(f"update invoice_document set document = jsonb_set(document, {change})")


async def test_a_host_has_its_own_periods(context, actor):
    host = await _host(context)
    async with context.db.tx() as db:
        networks = [row["id"] for row in await db.fetch("select id from network where host_id = $1", host)]
    day = date(2028, 1, 1)
    before = {g.host.code: g.done for g in await retention.preview(context, day) if g.host}
    longest = Policy(120, 60, 120, 10, 10)
    with pytest.raises(RuleViolation):
        await retention.set_policy(context, actor, host, networks, Policy(invoice_years=4))
    with pytest.raises(Forbidden):
        one = Actor("X", "web", manages=frozenset(networks[:1]))
        await retention.set_policy(context, one, host, networks, longest)
    with pytest.raises(NotFound):
        await retention.set_policy(context, Actor("X", "web"), host, networks, longest)
    await retention.set_policy(context, actor, host, networks, longest)
    after = {g.host.code: g.done for g in await retention.preview(context, day) if g.host}
    assert before["nora"] and after["nora"] == {}
    assert _without(after) == _without(before)


def _without(done):
    """What other hosts do, but for contacts: those go when the last host says so."""
    return {code: {k: n for k, n in of.items() if k != "contacts"} for code, of in done.items() if code != "nora"}
