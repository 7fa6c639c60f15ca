"""Documents by API: sent as JSON or as a form, saved as they came, described, deleted and back; refused by field."""

from base64 import b64encode

import pytest

from tests.crm.api.support import wrong

pytestmark = pytest.mark.anyio
BASE = "/api/v1/networks/nora-industry-network"
DOCUMENTS = f"{BASE}/documents"
PDF = b"%PDF-1.7\n" + b"content " * 60_000  # more than one piece


@pytest.fixture
async def member(context):
    async with context.db.tx() as connection:
        found = await connection.fetchval("select id from organisation where name = 'eSmart Systems'")
    return str(found)


def upload(member, content=PDF, name="a.pdf", **more):
    return {"organisation_id": member, "name": name, "content": b64encode(content).decode(), **more}


async def as_form(client, headers, file, **fields):
    return await client.post(DOCUMENTS, data=fields, files={"file": file} if file else None, headers=headers)


async def test_a_document_from_the_first_word_to_the_last(client, manager_headers, member):
    file = ("Avtale 2026 – NORA.pdf", PDF, "application/octet-stream")
    keyed = manager_headers | {"idempotency-key": "doc-1"}
    sent = await as_form(
        client, keyed, file, organisation_id=member, kind="agreement", title="", signed_on="2026-01-10"
    )
    assert sent.status_code == 201, sent.text
    again = await as_form(
        client, keyed, file, organisation_id=member, kind="agreement", title="", signed_on="2026-01-10"
    )
    assert again.json() == sent.json() and again.headers["idempotent-replayed"] == "true"
    one = sent.json()
    assert (one["title"], one["media_type"], one["size"]) == ("Avtale 2026 – NORA.pdf", "application/pdf", len(PDF))
    at = f"/api/v1/documents/{one['id']}"
    saved = await client.get(f"{at}/file", headers=manager_headers)
    assert saved.content == PDF and saved.headers["content-type"] == "application/pdf"
    assert saved.headers["content-disposition"].startswith('attachment; filename="Avtale 2026 _ NORA.pdf"')
    assert (
        saved.headers["x-content-type-options"] == "nosniff" and "sandbox" in saved.headers["content-security-policy"]
    )
    assert saved.headers["content-length"] == str(len(PDF)) and "no-store" in saved.headers["cache-control"]
    assert (await client.head(f"{at}/file", headers=manager_headers)).content == b""
    shown = await client.get(at, headers=manager_headers)
    assert shown.json() == one
    mine = manager_headers | {"if-match": shown.headers["etag"]}
    said = {"title": "The agreement", "kind": "agreement", "valid_until": "2027-01-09"}
    changed = await client.post(at, json=said, headers=mine)
    assert changed.json() == one | said | {"signed_on": None}, changed.text
    assert wrong(await client.post(at, json=said, headers=mine), 412) == [("if-match", "version_stale")]
    for _ in range(2):
        gone = await client.delete(at, headers=manager_headers)
        assert gone.json()["deleted_at"] and gone.status_code == 200
    assert (await client.get(f"{at}/file", headers=manager_headers)).status_code == 404
    assert (await client.post(at, json=said, headers=manager_headers)).status_code == 404
    assert (await client.get(DOCUMENTS, headers=manager_headers)).json()["items"] == []
    assert (await client.post(f"{at}/restoration", headers=manager_headers)).json() == changed.json()


async def test_pages_and_filters_and_agreements(client, manager_headers, member, context):
    async with context.db.tx() as connection:
        code = await connection.fetchval(
            "select a.code from agreement a join network n on n.id = a.source_network_id"
            " where n.slug = 'nora-industry-network' order by a.code limit 1"
        )
    body = {"name": "b.txt", "content": b64encode(b"Hello").decode()}
    about = [
        {"organisation_id": member, "kind": "minutes"},
        {"agreement": code},
        {"organisation_id": member, "valid_until": "2026-01-01"},
    ]
    for each in about:
        answer = await client.post(DOCUMENTS, json=body | each, headers=manager_headers)
        assert answer.status_code == 201, answer.text

    async def found(query):
        return (await client.get(f"{DOCUMENTS}?{query}", headers=manager_headers)).json()["items"]

    assert len(await found("")) == 3 and len(await found(f"organisation_id={member}")) == 2
    assert [each["agreement"] for each in await found(f"agreement={code}")] == [code]
    assert [each["kind"] for each in await found("kind=minutes")] == ["minutes"]
    assert [each["valid_until"] for each in await found("valid_before=2026-11-22")] == ["2026-01-01"]
    seen, following = [], f"{DOCUMENTS}?limit=1&organisation_id={member}"
    while following:
        page = await client.get(following, headers=manager_headers)
        seen += page.json()["items"]
        following = page.headers.get("link", "").partition(">")[0].removeprefix("<")
    assert len(seen) == 2 and {each["organisation_id"] for each in seen} == {member}


