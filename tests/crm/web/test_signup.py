"""The sign-up over HTTP: the whole way in both languages, and everything that can go wrong on it."""

import re

import pytest

from crm.actions import drafts
from crm.web.signup_words import STEP_NAMES
from tests.crm.web.wizard import EQUINOR, GOOD, NEW_NUMBERS, NORA, Visitor, application_of, one

pytestmark = pytest.mark.anyio

EVIL = "\"><script>alert(1)</script>'{{7*7}}"


# --- the whole way


@pytest.mark.parametrize("language", ["nb", "en"])
async def test_the_whole_way_makes_one_application(client, context, language):
    visitor = await Visitor(client, language).until("terms")
    assert "Fjordlys Data AS" in visitor.text and "399 000 017" in visitor.text
    assert ("CLAIRE Innovation Network" in visitor.text) and (
        "16 438,36" in visitor.text or "16,438.36" in visitor.text
    )
    before = await one(context, "select count(*) from application where status = 'sent'")
    assert (await visitor.post("check")).headers["location"] == f"/{language}/join/status/{visitor.token}"
    assert await one(context, "select count(*) from application where status = 'sent'") == before + 1
    reference = await one(
        context, "select reference from application where id = $1", await application_of(context, visitor)
    )
    assert reference in visitor.text
    for kind in ("application_received", "application_arrived"):
        assert await one(
            context, "select count(*) from mail where kind = $1 and body_text like $2", kind, f"%{reference}%"
        )


async def test_there_are_at_most_five_steps_and_eight_answers_to_give(client):
    visitor = await Visitor(client).begin()
    must = 0
    for number, step in enumerate(GOOD, 1):
        assert f"Step {number} of 5" in visitor.title
        form = visitor.page.text.split('<form class="stack', 1)[1]
        must += len(set(re.findall(r'<(?:input|select)[^>]*name="(\w+)"[^>]* required', form)))
        await visitor.post(step)
    assert len(STEP_NAMES) == 5 and must <= 8


async def test_a_price_asked_for_without_scripts(client):
    visitor = await Visitor(client, network="sin-applied-ai").begin()
    assert "NOK\xa08,000–48,000" in visitor.page.text
    page = (await client.get(f"{visitor.base}/level?employees=60&tier=member&version=0")).text
    assert "NOK\xa048,000" in page and 'value="60"' in page
    assert re.search(r'value="member" checked', page)
    # 1,000 without VAT and 47,000 with: two of twelve months, the second with 25 % VAT
    assert "NOK\xa0166.67" in page and "NOK\xa07,833.33" in page and "NOK\xa01,958.33" in page


async def test_a_level_can_be_chosen_on_the_networks_page(client):
    answer = await client.get(f"/en/join/{NORA}?level=partner")
    page = await client.get(answer.headers["location"])
    assert re.search(r'value="partner" checked', page.text)
    assert (await client.get(f"/en/join/{NORA}?level={EVIL}")).headers["location"].endswith("/level")


@pytest.mark.parametrize(
    ("network", "organisation", "says"),
    [
        (NORA, {"kind": "public_body"}, "the rule wants company"),
        (NORA, {"orgnr": "", "abroad": "yes", "country": "SE", "vat": "", "kind": "company"}, "the rule wants Norway"),
    ],
)
async def test_who_does_not_get_the_linked_membership_is_told_why(client, network, organisation, says):
    visitor = await Visitor(client, network=network).until("terms", organisation=organisation)
    assert "Includes CLAIRE" not in visitor.text and says in visitor.text


async def test_a_person_is_asked_for_no_number(client):
    visitor = Visitor(client, network="nora-startup")
    await visitor.begin()
    await visitor.post("level", {"tier": "researcher"})
    assert 'name="orgnr"' not in visitor.page.text and "Your full name" in visitor.text
    assert (await visitor.post("organisation", {"name": "Kari Nordby"})).status_code == 303
    await visitor.post("contact")
    assert "This level has no fee. No invoice is sent." in visitor.text


# --- wrong answers


