"""Labels and programmes: told, changed, withdrawn, brought back; what report and overview say, now and as known."""

import re
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest

from crm.reads import reports
from crm.reports import Asked, narrowed
from tests.crm.reads.asking import TODAY, YEAR, ids
from tests.crm.web.office import CLAIRE, CLAIRE_ONLY, NORA, count, other_browser, send, sign_in, text

pytestmark = pytest.mark.anyio
LABELS = f"{NORA}/setup/labels"
NEW = f"{LABELS}/new"
SAID = "This must be filled in."
GOLD = {"name": "ESCA", "kind": "label", "level": "Gold", "issuer": "EUCLES", "issued_on": "2025-03-01"}


async def first(client: httpx.AsyncClient) -> str:
    """The id of the first label on the page."""
    found = re.search(rf'action="{LABELS}/([0-9a-f-]{{36}})"', (await client.get(LABELS)).text)
    assert found
    return found[1]


async def test_a_label_is_told_changed_withdrawn_and_brought_back(client, context):
    await sign_in(client)
    assert (await send(client, NEW, **GOLD, last_on="2027-02-28")).status_code == 303
    page = text(await client.get(LABELS))
    assert "ESCA Gold" in page and "Ends soon" in page and "28 Feb 2027" in page
    own = await first(client)
    assert (await send(client, f"{LABELS}/{own}", **GOLD, last_on="2028-02-29", note="Renewed")).status_code == 303
    assert (await send(client, f"{LABELS}/{own}", **GOLD, last_on="2028-02-29", note="Renewed")).status_code == 303
    page = text(await client.get(LABELS))
    assert "29 Feb 2028" in page and "Renewed" in page and "Ends soon" not in page
    assert await count(context, "select count(*) from label") == 2, "what was told stays, the same twice is once"
    for _ in range(2):
        answer = await send(client, f"{LABELS}/{own}/withdraw")
    after = await client.get(answer.headers["location"])
    assert "Withdrawn: ESCA" in text(after) and "No labels or programmes yet." in text(after)
    assert (await send(client, f"{LABELS}/{own}", **GOLD)).status_code == 404
    back = re.search(r'action="([^"]+/restore)"', after.text)[1]
    for _ in range(2):
        assert (await send(client, back)).status_code == 303
    assert "29 Feb 2028" in text(await client.get(LABELS))
    assert await count(context, "select count(*) from label where superseded_at is null") == 1
    actions = "select count(*) from audit where action like 'label_%' and action in ('label_added', 'label_changed',"
    assert await count(context, f"{actions} 'label_withdrawn', 'label_restored')") == 4


@pytest.mark.parametrize(
    ("wrong", "field", "said"),
    [
        ({"name": " "}, "name", SAID),
        ({"name": "x" * 101}, "name", "100"),
        ({"kind": "medal"}, "kind", "medal"),
        ({"issued_on": ""}, "issued_on", SAID),
        ({"issued_on": "1.3.2025"}, "issued_on", "YYYY-MM-DD"),
        ({"issued_on": "1066-10-14"}, "issued_on", "1970-01-01"),
        ({"last_on": "2025-02-28"}, "last_on", "2025-03-01"),
    ],
)
async def test_what_cannot_be_is_named_and_nothing_is_stored(client, context, wrong, field, said):
    await sign_in(client)
    answer = await send(client, NEW, **GOLD | wrong)
    assert answer.status_code == 422 and f'href="#{field}"' in answer.text
    assert await count(context, "select count(*) from label") == 0
    assert said in text(answer)


async def test_whose_a_label_is(client, context):
    """Who only reads sees it without a form; another network's manager does not find it."""
    await sign_in(client)
    await send(client, NEW, **GOLD)
    own = await first(client)
    async with other_browser(client, "leser@klynge.example") as reader:
        page = await reader.get(LABELS)
        assert "ESCA Gold" in text(page) and "Add a label" not in text(page)
        assert (await send(reader, NEW, **GOLD)).status_code in (403, 404)
    async with other_browser(client, CLAIRE_ONLY) as other:
        assert (await other.get(LABELS)).status_code == 404
        assert (await send(other, f"{CLAIRE}/setup/labels/{own}/withdraw")).status_code == 404
        assert "ESCA Gold" not in text(await other.get(f"{CLAIRE}/setup/labels"))
    assert await count(context, "select count(*) from label where superseded_at is null") == 1


