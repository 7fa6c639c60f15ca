"""In kind: told one by one and by file, taken back with a reason and told anew; and in reports, to the øre."""

import re
from collections import defaultdict
from datetime import UTC, datetime

import pytest

from tests.crm.web.office import CLAIRE, CLAIRE_ONLY, NORA, count, other_browser, send, sign_in, text, token
from tests.crm.web.test_activities import made

pytestmark = pytest.mark.anyio
PAGE = f"{NORA}/contributions"
WORK = {"member": "Telenor", "what": "Project work", "starts_on": "2026-03-30", "last_on": "2026-04-02"}
STANDING = "select count(*) from contribution where superseded_at is null"


async def financed(context, actor, **asked):
    """The figures of the report by their codes; all is in one currency here."""
    found = await made(context, actor, "finance", **asked)
    return defaultdict(int, {code.partition("/")[0]: value for code, value in found.items()})


async def rate(client, amount="700", day="2026-01-01"):
    return await send(client, f"{PAGE}/rates", rate_from=day, rate_amount=amount)


async def upload(client, content, page=PAGE):
    fields = {"_csrf_token": await token(client)}
    return await client.post(f"{page}/file", data=fields, files={"file": ("hours.csv", content)})


async def test_hours_are_told_at_the_usual_rate_and_a_new_rate_moves_nothing(client, context, actor):
    await sign_in(client)
    answer = await send(client, f"{PAGE}/new", **WORK, hours="10")
    assert answer.status_code == 422 and "No rate an hour is known for that day." in text(answer)
    assert (await rate(client)).status_code == 303
    again = await rate(client)
    assert again.status_code == 422 and "A rate from 2026-01-01 is there already." in text(again)
    assert (await send(client, f"{PAGE}/new", **WORK, hours="7,5")).status_code == 303
    assert (await rate(client, "1 000", "2026-02-01")).status_code == 303
    page = text(await client.get(PAGE))
    assert "1 contribution" in page and "7.5 hours at NOK 700" in page and "NOK 5,250" in page
    twice = await send(client, f"{PAGE}/new", **WORK, hours="7.5", rate="700")
    assert twice.status_code == 422 and "The same is told already of this member" in text(twice)
    before = await financed(context, actor)
    assert before["in_kind"] == before["members_give"] - before["fees"] == 525000
    assert before["in_kind_hours"] == 7.5
    only = {"paid": "no", "signed": "no", "attended": "no"}
    assert (await made(context, actor, "committed", **only))["committed"] == 1
    assert (await made(context, actor, "committed", **only, in_kind="no"))["committed"] == 0


async def test_a_rate_can_be_taken_back_and_what_was_told_with_it_stays(client, context):
    await sign_in(client)
    await rate(client)
    await send(client, f"{PAGE}/new", **WORK, hours="1")
    back = re.search(r'action="([^"]+/rates/[^"]+/withdraw)"', (await client.get(PAGE)).text)[1]
    assert (await send(client, back, reason=" ")).status_code == 422
    assert (await send(client, back, reason="A slip")).status_code == 303
    page = text(await client.get(PAGE))
    assert "No rate yet." in page and "NOK 700" in page
    assert await count(context, "select count(*) from in_kind_rate where superseded_why = 'A slip'") == 1
    assert (await rate(client)).status_code == 303, "the day is free again"


async def test_taken_back_with_a_reason_put_right_and_brought_back(client, context, actor):
    await sign_in(client)
    await send(client, f"{PAGE}/new", **WORK, amount="12 000,50")
    back = re.search(rf'action="({PAGE}/[0-9a-f-]+/withdraw)"', (await client.get(PAGE)).text)[1]
    for _ in range(2):
        answer = await send(client, back, reason="Told of the wrong week")
    page = await client.get(answer.headers["location"])
    assert "Taken back: Telenor, Project work" in text(page) and "Nothing given in kind is told yet." in text(page)
    assert 'value="Project work"' in page.text and 'value="12000.50"' in page.text, "ready to be told anew"
    assert (await financed(context, actor))["in_kind"] == 0
    for _ in range(2):
        assert (await send(client, back.replace("withdraw", "restore"))).status_code == 303
    assert await count(context, STANDING) == 1
    assert await count(context, "select count(*) from contribution where superseded_by <> ''") == 1
    kept = "select count(*) from audit where action = 'contribution_withdrawn' and detail->>'reason' = $1"
    assert await count(context, kept, "Told of the wrong week") == 1
    assert (await financed(context, actor))["in_kind"] == 1200050
    early = await financed(context, actor, known=datetime(2026, 11, 22, 8, tzinfo=UTC))
    assert early["in_kind"] == 0, "nobody had told"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"member": "Nobody AS"}, "No member has the number or the exact name “Nobody AS”"),
        ({"member": " "}, "This must be filled in."),
        ({"what": ""}, "This must be filled in."),
        ({"starts_on": "2026-02-30"}, "Write the day as YYYY-MM-DD."),
        ({"last_on": "2026-03-29"}, "The last day comes before the first"),
        ({"last_on": "2026-11-23"}, "What is not given yet cannot be told"),
        ({"hours": "many"}, "“many” is no amount or number."),
        ({"hours": "-1"}, "Enter a number from 1 to"),
        ({"amount": "100"}, "Write either hours or an amount."),
        ({"hours": ""}, "Write either hours or an amount."),
        ({"hours": "", "amount": "5", "rate": "7"}, "A rate goes with hours"),
        ({"currency": "kroner"}, "is not a currency we bill in"),
    ],
)
async def test_what_is_wrong_is_said_at_its_field_and_nothing_is_kept(client, context, wrong, said):
    await sign_in(client)
    answer = await send(client, f"{PAGE}/new", **{**WORK, "hours": "3", "rate": "500", **wrong})
    assert answer.status_code == 422 and said in text(answer)
    assert await count(context, "select count(*) from contribution") == 0


