"""Activities: told with who took part, changed, withdrawn, brought back; refused by the line; and in reports."""

import re
from datetime import UTC, date, datetime
from typing import Any

import pytest

from crm.reads import reports
from crm.reports import Asked
from tests.crm.reads.asking import TODAY, YEAR, ids, options
from tests.crm.reads.test_reports import reckoned, some_codes
from tests.crm.web.office import CLAIRE, CLAIRE_ONLY, NORA, count, other_browser, send, sign_in, text

pytestmark = pytest.mark.anyio
ACTIVITIES = f"{NORA}/activities"
NEW = f"{ACTIVITIES}/new"
FAIR = {"title": "Autumn fair", "kind": "event", "on_day": "2026-10-01"}


async def numbered(context: Any) -> str:
    """Telenor gets an organisation number."""
    async with context.db.tx() as connection:
        return await connection.fetchval(
            "insert into identifier (id, organisation_id, scheme, value)"
            " select gen_random_uuid(), id, 'no-orgnr', '974760673' from organisation where name = 'Telenor'"
            " returning value"
        )


async def test_an_activity_is_told_changed_withdrawn_and_brought_back(client, context):
    await sign_in(client)
    telenor = await numbered(context)
    lines = f" {telenor[:3]} {telenor[3:]} ;3\n\nesmart systems\n"
    given = FAIR | {"participants": lines, "others": "5", "international": "yes", "partner_countries": "SE, DK"}
    assert (await send(client, NEW, **given)).status_code == 303
    page = await client.get(ACTIVITIES)
    assert "2 members, 9 people · SE, DK" in text(page)
    own = re.search(rf'href="{ACTIVITIES}/([0-9a-f-]{{36}})"', page.text)[1]
    one = await client.get(f"{ACTIVITIES}/{own}")
    assert "Telenor" in text(one) and f"{telenor}; 3" in one.text
    as_shown = re.search(r'<textarea id="participants"[^>]*>([^<]*)<', one.text)[1]
    assert (await send(client, f"{ACTIVITIES}/{own}/change", **given | {"participants": as_shown})).status_code == 303
    assert await count(context, "select count(*) from activity") == 1, "the same again is no change"
    answer = await send(client, f"{ACTIVITIES}/{own}/change", **given | {"participants": "Telenor", "others": ""})
    assert answer.status_code == 303
    assert "1 member , 1 person" in text(await client.get(ACTIVITIES)).replace("member,", "member ,")
    assert await count(context, "select count(*) from activity_participant") == 3, "what was told stays"
    for _ in range(2):
        answer = await send(client, f"{ACTIVITIES}/{own}/withdraw")
    after = await client.get(answer.headers["location"])
    assert "Withdrawn: Autumn fair" in text(after) and "No activities yet." in text(after)
    assert (await client.get(f"{ACTIVITIES}/{own}")).status_code == 404
    assert (await send(client, f"{ACTIVITIES}/{own}/change", **FAIR)).status_code == 404
    back = re.search(r'action="([^"]+/restore)"', after.text)[1]
    for _ in range(2):
        assert (await send(client, back)).status_code == 303
    assert "Telenor" in text(await client.get(f"{ACTIVITIES}/{own}"))


@pytest.mark.parametrize(
    ("wrong", "field", "said"),
    [
        ({"participants": "Telenor\nNobody AS;2"}, "participants", "Line 2: no member has the number"),
        ({"participants": "Telenor\n\ntelenor"}, "participants", "Line 3: “telenor” is there already."),
        ({"participants": "Telenor;0"}, "participants", "Line 1: write how many people"),
        ({"participants": "Telenor;many"}, "participants", "Line 1: write how many people"),
        ({"participants": "; 3"}, "participants", "Line 1: no member"),
        ({"participants": "999999999"}, "participants", "Line 1: no member"),
        ({"participants": "x" * 10_000}, "participants", "9,999"),
        ({"title": ""}, "title", "This must be filled in."),
        ({"kind": "party"}, "kind", "party"),
        ({"on_day": "1.10.2026"}, "on_day", "YYYY-MM-DD"),
        ({"on_day": ""}, "on_day", "This must be filled in."),
        ({"others": "-1"}, "others", "100,000"),
    ],
)
async def test_what_cannot_be_is_named_by_its_line_and_nothing_is_stored(client, context, wrong, field, said):
    await sign_in(client)
    answer = await send(client, NEW, **FAIR | {"participants": "Telenor"} | wrong)
    assert answer.status_code == 422 and f'href="#{field}"' in answer.text
    assert said.replace(",", "") in text(answer).replace(",", "")
    assert await count(context, "select count(*) from activity") == 0


