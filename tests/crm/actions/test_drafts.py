"""What an applicant does to an application of their own: everything may come twice, nothing is overwritten unseen."""

import secrets

import pytest

from cluster_rules.errors import RuleViolation
from crm import steps
from crm.actions import applications, drafts
from crm.actions.drafts import APPLICANT, Draft, Saved
from crm.errors import Invalid, NotFound, Refused, TooMany
from crm.store.applications import token_hash
from tests.crm.web.wizard import EQUINOR, GOOD, NEW_NUMBERS, NORA

pytestmark = pytest.mark.anyio


def draft(network: str = NORA, address: str = "203.0.113.7") -> Draft:
    return Draft(network, secrets.token_urlsafe(32), "nb", address)


async def rows(context, sql, *values):
    async with context.db.tx() as connection:
        return await connection.fetch(sql, *values)


async def stored(context, found):
    listed = await rows(context, "select * from application where token_hash = $1", token_hash(found.token))
    return listed[0] if listed else None


async def filled(context, found, last="terms", **changes):
    """All steps up to `last`, each with the version the page would have had."""
    saved = Saved("level")
    for step in GOOD:
        row = await stored(context, found)
        typed = GOOD[step] | changes.get(step, {})
        saved = await drafts.save(context, found, step, typed, row["version"] if row else 0)
        if step == last:
            break
    return saved


async def test_the_steps_lead_on_and_make_one_draft(context):
    found = draft()
    assert await drafts.save(context, found, "level", GOOD["level"], 0) == Saved("organisation")
    row = await stored(context, found)
    assert (row["status"], row["tier"], row["language"], row["organisation_id"]) == ("draft", "principal", "nb", None)
    assert await filled(context, found) == Saved("check")
    assert len(await rows(context, "select 1 from application where token_hash = $1", token_hash(found.token))) == 1
    answers = (await stored(context, found))["answers"]
    assert answers["organisation"]["identifiers"] == [{"scheme": "no-orgnr", "value": NEW_NUMBERS[0]}]
    assert answers["consents"] == {"terms_version": 1, "directory": False, "newsletter": False}


async def test_only_the_hash_of_the_link_is_stored(context):
    found = draft()
    await filled(context, found, "level")
    text = str(dict(await stored(context, found)))
    assert found.token not in text and token_hash(found.token) in text


async def test_a_step_saved_twice_changes_nothing(context):
    found = draft()
    await filled(context, found, "contact")
    before = await stored(context, found)
    for _ in range(2):
        await drafts.save(context, found, "contact", GOOD["contact"], 0)
    assert (await stored(context, found))["version"] == before["version"]
    assert len(await mails(context, "draft_resume")) == 1


async def test_an_older_tab_overwrites_nothing(context):
    found = draft()
    await filled(context, found, "contact")
    version = (await stored(context, found))["version"]
    await drafts.save(context, found, "contact", {"contact_name": "Anna", "email": "anna@fjordlys.example"}, version)
    with pytest.raises(Refused) as refused:
        await drafts.save(context, found, "contact", {"contact_name": "Berit", "email": "berit@x.example"}, version)
    assert refused.value.code == "version_stale" and refused.value.params["current"] == version + 1
    assert (await stored(context, found))["answers"]["contact"]["name"] == "Anna"


async def test_another_step_in_an_older_tab_is_no_conflict(context):
    found = draft()
    await filled(context, found, "organisation")
    await drafts.save(context, found, "contact", GOOD["contact"], 1)
    assert (await stored(context, found))["answers"]["contact"]["name"] == "Kari Nordby"


@pytest.mark.parametrize("step", ["organisation", "contact", "terms"])
async def test_a_link_nobody_made_opens_nothing(context, step):
    with pytest.raises(NotFound):
        await drafts.save(context, draft(), step, GOOD[step], 0)


async def test_a_link_of_another_network_opens_nothing(context):
    found = draft()
    await filled(context, found, "level")
    with pytest.raises(NotFound):
        await drafts.save(context, Draft("sin-applied-ai", found.token, "nb"), "level", GOOD["level"], 1)