WRONG = [
    ("level", {"tier": ""}, "tier", "Choose a level."),
    ("level", {"tier": "gold"}, "tier", "no level called gold"),
    ("level", {"tier": "startup", "employees": "20"}, "employees", "at most 19"),
    ("level", {"tier": "startup", "employees": ""}, "employees", "Enter the number of employees."),
    ("level", {"employees": "many"}, "employees", "Enter a number from 0 to"),
    ("level", {"employees": "-4"}, "employees", "Enter a number from 0 to"),
    ("level", {"employees": "9" * 5000}, "employees", "Enter a number from 0 to"),
    ("organisation", {"orgnr": ""}, "orgnr", "Enter the organisation number."),
    ("organisation", {"orgnr": "9990 0012"}, "orgnr", "must have nine digits. You typed eight."),
    ("organisation", {"orgnr": "399000018"}, "orgnr", "There is no organisation number 399000018"),
    ("organisation", {"orgnr": "39900001A"}, "orgnr", "digits only"),
    ("organisation", {"name": " "}, "name", "Enter the registered name"),
    ("organisation", {"name": "x" * 201}, "name", "the limit is 200"),
    ("organisation", {"name": "a\x00b"}, "name", "cannot be shown"),
    ("organisation", {"kind": ""}, "kind", "Choose what kind"),
    ("organisation", {"kind": "cartel"}, "kind", "Choose what kind"),
    ("organisation", {"kind": "person"}, "kind", "not open to organisations of the kind person"),
    ("organisation", {"abroad": "yes", "country": ""}, "country", "Choose the country."),
    ("organisation", {"abroad": "yes", "country": "XX"}, "country", "XX is not a country code"),
    ("organisation", {"abroad": "yes", "country": "SE", "vat": "SE1"}, "vat", "is not a valid VAT number"),
    ("contact", {"contact_name": ""}, "contact_name", "Enter your name."),
    ("contact", {"email": ""}, "email", "Enter your e-mail address."),
    ("contact", {"email": "kari@"}, "email", "name@company.no"),
    ("contact", {"email": "a\r\nBcc: x@y.no"}, "email", "name@company.no"),
    ("terms", {"terms": ""}, "terms", "Tick that you accept the terms."),
    ("terms", {"terms_version": "0"}, "terms", "The terms have changed."),
    ("terms", {"billing_reference": "x" * 101}, "billing_reference", "the limit is 100"),
    ("terms", {"billing_reference": "a\x1bb"}, "billing_reference", "cannot be shown"),
]


@pytest.mark.parametrize(
    ("step", "changes", "field", "says"), WRONG, ids=[f"{w[0]}-{w[2]}-{i}" for i, w in enumerate(WRONG)]
)
async def test_a_wrong_answer_is_kept_named_and_not_stored(client, context, step, changes, field, says):
    visitor = Visitor(client)
    earlier = list(GOOD)[: list(GOOD).index(step)]
    await (visitor.until(earlier[-1]) if earlier else visitor.begin())
    before = await one(
        context, "select max(version) from application where id = $1", await application_of(context, visitor)
    )
    answer = await visitor.post(step, **changes)
    assert answer.status_code == 422
    assert visitor.title.startswith("Error: ")
    assert any(f == field and says in text for f, text in visitor.errors), visitor.errors
    assert f'aria-describedby="{field}-' in answer.text or f'aria-describedby="{field}-error' in answer.text
    after = await one(
        context, "select max(version) from application where id = $1", await application_of(context, visitor)
    )
    assert after == before
    for name, value in changes.items():
        shown = re.search(rf'<input id="{name}"[^>]* value="([^"]*)"', answer.text)
        if shown and value.isprintable() and len(value) < 300:
            assert shown[1] == value


async def test_all_that_is_wrong_is_said_at_once_in_the_order_of_the_page(client):
    visitor = await Visitor(client, "nb").until("level")
    await visitor.post("organisation", {"orgnr": "12", "name": "", "kind": ""})
    assert visitor.title.startswith("Feil: ")
    assert [field for field, _ in visitor.errors] == ["orgnr", "name", "kind"]
    assert "Organisasjonsnummeret skal ha ni siffer. Du skrev to." in visitor.errors[0][1]


async def test_scripts_in_answers_are_shown_as_text(client):
    visitor = await Visitor(client).until(
        "terms", organisation={"name": EVIL}, contact={"contact_name": EVIL}, terms={"billing_reference": EVIL}
    )
    assert "<script>alert" not in visitor.page.text and "&lt;script&gt;alert(1)" in visitor.page.text
    await visitor.post("check")
    assert "<script>alert" not in visitor.page.text and "{{7*7}}" in visitor.text
    failed = await Visitor(client).begin()
    answer = await failed.post("level", {"tier": EVIL, "employees": EVIL})
    assert answer.status_code == 422 and "<script>alert" not in answer.text


