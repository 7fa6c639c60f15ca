"""Tags, fields of a network's own and saved views, over HTTP: made, changed, deleted, brought back; whose they are."""

import re
from typing import Any

import httpx
import pytest

from tests.crm.web.office import CLAIRE, CLAIRE_ONLY, NORA, count, member, other_browser, send, sign_in, text

pytestmark = pytest.mark.anyio
TAGS, FIELDS, VIEWS = f"{NORA}/setup/tags", f"{NORA}/setup/fields", f"{NORA}/views"
KINDS = ("text", "number", "money", "day", "yes_no", "choice", "choices")


async def ids(client: httpx.AsyncClient, path: str) -> dict[str, str]:
    """name -> id of the tags on their page."""
    page = (await client.get(path)).text
    return {name: id_ for id_, name in re.findall(r'id="name-([0-9a-f-]{36})" name="name" value="([^"]+)"', page)}


async def a_field(client: httpx.AsyncClient, name: str, kind: str, **more: Any) -> str:
    """A new field's id."""
    choices = "Sol | Solar\nvind = Vind | Wind" if kind in ("choice", "choices") else ""
    answer = await send(client, FIELDS, name_nb=name, name_en=name, kind=kind, choices=choices, **more)
    assert answer.status_code == 303, text(answer)
    return re.findall(rf'setup/fields/([0-9a-f-]{{36}})">{name}<', (await client.get(FIELDS)).text)[0]


async def test_a_tag_is_made_renamed_merged_deleted_and_comes_back_with_its_members(client, context):
    await sign_in(client)
    for name in ("Board", "Fair", "Fairs"):
        assert (await send(client, TAGS, name=name, colour="accent", icon="star")).status_code == 303
    for wrong, field in (({"name": " bOARD "}, "name"), ({"name": ""}, "name"), ({"name": "x", "icon": "no"}, "icon")):
        answer = await send(client, TAGS, **wrong)
        assert answer.status_code in (409, 422) and f'href="#{field}"' in answer.text
    tags = await ids(client, TAGS)
    assert (await send(client, f"{TAGS}/{tags['Board']}", name="Fair")).status_code == 409
    assert (await send(client, f"{TAGS}/{tags['Board']}", name="The board", colour="danger")).status_code == 303
    organisation, _ = await member(context, "Telenor")
    marks = f"{NORA}/members/{organisation}/marks"
    assert (await send(client, marks, tag=[tags["Fairs"], tags["Board"]])).status_code == 303
    assert (await send(client, f"{TAGS}/{tags['Fairs']}/merge", into=tags["Fair"])).status_code == 303
    page = text(await client.get(f"{NORA}/members/{organisation}"))
    assert "The board" in page and "Fair " in page and "Fairs" not in page
    assert (await send(client, f"{TAGS}/{tags['Fair']}/merge", into=tags["Fair"])).status_code == 422
    answer = await send(client, f"{TAGS}/{tags['Fair']}/delete")
    after = await client.get(answer.headers["location"])
    assert "Deleted: Fair" in text(after) and "Fair" not in await ids(client, TAGS)
    assert "No tag" not in text(await client.get(f"{NORA}/members?q=telenor&tag={tags['Fair']}")), "nobody asks for it"
    back = re.search(r'action="([^"]+/restore)"', after.text)[1]
    for _ in range(2):
        assert (await send(client, back)).status_code == 303
    assert "1 member " in text(await client.get(f"{NORA}/members?tag={tags['Fair']}")), "with its members"


async def test_a_field_of_every_kind_is_answered_shown_filtered_and_exported(client, context):
    await sign_in(client)
    for kind in KINDS:
        await a_field(client, f"F{kind}".replace("_", ""), kind)
    organisation, _ = await member(context, "Telenor")
    marks = f"{NORA}/members/{organisation}/marks"
    given = {"ftext": "Hello", "fnumber": "-1 250.5", "fmoney": "1 500,50", "fday": "2026-02-28", "fyesno": "no"}
    given |= {"fchoice": "vind"}
    answer = await send(client, marks, **{f"f.{c}": v for c, v in given.items()}, **{"f.fchoices": ["vind", "solar"]})
    assert answer.status_code == 303, text(answer)
    page = text(await client.get(answer.headers["location"]))
    for said in ("Hello", "-1,250.5", "NOK 1,500.50", "28 Feb 2026", "No", "Wind", "Solar, Wind"):
        assert said in page.replace("\N{MINUS SIGN}", "-"), said
    asked = (
        "f.ftext.has=ell",
        "f.fnumber.to=-1000",
        "f.fmoney.from=1500",
        "f.fday.from=2026-01-01&f.fday.to=2026-03-01",
    )
    for query in (*asked, "f.fyesno=no", "f.fchoice=vind", "f.fchoices=solar", "f.fchoices=vind&f.ftext.has=hello"):
        found = await client.get(f"{NORA}/members?{query}")
        assert "1 member " in text(found) and "Telenor" in found.text, query
        assert "No member fits." in text(await client.get(f"{NORA}/members?{query}&q=lysverk"))
    assert "23 members" in text(await client.get(f"{NORA}/members?f.fchoice=none"))
    lines = (await client.get(f"{NORA}/members/export.csv?q=telenor")).text.splitlines()
    assert lines[0].endswith("Ftext,Fnumber,Fmoney,Fday,Fyesno,Fchoice,Fchoices")
    assert lines[1].endswith('Hello,-1250.5,1500.50,2026-02-28,No,Wind,"Solar, Wind"')