async def test_what_sending_would_refuse_is_refused_at_its_step(context):
    with pytest.raises(RuleViolation) as wrong:
        await drafts.save(context, draft(), "level", {"tier": "startup", "employees": "20"}, 0)
    assert wrong.value.code == "too_many_employees"
    with pytest.raises(Invalid) as missing:
        await drafts.save(context, draft(), "level", {"tier": "startup", "employees": ""}, 0)
    assert missing.value.problems == [("employees", "employees_missing", {})]
    found = draft("sin-applied-ai")
    with pytest.raises(RuleViolation) as hidden:
        await drafts.save(context, found, "level", {"tier": "initiator", "employees": "5"}, 0)
    assert hidden.value.code == "tier_not_public"
    assert await stored(context, found) is None


async def test_terms_of_another_version_are_not_what_was_agreed_to(context):
    found = draft()
    await filled(context, found, "contact")
    with pytest.raises(Invalid) as changed:
        await drafts.save(context, found, "terms", GOOD["terms"] | {"terms_version": "7"}, 0)
    assert changed.value.problems[0][:2] == ("terms", "terms_changed")


async def test_a_new_version_of_the_terms_is_asked_for_again(context):
    found = draft()
    assert (await filled(context, found)).next_step == "check"
    await rows(
        context,
        "insert into terms (id, network_id, version, body, effective_from) select gen_random_uuid(), id, 2,"
        """ '{"nb": "Nye vilkår", "en": "New terms"}', '2026-01-01' from network where slug = $1 returning 1""",
        NORA,
    )
    assert await drafts.save(context, found, "contact", GOOD["contact"], 0) == Saved("terms")


async def test_a_known_organisation_is_said_to_be_known_and_nothing_of_it_changes(context):
    before = await rows(context, "select * from organisation order by id")
    profiles = await rows(context, "select * from organisation_profile order by id")
    saved = await filled(context, draft(), "organisation", organisation={"orgnr": EQUINOR, "name": "Helt annet navn"})
    assert saved == Saved("contact", known=True)
    assert await rows(context, "select * from organisation order by id") == before
    assert await rows(context, "select * from organisation_profile order by id") == profiles


async def mails(context, kind):
    return await rows(context, "select * from mail where kind = $1 order by recipient", kind)


async def test_asking_for_access_tells_the_contact_and_the_managers_once(context):
    found = draft()
    await filled(context, found, "organisation", organisation={"orgnr": EQUINOR, "name": "Equinor"})
    for _ in range(2):
        await drafts.ask_access(context, found, "Ola Spør", "Ola@Spor.example")
    sent = await mails(context, "access_requested")
    contact = await rows(
        context,
        "select c.email from contact c join identifier i using (organisation_id) where i.value = $1 and c.main",
        EQUINOR,
    )
    managers = {"demo@klynge.example", "ingrid@klynge.example"}
    assert {m["recipient"] for m in sent} == managers | {c["email"] for c in contact}
    assert all("Ola Spør" in m["body_text"] and "ola@spor.example" in m["body_text"] for m in sent)
    assert len(await rows(context, "select 1 from audit where action = 'access_requested'")) == 1


@pytest.mark.parametrize(
    ("name", "email", "field"),
    [
        ("", "a@b.no", "contact_name"),
        ("Ola", "nope", "email"),
        ("Se http://ond.example", "a@b.no", "contact_name"),
        ("www.ond.example", "a@b.no", "contact_name"),
        ("Ola\x00", "a@b.no", "contact_name"),
    ],
)
async def test_who_asks_for_access_says_a_name_and_an_address(context, name, email, field):
    found = draft()
    await filled(context, found, "organisation", organisation={"orgnr": EQUINOR, "name": "Equinor"})
    with pytest.raises(Invalid) as wrong:
        await drafts.ask_access(context, found, name, email)
    assert field in {problem[0] for problem in wrong.value.problems}
    assert not await mails(context, "access_requested")


async def test_access_to_an_unknown_organisation_is_not_there_to_ask_for(context):
    found = draft()
    await filled(context, found, "organisation")
    with pytest.raises(NotFound):
        await drafts.ask_access(context, found, "Ola", "ola@spor.example")


async def test_limits_hold_for_each_network_address(context):
    for _ in range(drafts.STARTS_PER_SITE):
        await filled(context, draft(), "level")
    with pytest.raises(TooMany) as many:
        await filled(context, draft(), "level")
    assert 0 < many.value.seconds <= drafts.HOUR
    await filled(context, draft(address="203.0.113.8"), "level")


