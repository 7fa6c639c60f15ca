"""Selections, and what is done to many members at once: asked, confirmed, done once, taken back; and its wall."""

import re
from typing import Any
from uuid import uuid4

import httpx
import pytest

from crm.context import Context
from crm.web import selections
from tests.crm.web.office import CLAIRE, CLAIRE_ONLY, NORA, count, other_browser, send, sign_in, text, token

pytestmark = pytest.mark.anyio
NOBODYS = "00000000-0000-4000-8000-000000000000"


async def ticked(client: httpx.AsyncClient, base: str = NORA) -> list[str]:
    """The memberships that can have a tick on the list."""
    return re.findall(r'name="member" value="([0-9a-f-]+)"', (await client.get(f"{base}/members")).text)


async def asking(client: httpx.AsyncClient, what: str, base: str = NORA, **fields: Any) -> tuple[str, dict[str, str]]:
    """From the list to the page that asks: its address and what its form carries along."""
    answer = await send(client, f"{base}/members/selected", what=what, **fields)
    assert answer.status_code == 303, text(answer)
    where = answer.headers["location"]
    page = await client.get(where)
    assert page.status_code == 200, text(page)
    hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text)
    return where.split("?")[0], {name: value for name, value in hidden if name in ("selection", "token")}


async def a_tag(client: httpx.AsyncClient, name: str, base: str = NORA) -> str:
    """A new tag's id."""
    await send(client, f"{base}/setup/tags", name=name, colour="info", icon="flag")
    page = (await client.get(f"{base}/setup/tags")).text
    return next(i for i, n in re.findall(r'id="name-([0-9a-f-]{36})" name="name" value="([^"]+)"', page) if n == name)


async def with_tag(context: Context, tag: str) -> int:
    return await count(context, "select count(*) from membership_tag where tag_id = $1::uuid", tag)


async def test_some_and_all_that_are_shown_are_tagged_once_and_it_is_taken_back(client, context):
    await sign_in(client)
    tag = await a_tag(client, "Board")
    members = await ticked(client)
    path, form = await asking(client, "tag", member=members[:3])
    done = [await send(client, path, tag=tag, **form) for _ in range(2)]
    assert done[0].headers["location"] == done[1].headers["location"], "the same form twice is the same run"
    page = text(await client.get(done[0].headers["location"]))
    assert "Tagged: Board" in page and "Changed 3" in page and "Not possible 0" in page
    assert await with_tag(context, tag) == 3
    assert "Board" in text(await client.get(f"{NORA}/members"))

    path, form = await asking(client, "tag", all="yes", selection="all.24.", member=members[:1])
    answer = await send(client, path, tag=tag, **form)
    page = text(await client.get(answer.headers["location"]))
    assert "Changed 21" in page and "As they were already 3" in page, "those who had it are as they were"
    back = [await send(client, answer.headers["location"] + "/undo") for _ in range(2)]
    assert back[0].headers["location"] == back[1].headers["location"], "taken back once"
    assert await with_tag(context, tag) == 3, "who had it before keeps it"
    entries = await count(context, "select count(*) from audit where action = 'member_tagged'")
    assert entries == 24, "each member's history has it"


async def test_all_shown_is_worked_out_anew_and_refused_when_it_is_not_as_many(client, context):
    await sign_in(client)
    tag = await a_tag(client, "Partner talks")
    chosen = "all.9.tier=partner"
    path, form = await asking(client, "tag", all="yes", selection=chosen)
    async with context.db.tx() as connection:
        await connection.execute(
            "update membership_period set superseded_at = now() where row_id = (select p.row_id"
            " from membership_period p join network n on n.id = p.network_id where n.slug = 'nora-industry-network'"
            " and p.tier = 'partner' and p.superseded_at is null and p.ends_on is null limit 1)"
        )
    answer = await send(client, path, tag=tag, **form)
    assert answer.status_code == 409 and "it has 8 members now, not 9" in text(answer)
    assert await with_tag(context, tag) == 0


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({}, 422, "Select at least one member."),
        ({"member": "nonsense"}, 422, "That is no selection of members."),
        ({"all": "yes", "selection": "nonsense"}, 422, "That is no selection of members."),
        ({"all": "yes", "selection": "all.x."}, 422, "That is no selection of members."),
        ({"all": "yes", "selection": "ids.%%%"}, 422, "That is no selection of members."),
    ],
)
async def test_what_is_no_selection_is_refused(client, fields, status, said):
    await sign_in(client)
    answer = await send(client, f"{NORA}/members/selected", what="tag", **fields)
    assert answer.status_code == status and said in text(answer)