@pytest.mark.parametrize(
    ("field", "value"),
    [("fnumber", "many"), ("fnumber", "1.1234567"), ("fmoney", "1,2,3"), ("fday", "28.2.2026"), ("fchoice", "x")],
)
async def test_an_answer_that_cannot_be_is_named_and_nothing_is_stored(client, context, field, value):
    await sign_in(client)
    for kind in ("number", "money", "day", "choice", "text"):
        await a_field(client, f"F{kind}", kind)
    organisation, _ = await member(context, "Telenor")
    answer = await send(client, f"{NORA}/members/{organisation}/marks", **{f"f.{field}": value, "f.ftext": "kept"})
    assert answer.status_code == 422 and f'href="#f.{field}"' in answer.text and f'id="f.{field}"' in answer.text
    assert await count(context, "select count(*) from custom_value") == 0


async def test_a_required_field_must_be_answered_and_a_used_choice_stays(client, context):
    await sign_in(client)
    wanted = await a_field(client, "Must", "choice", required="yes")
    organisation, _ = await member(context, "Telenor")
    marks = f"{NORA}/members/{organisation}/marks"
    assert (await send(client, marks)).status_code == 422
    assert (await send(client, marks, **{"f.must": "vind"})).status_code == 303
    form = {"name_nb": "Må", "name_en": "Must", "kind": "choice", "code": "must"}
    answer = await send(client, f"{FIELDS}/{wanted}", **form, choices="Sol | Solar")
    assert answer.status_code == 422 and "in use by 1 members" in text(answer)
    assert (await send(client, f"{FIELDS}/{wanted}", **form | {"kind": "text"})).status_code == 422
    assert (await send(client, f"{FIELDS}/{wanted}", **form, choices="vind = Vind | Wind")).status_code == 303
    answer = await send(client, f"{FIELDS}/{wanted}/delete")
    page = await client.get(answer.headers["location"])
    assert (await client.get(f"{FIELDS}/{wanted}")).status_code == 404
    await send(client, re.search(r'action="([^"]+/restore)"', page.text)[1])
    assert "Wind" in text(await client.get(f"{NORA}/members/{organisation}")), "its answers come back"


async def test_fields_stand_in_the_order_one_gives_them(client):
    await sign_in(client)
    made = {name: await a_field(client, name, "text") for name in ("Aa", "Bb", "Cc")}
    assert (await send(client, f"{FIELDS}/{made['Cc']}/move", to="up")).status_code == 303
    assert re.findall(r'setup/fields/[0-9a-f-]{36}">(\w+)<', (await client.get(FIELDS)).text) == ["Aa", "Cc", "Bb"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name_nb": ""}, "name_nb"),
        ({"kind": "colour"}, "kind"),
        ({"code": "9 lives"}, "code"),
        ({"kind": "choice"}, "choices"),
        ({"kind": "choice", "choices": "A | A\nA | A"}, "choices"),
        ({"sees": "nobody"}, "sees"),
    ],
)
async def test_a_field_that_cannot_be_names_what_is_wrong(client, context, fields, field):
    await sign_in(client)
    answer = await send(client, FIELDS, **{"name_nb": "Felt", "name_en": "", "kind": "text", **fields})
    assert answer.status_code == 422 and f'href="#{field}"' in answer.text
    assert await count(context, "select count(*) from custom_field") == 0