@pytest.mark.parametrize(
    ("said", "field", "rule"),
    [
        ({"name": "page.html", "content": "PGh0bWw+"}, "content", "document_type_unknown"),
        ({"name": "letter.docx"}, "content", "document_type_differs"),
        ({"content": ""}, "content", "document_empty"),
        ({"name": " "}, "content", "required"),
        ({"organisation_id": None}, "organisation_id", "document_about"),
        ({"agreement": "x"}, "organisation_id", "document_about"),
        ({"kind": "poem"}, "kind", "value_unknown"),
        ({"signed_on": "2026-02-01", "valid_until": "2026-01-01"}, "valid_until", "valid_before_signed"),
        ({"content": "not base64!"}, "content", "type_wrong"),
    ],
)
async def test_what_may_not_be_kept_is_named(client, manager_headers, member, said, field, rule):
    answer = await client.post(DOCUMENTS, json=upload(member) | said, headers=manager_headers)
    assert wrong(answer, 422) == [(field, rule)]
    assert (await client.get(DOCUMENTS, headers=manager_headers)).json()["items"] == []


async def test_what_a_form_may_not_be(client, manager_headers, member):
    file, form = ("a.pdf", PDF, "application/pdf"), {"content-type": "multipart/form-data; boundary=x"}
    assert wrong(await as_form(client, manager_headers, file, colour="red"), 422) == [("colour", "field_unknown")]
    assert wrong(await as_form(client, manager_headers, file, name="x"), 422) == [("name", "field_unknown")]
    assert wrong(await as_form(client, manager_headers, file, organisation_id="x"), 422)[0][0] == "organisation_id"
    parts = [("file", file), ("file", file)]
    twice = await client.post(DOCUMENTS, files=parts, headers=manager_headers)
    assert wrong(twice, 422) == [("file", "parameter_twice")]
    for raw, status, field in (
        (b"", 422, "file"),
        (b"nonsense", 400, "body"),
        (b'--x\r\ncontent-disposition: form-data; name="title"\r\n\r\n\xff\xfe\r\n--x--\r\n', 400, "body"),
    ):
        answer = await client.post(DOCUMENTS, content=raw, headers=manager_headers | form)
        assert wrong(answer, status)[0][0] == field
    without = {"content-type": "multipart/form-data"}
    assert wrong(await client.post(DOCUMENTS, content=b"x", headers=manager_headers | without), 400)
    assert wrong(await client.post(DOCUMENTS, content=PDF, headers=manager_headers), 415)
    big = b"%PDF-" + b"0" * (20 * 2**20)
    answer = await as_form(client, manager_headers, ("big.pdf", big, "application/pdf"), organisation_id=member)
    assert wrong(answer, 422) == [("file", "document_too_large")]
    far = await client.post(DOCUMENTS, content=b" " * (29 * 2**20), headers=manager_headers | form)
    assert wrong(far, 413) == [("body", "body_too_large")] and "65,536" not in far.text


async def test_whose_they_are(client, manager_headers, partner_keys, member):
    one = (await client.post(DOCUMENTS, json=upload(member), headers=manager_headers)).json()
    at = f"/api/v1/documents/{one['id']}"
    for name, status in (("nora-industry-network", 403), ("claire", 404)):
        key = {"authorization": f"Bearer {partner_keys[name]}"}
        assert (await client.get(DOCUMENTS, headers=key)).status_code == status
        assert (await client.post(DOCUMENTS, json=upload(member), headers=key)).status_code == status
        assert (await client.get(at, headers=key)).status_code == 404
        assert (await client.get(f"{at}/file", headers=key)).status_code == 404
        assert (await client.delete(at, headers=key)).status_code == status
    stranger = upload("0b7f2a8e-0000-4000-8000-000000000000")
    answer = await client.post(DOCUMENTS, json=stranger, headers=manager_headers)
    assert wrong(answer, 404) == [("organisation_id", "not_found")]
    answer = await client.post(DOCUMENTS, json=upload(None, agreement="nobodys"), headers=manager_headers)
    assert wrong(answer, 404) == [("agreement", "not_found")]
    assert (await client.get(at, headers=manager_headers)).json() == one
