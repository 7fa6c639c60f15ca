"""Looking after an entry: who may, what waits for a manager, what holds at once, letters to members."""

from uuid import UUID, uuid4

import msgspec
import pytest

from cluster_rules.errors import RuleViolation
from crm import directory_words
from crm.actions import listings
from crm.actions.listings import LetterForm, ListingForm
from crm.actor import Actor
from crm.context import Context
from crm.errors import Forbidden, Invalid, NotFound, Refused, TooMany

pytestmark = pytest.mark.anyio
FORM = ListingForm(summary={"nb": "  Ny   tekst "}, fields=["energy", "energy"], offers=["data"], languages=["nb"])


async def a_member(context: Context, network: str = "nora-industry-network") -> tuple[UUID, UUID, Actor]:
    """A shown member of a network, the network, and who runs the member."""
    async with context.db.tx() as connection:
        row = await connection.fetchrow(
            "select e.organisation_id as id, n.id as network from directory_entry e join membership_period p"
            " on p.organisation_id = e.organisation_id and p.superseded_at is null and p.origin = 'direct'"
            " join network n on n.id = p.network_id where e.shown and n.slug = $1"
            " and jsonb_array_length(e.body -> 'memberships') = 1 order by e.name limit 1",
            network,
        )
    runs = frozenset({row["id"]})
    return row["id"], row["network"], Actor("Tuva", "web", runs=runs, acts_for=runs)


async def entry(context: Context, organisation: UUID) -> tuple[bool, dict | None]:
    """The entry as it would be after a commit."""
    async with context.db.tx() as connection:
        await connection.execute("set constraints all immediate; set constraints all deferred")
        row = await connection.fetchrow(
            "select shown, body from directory_entry where organisation_id = $1", organisation
        )
    return row["shown"], row["body"]


async def audited(context: Context, action: str) -> int:
    async with context.db.tx() as connection:
        return await connection.fetchval("select count(*) from audit where action = $1", action)


async def test_saved_is_published(context: Context) -> None:
    member, _, runs = await a_member(context)
    assert await listings.save(context, runs, member, FORM) == "published"
    shown, body = await entry(context, member)
    assert shown
    assert body["summary"] == {"nb": "Ny tekst"}
    assert (body["fields"], body["offers"], body["languages"]) == (["energy"], ["data"], ["nb"])
    assert await audited(context, "listing_saved") == 1


async def test_who_may_look_after_it(context: Context) -> None:
    member, network, runs = await a_member(context)
    people = {
        "its administrator": (runs, None),
        "a manager of its network": (Actor("M", "web", manages=frozenset({network})), None),
        "a reader of its network": (Actor("R", "web", reads=frozenset({network})), Forbidden),
        "its other people": (Actor("P", "web", acts_for=frozenset({member})), Forbidden),
        "a manager of another": (Actor("O", "web", manages=frozenset({uuid4()})), NotFound),
        "anybody": (Actor("A", "web"), NotFound),
    }
    for who, (actor, refusal) in people.items():
        for deed in (
            lambda a: listings.save(context, a, member, FORM),
            lambda a: listings.set_listed(context, a, member, True),
        ):
            if refusal is None:
                await deed(actor)
            else:
                with pytest.raises(refusal):
                    await deed(actor)
                    pytest.fail(who)


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"summary": {"nb": "x" * 601}}, ["summary.nb"]),
        ({"summary": {"xx": "y"}}, ["summary.xx"]),
        ({"summary": {"en": "a\x00b"}}, ["summary.en"]),
        ({"fields": ["astrology"], "offers": ["gold"]}, ["fields", "offers"]),
        ({"fields": list(directory_words.FIELDS)}, ["fields"]),
    ],
)
async def test_what_cannot_be_is_refused_whole(context: Context, change: dict, fields: list[str]) -> None:
    member, _, runs = await a_member(context)
    with pytest.raises(Invalid) as invalid:
        await listings.save(context, runs, member, msgspec.structs.replace(FORM, **change))
    assert [field for field, _, _ in invalid.value.problems] == fields
    with pytest.raises(RuleViolation):
        wrong = {"claire": {"summary": "public"}}  # not a network of this member
        await listings.save(context, runs, member, msgspec.structs.replace(FORM, visibility=wrong))
    assert await audited(context, "listing_saved") == 0


async def test_a_network_that_reads_first(context: Context, actor: Actor) -> None:
    member, network, runs = await a_member(context)
    _, before = await entry(context, member)
    await listings.set_policy(context, actor, network, True, {})
    form = msgspec.structs.replace(FORM, visibility={"nora-industry-network": {"fields": "hidden", "people": "public"}})
    assert await listings.save(context, runs, member, form) == "waiting"
    _, body = await entry(context, member)
    assert body["summary"] == before["summary"]  # the words wait
    assert body["fields"] == []  # what is hidden is hidden now
    async with context.db.tx() as connection:
        wanted = await connection.fetchval("select id from listing_change where state = 'waiting'")
        kept = await connection.fetchval("select visibility from listing where organisation_id = $1", member)
    assert kept == {"nora-industry-network": {"fields": "hidden"}}  # what is opened waits, too
    with pytest.raises(NotFound):
        await listings.decide(context, Actor("O", "web", manages=frozenset({uuid4()})), wanted, True)
    with pytest.raises(Forbidden):
        await listings.decide(context, Actor("R", "web", reads=frozenset({network})), wanted, True)
    with pytest.raises(Refused):
        await listings.decide(context, actor, wanted, False, " ")
    await listings.decide(context, actor, wanted, True)
    assert (await entry(context, member))[1]["summary"] == {"nb": "Ny tekst"}
    with pytest.raises(Refused):
        await listings.decide(context, actor, wanted, False, "too late")


