"""Accounts as the operator makes and mends them, and a password of one's own."""

import pytest

from crm import passwords
from crm.actions import accounts, passkeys, people, sessions
from crm.actor import Actor
from crm.demo import PASSWORD
from crm.errors import Invalid, NotFound, Refused
from crm.store import accounts as store
from crm.web.session import actor_of
from tests.crm.actions.people import FJORDSYN, HERE, MANAGER, MEMBER, mails, organisation, secret_in, session_of
from tests.fakes.authenticator import Authenticator

pytestmark = pytest.mark.anyio
OPERATOR = Actor("Test", "cli")


@pytest.mark.parametrize(
    ("role", "place", "held"),
    [
        ("host_admin", "nora", "hosts"),
        ("manager", "nora", "manages"),
        ("treasurer", "nora", "books"),
        ("viewer", "nora", "views"),
        ("organisation_admin", FJORDSYN, "runs"),
        ("organisation_member", FJORDSYN, "acts_for"),
    ],
)
async def test_an_account_is_made_with_any_role(context, role, place, held):
    await accounts.create(context, "ny@klynge.example", "Ny", "correct horse battery", [place], role=role)
    assert getattr(await session_of(context, "ny@klynge.example"), held)
    [mine] = [each for each in await accounts.listed(context) if each.email == "ny@klynge.example"]
    assert mine.roles[0].startswith(f"{role}@") and mine.ways == ("password",)


@pytest.mark.parametrize(("role", "place"), [("host_admin", "nowhere"), ("organisation_admin", "974760673")])
async def test_a_place_that_is_not_there_is_told(context, role, place):
    with pytest.raises(NotFound):
        await accounts.create(context, "ny@klynge.example", "Ny", "correct horse battery", [place], role=role)
    with pytest.raises(Invalid):
        await accounts.create(context, "ny@klynge.example", "Ny", "correct horse battery", ["nora"], role="king")


async def test_a_reset_takes_everything_and_an_invitation_lets_in_again(context):
    who, key = await session_of(context), Authenticator("http://klynge.test")
    asked = await passkeys.ask_new(context, who)
    await passkeys.add(context, who, asked.token, key.make(asked.options), "x", HERE)
    await accounts.reset(context, MANAGER.upper(), OPERATOR)
    asked = await passkeys.ask(context, HERE)
    with pytest.raises(Refused):
        await passkeys.sign_in(context, asked.token, key.sign(asked.options), HERE)
    with pytest.raises(Refused):
        await sessions.sign_in(context, MANAGER, PASSWORD, HERE)
    async with context.db.tx() as connection:
        account = await store.by_email(connection, MANAGER)
        assert not await connection.fetchval("select count(*) from session where account_id = $1", account.id)
    await accounts.invite(context, MANAGER, OPERATOR)
    [mail] = await mails(context, "invitation")
    done = await people.accept(context, secret_in(mail["body_text"], "/invitation"), "", HERE)
    found = await sessions.current(context, done.opened.token)
    assert found.email == MANAGER and found.must_secure and not found.manages


async def test_the_operator_signs_a_person_out_everywhere(context):
    await session_of(context, MEMBER)
    await session_of(context, MEMBER)
    assert await accounts.end_sessions(context, MEMBER, OPERATOR) == 2
    for act in (
        accounts.end_sessions(context, "nobody@klynge.example", OPERATOR),
        accounts.reset(context, "nobody@klynge.example", OPERATOR),
        accounts.invite(context, "nobody@klynge.example", OPERATOR),
    ):
        with pytest.raises(NotFound):
            await act


async def test_a_password_of_ones_own_is_stored_as_a_hash_and_asks_for_twelve_characters(context):
    who = await session_of(context, MEMBER)
    for wrong in ("short", "x" * (passwords.LONGEST + 1)):
        with pytest.raises(Invalid):
            await accounts.set_password(context, who, wrong)
    await accounts.set_password(context, who, "four words in a row")
    opened = await sessions.sign_in(context, MEMBER, "four words in a row", HERE)
    assert (await sessions.current(context, opened.token)).acts_for
    assert actor_of(who).runs >= {await organisation(context)}
