"""Entries as each reader sees them: the page's own reckoning agrees with the database's, and nobody sees too much."""

import msgspec
import pytest

from cluster_rules import listings as rules
from cluster_rules.listings import Viewer
from crm.actor import Actor
from crm.context import Context
from crm.errors import NotFound
from crm.reads import listings

pytestmark = pytest.mark.anyio
NETWORKS = ["nora-industry-network", "claire-innovation-network", "sin-applied-ai", "nce-smart-energy-markets", "nora"]
WORLDS = [
    {},
    {"fields": "members", "summary": "hidden"},
    {"membership": "partners"},
    {"membership": "hidden"},
    {"tier": "hidden", "place": "members", "size": "hidden", "website": "partners", "offers": "members"},
]


@pytest.mark.parametrize("said", WORLDS)
async def test_what_anybody_sees_is_what_is_searched(context: Context, said: dict[str, str]) -> None:
    """Every member of the demo, with this said by each of them in its first network."""
    async with context.db.tx() as connection:
        if said:
            await connection.execute(
                "insert into listing (id, organisation_id, visibility, changed_at) select gen_random_uuid(), m.id,"
                " jsonb_build_object(m.slug, $1::jsonb), now()"
                " from (select o.organisation_id as id, min(n.slug) as slug"
                " from membership o join network n on n.id = o.network_id group by 1) m"
                " on conflict (organisation_id) do update set visibility = excluded.visibility",
                said,
            )
            await connection.execute("set constraints all immediate")
        rows = await connection.fetch(
            "select organisation_id, shown, body from directory_entry order by organisation_id"
        )
        day = await connection.fetchval("select day from directory_state")
        shown = 0
        for row in rows[::3]:
            try:
                facts = await listings.facts_of(connection, row["organisation_id"], day)
            except NotFound:
                assert not row["shown"]
                continue
            body, _ = listings.seen_by(facts, rules.ANYBODY)
            if row["shown"]:
                shown += 1
                assert body == row["body"], facts.name
            elif facts.listed and not facts.restricted and facts.kind != "person":
                assert body["memberships"] == [], facts.name
    assert shown > 10


async def test_members_and_partners_see_more(context: Context, actor: Actor) -> None:
    async with context.db.tx() as connection:
        row = await connection.fetchrow(
            "select e.organisation_id as id, n.slug from directory_entry e join membership m"
            " on m.organisation_id = e.organisation_id join network n on n.id = m.network_id"
            " where e.shown and n.slug = 'nora-industry-network' and e.tags @> '{s:50-249}' order by e.name limit 1"
        )
        await connection.execute(
            "insert into listing (id, organisation_id, summary, visibility, changed_at) values (gen_random_uuid(), $1,"
            " $2, $3, now()) on conflict (organisation_id) do update set summary = $2, visibility = $3",
            row["id"],
            {"en": "For partners only"},
            {network: {"summary": "partners", "size": "members"} for network in NETWORKS},
        )
        await connection.execute("set constraints all immediate")
    seen = {}
    for who, viewer in {
        "anybody": rules.ANYBODY,
        "partner": Viewer(frozenset(), frozenset({row["slug"]})),
        "member": Viewer(frozenset({row["slug"]})),
    }.items():
        body = (await listings.profile(context, row["id"], viewer)).body
        seen[who] = (bool(body["summary"]), body["size"])
    assert seen == {"anybody": (False, ""), "partner": (True, ""), "member": (True, "50-249")}


async def test_offices_and_members_are_viewers_of_their_networks(context: Context, actor: Actor) -> None:
    assert await listings.viewer(context, None) == rules.ANYBODY
    async with context.db.tx() as connection:
        nora = await connection.fetchval("select id from network where slug = 'nora-industry-network'")
        member = await connection.fetchval(
            "select p.organisation_id from membership_period p where p.network_id = $1 and p.superseded_at is null"
            " and p.status = 'active' and p.ends_on is null limit 1",
            nora,
        )
    office = await listings.viewer(context, Actor("Office", "web", reads=frozenset({nora})))
    assert office.member_of == {"nora-industry-network"}
    assert "claire-innovation-network" in office.partner_of
    theirs = await listings.viewer(context, Actor("Person", "web", acts_for=frozenset({member})))
    assert "nora-industry-network" in theirs.member_of


async def test_people_are_named_with_their_consent_only(context: Context) -> None:
    async with context.db.tx() as connection:
        row = await connection.fetchrow(
            "select c.id, c.organisation_id from contact c"
            " join directory_entry e on e.organisation_id = c.organisation_id"
            " where e.shown order by c.id limit 1"
        )
        networks = [
            each["slug"]
            for each in await connection.fetch(
                "select n.slug from membership m join network n on n.id = m.network_id where m.organisation_id = $1",
                row["organisation_id"],
            )
        ]
    member = Viewer(frozenset(networks))
    assert (await listings.profile(context, row["organisation_id"], member)).people == ()
    async with context.db.tx() as connection:
        await connection.execute(
            "insert into listing_person (id, organisation_id, contact_id, text_version, given_at)"
            " values (gen_random_uuid(), $1, $2, 1, now())",
            row["organisation_id"],
            row["id"],
        )
    assert [p.id for p in (await listings.profile(context, row["organisation_id"], member)).people] == [row["id"]]
    assert (await listings.profile(context, row["organisation_id"], rules.ANYBODY)).people == ()


async def test_own_view_and_preview(context: Context) -> None:
    async with context.db.tx() as connection:
        wanted = await connection.fetchval(
            "select organisation_id from directory_entry where shown order by name limit 1"
        )
    with pytest.raises(NotFound):
        await listings.own(context, Actor("Stranger", "web"), wanted)
    own = await listings.own(context, Actor("Own", "web", acts_for=frozenset({wanted})), wanted)
    assert own.facts.memberships
    preview = listings.changed(own.facts, {"summary": {"en": "New words"}, "ignored": 1})
    body, _ = listings.seen_by(preview, rules.ANYBODY)
    assert body["summary"] == {"en": "New words"}
    assert msgspec.structs.replace(preview, summary=own.facts.summary) == own.facts
