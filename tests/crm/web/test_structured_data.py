"""What a profile says to machines, read back by a reader of microdata that knows nothing of our pages (schema.org)."""

from typing import Any

import pytest
from lxml import html

from tests.crm.web import office
from tests.crm.web.test_my_data import FJORDSYN

pytestmark = pytest.mark.anyio


def items(page: str) -> list[dict[str, Any]]:
    """The top-level items of a page, after the HTML standard's section 5.2 (microdata)."""
    root = html.fromstring(page)
    return [item(each) for each in root.xpath("//*[@itemscope][not(@itemprop)]")]


def item(element: Any) -> dict[str, Any]:
    out: dict[str, Any] = {"@type": element.get("itemtype")}
    waiting = list(element)
    while waiting:
        each = waiting.pop(0)
        for name in (each.get("itemprop") or "").split():
            out.setdefault(name, []).append(value(each))
        if each.get("itemscope") is None:
            waiting = [*each, *waiting]
    return out


def value(element: Any) -> Any:
    if element.get("itemscope") is not None:
        return item(element)
    at = {"a": "href", "link": "href", "img": "src", "meta": "content", "time": "datetime"}.get(element.tag)
    return element.get(at) if at else element.text_content().strip()


async def test_a_profile_is_an_organisation_with_its_networks(client, context):
    organisation, _ = await office.member(context, FJORDSYN)
    slug = await office.count(context, "select slug from directory_entry where organisation_id = $1", organisation)
    website = await office.count(context, "select website from organisation where id = $1", organisation)
    [found] = items((await client.get(f"/en/members/{slug}")).text)
    assert found["@type"] == "https://schema.org/Organization" and found["name"] == [FJORDSYN]
    assert found.get("url", [""]) == [website]
    networks = {each["name"][0]: each["url"][0] for each in found["memberOf"]}
    assert networks["NORA Industry Network"].endswith("/networks/nora-industry-network") and len(networks) == 2
    assert all(each["@type"] == "https://schema.org/Organization" for each in found["memberOf"])


async def test_what_is_hidden_is_not_told_to_machines_either(client, context):
    organisation, _ = await office.member(context, FJORDSYN)
    await office.count(
        context,
        "insert into listing (organisation_id, visibility) values ($1, $2) on conflict (organisation_id)"
        " do update set visibility = excluded.visibility returning 1",
        organisation,
        {"nora-industry-network": {"website": "hidden"}, "claire-innovation-network": {"membership": "hidden"}},
    )
    async with context.db.tx() as db:
        await db.execute("set constraints all immediate; set constraints all deferred")
        slug = await db.fetchval("select slug from directory_entry where organisation_id = $1", organisation)
    [found] = items((await client.get(f"/en/members/{slug}")).text)
    assert "url" not in found and [each["name"] for each in found["memberOf"]] == [["NORA Industry Network"]]
