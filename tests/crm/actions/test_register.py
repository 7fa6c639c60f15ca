"""A file of the register read: what it says is kept, what differs is on the work list, nothing else changes."""

import io
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
import pytest

from crm.actions import profiles, register, register_differences, reviews
from crm.actions.register import Result
from crm.actor import Actor
from crm.context import Context
from crm.errors import NotFound, Refused
from crm.register_shapes import Wanted
from tests.register_files import array, packed, unit

pytestmark = pytest.mark.anyio

NETWORK = "nora-industry-network"
DAY = date(2026, 11, 20)
HERE = {"kommune": "GRIMSTAD", "kommunenummer": "4202", "landkode": "NO"}


class Member(msgspec.Struct):
    """A member of the demo with an organisation number, as it is told."""

    id: UUID
    number: str
    name: str
    employees: int
    membership: UUID
    network: UUID

    def unit(self, **more: Any) -> dict[str, Any]:
        """What the register says of it: the same, but for what is given."""
        told = {"antallAnsatte": self.employees, "forretningsadresse": None, **more}
        return unit(self.number, told.pop("navn", self.name.upper()), **told)


@pytest.fixture
async def member(context: Context) -> Member:
    async with context.db.tx() as connection:
        row = await connection.fetchrow(
            "select o.id, i.value as number, o.name, p.employees, g.membership_id as membership,"
            " g.network_id as network"
            " from organisation o join identifier i on i.organisation_id = o.id and i.scheme = 'no-orgnr'"
            " join organisation_profile p on p.organisation_id = o.id and p.superseded_at is null"
            " join membership_grant g on g.organisation_id = o.id and g.kind = 'direct' and g.superseded_at is null"
            "  and g.ends_on is null and g.starts_on <= '2026-01-01' join network n on n.id = g.network_id"
            " where n.slug = $1 and p.employees is not null and p.parent_id is null order by o.name limit 1",
            NETWORK,
        )
    return Member(**dict(row))


async def read(context: Context, actor: Actor, content: bytes, slug: str = NETWORK, **more: Any) -> Result:
    told = {"as_of": DAY, "part": True, **more}
    return await register.read(context, actor, slug, io.BytesIO(content), Wanted("enheter.json", **told))


async def open_of(context: Context, member: Member) -> dict[str, tuple[UUID, Any]]:
    """reason -> (review, the register's word) of what waits for this network."""
    async with context.db.tx() as connection:
        rows = await connection.fetch(
            "select id, reason, detail from membership_review where membership_id = $1 and closed_at is null"
            " and reason like 'register%'",
            member.membership,
        )
    return {row["reason"]: (row["id"], row["detail"].get("register")) for row in rows}


async def told(context: Context, member: Member) -> tuple[str, int, str, str]:
    async with context.db.tx() as connection:
        row = await connection.fetchrow(
            "select o.name, p.employees, p.municipality, p.county from organisation o join organisation_profile p"
            " on p.organisation_id = o.id and p.superseded_at is null and p.starts_on <= '2026-11-22'"
            " and (p.ends_on is null or p.ends_on > '2026-11-22') where o.id = $1",
            member.id,
        )
    return tuple(row)


async def test_a_read_puts_what_differs_on_the_list_and_changes_nothing(
    context: Context, actor: Actor, member: Member
) -> None:
    before = await told(context, member)
    more = member.employees + 30
    result = await read(context, actor, packed(member.unit(antallAnsatte=more, konkurs=True, konkursdato="2026-10-01")))
    counts = result.reads[0].counts
    assert (counts["units"], counts["found"]) == (1, 1)
    found = await open_of(context, member)
    assert found.keys() == {"register_bankrupt", "register_employees"}
    assert found["register_employees"][1] == more
    assert await told(context, member) == before
    async with context.db.tx() as connection:
        assert await connection.fetchval("select count(*) from register_unit") == 1
        detail = await connection.fetchval("select detail from audit where action = 'register_read' limit 1")
    assert (detail["as_of"], detail["counts"]["units"]) == ("2026-11-20", 1)