async def test_views_are_kept_opened_shared_renamed_and_come_back(client, context):
    await sign_in(client)
    query = "tier=partner&sort=-since"
    answer = await send(client, VIEWS, name="Partners", query=query)
    view = answer.headers["location"]
    assert (await client.get(view)).headers["location"] == f"{NORA}/members?{query}"
    assert "Partners" in text(await client.get(f"{NORA}/applications")), "in the sidebar"
    assert 'aria-current="true">' in (await client.get(f"{NORA}/members?{query}")).text
    async with other_browser(client, "ingrid@klynge.example") as ingrid:
        assert (await ingrid.get(view)).status_code == 404, "another's own"
        assert (await send(ingrid, view, name="Mine")).status_code == 404
        assert (await send(client, view, name="All partners", shared="yes")).status_code == 303
        assert (await ingrid.get(view)).status_code == 303 and "All partners" in text(await ingrid.get(VIEWS))
    async with other_browser(client, "leser@klynge.example") as reader:
        assert (await send(reader, view, name="Mine now")).status_code == 403
        assert (await send(reader, VIEWS, name="Mine", query="", shared="yes")).status_code == 403
        assert (await send(reader, VIEWS, name="Mine", query="")).status_code == 303
    answer = await send(client, f"{view}/delete")
    page = await client.get(answer.headers["location"])
    assert (await client.get(view)).status_code == 404 and "Deleted: All partners" in text(page)
    assert (await send(client, re.search(r'action="([^"]+/restore)"', page.text)[1])).status_code == 303
    assert (await client.get(view)).status_code == 303
    for wrong in ({"name": ""}, {"name": "x" * 81}, {"name": "x", "query": "a" * 4001}):
        assert (await send(client, VIEWS, **{"query": "", **wrong})).status_code == 422


async def test_the_wall_between_networks(client, context):
    """Words, fields and views of one network are not found by another's manager, under either address."""
    await sign_in(client)
    field = await a_field(client, "Secret", "text")
    view = (await send(client, VIEWS, name="Shared one", query="", shared="yes")).headers["location"].rsplit("/", 1)[1]
    organisation, _ = await member(context, "Lysverk Industrier")
    async with other_browser(client, CLAIRE_ONLY) as other:
        assert "Secret" not in text(await other.get(f"{CLAIRE}/setup/fields"))
        for answer in (
            await other.get(f"{CLAIRE}/setup/fields/{field}"),
            await send(other, f"{CLAIRE}/setup/fields/{field}", name_nb="x", kind="text", code="secret"),
            await send(other, f"{CLAIRE}/setup/fields/{field}/delete"),
            await send(other, f"{CLAIRE}/setup/fields/{field}/move", to="up"),
            await other.get(f"{CLAIRE}/views/{view}"),
            await send(other, f"{CLAIRE}/views/{view}/delete"),
            await other.get(FIELDS),
            await other.get(f"{NORA}/members/{organisation}/marks"),
        ):
            assert answer.status_code == 404


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Tags", "A new tag", "Fields of your own", "A new field", "Saved views")),
        ("nb", ("Merkelapper", "Ny merkelapp", "Egne felter", "Nytt felt", "Lagrede visninger")),
    ],
)
async def test_the_pages_speak_both_languages(client, language, words):
    await sign_in(client, language=language)
    pages = " ".join([text(await client.get(path)) for path in (TAGS, FIELDS, VIEWS)])
    assert [word for word in words if word not in pages] == []


async def test_who_sees_an_answer(client, context):
    """The office all of them, the member's own people what is not only the office's, the public the directory's."""
    await sign_in(client)
    for sees in ("office", "member", "directory"):
        await a_field(client, f"For {sees}", "text", sees=sees)
    organisation, _ = await member(context, "Fjordsyn Helse")
    answers = {f"f.for_{sees}": f"Said to {sees}" for sees in ("office", "member", "directory")}
    assert (await send(client, f"{NORA}/members/{organisation}/marks", **answers)).status_code == 303
    pages = {"office": await client.get(f"{NORA}/members/{organisation}")}
    async with other_browser(client, "medlem@klynge.example") as own:
        pages["member"] = await own.get(f"/my/{organisation}")
    slug = await _slug(context, organisation)
    client.cookies.clear()
    pages["directory"] = await client.get(f"/en/members/{slug}")
    seen = {
        who: [s for s in ("office", "member", "directory") if f"Said to {s}" in text(p)] for who, p in pages.items()
    }
    assert seen == {
        "office": ["office", "member", "directory"],
        "member": ["member", "directory"],
        "directory": ["directory"],
    }


async def _slug(context, organisation) -> str:
    async with context.db.tx() as connection:
        return await connection.fetchval("select slug from directory_entry where organisation_id = $1", organisation)
