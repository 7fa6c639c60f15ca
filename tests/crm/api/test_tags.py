"""Tags and custom fields by the API: whole lives, what is refused and how, and the wall between networks."""

from typing import Any

import httpx
import pytest

from crm.actions import keys

pytestmark = pytest.mark.anyio
OWN, OTHER = "nora-industry-network", "claire-innovation-network"
NOBODYS = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
async def ask(client: httpx.AsyncClient, context: Any) -> Any:
    """Ask with a key of OWN (or another network); a membership of OWN."""
    secrets = {slug: (await keys.create(context, "Test", "manager", slug))[1] for slug in (OWN, OTHER)}

    async def send(method: str, path: str, body: Any = None, slug: str = OWN) -> httpx.Response:
        headers = {"authorization": f"Bearer {secrets[slug]}"}
        more = {} if body is None else {"json": body}
        return await client.request(method, f"/api/v1{path}", headers=headers, **more)

    return send


async def a_member(ask: Any) -> str:
    return (await ask("GET", f"/networks/{OWN}/members?limit=1")).json()["items"][0]["id"]


def rules(answer: httpx.Response) -> dict[str, str]:
    return {each["field"]: each["rule"] for each in answer.json()["errors"]}


async def test_a_tags_life(ask):
    made = await ask("POST", f"/networks/{OWN}/tags", {"name": "Board", "colour": "accent", "icon": "star"})
    assert made.status_code == 201
    tag, member = made.json()["id"], await a_member(ask)
    other = (await ask("POST", f"/networks/{OWN}/tags", {"name": "Other"})).json()["id"]
    for _ in range(2):
        has = await ask("POST", f"/memberships/{member}/tags", {"tags": [tag, tag]})
        assert has.json() == {"membership_id": member, "tags": [{"id": tag, "name": "Board"}]}
    listed = (await ask("GET", f"/networks/{OWN}/tags")).json()["items"]
    assert [(t["name"], t["members"]) for t in listed] == [("Board", 1), ("Other", 0)]
    assert (await ask("POST", f"/networks/{OWN}/tags/{tag}/merger", {"into": other})).json()["members"] == 1
    assert [t["name"] for t in (await ask("GET", f"/memberships/{member}/tags")).json()["tags"]] == ["Other"]
    renamed = await ask("POST", f"/networks/{OWN}/tags/{other}", {"name": "The others"})
    assert renamed.json()["name"] == "The others"
    assert (await ask("DELETE", f"/networks/{OWN}/tags/{other}")).status_code == 200
    assert (await ask("DELETE", f"/networks/{OWN}/tags/{other}")).status_code == 404
    assert (await ask("GET", f"/memberships/{member}/tags")).json()["tags"] == []


async def test_a_fields_life(ask):
    choices = [{"code": c, "names": {"nb": c, "en": c}} for c in ("sun", "wind")]
    form = {"code": "source", "names": {"nb": "Kilde"}, "kind": "choices", "choices": choices, "sees": "member"}
    made = await ask("POST", f"/networks/{OWN}/custom-fields", form)
    assert made.status_code == 201 and made.json()["names"] == {"nb": "Kilde", "en": "Kilde"}
    field, member = made.json()["id"], await a_member(ask)
    answer = await ask("POST", f"/memberships/{member}/fields", {"values": {"source": ["wind", "sun"]}})
    assert answer.json()["values"] == {"source": ["sun", "wind"]}
    fewer = await ask("POST", f"/networks/{OWN}/custom-fields/{field}", form | {"choices": choices[:1]})
    assert fewer.status_code == 422 and rules(fewer) == {"choices": "field_choice_used"}
    assert (await ask("POST", f"/memberships/{member}/fields", {"values": {"source": None}})).json()["values"] == {}
    assert (await ask("DELETE", f"/networks/{OWN}/custom-fields/{field}")).status_code == 200
    assert (await ask("GET", f"/networks/{OWN}/custom-fields")).json()["items"] == []
    assert (await ask("POST", f"/networks/{OWN}/custom-fields", form)).status_code == 409, "the code is taken for good"