async def test_a_newer_text_takes_the_place_of_one_that_waits(context: Context, actor: Actor) -> None:
    member, network, runs = await a_member(context)
    await listings.set_policy(context, actor, network, True, {})
    for text in ("one", "two"):
        await listings.save(context, runs, member, msgspec.structs.replace(FORM, summary={"en": text}))
    async with context.db.tx() as connection:
        rows = await connection.fetch("select state, body from listing_change order by state")
    assert [(row["state"], row["body"]["summary"]["en"]) for row in rows] == [("replaced", "one"), ("waiting", "two")]


async def test_out_and_in_again(context: Context, actor: Actor) -> None:
    member, network, runs = await a_member(context)
    await listings.set_listed(context, runs, member, False)
    assert await entry(context, member) == (False, None)
    await listings.set_listed(context, runs, member, True)
    assert (await entry(context, member))[0]
    with pytest.raises(Refused):
        await listings.restrict(context, actor, member, " ")
    with pytest.raises(Forbidden):
        await listings.restrict(context, Actor("R", "web", reads=frozenset({network})), member, "defence")
    await listings.restrict(context, actor, member, "defence")
    assert await entry(context, member) == (False, None)
    await listings.restrict(context, actor, member, None)
    assert (await entry(context, member))[0]


async def test_a_policy_holds_where_members_have_not_said_otherwise(context: Context, actor: Actor) -> None:
    member, network, runs = await a_member(context)
    await listings.save(context, runs, member, FORM)
    with pytest.raises(NotFound):
        await listings.set_policy(context, runs, network, False, {})
    await listings.set_policy(context, actor, network, False, {"summary": "members"})
    assert (await entry(context, member))[1]["summary"] == {}
    said = {"nora-industry-network": {"summary": "public"}}
    await listings.save(context, runs, member, msgspec.structs.replace(FORM, visibility=said))
    assert (await entry(context, member))[1]["summary"] == {"nb": "Ny tekst"}


async def test_agreeing_to_be_named_and_no_more(context: Context) -> None:
    member, _, runs = await a_member(context)
    async with context.db.tx() as connection:
        contact = await connection.fetchval("select id from contact where organisation_id = $1", member)
        stranger = await connection.fetchval("select id from contact where organisation_id <> $1 limit 1", member)
    await listings.agree(context, runs, member, contact)
    async with context.db.tx() as connection:
        assert await connection.fetchval(
            "select text_version from listing_person where contact_id = $1 and withdrawn_at is null", contact
        ) == max(directory_words.CONSENTS)
    with pytest.raises(NotFound):
        await listings.agree(context, runs, member, stranger)
    await listings.withdraw(context, Actor("Self", "web", acts_for=frozenset({member})), member, contact)
    with pytest.raises(NotFound):
        await listings.withdraw(context, runs, member, contact)


async def test_letters(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    member, _, runs = await a_member(context)
    async with context.db.tx() as connection:
        slug = await connection.fetchval("select slug from directory_entry where organisation_id = $1", member)
        to = await connection.fetchval("select email from contact where organisation_id = $1", member)
    letter = LetterForm("Ola Spør", "ola@spor.example", "Hei!\r\nKan vi møtes?")
    with pytest.raises(Invalid) as invalid:
        await listings.write(context, slug, LetterForm("", "x", " "), "192.0.2.1")
    assert [field for field, _, _ in invalid.value.problems] == ["name", "text", "email"]
    with pytest.raises(NotFound):
        await listings.write(context, "nobody", letter, "192.0.2.1")
    monkeypatch.setattr(listings, "LETTERS_PER_ADDRESS", 2)
    await listings.write(context, slug, letter, "192.0.2.1")
    async with context.db.tx() as connection:
        row = await connection.fetchrow("select * from mail where kind = 'directory_letter'")
    assert row["recipient"] == to
    assert "Kan vi møtes?" in row["body_text"]
    assert "ola@spor.example" in row["body_text"]
    await listings.write(context, slug, letter, "192.0.2.1")
    with pytest.raises(TooMany):
        await listings.write(context, slug, letter, "192.0.2.1")
    await listings.write(context, slug, letter, "198.51.100.7")
    await listings.set_listed(context, runs, member, False)
    await entry(context, member)
    with pytest.raises(NotFound):
        await listings.write(context, slug, letter, "203.0.113.9")