async def test_the_same_file_twice_changes_nothing_and_an_older_one_is_refused(
    context: Context, actor: Actor, member: Member
) -> None:
    content = packed(member.unit(navn="ET ANNET NAVN AS"))
    first = await read(context, actor, content)
    again = await read(context, actor, content)
    assert (first.unchanged, again.unchanged) == (False, True)
    assert again.reads == first.reads
    async with context.db.tx() as connection:
        assert await connection.fetchval("select count(*) from register_read") == 1
    older = array(member.unit())
    with pytest.raises(Refused, match="register_older") as refused:
        await read(context, actor, older, as_of=date(2026, 11, 19))
    assert refused.value.params == {"given": date(2026, 11, 19), "on": DAY}
    assert (await open_of(context, member)).keys() == {"register_name"}
    await read(context, actor, older, as_of=date(2026, 11, 19), force=True)
    assert await open_of(context, member) == {}  # both say the same again: settled


async def test_a_file_that_breaks_off_stores_nothing_of_its_beginning(
    context: Context, actor: Actor, member: Member
) -> None:
    with pytest.raises(Refused, match="register_twice"):
        await read(context, actor, array(member.unit(navn="NYTT"), member.unit()))
    with pytest.raises(Refused, match="register_day_early"):
        await read(context, actor, array(member.unit(registreringsdatoEnhetsregisteret="2026-11-21")))
    with pytest.raises(Refused, match="register_day_ahead"):
        await read(context, actor, array(member.unit()), as_of=date(2026, 11, 23))
    async with context.db.tx() as connection:
        assert not await connection.fetchval("select exists (select from register_unit)")
        assert not await connection.fetchval("select exists (select from register_read)")
    assert await open_of(context, member) == {}


async def test_a_rehearsal_tells_and_stores_nothing(context: Context, actor: Actor, member: Member) -> None:
    result = await read(context, actor, array(member.unit(navn="NYTT NAVN AS")), dry_run=True)
    assert result.reads[0].counts["register_name"] >= 1
    assert await open_of(context, member) == {}
    async with context.db.tx() as connection:
        assert not await connection.fetchval("select exists (select from register_read)")


async def test_the_registers_headcount_is_taken_over_with_its_day_and_source(
    context: Context, actor: Actor, member: Member
) -> None:
    await read(context, actor, array(member.unit(antallAnsatte=member.employees + 30)))
    review, _ = (await open_of(context, member))["register_employees"]
    await register_differences.take_over(context, actor, review, profiles.tell)
    assert (await told(context, member))[1] == member.employees + 30
    assert await open_of(context, member) == {}
    async with context.db.tx() as connection:
        change = await connection.fetchrow(
            "select reason, channel from profile_change where organisation_id = $1 order by number desc limit 1",
            member.id,
        )
        row = await connection.fetchrow("select channel, detail from audit where action = 'register_taken_over'")
    assert (change["reason"], change["channel"]) == ("Enhetsregisteret 2026-11-20", "web")
    assert (row["channel"], row["detail"]["source"], row["detail"]["ours"], row["detail"]["taken"]) == (
        "web",
        "Enhetsregisteret 2026-11-20",
        member.employees,
        {"employees": member.employees + 30},
    )
    with pytest.raises(Refused, match="register_closed"):
        await register_differences.take_over(context, actor, review, profiles.tell)


async def test_a_new_name_and_a_new_place_are_taken_over(context: Context, actor: Actor, member: Member) -> None:
    before = await told(context, member)
    await read(context, actor, array(member.unit(navn="HAVBRIS OG SØNN AS", forretningsadresse=HERE)))
    found = await open_of(context, member)
    assert found["register_name"][1] == "Havbris og Sønn AS"
    await register_differences.take_over(context, actor, found["register_name"][0], profiles.tell, "HavBris og Sønn")
    assert (await told(context, member))[0] == "HavBris og Sønn"
    if before[2] or before[3]:
        await register_differences.take_over(context, actor, found["register_moved"][0], profiles.tell)
        assert (await told(context, member))[2:] == ("Grimstad", "42")
    assert await open_of(context, member) == {}


