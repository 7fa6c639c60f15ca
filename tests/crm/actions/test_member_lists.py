"""Pushed lists: the dry run says what happens, twice is once in any order, two at once make nobody twice."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from stdnum.no import orgnr

from cluster_rules import matching
from crm import listed
from crm.actions import member_lists, verify
from crm.actions.member_lists import Options
from crm.actor import Actor
from crm.context import Context
from crm.forms import IdentifierForm
from crm.listed import Listed
from tests.commits.support import manager
from tests.conftest import context_on
from tests.crm.api.support import verified

pytestmark = pytest.mark.anyio
NORA = "nora-industry-network"
LISTS = 25
SETTLED = ("held", "refused")
NAMES = ("Equinor ASA", "EQUINOR", "Ås & Østby, AS", "A/S Norsk  Data", "AS", "Møller-Gruppen", "3D Lab (Oslo) AS", "Ø")
SITES = ("https://www.Equinor.com/no", "equinor.com:8080/x", "http://data.norge.no", "")


def numbers(count: int) -> list[str]:
    """Valid organisation numbers that nobody has."""
    found = [str(n) for n in range(820_000_000, 820_000_000 + count * 30)]
    return [n for n in found if orgnr.is_valid(n)][:count]


FREE = numbers(12)


async def push(context: Context, actor: Actor, rows: Sequence[Listed], **options: Any) -> UUID:
    run = await member_lists.begin(context, actor, NORA, [listed.check(r) for r in rows], Options(**options))
    await member_lists.settle(context, run)
    return run


async def verdicts(context: Context, run: UUID) -> dict[str, tuple[Any, ...]]:
    """What became of each row, by its id (and by its number where ids are double)."""
    async with context.db.tx() as connection:
        rows = await connection.fetch(
            "select external_id, number, verdict, changes, problems from member_list_row where list_id = $1"
            " order by number",
            run,
        )
    return {
        f"{r['external_id']}": (
            r["verdict"],
            tuple(r["changes"]),
            tuple((p["field"], p["rule"]) for p in r["problems"]),
        )
        for r in rows
    }


async def test_names_and_domains_are_compared_in_the_database_as_in_the_rules(context: Context) -> None:
    async with context.db.tx() as connection:
        keys = [await connection.fetchval("select organisation_name_key($1)", name) for name in NAMES]
        sites = [await connection.fetchval("select organisation_domain($1)", site) or "" for site in SITES]
    assert keys == [matching.name_key(name) for name in NAMES]
    assert sites == [matching.domain_of(site) for site in SITES]


@st.composite
def lists(draw: st.DrawFn, stored: list[tuple[str, str]]) -> list[Listed]:
    """A list of a partner's: known and unknown, right and wrong, doubles, units; ids are given once each."""
    ids = draw(st.lists(st.integers(0, 14), min_size=1, max_size=9, unique=True))
    names = [name for name, _ in stored]
    out = []
    for n in ids:
        mine = draw(st.sampled_from([f"Aldri Sett {n} AS", *names]))
        pairs = draw(st.lists(st.sampled_from([*FREE, *(number for _, number in stored)]), max_size=1))
        parent = draw(st.sampled_from(["", "", "", *(f"C-{m}" for m in ids if m != n)]))
        out.append(
            Listed(
                f"C-{n}",
                mine,
                draw(st.sampled_from(["NO", "NO", "SE", "XX"])),
                draw(st.sampled_from(["partner", "partner", "principal", "nothing"])),
                employees=draw(st.sampled_from([None, 3, 500])),
                website=draw(st.sampled_from([None, "https://aldri.example"])),
                identifiers=[IdentifierForm("no-orgnr", number) for number in pairs],
                origin=draw(st.sampled_from([None, "direct"])),
                parent_external_id=parent,
            )
        )
    return out


def drawn(stored: list[tuple[str, str]]) -> list[list[Listed]]:
    """As many lists as are tried, always the same ones; they are pushed in this test's own event loop."""
    out: list[list[Listed]] = []

    @settings(max_examples=LISTS, derandomize=True, database=None, phases=[Phase.generate], deadline=None)
    @given(lists(stored))
    def take(one: list[Listed]) -> None:
        out.append(one)

    take()
    return out


