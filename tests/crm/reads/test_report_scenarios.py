"""The acceptance scenarios of domain.md that reports answer: AC-1, AC-14, AC-17."""

from datetime import UTC, date, datetime
from uuid import UUID

import msgspec
import pytest

from crm.actor import Actor
from crm.context import Context
from crm.database import Connection
from crm.reads import reports
from crm.reports import Asked
from tests.crm.reads.asking import TODAY, YEAR, asked, empty_network, ids, make, options

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(("day", "partners"), [("2018-11-21", 7), ("2019-04-01", 9), ("2021-07-01", 13)])
async def test_ac_1_composition_of_a_day(context: Context, actor: Actor, day: str, partners: int) -> None:
    source = reports.SOURCES["composition"]
    async with context.db.reading(actor.sees) as connection:
        wanted = await asked(connection, source, (("nora",), *YEAR, date.fromisoformat(day), None))
        assert (await reports.figures(connection, source, wanted)).figure("members").value == partners


async def test_ac_1_composition_at_the_end_of_2021(context: Context, actor: Actor) -> None:
    """AC-1: 15 partners: 8 universities, 3 university colleges, 4 institutes; the same after today's data change."""
    source = reports.SOURCES["composition"]
    async with context.db.tx() as connection:
        network = (await ids(connection))["nora"]
        wanted = Asked((network,), *YEAR, date(2021, 12, 31))
        kinds = {"university": 8, "research_institute": 4, "university_college": 3}
        assert await by(connection, source, wanted, "by_kind") == kinds
        await connection.execute(
            "update organisation_profile set superseded_at = now() where superseded_at is null and organisation_id in"
            " (select organisation_id from membership_period where network_id = $1)",
            network,
        )
        await connection.execute(
            "insert into organisation_profile (id, organisation_id, name, kind, country, starts_on, ends_on,"
            " recorded_at) select gen_random_uuid(), f.organisation_id, f.name, x.kind, f.country, x.a, x.b, now()"
            " from organisation_profile f, lateral (values (f.kind, date '2000-01-01', date '2026-11-01'),"
            " ('company', '2026-11-01', null)) x (kind, a, b)"
            " where f.superseded_at = (select max(superseded_at) from organisation_profile)"
        )
        assert await by(connection, source, wanted, "by_kind") == kinds
        today = msgspec.structs.replace(wanted, as_of=TODAY)
        assert await by(connection, source, today, "by_kind") == {"company": 15}


async def by(connection: Connection, source: reports.Source, wanted: Asked, code: str) -> dict[str, int]:
    """A table of one dimension, as a dict."""
    return {row[0].value: row[1].value for row in (await reports.figures(connection, source, wanted)).table(code).rows}


async def test_ac_14_43_and_72_members_are_106_organisations(context: Context, actor: Actor) -> None:
    """AC-14: 43 in the AI cluster and 72 in NCE SEM with 9 in both: 106 different organisations."""
    source = reports.SOURCES["host"]
    both = ("sin-applied-ai", "nce-smart-energy-markets")
    async with context.db.reading(actor.sees) as connection:
        wanted = await asked(connection, source, (both, *YEAR, TODAY, None))
        made = await reports.figures(connection, source, wanted)
        assert await by(connection, source, wanted, "by_network") == dict(zip(both, (43, 72), strict=True))
    assert (made.figure("members").value, made.figure("memberships").value) == (106, 115)
    assert made.figure("in_several").value == 9


async def test_ac_17_fourteen_of_one_type_fail_by_both_criteria_and_one_researcher_makes_it(context: Context) -> None:
    """AC-17: 14 committed members of one type fail, with both criteria named; adding one research member passes."""
    source = reports.SOURCES["eccp"]
    async with context.db.tx() as connection:
        network = await empty_network(connection)
        await make(connection, network, [[(0, None, False)]] * 14, datetime(2024, 1, 1, tzinfo=UTC))
        await commit(connection, network, "company")
        wanted = Asked((network,), *YEAR, TODAY, options=options(source))
        assert await verdicts(connection, source, wanted) == {"members": "failed", "types": "failed"}
        await make(connection, network, [[(0, None, False)]], datetime(2024, 1, 1, tzinfo=UTC))
        await commit(connection, network, "research_institute")
        assert await verdicts(connection, source, wanted) == {"members": "met", "types": "met"}
        unpaid = msgspec.structs.replace(wanted, options=wanted.options | {"signed": "no"})
        assert await verdicts(connection, source, unpaid) == {"members": "failed", "types": "failed"}
        asked_all = msgspec.structs.replace(wanted, options=wanted.options | {"team": "50", "website": "yes"})
        assert (await reports.figures(connection, source, asked_all)).figure("criteria_met").value == 4


async def verdicts(connection: Connection, source: reports.Source, wanted: Asked) -> dict[str, str]:
    """What the table says of the criteria that can be known here."""
    rows = (await reports.figures(connection, source, wanted)).table("criteria").rows
    return {row[0].value: row[3].value for row in rows if row[0].value in ("members", "types")}


async def commit(connection: Connection, network: UUID, kind: str) -> None:
    """Those members without a profile are of this kind, and signed a fee of their own."""
    new = (
        " from membership m where m.network_id = $1 and not exists (select from organisation_profile f"
        " where f.organisation_id = m.organisation_id)"
    )
    await connection.execute(
        "insert into agreed_fee (id, organisation_id, network_id, component, amount, currency, starts_on, source,"
        " recorded_at) select gen_random_uuid(), m.organisation_id, $1, 'fee', 1, 'NOK', '2026-01-01', 'signed',"
        f" now(){new}",
        network,
    )
    await connection.execute(
        "insert into organisation_profile (id, organisation_id, name, kind, country, starts_on, recorded_at)"
        f" select gen_random_uuid(), m.organisation_id, 'Made', $2::text, 'NO', '2020-01-01', now(){new}",
        network,
        kind,
    )