async def test_ours_is_kept_until_the_register_says_something_else(
    context: Context, actor: Actor, member: Member
) -> None:
    await read(context, actor, array(member.unit(antallAnsatte=member.employees + 30)))
    review, _ = (await open_of(context, member))["register_employees"]
    await reviews.keep(context, actor, review, None, "They count trainees")
    await read(context, actor, array(member.unit(antallAnsatte=member.employees + 30, hjemmeside="new.no")))
    assert await open_of(context, member) == {}
    await read(context, actor, array(member.unit(antallAnsatte=member.employees + 31)), as_of=date(2026, 11, 21))
    assert (await open_of(context, member)).keys() == {"register_employees"}


async def test_a_bankruptcy_is_nothing_to_take_over(context: Context, actor: Actor, member: Member) -> None:
    await read(context, actor, array(member.unit(konkurs=True)))
    review, _ = (await open_of(context, member))["register_bankrupt"]
    with pytest.raises(Refused, match="register_no_fact"):
        await register_differences.take_over(context, actor, review, profiles.tell)
    stranger = msgspec.structs.replace(actor, manages=frozenset(), reads=frozenset())
    with pytest.raises(NotFound):
        await register_differences.take_over(context, stranger, review, profiles.tell)
    with pytest.raises(NotFound):
        await read(context, stranger, array(member.unit()))


async def test_a_whole_register_without_a_number_says_so_and_a_small_one_is_not_believed(
    context: Context, actor: Actor, member: Member
) -> None:
    with pytest.raises(Refused, match="register_too_small") as refused:
        await read(context, actor, array(member.unit()), part=False)
    assert refused.value.params["missing"] > 5
    async with context.db.tx() as connection:
        rows = await connection.fetch("select value from identifier where scheme = 'no-orgnr'")
    others = [unit(row["value"], "NAVN") for row in rows if row["value"] != member.number]
    await read(context, actor, array(*others), part=False)
    assert (await open_of(context, member)).keys() == {"register_unknown"}


async def test_everything_is_kept_for_prefill_but_sole_traders(context: Context, actor: Actor) -> None:
    async with context.db.tx() as connection:
        rows = await connection.fetch("select value from identifier where scheme = 'no-orgnr'")
    ours = [unit(row["value"], "NAVN") for row in rows]
    numbers = {row["value"] for row in rows}
    new = [n for n in ("923609016", "974760673", "912660680") if n not in numbers]
    others = [unit(new[0], "NYTT SELSKAP AS"), unit(new[1], "KARI NORDMANN", organisasjonsform={"kode": "ENK"})]
    result = await read(context, actor, packed(*ours, *others), part=False, keep_all=True)
    assert result.reads[0].counts["known"] == len(ours) + 1
    async with context.db.tx() as connection:
        kept = {r["number"] for r in await connection.fetch("select number from register_unit where known")}
    assert new[0] in kept and new[1] not in kept
    with pytest.raises(Refused, match="register_part_kept"):
        await read(context, actor, packed(*ours), as_of=date(2026, 11, 21), keep_all=True)
    # A part read later changes its own units and leaves the rest.
    await read(context, actor, array(unit(new[0], "NYTT NAVN AS")), as_of=date(2026, 11, 21))
    async with context.db.tx() as connection:
        assert await connection.fetchval("select count(*) from register_unit where known") == len(ours) + 1


async def test_who_reads_for_every_host_is_the_operator(context: Context, member: Member) -> None:
    operator = Actor("operator", "cli")
    result = await register.read(
        context, operator, "", io.BytesIO(array(member.unit())), Wanted("enheter.json", DAY, part=True)
    )
    async with context.db.tx() as connection:
        hosts = await connection.fetchval("select count(distinct host_id) from network")
    assert len(result.reads) == hosts
    assert sum(each.counts["found"] for each in result.reads) >= 1