async def test_any_list_dry_run_then_for_real_then_again_in_any_order(context: Context, actor: Actor) -> None:
    """The property, on lists that Hypothesis draws."""
    async with context.db.tx() as connection:
        rows = await connection.fetch(
            "select o.name, i.value from organisation o join identifier i on i.organisation_id = o.id"
            " where i.scheme = 'no-orgnr' order by o.name limit 6"
        )
    order = random.Random(25)
    seen: set[str] = set()
    for rows_of_list in drawn([(r["name"], r["value"]) for r in rows]):
        dry = await verdicts(context, await push(context, actor, rows_of_list, dry_run=True))
        again = await verdicts(context, await push(context, actor, rows_of_list, dry_run=True))
        assert dry == again, "a dry run leaves nothing behind"
        real = await verdicts(context, await push(context, actor, rows_of_list))
        assert real == dry, rows_of_list
        mixed = order.sample(rows_of_list, len(rows_of_list))
        second = await verdicts(context, await push(context, actor, mixed))
        for name, (verdict, _, problems) in second.items():
            if real[name][0] in SETTLED:
                assert (verdict, problems) == (real[name][0], real[name][2]), (name, rows_of_list)
            elif real[name][0] not in SETTLED:
                assert verdict == "unchanged", (name, rows_of_list)
        seen |= {verdict for verdict, _, _ in real.values()}
    assert {"created", "updated", "held", "refused"} <= seen, "lists that show little prove little"
    assert await verified(context) == []


async def test_control_a_list_that_is_carried_out_twice_is_noticed(context: Context, actor: Actor) -> None:
    """What the property looks at does differ where the second list says something else."""
    row = Listed("C-1", "Aldri Sett 1 AS", "NO", "partner", identifiers=[IdentifierForm("no-orgnr", FREE[0])])
    first = await verdicts(context, await push(context, actor, [row]))
    other = Listed("C-1", "Aldri Sett 1 AS", "NO", "principal", identifiers=row.identifiers)
    second = await verdicts(context, await push(context, actor, [other]))
    assert (first["C-1"][0], second["C-1"][:2]) == ("created", ("updated", ("tier",)))


async def test_lists_are_forgotten_after_a_while_and_what_they_made_stays(context: Context, actor: Actor) -> None:
    rows = [Listed("C-1", "Aldri Sett 1 AS", "NO", "partner"), Listed("C-2", "Universitetet i Oslo", "NO", "partner")]
    run = await push(context, actor, rows)
    assert await member_lists.forget_old(context) == 0
    async with context.db.tx() as connection:
        await connection.execute("update member_list set finished_at = finished_at - interval '91 days'")
    assert await member_lists.forget_old(context) == 1
    async with context.db.tx() as connection:
        left = "select count(*) from member_list_row where list_id = $1"
        assert await connection.fetchval(left, run) == 0
        assert await connection.fetchval("select count(*) from held_row where closed_at is null") == 1
    second = await verdicts(context, await push(context, actor, rows))
    assert [verdict for verdict, _, _ in second.values()] == ["unchanged", "held"]


@pytest.mark.commits
async def test_two_at_once_make_nobody_twice(own_database: str) -> None:
    """Both know the same companies, by other ids and in another order; and one of them applies by itself meanwhile."""
    rows = [
        Listed(f"A-{n}", f"Aldri Sett {n} AS", "NO", "partner", identifiers=[IdentifierForm("no-orgnr", number)])
        for n, number in enumerate(FREE)
    ]
    async with context_on(own_database, size=6) as context:
        boss = await manager(context)
        runs = await asyncio.gather(*(push(context, boss, part) for part in (rows, rows[::-1], rows[3:9])))
        async with context.db.tx() as connection:
            made = await connection.fetchval("select count(*) from organisation where name like 'Aldri Sett %'")
            standing = await connection.fetchval("select count(*) from external_ref")
            counts = [await connection.fetchval("select counts from member_list where id = $1", run) for run in runs]
        assert made == standing == len(FREE)
        assert sum(each.get("created", 0) for each in counts) == len(FREE)
        assert {verdict for each in counts for verdict in each} <= {"created", "unchanged"}
        assert await verify.run(context) == []
