"""Members like one: what fits comes before what is the same; nobody who is not shown, and never itself."""

import pytest

from crm.actions import listings
from crm.actions.listings import ListingForm
from crm.reads import similar

pytestmark = pytest.mark.anyio


async def _told(context, actor):
    """Four members tell: one, its match, one of the same field, one that does neither."""
    async with context.db.tx() as db:
        rows = await db.fetch(
            "select e.organisation_id from directory_entry e join membership m using (organisation_id)"
            " where e.shown group by 1 order by 1 limit 4"
        )
    ids = [row["organisation_id"] for row in rows]
    forms = (
        ListingForm(fields=["energy"], offers=["data"]),
        ListingForm(fields=["health"], seeks=["data"]),
        ListingForm(fields=["energy"]),
        ListingForm(fields=["maritime"]),
    )
    for organisation, form in zip(ids, forms, strict=True):
        await listings.save(context, actor, organisation, form)
    async with context.db.tx() as db:
        await db.execute("update listing set offers = '[]', seeks = '[]' where organisation_id <> all ($1)", ids)
        await db.execute("set constraints all immediate; set constraints all deferred")
    return ids


async def _alike(context, organisation):
    async with context.db.tx() as db:
        row = await db.fetchrow("select slug, body from directory_entry where organisation_id = $1", organisation)
        slugs = dict(await db.fetch("select slug, organisation_id from directory_entry where shown"))
        found = await similar.of(db, organisation, row["body"])
    return [(slugs[each.slug], each.matched, each.shared) for each in found]


async def test_what_fits_comes_first_then_the_same(context, actor):
    one, match, _, _ = await _told(context, actor)
    found = await _alike(context, one)
    assert found[0] == (match, 1, 0) and found[1][1:] == (0, 1)
    assert one not in [each[0] for each in found] and len(found) == similar.SHOWN
    assert (await _alike(context, match))[0] == (one, 1, 0), "both ways"
    await listings.set_listed(context, actor, match, False)
    async with context.db.tx() as db:
        await db.execute("set constraints all immediate; set constraints all deferred")
    assert match not in [each[0] for each in await _alike(context, one)]


async def test_who_has_told_nothing_is_like_nobody_and_codes_are_only_codes(context):
    nothing = {"fields": [], "offers": [], "seeks": []}
    async with context.db.tx() as db:
        some = await db.fetchval("select organisation_id from directory_entry limit 1")
        assert await similar.of(db, some, nothing) == []
        for strange in ("x' | 'f:energy", "a\\", "'", "!a & b"):
            assert await similar.of(db, some, nothing | {"fields": [strange]}) == []


async def test_it_stands_on_the_profile(client, context, actor):
    one, match, *_ = await _told(context, actor)
    async with context.db.tx() as db:
        slug, name = await db.fetchrow("select slug, name from directory_entry where organisation_id = $1", one)
        other = await db.fetchval("select slug from directory_entry where organisation_id = $1", match)
    page = (await client.get(f"/en/members/{slug}")).text
    assert "Members like this" in page and f'href="/en/members/{other}"' in page and name in page