@pytest.mark.parametrize(
    ("kind", "good", "stored", "bad"),
    [
        ("text", " a  b ", "a  b", [1, True, ["a"], {"a": 1}, "x" * 1001, "a\x07"]),
        ("number", 12.50, "12.5", ["many", True, [1], "1e400", "nan", "0.0000001"]),
        ("number", "-7", "-7", [{}]),
        ("money", 125050, 125050, ["125050", 1.5, True, 10**16]),
        ("day", "2026-02-28", "2026-02-28", ["2026-02-30", "28.02.2026", 20260228, "0999-01-01"]),
        ("yes_no", False, False, ["no", 0, 1, [False]]),
        ("choice", "sun", "sun", ["Sun", 1, ["sun"], "none"]),
        ("choices", ["sun"], ["sun"], ["sun", ["moon"], [1]]),
    ],
)
async def test_values_are_of_the_fields_kind_or_refused_by_name(ask, kind, good, stored, bad):
    choices = [{"code": "sun", "names": {"en": "Sun"}}] if kind.startswith("choice") else []
    form = {"code": "asked", "names": {"en": "Asked"}, "kind": kind, "choices": choices, "required": True}
    assert (await ask("POST", f"/networks/{OWN}/custom-fields", form)).status_code == 201
    path = f"/memberships/{await a_member(ask)}/fields"
    assert (await ask("POST", path, {"values": {"asked": good}})).json()["values"] == {"asked": stored}
    for value in (*bad, None):
        answer = await ask("POST", path, {"values": {"asked": value}})
        assert answer.status_code == 422 and set(rules(answer)) == {"values.asked"}, value
    assert (await ask("GET", path)).json()["values"] == {"asked": stored}, "nothing was half stored"


async def test_what_is_wrong_with_a_form_is_named(ask):
    tag = await ask("POST", f"/networks/{OWN}/tags", {"name": "", "colour": "pink", "icon": "cat"})
    assert tag.status_code == 422
    assert rules(tag) == {"name": "required", "colour": "value_unknown", "icon": "value_unknown"}
    form = {"code": "A b", "names": {"fr": "x"}, "kind": "tree", "sees": "all"}
    field = await ask("POST", f"/networks/{OWN}/custom-fields", form)
    assert field.status_code == 422 and {"code", "kind", "sees", "names.fr", "names.nb"} <= set(rules(field))
    member = await a_member(ask)
    unknown = await ask("POST", f"/memberships/{member}/fields", {"values": {"nothing": 1}})
    assert rules(unknown) == {"values.nothing": "field_unknown_code"}
    assert rules(await ask("POST", f"/memberships/{member}/tags", {"tags": [NOBODYS]})) == {"tags": "tag_unknown"}


async def test_another_networks_words_and_members_are_not_found(ask):
    tag = (await ask("POST", f"/networks/{OWN}/tags", {"name": "Ours"})).json()["id"]
    theirs = (await ask("POST", f"/networks/{OTHER}/tags", {"name": "Theirs"}, OTHER)).json()["id"]
    member = await a_member(ask)
    form = {"code": "ours", "names": {"en": "Ours"}, "kind": "text"}
    field = (await ask("POST", f"/networks/{OWN}/custom-fields", form)).json()["id"]
    for method, path, body in (
        ("GET", f"/networks/{OWN}/tags", None),
        ("POST", f"/networks/{OWN}/tags/{tag}", {"name": "x"}),
        ("POST", f"/networks/{OTHER}/tags/{tag}", {"name": "x"}),
        ("DELETE", f"/networks/{OTHER}/tags/{tag}", None),
        ("POST", f"/networks/{OTHER}/tags/{theirs}/merger", {"into": tag}),
        ("POST", f"/networks/{OTHER}/custom-fields/{field}", form),
        ("DELETE", f"/networks/{OTHER}/custom-fields/{field}", None),
        ("GET", f"/memberships/{member}/tags", None),
        ("POST", f"/memberships/{member}/tags", {"tags": [theirs]}),
        ("POST", f"/memberships/{member}/fields", {"values": {"ours": "x"}}),
    ):
        answer = await ask(method, path, body, OTHER)
        assert answer.status_code in (403, 404), (method, path)
    assert (await ask("POST", f"/memberships/{member}/tags", {"tags": [theirs]})).status_code == 422
    assert [t["name"] for t in (await ask("GET", f"/networks/{OWN}/tags")).json()["items"]] == ["Ours"]