async def test_whose_an_activity_is(client, context):
    await sign_in(client)
    await send(client, NEW, **FAIR, participants="Telenor")
    own = re.search(rf'href="{ACTIVITIES}/([0-9a-f-]{{36}})"', (await client.get(ACTIVITIES)).text)[1]
    async with other_browser(client, "leser@klynge.example") as reader:
        page = text(await reader.get(f"{ACTIVITIES}/{own}"))
        assert "Telenor" in page and "Withdraw" not in page
        assert (await send(reader, NEW, **FAIR)).status_code in (403, 404)
    async with other_browser(client, CLAIRE_ONLY) as other:
        assert (await other.get(f"{CLAIRE}/activities/{own}")).status_code == 404
        assert (await send(other, f"{CLAIRE}/activities/{own}/withdraw")).status_code == 404
        assert "Autumn fair" not in text(await other.get(f"{CLAIRE}/activities"))
    assert await count(context, "select count(*) from activity where superseded_at is null") == 1


async def made(
    context: Any, actor: Any, name: str, day: date = TODAY, known: Any = None, **asked: str
) -> dict[str, Any]:
    """The figures of a report, each held to its rows."""
    source = reports.SOURCES[name]
    async with context.db.reading(actor.sees) as connection:
        network = (await ids(connection))["nora-industry-network"]
        wanted = Asked((network,), *YEAR, day, known, options=options(source) | asked)
        found = await reports.figures(connection, source, wanted)
        for code, value in some_codes(found, source).items():
            rows = await reports.rows(connection, source, wanted, code)
            assert reckoned(source, code, rows) == pytest.approx(value), code
        return {each.code: each.value for each in found.figures}


async def test_ac_16_the_report_of_activity_and_who_is_committed_by_taking_part(client, context, actor):
    await sign_in(client)
    await send(client, NEW, **FAIR, participants="Telenor;3\neSmart Systems", others="2", international="yes")
    await send(client, NEW, **FAIR | {"title": "Group", "kind": "working_group"}, participants="Telenor")
    await send(client, NEW, **FAIR | {"on_day": "2026-12-24"}, participants="eSmart Systems")
    await send(client, NEW, **FAIR | {"on_day": "2025-12-31"}, participants="eSmart Systems")
    found = await made(context, actor, "activity")
    assert found["members"] == 24 and found["share_participating"] == pytest.approx(2 / 24)
    said = ("activities", "international_activities", "participants", "participations", "participating")
    assert [found[code] for code in said] == [2, 1, 7, 3, 2], "what lies ahead and the year before are left out"
    before = await made(context, actor, "activity", known=datetime(2026, 11, 22, 8, tzinfo=UTC))
    assert [before[code] for code in said] == [0] * 5, "nobody had told"
    only = {"paid": "no", "signed": "no"}
    assert (await made(context, actor, "committed", **only))["committed"] == 2, "within twelve months"
    assert (await made(context, actor, "committed", **only, events="3"))["committed"] == 0
    assert (await made(context, actor, "committed", **only, months="3"))["committed"] == 1
    assert (await made(context, actor, "committed", **only, attended="no"))["committed"] == 0
    page = text(await client.get(f"{NORA}/reports/activity"))
    assert "Members that took part divided by active members." in page
