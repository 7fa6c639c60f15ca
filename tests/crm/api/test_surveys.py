"""Surveys by API: drafted, changed, opened, reminded of, closed, read; refused by field; behind the wall."""

from uuid import UUID, uuid4

import pytest

from crm.actions import surveys
from tests.crm.web.test_surveys import links

pytestmark = pytest.mark.anyio
PATH = "/api/v1/networks/nora-industry-network/surveys"
SCALE = {"kind": "scale", "text": {"nb": "Hvor fornøyd?", "en": "How content?"}}
CHOICE = {"kind": "choice", "text": {"nb": "Hvor ofte?"}, "choices": [{"nb": "Ofte", "en": "Often"}, {"nb": "Sjelden"}]}
DRAFT = {"title": {"nb": "Året"}, "last_on": "2026-12-01", "questions": [SCALE, CHOICE]}


@pytest.fixture
def call(client, manager_headers):
    async def call(method, path="", body=None):
        return await client.request(method, PATH + path, json=body, headers=manager_headers)

    return call


async def test_a_survey_from_the_draft_to_the_results(call, client, context):
    made = await call("POST", "", DRAFT)
    assert made.status_code == 201, made.text
    draft = made.json()
    assert draft["title"] == {"nb": "Året", "en": "Året"} and draft["status"] == "draft"
    assert [each["kind"] for each in draft["questions"]] == ["scale", "choice"]
    at = f"/{draft['id']}"
    changed = await call("POST", at, {"title": {"en": "The year"}, "last_on": "2026-12-08", "anonymous": True})
    assert changed.json()["last_on"] == "2026-12-08" and changed.json()["anonymous"]
    more = await call("POST", f"{at}/questions", {"kind": "text", "text": {"en": "Else?"}})
    assert more.status_code == 201 and len(more.json()["questions"]) == 3
    gone = await call("DELETE", f"{at}/questions/{more.json()['questions'][2]['id']}")
    assert len(gone.json()["questions"]) == 2
    early = await call("POST", f"{at}/reminders")
    assert early.status_code == 409 and early.json()["errors"][0]["rule"] == "survey_closed"
    opened = (await call("POST", f"{at}/opening")).json()
    assert (opened["status"], opened["asked"], opened["answered"]) == ("open", 24, 0)
    first = f"{at}/questions/{draft['questions'][0]['id']}"
    worded = await call("POST", first, SCALE | {"text": {"nb": "Hvor godt fornøyd?", "en": "How content?"}})
    assert worded.json()["questions"][0]["text"]["nb"] == "Hvor godt fornøyd?"
    other = await call("POST", first, {"kind": "number", "text": {"en": "How many?"}})
    assert other.status_code == 409 and other.json()["errors"][0]["rule"] == "survey_begun"
    assert (await call("DELETE", at)).status_code == 409, "somebody was asked"
    await surveys.work(context, UUID(draft["id"]))
    [link, *_] = await links(context)
    answered = await client.post(link, data={f"q-{draft['questions'][0]['id']}": "5"})
    assert answered.status_code == 200
    asked = (await call("GET", f"{at}/members")).json()["items"]
    assert len(asked) == 24 and [each["answered"] for each in asked].count(True) == 1
    assert (await call("POST", f"{at}/reminders")).json()["reminded"] == 0, "they were written to today"
    closed = (await call("POST", f"{at}/closing")).json()
    assert closed["status"] == "closed" and closed["closed_at"]
    assert (await call("POST", f"{at}/closing")).status_code == 200, "twice is once"
    results = (await call("GET", at)).json()
    assert results["survey"]["answered"] == 1 and results["questions"][0]["hidden"] and results["members"] == []
    assert (await call("GET", f"{at}/wording")).json() == closed


async def test_what_is_wrong_is_named_and_nothing_is_kept(call):
    wrong = DRAFT | {"title": {}, "last_on": "2020-01-01", "questions": [SCALE, CHOICE | {"choices": []}]}
    answer = await call("POST", "", wrong)
    assert answer.status_code == 422
    named = [(each["field"], each["rule"]) for each in answer.json()["errors"]]
    assert named == [("title.nb", "required"), ("questions.1.choices", "survey_choices")]
    late = await call("POST", "", DRAFT | {"last_on": "9999-12-31"})
    assert late.status_code == 422 and late.json()["errors"][0]["field"] == "last_on"
    assert (await call("POST", "", DRAFT | {"questions": [SCALE] * 31})).json()["errors"][0]["rule"] == "survey_full"
    assert (await call("POST", "", DRAFT | {"title": {"de": "Das Jahr"}})).status_code == 422
    assert (await call("GET")).json() == {"items": []}
    empty = (await call("POST", "", DRAFT | {"questions": []})).json()
    refused = await call("POST", f"/{empty['id']}/opening")
    assert refused.status_code == 422 and refused.json()["errors"][0]["rule"] == "survey_empty"
    assert (await call("DELETE", f"/{empty['id']}")).json() == {"id": empty["id"]}
    assert (await call("GET", f"/{empty['id']}/wording")).status_code == 404


async def test_only_keys_that_manage_the_network_make_surveys(call, client, partner_keys):
    draft = (await call("POST", "", DRAFT)).json()["id"]
    for name, status in (("nora-industry-network", 403), ("claire", 404)):
        key = {"authorization": f"Bearer {partner_keys[name]}"}
        assert (await client.post(PATH, json=DRAFT, headers=key)).status_code == status
        for method, path in (("POST", "opening"), ("POST", "closing"), ("GET", "wording"), ("GET", "members")):
            answer = await client.request(method, f"{PATH}/{draft}/{path}", headers=key)
            assert answer.status_code == status, (name, path)
    assert (await call("POST", f"/{uuid4()}/opening")).status_code == 404