async def test_lookups_and_requests_for_access_are_counted(context):
    found = draft()
    await filled(context, found, "level")
    for _ in range(drafts.LOOKUPS_PER_SITE):
        await drafts.save(context, found, "organisation", GOOD["organisation"] | {"orgnr": EQUINOR}, 0)
    with pytest.raises(TooMany):
        await drafts.save(context, found, "organisation", GOOD["organisation"] | {"orgnr": EQUINOR}, 0)
    for n in range(drafts.ACCESS_PER_DRAFT):
        await drafts.ask_access(context, found, "Ola", f"ola{n}@spor.example")
    with pytest.raises(TooMany):
        await drafts.ask_access(context, found, "Ola", "enda.en@spor.example")


async def test_nobodys_mailbox_is_filled_with_links(context):
    for _ in range(drafts.RESUME_MAILS_PER_EMAIL + 2):
        saved = await filled(context, draft(), "contact")
        assert saved.next_step == "terms"  # the draft is saved all the same
    assert len(await mails(context, "draft_resume")) == drafts.RESUME_MAILS_PER_EMAIL


async def test_the_link_is_mailed_in_the_readers_language_and_shown_to_no_network(context):
    found = draft()
    await filled(context, found, "contact")
    (mail,) = await mails(context, "draft_resume")
    assert f"http://klynge.test/nb/join/resume/{found.token}" in mail["body_text"]
    assert (mail["language"], mail["recipient"], mail["network_id"]) == ("nb", "kari@fjordlys.example", None)


async def sent(context):
    found = draft()
    await filled(context, found)
    row = await stored(context, found)
    form = steps.form_of(NORA, "nb", row["answers"])
    await applications.submit(context, APPLICANT, form, row["id"], found.token)
    return found, row["id"]


async def test_an_answer_puts_the_application_back_in_the_queue(context, actor):
    found, wanted = await sent(context)
    await applications.ask(context, actor, wanted, "Hva vil dere bidra med?")
    for _ in range(2):
        await drafts.answer(context, found.token, "To studentoppgaver.")
    assert (await stored(context, found))["status"] == "sent"
    history = await rows(
        context, "select kind from application_event where application_id = $1 order by row_id", wanted
    )
    assert [h["kind"] for h in history] == ["sent", "question", "answer"]
    told = await mails(context, "application_answered")
    assert {m["recipient"] for m in told} == {"demo@klynge.example", "ingrid@klynge.example"}
    assert all("To studentoppgaver." in m["body_text"] for m in told)


@pytest.mark.parametrize("text", ["", "   ", "x" * 2001, "a\x00b"])
async def test_an_answer_must_be_one(context, actor, text):
    found, wanted = await sent(context)
    await applications.ask(context, actor, wanted, "Hva vil dere bidra med?")
    with pytest.raises(Invalid):
        await drafts.answer(context, found.token, text)
    assert (await stored(context, found))["status"] == "info_needed"


async def test_what_only_the_draft_needed_is_forgotten_when_it_is_sent(context):
    found = draft()
    await filled(context, found, "contact")
    assert (await stored(context, found))["answers"][steps.MAILED] == ["kari@fjordlys.example"]
    found, _ = await sent(context)
    assert not {steps.MAILED, steps.ASKED} & set((await stored(context, found))["answers"])


async def test_withdrawing_twice_withdraws_once(context):
    found, wanted = await sent(context)
    for _ in range(2):
        await drafts.withdraw(context, found.token)
    assert (await stored(context, found))["status"] == "withdrawn"
    assert len(await mails(context, "application_withdrawn")) == 2  # one to each manager
    assert len(await rows(context, "select 1 from audit where action = 'application_withdrawn'")) == 1
    assert not await rows(context, "select 1 from membership_decision where application_id = $1", wanted)


async def test_what_is_decided_cannot_be_withdrawn_or_answered(context, actor):
    found, wanted = await sent(context)
    await applications.decline(context, actor, wanted, "Ikke nå.")
    await drafts.withdraw(context, found.token)
    await drafts.answer(context, found.token, "Likevel?")
    assert (await stored(context, found))["status"] == "declined"


async def test_a_step_of_a_sent_application_changes_nothing(context):
    found, _ = await sent(context)
    before = await stored(context, found)
    assert await drafts.save(context, found, "contact", {"contact_name": "Ny", "email": "ny@x.no"}, 0) == Saved(
        "status"
    )
    assert await stored(context, found) == before