async def test_the_overview_warns_half_a_year_before_and_not_sooner(client):
    await sign_in(client)
    await send(client, NEW, **GOLD, last_on="2027-05-21")
    await send(client, NEW, **GOLD | {"name": "Arena Pro", "level": "", "kind": "programme"}, last_on="2027-05-22")
    page = text(await client.get(NORA))
    assert "ESCA Gold ends 21 May 2027" in page and "Arena Pro ends" not in page
    async with other_browser(client, "leser@klynge.example") as reader:
        assert "ESCA Gold ends 21 May 2027" in text(await reader.get(NORA))


async def test_the_overview_reminds_of_what_has_ended_until_it_goes_on(client, context):
    await sign_in(client)
    await send(client, NEW, **GOLD, last_on="2026-11-21")
    await send(client, NEW, **GOLD | {"name": "Old", "issued_on": "2020-01-01"}, last_on="2025-11-21")
    page = text(await client.get(NORA))
    assert "ESCA Gold ended 21 Nov 2026" in page and "Old" not in page
    await send(client, NEW, **GOLD | {"level": "Bronze", "issued_on": "2026-11-22"}, last_on="2029-01-01")
    assert "ESCA Gold ended" not in text(await client.get(NORA))
    for day, said in ((date(2027, 2, 20), True), (date(2027, 2, 21), False), (date(2026, 11, 22), True)):
        async with context.db.tx() as connection:
            name = await connection.fetchval(
                "update agreement set ends_on = $1 where id = (select a.id from agreement a join network s on"
                " s.id = a.source_network_id and s.slug = 'nora-industry-network' order by a.code limit 1)"
                " returning coalesce(names ->> 'en', names ->> 'nb')",
                day,
            )
        assert (f"{name} end" in text(await client.get(NORA))) is said, day


EVERYBODY = "leser@klynge.example"


async def figures(context: Any, actor: Any, day: date, known: datetime | None = None, months: str = "6") -> list[Any]:
    """held, expiring, expired; each is as many rows."""
    source = reports.SOURCES["labels"]
    async with context.db.reading(actor.sees) as connection:
        network = (await ids(connection))["nora-industry-network"]
        asked = Asked((network,), *YEAR, day, known, options={"ending": months})
        made = await reports.figures(connection, source, asked)
        for each in made.figures:
            assert len((await reports.rows(connection, source, asked, each.code)).rows) == each.value
        of_kind = await reports.rows(connection, source, asked, narrowed("held", kind="programme"))
        return [each.value for each in made.figures] + [len(of_kind.rows)]


async def test_ac_16_the_report_of_labels_of_a_day_and_as_it_was_known(client, context, actor):
    await sign_in(client)
    await send(client, NEW, **GOLD, last_on="2027-02-28")
    await send(client, NEW, **GOLD | {"name": "Arena", "kind": "programme"})
    await send(client, NEW, **GOLD | {"name": "Bronze", "issued_on": "2020-01-01"}, last_on="2022-01-01")
    await send(client, NEW, **GOLD | {"name": "Later", "issued_on": "2027-01-01"})
    assert await figures(context, actor, TODAY) == [2, 1, 1, 1]
    assert await figures(context, actor, TODAY, months="3") == [2, 0, 1, 1]
    assert await figures(context, actor, date(2022, 1, 1)) == [1, 1, 0, 0], "its last day still counts"
    assert await figures(context, actor, date(2022, 1, 2)) == [0, 0, 1, 0]
    assert await figures(context, actor, date(2027, 3, 1)) == [2, 0, 2, 1]
    assert await figures(context, actor, TODAY, datetime(2026, 11, 22, 8, tzinfo=UTC)) == [0, 0, 0, 0]
    page = text(await client.get(f"{NORA}/reports/labels"))
    assert "Labels and programmes whose last day was before the day." in page
    rows = text(await client.get(f"{NORA}/reports/labels/rows?figure=expiring"))
    assert "ESCA" in rows and "Arena" not in rows