FILE = "Member;What for;From;Last day;Hours;Rate an hour;Amount;Currency;Reference\n"


async def test_a_file_is_taken_whole_or_refused_whole_with_every_row_that_is_wrong(client, context):
    await sign_in(client)
    good = "Telenor;Project work;01.03.2026;;7,5;700;;;T-1\n"
    bad = (
        FILE
        + good
        + good
        + "Nobody AS;Lab;1.3.2026;;;;5 000;NOK;\nTelenor;Lab;31.2.2026;;x;;;;\n=1+1;Lab;1.3.2026;;;;1;;\n"
    )
    answer = await upload(client, bad)
    assert answer.status_code == 422 and "Row 6, Member: Here stands a formula." in text(answer)
    page = text(await upload(client, bad.replace("=1+1;Lab;1.3.2026;;;;1;;\n", "")))
    for said in (
        "Row 3, What for: The same is told already of this member",
        "Row 4, Member: No member has",
        "Row 5, From: Write the day",
        "Row 5, Hours: “x” is no amount",
    ):
        assert said in page
    assert await count(context, "select count(*) from contribution") == 0
    assert "none of them is “What for”" in text(await upload(client, "Member;Hours\nTelenor;1\n"))
    assert "There is nothing in the file." in text(await upload(client, ""))
    answer = await upload(
        client, (FILE + good + "eSmart Systems;Lab;2026-03-02;2026-03-05;;;5 000;EUR;\n").encode("cp1252")
    )
    assert answer.status_code == 303
    page = text(await client.get(answer.headers["location"]))
    assert "2 rows added" in page and "2 contributions" in page and "NOK 5,250" in page and "EUR 5,000" in page


async def test_what_is_downloaded_can_be_uploaded(client, context):
    await sign_in(client)
    await upload(
        client, FILE + "Telenor;=Work;2026-03-01;;7.25;700;;NOK;T\neSmart Systems;Lab;2026-03-02;;;;5000;EUR;\n"
    )
    await upload(
        client, FILE + "Telenor;Work;2026-03-01;;7.25;700;;NOK;T\neSmart Systems;Lab;2026-03-02;;;;5000;EUR;\n"
    )
    for language in ("en", "nb"):
        client.cookies.set("lang", language)
        file = (await client.get(f"{PAGE}/export.csv")).content
        async with context.db.tx() as connection:
            await connection.execute("update contribution set superseded_at = now() where superseded_at is null")
        assert (await upload(client, file)).status_code == 303, language
        assert await count(context, STANDING) == 2
        assert await count(context, f"{STANDING} and hours = 725 and rate = 70000 and amount = 507500") == 1


async def test_months_add_up_to_the_whole_and_what_lies_ahead_is_left_out(client, context, actor):
    await sign_in(client)
    given = {"member": "Telenor", "what": "Lab", "starts_on": "2025-12-30", "last_on": "2026-01-01", "amount": "1000"}
    await send(client, f"{PAGE}/new", **given)
    assert (await financed(context, actor))["in_kind"] == 33334, "one of three days, rounded down before it"


async def test_who_may_see_and_tell(client, context):
    await sign_in(client)
    await send(client, f"{PAGE}/new", **WORK, amount="1000")
    back = re.search(rf'action="({PAGE}/[0-9a-f-]+/withdraw)"', (await client.get(PAGE)).text)[1]
    async with other_browser(client, "leser@klynge.example") as reader:
        page = text(await reader.get(PAGE))
        assert "Project work" in page and "Add a contribution" not in page
        assert (await send(reader, back, reason="No")).status_code == 403
    async with other_browser(client, "kasserer@klynge.example") as treasurer:
        assert (await rate(treasurer)).status_code == 303
    async with other_browser(client, CLAIRE_ONLY) as other:
        assert (await send(other, back.replace(NORA, CLAIRE), reason="No")).status_code == 404
        assert "Project work" not in text(await other.get(f"{CLAIRE}/contributions"))
    assert await count(context, STANDING) == 1
