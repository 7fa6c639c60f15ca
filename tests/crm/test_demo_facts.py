"""What the demo's networks tell of themselves: told for real, whichever day the demo is started."""

from datetime import UTC, datetime

import msgspec
import pytest

from crm import catalogue, demo, demo_facts
from crm.actions import verify
from crm.actor import Actor
from crm.clock import FixedClock
from crm.context import Context
from tests.crm.web.office import NORA, sign_in, text

pytestmark = pytest.mark.anyio
TOLD = """
select (select count(*) from contribution) as contributions, (select count(*) from other_income) as incomes,
    (select count(*) from label) as labels, (select count(*) from activity) as activities,
    (select count(*) from survey where status = 'open') as open, (select count(*) from survey_answer) as answers,
    (select count(*) from survey where status = 'closed') as closed, (select count(*) from mail) as mails
"""


async def told(context: Context) -> dict[str, int]:
    async with context.db.tx() as connection:
        mails = await connection.fetchval("select count(*) from mail")
        await demo_facts.load(context, Actor("Demo data", "import"), await catalogue.load(connection), demo.DATA)
        found = dict(await connection.fetchrow(TOLD))
    assert found["mails"] == mails, "nobody is written to"
    return found


async def test_reports_and_pages_have_something_to_show(context: Context, client) -> None:
    found = await told(context)
    assert (found["contributions"], found["incomes"], found["labels"], found["activities"]) == (12, 9, 3, 6)
    assert (found["open"], found["closed"]) == (1, 2) and found["answers"] > 100
    assert await verify.run(context) == []
    await sign_in(client)
    for page, said in (
        ("contributions", "Telenor: Arbeidsgruppe for språkmodeller"),
        ("incomes", "Innovasjon Norge: Klyngeprogrammet"),
        ("surveys", "What do you need next year?"),
        ("reports/finance", "Given in kind NOK 363,000"),
        ("reports/surveys", "How content are you with your membership?"),
    ):
        shown = text(await client.get(f"{NORA}/{page}"))
        assert said in shown, page


@pytest.mark.parametrize("moment", [(2027, 1, 1), (2028, 2, 29)])
async def test_nothing_lies_ahead(context: Context, moment: tuple[int, int, int]) -> None:
    then = msgspec.structs.replace(context, clock=FixedClock(datetime(*moment, 9, tzinfo=UTC)))
    found = await told(then)
    async with context.db.tx() as connection:
        last = await connection.fetchval("select max(ends_on) from contribution")
    assert found["contributions"] >= 2 and last.year <= moment[0]
    assert found["open"] == found["closed"] == 0, "they are held later in the year"
