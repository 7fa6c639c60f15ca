"""An organisation's own pages: memberships with why, another level, leaving and undo, in both languages, by role."""

import re

import pytest

from tests.crm.web import office
from tests.crm.web.office import send, sign_in, text

pytestmark = pytest.mark.anyio
ADMIN, STAFF = "medlem@klynge.example", "ansatt@klynge.example"
FJORDSYN, OTHERS = "Fjordsyn Helse", "Cyviz"


@pytest.fixture
async def mine(context):
    """The address of the administrator's organisation, and its membership in NORA."""
    organisation, membership = await office.member(context, FJORDSYN)
    return f"/my/{organisation}", membership


async def test_memberships_stand_with_every_reason_in_both_languages(client, mine):
    base, _ = mine
    await sign_in(client, ADMIN)
    page = await client.get(base)
    shown = text(page)
    assert page.status_code == 200
    assert "Fjordsyn Helse is in CLAIRE Innovation Network because" in shown
    assert "from Collaboration agreement between NORA" in shown
    assert "Why is Fjordsyn Helse in CLAIRE Innovation Network?" in shown and "Fee a year, without VAT" in shown
    client.cookies.set("lang", "nb")
    assert "Medlem siden" in text(await client.get(base)) and "Slutt" not in text(await client.get(f"{base}/people"))


async def test_each_role_and_no_other_organisation(client, context, mine):
    base, membership = mine
    change, other = f"{base}/memberships/{membership}/ending", (await office.member(context, OTHERS))[0]
    assert (await client.get(base)).headers["location"].startswith("/sign-in")
    await sign_in(client, STAFF)
    assert "Change level" not in text(await client.get(base))
    assert (await client.get(change)).status_code == 403
    assert (await send(client, change, on="2029-12-31")).status_code == 403
    async with office.other_browser(client, ADMIN) as admin:
        assert (await admin.get(change)).status_code == 200
        for path in ("", "/invoices", "/people", "/sharing", "/data", f"/memberships/{membership}/ending"):
            assert (await admin.get(f"/my/{other}{path}")).status_code == 404, path
        theirs = (await office.member(context, OTHERS))[1]
        assert (await admin.get(f"{base}/memberships/{theirs}/ending")).status_code == 404
    async with office.other_browser(client, "ingrid@klynge.example") as manager:
        assert (await manager.get(base)).status_code == 404


async def test_another_level_is_looked_at_confirmed_and_undone(client, context, mine):
    base, membership = mine
    await sign_in(client, ADMIN)
    here = f"{base}/memberships/{membership}/tier-change"
    looked = await client.get(here)
    assert "from 1 January 2028" in text(looked) or "from 1 Jan 2028" in text(looked)
    assert "If you change the level, this happens" in text(looked) and "CLAIRE" in text(looked)
    early = await send(client, here, tier="partner", on="2027-01-01")
    assert early.status_code == 422 and "is the earliest day" in text(early)
    unread = await send(client, here, tier="", on="soon")
    assert unread.status_code == 422 and "Choose a level." in text(unread) and "YYYY-MM-DD" in text(unread)
    made = await send(client, here, tier="partner", on="2028-01-01", reason="Smaller <b>team</b>")
    assert made.status_code == 303
    page = await client.get(made.headers["location"])
    assert "Level in NORA Industry Network: Partner" in text(page) and "It counts from" in text(page)
    [undo] = set(re.findall(r'action="([^"]+/take-back)"', page.text))
    back = await send(client, undo)
    assert back.headers["location"] == f"{base}?taken=yes"
    assert "Undone." in text(await client.get(back.headers["location"]))
    kept = await office.count(context, "select count(*) from membership_decision where channel = 'member'"
                              " and withdrawn_by = 'Tuva Nor'")  # fmt: skip
    assert kept == 1


async def test_leaving_says_the_earliest_day_what_ends_with_it_and_can_be_undone(client, context, mine):
    base, membership = mine
    await sign_in(client, ADMIN)
    here = f"{base}/memberships/{membership}/ending"
    looked = text(await client.get(here))
    assert "The earliest last day is 31 Dec" in looked and "2027" in looked
    assert "If you leave, this happens" in looked and "CLAIRE" in looked
    early = await client.get(here, params={"on": "2026-12-31"})
    assert early.status_code == 422 and "Leave the network" not in text(early)
    made = await send(client, here, on="2027-12-31", reason="")
    assert made.status_code == 303
    page = await client.get(made.headers["location"])
    assert "Left NORA Industry Network, last day 31 Dec" in text(page) and "Ends 31 Dec" in text(page)
    # The network's manager sees who decided, and by which way.
    async with office.other_browser(client, "ingrid@klynge.example") as manager:
        seen = text(await manager.get(f"{office.NORA}/members/{base.removeprefix('/my/')}"))
        assert "decided by Tuva Nor (the member's own page)" in seen
    # What a manager has decided stays: the page says so, and nothing is offered.
    [undo] = set(re.findall(r'action="([^"]+/take-back)"', page.text))
    assert (await send(client, undo)).headers["location"].endswith("taken=yes")