@pytest.mark.parametrize("path", ["level", "check", "known"])
async def test_a_huge_body_is_refused(client, path):
    visitor = await Visitor(client).until("terms")
    answer = await client.post(f"{visitor.base}/{path}", data={"tier": "x" * 2_000_000})
    assert answer.status_code == 413 and "could not be used" in answer.text


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/x-www-form-urlencoded", b"tier=%ff%fe&employees=%00"),
        ("application/x-www-form-urlencoded", b"tier=a&tier=b&version=1&version=2"),
        ("application/json", b'{"tier": ["principal"]}'),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Disposition: form-data; name=tier; filename=a\r\n\r\nb\r\n--x--",
        ),
        ("multipart/form-data", b"nothing"),
        ("text/plain", b"\x00\xff"),
    ],
)
async def test_a_body_no_browser_sends_is_a_wrong_answer_at_most(client, context, kind, body):
    visitor = await Visitor(client).begin()
    answer = await client.post(f"{visitor.base}/level", content=body, headers={"content-type": kind})
    assert 400 <= answer.status_code < 500
    assert await application_of(context, visitor) is None


# --- organisations that are known


async def test_a_member_is_told_so_and_nothing_more(client, context):
    visitor = await Visitor(client).until("organisation", organisation={"orgnr": "923 609016", "name": "Noe annet AS"})
    assert "Your organisation is already a member" in visitor.title
    assert "Noe annet AS · 923 609 016" in visitor.text
    assert "Noe annet AS" in visitor.text and "Equinor" not in visitor.page.text
    await visitor.post("known", {"contact_name": "Ola Spør", "email": "ola@spor.example"})
    assert "Your request is passed on" in visitor.text and "Equinor" not in visitor.page.text
    assert await one(context, "select count(*) from mail where kind = 'access_requested'") >= 2


async def test_a_known_organisation_may_carry_on_and_stays_as_it_is(client, context):
    number = await one(
        context,
        "select i.value from identifier i where i.scheme = 'no-orgnr' and not exists (select 1 from membership m"
        " join network n on n.id = m.network_id where m.organisation_id = i.organisation_id and n.slug = $1)"
        " and not exists (select 1 from application a where a.organisation_id = i.organisation_id) order by 1 limit 1",
        NORA,
    )
    before = await one(context, "select count(*) from organisation")
    visitor = await Visitor(client).until("organisation", organisation={"orgnr": number, "name": "Feil navn"})
    assert "Your organisation is already known" in visitor.title and f"{visitor.base}/contact" in visitor.page.text
    await visitor.get("contact")
    for step in ("contact", "terms", "check"):
        assert (await visitor.post(step)).status_code == 303
    assert "The application is sent" in visitor.title
    assert await one(context, "select count(*) from organisation") == before
    assert not await one(context, "select count(*) from organisation where name = 'Feil navn'")


async def test_a_second_application_is_said_plainly(client):
    await Visitor(client).until("check")
    second = await Visitor(client).until("organisation")
    assert "Your organisation has already applied" in second.title
    await second.get("contact")
    for step in ("contact", "terms"):
        await second.post(step)
    answer = await second.post("check")
    assert answer.status_code == 409
    assert "has an open application to NORA Industry Network already" in second.page.text


async def test_a_wrong_request_for_access_keeps_what_was_typed(client):
    visitor = await Visitor(client).until("organisation", organisation={"orgnr": EQUINOR, "name": "Equinor"})
    answer = await visitor.post("known", {"contact_name": "Ola <b>", "email": "ola@"})
    assert answer.status_code == 422 and [f for f, _ in visitor.errors] == ["email"]
    assert 'value="Ola &lt;b&gt;"' in answer.text


# --- twice, late and backwards


async def test_a_double_click_on_every_button_makes_one_of_everything(client, context):
    visitor = await Visitor(client).begin()
    for step in GOOD:
        version = visitor.version
        first = await visitor.post(step, version=version)
        again = await client.post(f"{visitor.base}/{step}", data=GOOD[step] | {"version": version})
        assert (first.status_code, again.status_code) == (303, 303)
    assert await one(context, "select count(*) from organisation where name = 'Fjordlys Data AS'") == 1
    assert (
        await one(context, "select count(*) from application_event where kind = 'sent' and actor = 'Kari Nordby'") == 1
    )
    assert await one(context, "select count(*) from mail where recipient = 'kari@fjordlys.example'") == 2


async def test_back_to_any_step_shows_what_was_saved_and_leads_on_to_check(client):
    visitor = await Visitor(client).until("terms")
    for step, shown in (("level", "120"), ("organisation", "Fjordlys Data AS"), ("contact", "Kari Nordby")):
        await visitor.get(step)
        assert f'value="{shown}"' in visitor.page.text
        answer = await visitor.post(step)
        assert answer.headers["location"].endswith("/check")


