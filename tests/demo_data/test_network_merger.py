"""AC-14b and T6 with the example that is shipped: three clusters become one, and doing it again changes nothing."""

from datetime import date
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from cluster_rules.errors import RuleViolation
from cluster_rules.network_mergers import NetworkMerger
from crm import catalogue
from crm.actions import imports, network_mergers, verify
from crm.actor import Actor
from crm.context import Context
from crm.folder import FolderError
from crm.gateways import folder, merger_file
from crm.reads import memberships
from crm.reads.memberships import Asked
from crm.store.imports import id_of
from tests.crm.api.support import approved
from tests.crm.test_cli import crm

pytestmark = pytest.mark.anyio

EXAMPLE = Path(imports.__file__).parents[1] / "demo_data" / "examples" / "network-merger"
ON = date(2027, 1, 1)
NEW = "energy-cluster-norway"


@pytest.fixture
def merger() -> NetworkMerger:
    return merger_file.read(EXAMPLE / "merger.toml")


@pytest.fixture
async def everybody(context: Context) -> Actor:
    """Somebody who manages all networks, those of the example too."""
    await imports.load(context, Actor("Test", "cli"), folder.read(EXAMPLE / "data"))
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
    return Actor("Test", "cli", manages=frozenset(n.id for n in kept.networks))


async def held(context: Context, key: str, day: date) -> dict[str, tuple[str, str]]:
    """(level, member since) by network on a day."""
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        wanted = id_of("organisation", f"example-{key}")
        rows = await memberships.of_organisation(connection, kept, context.clock, wanted, Asked(as_of=day))
    return {m.network: (m.tier, m.member_since.isoformat()) for m in rows}


async def everything(context: Context) -> dict[str, list[Any]]:
    """What a merger writes, row by row."""
    tables = ("membership_grant", "membership_period", "membership_transfer", "feed", "charge", "rulebook", "agreement")
    async with context.db.tx() as connection:
        return {
            t: await connection.fetchval(f"select jsonb_agg(to_jsonb(x) order by to_jsonb(x)::text) from {t} x")
            for t in tables
        }


async def test_ac_14b_three_clusters_become_one(
    context: Context,
    client: httpx.AsyncClient,
    manager_headers: dict[str, str],
    everybody: Actor,
    merger: NetworkMerger,
) -> None:
    before = date(2026, 12, 31)
    registers = {key: await held(context, key, before) for key in ("havkraft", "nordsjo", "fjordvind", "dypdata")}
    assert registers["havkraft"] == {
        "energy-valley": ("core", "2016-07-01"),
        "gce-ocean-technology": ("member", "2018-01-01"),
        "nce-smart-energy-markets": ("member", "2020-01-01"),
    }
    paid = {"network": "energy-valley", "tier": "core", "organisation__name": "Tidevann AS"}
    await approved(client, manager_headers, "2026-12-01", **paid)  # billed for 212 days, to the end of June
    untouched = await everything(context)
    looked = await network_mergers.run(context, everybody, merger, dry_run=True)
    assert await everything(context) == untouched
    assert {(m.name, m.network, m.into) for m in looked.moves} == {
        ("Havkraft Eksempel AS", "energy-valley", "partner"),
        ("Havkraft Eksempel AS", "gce-ocean-technology", "member"),
        ("Nordsjø Service Eksempel AS", "gce-ocean-technology", "partner"),
        ("Nordsjø Service Eksempel AS", "energy-transition-norway", "startup"),
        ("Fjordvind Eksempel AS", "energy-valley", "member"),
        ("Tidevann AS", "energy-valley", "partner"),
    }

    done = await network_mergers.run(context, everybody, merger)
    assert msgspec.to_builtins(done) == msgspec.to_builtins(looked)
    # One membership each, the higher level of the two, the longer seniority; the link goes on under the new one.
    assert await held(context, "havkraft", ON) == {
        NEW: ("partner", "2016-07-01"),
        "nce-smart-energy-markets": ("member", "2020-01-01"),
    }
    # The agreement is the new cluster's now, and holds for all its partners.
    assert await held(context, "nordsjo", ON) == {
        NEW: ("partner", "2017-03-01"),
        "nce-smart-energy-markets": ("member", "2027-01-01"),
    }
    assert await held(context, "fjordvind", ON) == {NEW: ("member", "2022-07-01")}
    assert await held(context, "dypdata", ON) == {}
    for key, register in registers.items():
        assert await held(context, key, before) == register
    # NOK 73,000 a year: 42,400 were billed, and 181 of the 212 days are given back. The new fee begins on the day.
    assert done.credited == {"NOK": -36_200_00}
    assert done.billed == {"NOK": 3 * 109_500_00 + 36_500_00}
    assert await verify.run(context) == []

    settled = await everything(context)
    again = await network_mergers.run(context, everybody, merger)
    assert (again.moves, again.memberships, again.credited, again.billed) == ([], 0, {}, {})
    assert await everything(context) == settled


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"into": "nowhere"}, "network_unknown"),
        ({"into": "energy-valley"}, "merger_same"),
        ({"networks": ()}, "merger_same"),
    ],
)
async def test_a_plan_that_cannot_be_is_refused(
    context: Context, everybody: Actor, merger: NetworkMerger, change: dict[str, Any], code: str
) -> None:
    with pytest.raises(RuleViolation) as refused:
        await network_mergers.run(context, everybody, msgspec.structs.replace(merger, **change))
    assert refused.value.code == code


async def test_a_level_that_the_table_forgets_is_refused(
    context: Context, everybody: Actor, merger: NetworkMerger
) -> None:
    old = msgspec.structs.replace(merger.networks[0], tiers={"core": "partner"})
    with pytest.raises(RuleViolation) as refused:
        await network_mergers.run(context, everybody, msgspec.structs.replace(merger, networks=(old,)))
    assert (refused.value.code, refused.value.params["tier"]) == ("tier_unmapped", "member")


def test_a_mistake_in_the_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "merger.toml"
    file.write_text('into = "x"\non = 2027-01-01\n[[networks]]\nnetwork = "a"\nlevels = {}\n')
    with pytest.raises(FolderError, match="networks"):
        merger_file.read(file)


@pytest.mark.commits
def test_the_command_line_says_what_would_happen_and_stores_nothing(own_database: str, tmp_path: Path) -> None:
    def told(*arguments: object) -> str:
        done = crm(*arguments, DATABASE_URL=own_database)
        assert done.returncode == 0, done
        return done.stdout

    told("import", EXAMPLE / "data")
    for _ in range(2):
        said = told("network", "merge", EXAMPLE / "merger.toml", "--dry-run")
        assert "5 memberships move" in said
        assert "Agreement energy-valley-sem ends." in said
    assert "Done." in told("network", "merge", EXAMPLE / "merger.toml")
    assert "0 memberships move, 0 timelines change." in told("network", "merge", EXAMPLE / "merger.toml")
    units = tmp_path / "units.csv"
    units.write_text("sub_unit,main_unit\n973152351,923609016\n")
    assert "1 of 1 sub-units" in told("network", "main-units", units)