async def test_nobody_reaches_members_tags_or_runs_of_another_network(client, context):
    """Ids of another network in one's own form do nothing; its pages are not found."""
    await sign_in(client)
    nora, tag = await ticked(client), await a_tag(client, "Ours")
    path, form = await asking(client, "tag", member=nora[:2])
    run = (await send(client, path, tag=tag, **form)).headers["location"].rsplit("/", 1)[1]
    async with other_browser(client, CLAIRE_ONLY) as other:
        theirs = await a_tag(other, "Theirs", CLAIRE)
        answer = await send(other, f"{CLAIRE}/members/selected", what="tag", member=nora[:2])
        page = await other.get(answer.headers["location"])
        assert page.status_code == 422 and "Select at least one member." in text(page)
        own = await ticked(other, CLAIRE)
        path, form = await asking(other, "tag", CLAIRE, member=[*own[:1], *nora[:2]])
        assert (await send(other, path, tag=tag, **form)).status_code == 422, "another network's tag is no tag here"
        done = await send(other, path, tag=theirs, **form)
        assert "Changed 1" in text(await other.get(done.headers["location"])), "only its own member"
        for answer in (
            await other.get(f"{CLAIRE}/bulk-runs/{run}"),
            await send(other, f"{CLAIRE}/bulk-runs/{run}/undo"),
            await other.get(f"{NORA}/bulk-runs/{run}"),
            await send(other, f"{CLAIRE}/setup/tags/{tag}", name="Stolen"),
            await send(other, f"{CLAIRE}/setup/tags/{tag}/delete"),
            await send(other, f"{CLAIRE}/setup/tags/{theirs}/merge", into=tag),
        ):
            assert answer.status_code == 404
    assert await with_tag(context, tag) == 2


async def test_a_field_and_who_looks_after_them_are_set_for_many_and_taken_back(client, context):
    await sign_in(client)
    await send(client, f"{NORA}/setup/fields", name_nb="Kilde", name_en="Source", kind="text")
    members = await ticked(client)
    path, form = await asking(client, "field", member=members[:4])
    ask = await client.get(f"{path}?selection={form['selection']}&field=source") if "selection" in form else None
    assert ask is not None and 'name="value"' in ask.text
    form |= {"field": "source", "token": str(uuid4())}
    answer = await send(client, path, value="Fair 2026", **form)
    assert "Source set to Fair 2026" in text(await client.get(answer.headers["location"]))
    assert len(re.findall("member", (await client.get(f"{NORA}/members?f.source.has=fair")).text)) > 0
    assert "4 members" in text(await client.get(f"{NORA}/members?f.source.has=fair"))
    async with context.db.tx() as connection:  # somebody answers otherwise meanwhile
        await connection.execute(
            "update custom_value set value = to_jsonb('Other'::text) where membership_id = $1::uuid", members[0]
        )
    back = await send(client, answer.headers["location"] + "/undo")
    page = text(await client.get(back.headers["location"]))
    assert "Changed 3" in page and "Not possible 1" in page
    assert "1 member " in text(await client.get(f"{NORA}/members?f.source.has=other"))

    account = re.search(r'name="responsible" value="([0-9a-f-]{36})"', (await client.get(f"{NORA}/members")).text)
    path, form = await asking(client, "responsible", all="yes", selection="all.24.")
    page = await client.get(f"{path}?selection=all.24.")
    person = re.search(r'<option value="([0-9a-f-]{36})">Ingrid Vik', page.text)[1]
    assert account is None, "nobody looks after anybody yet"
    answer = await send(client, path, account=person, **form)
    assert "Looked after by Ingrid Vik" in text(await client.get(answer.headers["location"]))
    assert "24 members" in text(await client.get(f"{NORA}/members?responsible={person}"))
    answer = await send(client, path, account=NOBODYS, **form | {"token": str(uuid4())})
    assert answer.status_code == 422 and "Only people with a role" in text(answer)


