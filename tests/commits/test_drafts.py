"""Many at once on one draft, with real commits: one draft, one mail, one application, one organisation."""

import asyncio
import secrets
from collections.abc import AsyncIterator

import pytest

from crm import steps
from crm.actions import applications, drafts
from crm.actions.drafts import APPLICANT, Draft
from crm.context import Context
from crm.errors import TooMany
from tests.conftest import context_on
from tests.crm.web.wizard import EQUINOR, GOOD, NORA

pytestmark = [pytest.mark.anyio, pytest.mark.commits]
AT_ONCE = 12


@pytest.fixture
async def committed(own_database: str) -> AsyncIterator[Context]:
    async with context_on(own_database) as context:
        yield context


async def count(context, sql, *values):
    async with context.db.tx() as connection:
        return await connection.fetchval(sql, *values)


async def together(*calls):
    return await asyncio.gather(*calls, return_exceptions=True)


async def test_every_step_saved_by_many_at_once_is_saved_once(committed):
    found = Draft(NORA, secrets.token_urlsafe(32), "nb", "203.0.113.7")
    before = await count(committed, "select count(*) from application")
    for step in list(GOOD)[:-1]:
        results = await together(*(drafts.save(committed, found, step, GOOD[step], 0) for _ in range(AT_ONCE)))
        assert len(set(map(str, results))) == 1 and not isinstance(results[0], Exception), results
    assert await count(committed, "select count(*) from application") == before + 1
    assert await count(committed, "select version from application where status = 'draft'") == 5
    assert await count(committed, "select count(*) from mail where kind = 'draft_resume'") == 1


async def test_many_sends_at_once_make_one_application(committed):
    found = Draft(NORA, secrets.token_urlsafe(32), "nb", "203.0.113.7")
    for step in list(GOOD)[:-1]:
        await drafts.save(committed, found, step, GOOD[step], 0)
    draft = await count(committed, "select id from application where status = 'draft'")
    answers = await count(committed, "select answers from application where id = $1", draft)
    form = steps.form_of(NORA, "nb", answers)
    results = await together(
        *(applications.submit(committed, APPLICANT, form, draft, found.token) for _ in range(AT_ONCE))
    )
    assert len({r.reference for r in results}) == 1
    assert await count(committed, "select count(*) from organisation where name = 'Fjordlys Data AS'") == 1
    assert await count(committed, "select count(*) from mail where kind = 'application_received'") >= 1
    sent = "select count(*) from application_event where application_id = $1 and kind = 'sent'"
    assert await count(committed, sent, draft) == 1


async def test_different_answers_at_once_never_overwrite_each_other_unseen(committed):
    found = Draft(NORA, secrets.token_urlsafe(32), "nb", "203.0.113.7")
    for step in ("level", "organisation"):
        await drafts.save(committed, found, step, GOOD[step], 0)
    names = [f"Navn {n}" for n in range(AT_ONCE)]
    results = await together(
        *(drafts.save(committed, found, "contact", GOOD["contact"] | {"contact_name": n}, 2) for n in names)
    )
    kept = [name for name, result in zip(names, results, strict=True) if isinstance(result, drafts.Saved)]
    assert len(kept) == 1
    stored = "select answers -> 'contact' ->> 'name' from application where status = 'draft'"
    assert await count(committed, stored) == kept[0]
    assert {r.code for r in results if isinstance(r, Exception)} == {"version_stale"}


async def test_many_requests_for_access_at_once_tell_everybody_once(committed):
    found = Draft(NORA, secrets.token_urlsafe(32), "nb", "203.0.113.7")
    await drafts.save(committed, found, "level", GOOD["level"], 0)
    await drafts.save(committed, found, "organisation", GOOD["organisation"] | {"orgnr": EQUINOR}, 0)
    asked = [drafts.ask_access(committed, found, "Ola Spør", "ola@spor.example") for _ in range(AT_ONCE)]
    assert set(await together(*asked)) == {None}
    per_reader = (
        "select max(n) from (select count(*) as n from mail where kind = 'access_requested' group by recipient) m"
    )
    assert await count(committed, per_reader) == 1


async def test_the_limit_counts_what_comes_at_once(committed):
    async def start(n):
        found = Draft(NORA, secrets.token_urlsafe(32), "nb", "203.0.113.9")
        return await drafts.save(committed, found, "level", GOOD["level"], n)

    results = await together(*(start(0) for _ in range(drafts.STARTS_PER_SITE + 10)))
    assert sum(isinstance(r, TooMany) for r in results) == 10
