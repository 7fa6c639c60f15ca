"""Signing in: right and wrong, how often, how long; nothing secret is stored."""

import importlib.util
from datetime import timedelta

import pytest

from crm import passwords
from crm.actions import accounts, sessions
from crm.context import Context
from crm.demo import PASSWORD
from crm.errors import Invalid, Refused, TooMany
from crm.store.signing import Browser

pytestmark = pytest.mark.anyio
EMAIL = "demo@klynge.example"


async def _sign_in(context: Context, password: str = PASSWORD, email: str = EMAIL, address: str = "192.0.2.1"):
    return await sessions.sign_in(context, email, password, Browser(address))


async def test_the_right_password_opens_a_session_of_which_only_the_hash_is_stored(context):
    opened = await _sign_in(context, email="  Demo@Klynge.example ")
    assert len(opened.token) >= 43
    async with context.db.tx() as connection:
        rows = await connection.fetch("select * from session where account_id = $1", opened.account)
        log = await connection.fetchrow("select action, channel from audit order by seq desc limit 1")
    assert len(rows) == 1 and opened.token not in str(dict(rows[0]))
    assert (log["action"], log["channel"]) == ("signed_in", "web")
    assert (await sessions.current(context, opened.token)).manages == opened.manages


@pytest.mark.parametrize("email", [EMAIL, "nobody@klynge.example", "", "x" * 400])
async def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(context, email):
    with pytest.raises(Refused) as refused:
        await _sign_in(context, "wrong", email)
    assert (refused.value.code, refused.value.params) == ("sign_in_failed", {})


async def test_an_unknown_address_costs_a_hash_too(context, monkeypatch):
    seen = []
    real = passwords._verify
    monkeypatch.setattr(passwords, "_verify", lambda stored, given: seen.append(stored) or real(stored, given))
    for email in (EMAIL, "nobody@klynge.example"):
        with pytest.raises(Refused):
            await _sign_in(context, "wrong", email)
    assert len(seen) == 2 and seen[0] != seen[1]
    assert [passwords.outdated(stored) for stored in seen] == [False, False]  # the same costs, so the same time


async def test_a_proof_costs_what_owasp_asks_and_nobodys_the_same():
    """Of the module as it is in use: the tests' own is quick (conftest.py)."""
    spec = importlib.util.find_spec("crm.passwords")
    used = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(used)
    assert not used.outdated(used.NOBODY) and used.outdated(passwords.NOBODY)
    assert used.COSTS["memory_cost"] >= 19 * 1024 and used.COSTS["time_cost"] >= 2  # Argon2id, OWASP's least


async def test_one_address_has_only_so_many_tries(context, monkeypatch):
    monkeypatch.setattr(sessions, "TRIES_PER_ADDRESS", 3)
    for n in range(3):
        with pytest.raises(Refused):
            await _sign_in(context, "wrong", f"{n}@klynge.example")
    with pytest.raises(TooMany) as many:
        await _sign_in(context)
    assert 0 < many.value.seconds <= sessions.WINDOW_SECONDS
    assert await _sign_in(context, address="192.0.2.2")


async def test_one_account_has_only_so_many_tries_from_anywhere(context, monkeypatch):
    monkeypatch.setattr(sessions, "TRIES_PER_EMAIL", 3)
    for n in range(3):
        with pytest.raises(Refused):
            await _sign_in(context, "wrong", address=f"192.0.2.{n}")
    with pytest.raises(TooMany):
        await _sign_in(context, address="192.0.2.9")


async def test_no_more_than_a_few_passwords_wait_to_be_checked(context, monkeypatch):
    monkeypatch.setattr(passwords, "MOST_WAITING", 0)
    with pytest.raises(TooMany):
        await passwords.matches("x", None)


async def test_the_id_changes_at_sign_in_and_the_old_one_is_void(context):
    first = await _sign_in(context)
    second = await sessions.sign_in(context, EMAIL, PASSWORD, Browser("192.0.2.1", session=first.token))
    assert second.token != first.token
    assert await sessions.current(context, first.token) is None
    assert await sessions.current(context, second.token)


async def test_an_unused_session_ends_and_a_used_one_ends_after_a_week(context):
    opened = await _sign_in(context)
    start = context.clock.moment
    context.clock.moment = start + sessions.IDLE_LIMIT - timedelta(seconds=1)
    assert await sessions.current(context, opened.token)  # used: counts from here again
    context.clock.moment += sessions.IDLE_LIMIT - timedelta(seconds=1)
    assert await sessions.current(context, opened.token)
    context.clock.moment += sessions.IDLE_LIMIT
    assert await sessions.current(context, opened.token) is None

    context.clock.moment = start
    opened = await _sign_in(context)
    while context.clock.moment < start + sessions.ABSOLUTE_LIMIT:
        assert await sessions.current(context, opened.token)
        context.clock.moment += timedelta(hours=7)
    assert await sessions.current(context, opened.token) is None


async def test_signing_out_ends_one_browser_or_all(context):
    here, there = await _sign_in(context), await _sign_in(context)
    await sessions.sign_out(context, here.token)
    await sessions.sign_out(context, here.token)
    assert await sessions.current(context, here.token) is None
    session = await sessions.current(context, there.token)
    assert await sessions.sign_out_everywhere(context, session) == 1
    assert await sessions.current(context, there.token) is None


async def test_a_hash_of_older_costs_is_renewed_at_sign_in(context, monkeypatch):
    monkeypatch.setattr(passwords, "outdated", lambda stored: True)
    async with context.db.tx() as connection:
        before = await connection.fetchval("select password_hash from account where email = $1", EMAIL)
    await _sign_in(context)
    async with context.db.tx() as connection:
        after = await connection.fetchval("select password_hash from account where email = $1", EMAIL)
    assert after != before and await passwords.matches(PASSWORD, after)


async def test_an_account_is_made_once_with_its_roles(context):
    made = await accounts.create(context, " New@Klynge.example", "New  Person", "correct horse battery", ["nora"], "en")
    opened = await _sign_in(context, "correct horse battery", "new@klynge.example")
    found = await sessions.current(context, opened.token)
    assert opened.account == made and found.must_secure and not found.manages  # one factor: nothing is managed yet
    with pytest.raises(Refused) as refused:
        await accounts.create(context, "new@klynge.example", "Other", "correct horse battery", ["nora"])
    assert refused.value.code == "account_exists"


async def test_an_account_with_wrong_fields_names_all_of_them(context):
    with pytest.raises(Invalid) as wrong:
        await accounts.create(context, "no address", " ", "short", ["nora"], "sv")
    assert {field: code for field, code, _ in wrong.value.problems} == {
        "name": "required",
        "email": "email_format",
        "password": "too_short",
        "language": "language_unknown",
    }