async def test_one_charge_more_is_shown_before_it_is_on_the_drafts_once(client, context):
    await sign_in(client)
    members = await ticked(client)
    path, form = await asking(client, "charge", member=members[:3])
    form |= {"name_nb": "Julebord", "name_en": "Christmas dinner", "amount": "1 250,50", "vat_code": "standard"}
    charges = "select count(*) from charge where names ->> 'en' = 'Christmas dinner'"
    seen = await send(client, path, **form)
    assert seen.status_code == 200 and "Charge 3 members" in text(seen)
    assert "NOK 3,751.50" in text(seen) and "NOK 937.89" in text(seen) and await count(context, charges) == 0
    seal = re.search(r'name="confirmed" value="([^"]+)"', seen.text)[1]
    other = await send(client, path, **form | {"amount": "2000"}, confirmed=seal)
    assert other.status_code == 200 and await count(context, charges) == 0, "another amount is shown again"
    done = [await send(client, path, **form, confirmed=seal) for _ in range(2)]
    assert done[0].headers["location"] == done[1].headers["location"]
    assert await count(context, charges) == 3
    page = text(await client.get(done[0].headers["location"]))
    assert "Changed 3" in page and "See the drafts" in page and "Undo" not in page
    assert (await send(client, done[0].headers["location"] + "/undo")).status_code == 422
    drafts = await count(context, f"select count(distinct invoice_id) from ({charges.replace('count(*)', '*')}) c")
    assert drafts == 3


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name_nb": ""}, "name_nb"),
        ({"name_en": "x" * 121}, "name_en"),
        ({"amount": "much"}, "amount"),
        ({"amount": "0"}, "amount"),
        ({"vat_code": "none"}, "vat_code"),
    ],
)
async def test_a_charge_that_cannot_be_keeps_the_form_and_names_the_field(client, context, fields, field):
    await sign_in(client)
    path, form = await asking(client, "charge", member=(await ticked(client))[:1])
    whole = {"name_nb": "Julebord", "name_en": "Dinner", "amount": "100", "vat_code": "standard"} | fields
    answer = await send(client, path, **form, **whole)
    assert answer.status_code == 422 and f'href="#{field}"' in answer.text and f'id="{field}"' in answer.text


async def test_who_is_no_member_any_more_is_left_out_with_the_reason(client, context):
    await sign_in(client)
    ended = re.findall(r'name="member" value="([0-9a-f-]+)"', (await client.get(f"{NORA}/members?state=ended")).text)
    path, form = await asking(client, "charge", member=[ended[0], (await ticked(client))[0]])
    form |= {"name_nb": "Julebord", "name_en": "Dinner", "amount": "100", "vat_code": "outside"}
    seen = await send(client, path, **form)
    assert "Charge 1 member" in text(seen) and "One member is left out" in text(seen)
    seal = re.search(r'name="confirmed" value="([^"]+)"', seen.text)[1]
    page = text(await client.get((await send(client, path, **form, confirmed=seal)).headers["location"]))
    assert "Not possible for one member" in page and "Not a member on this day" in page


async def test_mail_and_files_take_the_selection_along(client, context):
    await sign_in(client)
    members = await ticked(client)
    answer = await send(client, f"{NORA}/members/selected", what="mail", member=members[:2])
    where = answer.headers["location"]
    assert where.startswith(f"{NORA}/mailings/new?selection=ids.")
    chosen = selections.read(httpx.URL(where).params["selection"])
    assert sorted(map(str, chosen.ids)) == sorted(members[:2])
    answer = await send(client, f"{NORA}/members/selected", what="export", all="yes", selection="all.9.tier=partner")
    file = await client.get(answer.headers["location"].replace(".xlsx", ".csv"))
    assert file.status_code == 200 and len(file.text.splitlines()) == 10


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ("Tag members", "24 members are selected.")), ("nb", ("Merk medlemmer", "24 medlemmer er valgt."))],
)
async def test_the_pages_speak_both_languages(client, language, words):
    await sign_in(client, language=language)
    await a_tag(client, "Styret")
    page = text(await client.get(f"{NORA}/members/selected/tag?selection=all.24."))
    assert all(word in page for word in words)
    assert (await client.get(f"{NORA}/bulk-runs")).status_code == 200


async def test_readers_see_runs_and_start_none(client, context):
    await sign_in(client, "leser@klynge.example")
    answer = await client.post(f"{NORA}/members/selected", data={"_csrf_token": await token(client), "what": "tag"})
    assert answer.status_code == 403
    assert 'name="member"' not in (await client.get(f"{NORA}/members")).text