async def test_a_step_ahead_of_the_answers_leads_back(client):
    visitor = await Visitor(client).until("level")
    for step in ("contact", "terms", "check"):
        answer = await client.get(f"{visitor.base}/{step}")
        assert (answer.status_code, answer.headers["location"]) == (303, f"{visitor.base}/organisation")
    assert (await client.post(f"{visitor.base}/check", data={})).headers["location"].endswith("/organisation")


async def test_two_tabs_with_different_answers_show_both(client, context):
    visitor = await Visitor(client).until("contact")
    await visitor.get("contact")
    old = visitor.version
    await visitor.post("contact", contact_name="Anna Berg")
    answer = await visitor.post("contact", contact_name="Berit <Dahl>", version=old)
    assert answer.status_code == 409
    assert "Anna Berg" in visitor.text and "Berit <Dahl>" in visitor.text
    resent = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', answer.text))
    assert resent["contact_name"] == "Berit &lt;Dahl&gt;" and resent["version"] != old
    assert (await visitor.post("contact", contact_name="Berit Dahl", version=resent["version"])).status_code == 303
    sql = "select answers -> 'contact' ->> 'name' from application where id = $1"
    assert await one(context, sql, await application_of(context, visitor)) == "Berit Dahl"


async def test_an_older_check_page_sends_nothing(client, context):
    visitor = await Visitor(client).until("terms")
    old = visitor.version
    await visitor.get("contact")
    await visitor.post("contact", contact_name="Anna Berg")
    answer = await visitor.post("check", version=old)
    assert answer.status_code == 409 and "The answers have changed since this page was opened" in visitor.text
    sql = "select status from application where id = $1"
    assert await one(context, sql, await application_of(context, visitor)) == "draft"
    assert (await visitor.post("check")).status_code == 303


async def test_an_old_step_sent_again_after_sending_leads_to_the_status(client, context):
    visitor = await Visitor(client).until("check")
    for step in GOOD:
        answer = await client.post(f"{visitor.base}/{step}", data=GOOD[step] | {"version": "1"})
        assert answer.headers["location"].endswith(f"/status/{visitor.token}")
        assert (await client.get(f"{visitor.base}/{step}")).headers["location"].endswith(f"/status/{visitor.token}")
    assert await one(context, "select count(*) from organisation where name = 'Fjordlys Data AS'") == 1


async def test_the_mailed_link_carries_on_where_it_was_left(client, context):
    visitor = await Visitor(client).until("contact")
    body = await one(context, "select body_text from mail where kind = 'draft_resume'")
    path = re.search(r"http://klynge.test(/en/join/resume/\S+)", body)[1]
    answer = await client.get(path)
    assert answer.headers["location"] == f"{visitor.base}/terms"
    await visitor.get("terms")
    await visitor.post("terms")
    await visitor.post("check")
    assert (await client.get(path)).headers["location"] == f"/en/join/status/{visitor.token}"


@pytest.mark.parametrize(
    "path", ["resume/{}", "status/{}", "status/{}/withdraw", f"{NORA}/{{}}/contact", f"{NORA}/{{}}/nope"]
)
@pytest.mark.parametrize("token", ["a" * 43, "x", "%00", "..%2f..", "é" * 43, "a" * 3000])
async def test_a_link_cut_off_or_made_up_is_not_found(client, path, token):
    answer = await client.get(f"/en/join/{path.format(token)}")
    assert answer.status_code == 404 and "<h1" in answer.text


# --- from elsewhere, and too often


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "same-origin", "origin": "https://evil.example"}, 303),
        ({"sec-fetch-site": "none"}, 303),
        ({"origin": "http://klynge.test"}, 303),
        ({}, 303),
    ],
)
async def test_forms_of_other_sites_are_refused(client, headers, status):
    visitor = await Visitor(client).begin()
    answer = await client.post(f"{visitor.base}/level", data=GOOD["level"] | {"version": "0"}, headers=headers)
    assert answer.status_code == status


async def test_too_many_drafts_get_a_page_that_says_when(client):
    for _ in range(drafts.STARTS_PER_SITE):
        await Visitor(client).until("level")
    visitor = await Visitor(client).begin()
    answer = await visitor.post("level")
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= drafts.HOUR
    assert "Too many attempts" in answer.text


async def test_every_page_forbids_scripts_of_others_and_is_not_kept(client):
    visitor = await Visitor(client).begin()
    for step in GOOD:
        assert "script-src 'self'" in visitor.page.headers["content-security-policy"]
        assert visitor.page.headers["cache-control"] == "no-store"
        assert "http://" not in visitor.page.text and "https://" not in visitor.page.text
        await visitor.post(step)


async def test_the_numbers_used_here_are_new(context):
    assert not await one(context, "select count(*) from identifier where value = any($1)", list(NEW_NUMBERS))
