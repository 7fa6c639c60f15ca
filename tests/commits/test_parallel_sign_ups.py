"""Sent twice, from two tabs, or by two colleagues at once: one organisation, one application."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from cluster_rules.errors import RuleViolation
from crm.actions import applications, verify
from crm.actor import Actor
from crm.context import Context
from crm.forms import ApplicationForm, ContactForm, IdentifierForm, OrganisationForm
from crm.store import applications as stored
from tests.commits.support import NETWORK
from tests.conftest import context_on

pytestmark = [pytest.mark.anyio, pytest.mark.commits]

AT_ONCE = 20
APPLICANT = Actor("Applicant", "web")
ORGNR = "310000000"
OTHER = "sin-applied-ai"
COUNTS = """
    select (select count(*) from organisation where name like 'Dobbel %') as organisations,
        (select count(*) from identifier where value = $1) as identifiers,
        (select count(*) from application a join organisation o on o.id = a.organisation_id
            where o.name like 'Dobbel %' and a.status = 'sent') as applications,
        (select count(*) from mail m join organisation o on o.id = m.organisation_id
            where o.name like 'Dobbel %' and m.kind = 'application_received') as receipts
"""


def form(number: int = 0, network: str = NETWORK, tier: str = "partner") -> ApplicationForm:
    return ApplicationForm(
        network=network,
        tier=tier,
        organisation=OrganisationForm(
            f"Dobbel {number} AS", "NO", "company", employees=10, identifiers=[IdentifierForm("no-orgnr", ORGNR)]
        ),
        contact=ContactForm("Kari Nordmann", f"kari{number}@dobbel.example"),
    )


async def counts(context: Context) -> dict[str, int]:
    return dict(await context.db.pool.fetchrow(COUNTS, ORGNR))


async def all_at_once(context: Context, *tries: Any) -> tuple[list[Any], list[Any]]:
    answers = await asyncio.gather(*tries, return_exceptions=True)
    failed = [each for each in answers if isinstance(each, BaseException)]
    assert all(isinstance(each, RuleViolation) for each in failed), failed
    return [each for each in answers if not isinstance(each, BaseException)], failed


async def test_one_draft_sent_twenty_times(own_database: str) -> None:
    async with context_on(own_database, size=10) as context:
        async with context.db.tx() as connection:
            network = await connection.fetchval("select id from network where slug = $1", NETWORK)
            draft = await stored.start(connection, network, "partner", "nb", "token")
        tries = [applications.submit(context, APPLICANT, form(), draft, "token") for _ in range(AT_ONCE)]
        sent, failed = await all_at_once(context, *tries)
        assert not failed
        assert len({each.reference for each in sent}) == 1
        assert set((await counts(context)).values()) == {1}
        assert await verify.run(context) == []


async def test_one_new_organisation_applied_for_by_twenty_people(own_database: str) -> None:
    async with context_on(own_database, size=10) as context:
        tries = [applications.submit(context, APPLICANT, form(number)) for number in range(AT_ONCE)]
        sent, failed = await all_at_once(context, *tries)
        assert len(sent) == 1
        assert {each.code for each in failed} <= {"application_open", "organisation_known"}
        assert set((await counts(context)).values()) == {1}


async def test_one_known_organisation_applied_for_by_twenty_people(own_database: str) -> None:
    async with context_on(own_database, size=10) as context:
        await applications.submit(context, APPLICANT, form(0, OTHER, "member"))
        tries = [applications.submit(context, APPLICANT, form(number)) for number in range(AT_ONCE)]
        sent, failed = await all_at_once(context, *tries)
        assert len(sent) == 1
        assert {each.code for each in failed} == {"application_open"}
        found = await counts(context)
        assert (found["organisations"], found["applications"]) == (1, 2)


async def test_one_new_organisation_in_two_networks_at_once(own_database: str) -> None:
    """Whoever comes second is told that it is known by now, and gets in with the next try."""
    async with context_on(own_database, size=10) as context:
        forms = (form(), form(0, OTHER, "member"))
        _, failed = await all_at_once(context, *(applications.submit(context, APPLICANT, each) for each in forms))
        assert {each.code for each in failed} <= {"organisation_known"}
        for each in forms:
            with suppress(RuleViolation):  # the one who got in has an open application
                await applications.submit(context, APPLICANT, each)
        found = await counts(context)
        assert (found["organisations"], found["identifiers"], found["applications"]) == (1, 1, 2)
