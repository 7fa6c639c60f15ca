"""The annual bill on pages: previewed, confirmed, worked off, its result with failures first; in both languages."""

from uuid import UUID

import httpx
import pytest

from crm.actions import renewals
from crm.context import Context
from tests.crm.web.office import CLAIRE_ONLY, count, send, sign_in, text

pytestmark = pytest.mark.anyio

HERE = "/n/nora-industry-network/renewals"


async def begun(client: httpx.AsyncClient) -> str:
    made = await send(client, HERE, period_start="2027-01-01")
    assert made.status_code == 303
    return made.headers["location"]


async def test_from_the_next_year_in_a_sentence_to_the_result(client: httpx.AsyncClient, context: Context) -> None:
    await sign_in(client)
    first = text(await client.get(HERE))
    assert "The next year is from 1 Jan 2027 to 31 Dec 2027" in first
    assert "No run yet." in first
    place = await begun(client)
    run = UUID(place.rsplit("/", 1)[1])
    working = await client.get(place)
    assert working.headers["refresh"] and "Working out what everybody owes" in text(working)
    await renewals.preview(context, run)
    seen = await client.get(place)
    assert "refresh" not in seen.headers
    assert "Nothing is billed yet" in text(seen) and "nothing was billed for the year before" in text(seen)
    asked = text(await client.get(f"{place}/confirmation"))
    assert "Bill 23 members?" in asked and "NOK 1,392,000 without VAT" in asked
    sent = await send(client, f"{place}/confirmation", how="issue")
    assert sent.status_code == 303 and sent.headers["location"] == place
    assert "Billing" in text(await client.get(place))
    await renewals.bill(context, run)
    done = await client.get(place)
    assert "1 member needs a person" in text(done)
    assert "is a public body: the invoice needs its reference" in text(done)
    rows = done.text.split("<tbody>")[1].split("</tr>")
    assert "Needs a person" in rows[0] and "Needs a person" not in rows[1]
    assert await count(context, "select count(*) from invoice where status = 'issued'") == 23
    failed = text(await client.get(f"{place}?show=failed"))
    assert "Needs a person" in failed and "nothing was billed for the year before" not in failed
    history = text(await client.get(HERE))
    assert "Done" in history and "No run yet." not in history
    norwegian = await client.get(f"/language/nb?back={place}", follow_redirects=True)
    assert "1 medlem trenger en person" in text(norwegian)


async def test_a_run_can_be_stopped_and_a_wrong_day_is_told(client: httpx.AsyncClient, context: Context) -> None:
    await sign_in(client)
    wrong = await send(client, HERE, period_start="soon")
    assert wrong.status_code == 422 and "Write the day as YYYY-MM-DD." in text(wrong)
    far = await send(client, HERE, period_start="2099-01-01")
    assert far.status_code == 422 and "Choose a day of a membership year that is near." in text(far)
    place = await begun(client)
    await renewals.preview(context, UUID(place.rsplit("/", 1)[1]))
    assert (await send(client, f"{place}/cancel")).status_code == 303
    assert "This run was stopped" in text(await client.get(place))
    late = await send(client, f"{place}/confirmation", how="issue")
    assert late.status_code == 409 and "This run does not wait to be confirmed." in text(late)
    assert (await client.get(f"{place}/confirmation")).status_code == 303
    assert (await client.get(f"{HERE}/{UUID(int=7)}")).status_code == 404


async def test_only_for_those_who_manage_the_network(client: httpx.AsyncClient) -> None:
    await sign_in(client, CLAIRE_ONLY)
    assert (await client.get(HERE)).status_code == 404
