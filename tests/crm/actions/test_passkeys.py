"""Passkeys: made, named, used, removed; and every answer that is not the one asked for is refused."""

import msgspec
import pytest

from crm.actions import authenticators, passkeys, sessions
from crm.errors import Invalid, NotFound, Refused, TooMany
from crm.store import accounts, signing
from tests.crm.actions.people import HERE, MANAGER, MEMBER, session_of
from tests.fakes.authenticator import Authenticator

pytestmark = pytest.mark.anyio
ORIGIN = "http://klynge.test"


async def _made(context, email=MANAGER, name="My phone"):
    """A key with a passkey of this account."""
    key, who = Authenticator(ORIGIN), await session_of(context, email)
    asked = await passkeys.ask_new(context, who)
    opened = await passkeys.add(context, who, asked.token, key.make(asked.options), name, HERE)
    return key, opened


async def test_a_passkey_is_made_and_signs_in_with_two_factors_and_without_a_name(context):
    key, opened = await _made(context)
    asked = await passkeys.ask(context, HERE)
    again = await passkeys.sign_in(context, asked.token, key.sign(asked.options), HERE)
    found = await sessions.current(context, again.token)
    assert found.email == MANAGER and found.strong and found.method == "passkey" and len(found.manages) == 3
    assert again.account == opened.account and again.token != opened.token
    [kept] = await passkeys.mine(context, found)
    assert (kept.name, kept.sign_count, kept.transports) == ("My phone", 1, ("internal",)) and kept.last_used_at


async def test_the_page_asks_for_a_passkey_that_is_kept_in_the_device_and_checks_who_holds_it(context):
    who = await session_of(context)
    asked = msgspec.json.decode((await passkeys.ask_new(context, who)).options)
    assert asked["authenticatorSelection"]["residentKey"] == "required"
    assert asked["authenticatorSelection"]["userVerification"] == "required"
    assert asked["rp"]["id"] == "klynge.test" and len(asked["challenge"]) > 40
    anybody = msgspec.json.decode((await passkeys.ask(context, HERE)).options)
    assert anybody["userVerification"] == "required" and not anybody.get("allowCredentials")


async def test_a_challenge_is_good_once_and_in_one_browser(context):
    """Replay: the same answer again, or another browser's challenge, opens nothing."""
    key, _ = await _made(context)
    asked, other = await passkeys.ask(context, HERE), await passkeys.ask(context, HERE)
    answer = key.sign(asked.options)
    for token in (other.token, "", "x" * 43):
        with pytest.raises(Refused):
            await passkeys.sign_in(context, token, answer, HERE)
    assert (await passkeys.sign_in(context, asked.token, answer, HERE)).token
    with pytest.raises(Refused) as again:
        await passkeys.sign_in(context, asked.token, answer, HERE)
    assert again.value.code == "step_over"


async def test_a_challenge_is_too_old_after_ten_minutes(context):
    key, _ = await _made(context)
    asked = await passkeys.ask(context, HERE)
    context.clock.moment += signing.STEP_LASTS
    with pytest.raises(Refused) as late:
        await passkeys.sign_in(context, asked.token, key.sign(asked.options), HERE)
    context.clock.moment -= signing.STEP_LASTS
    assert late.value.code == "step_over"


@pytest.mark.parametrize("fault", ["origin", "unverified", "stranger", "counter", "garbage", "long", "list"])
async def test_an_answer_that_is_not_the_one_asked_for_is_refused(context, fault):
    key, _ = await _made(context)
    for _ in range(2):
        asked = await passkeys.ask(context, HERE)
        await passkeys.sign_in(context, asked.token, key.sign(asked.options), HERE)
    asked = await passkeys.ask(context, HERE)
    if fault == "origin":
        key.origin = "https://klynge.test.evil.example"
    elif fault == "unverified":
        key.verified = False
    elif fault == "counter":
        key.counts = 0  # a copy of the key
    elif fault == "stranger":
        user, key = key.user, Authenticator(ORIGIN)
        key.user = user
    answer = key.sign(asked.options)
    answer = {"garbage": "{", "long": " " * 30_000 + answer, "list": "[]"}.get(fault, answer)
    with pytest.raises(Refused) as refused:
        await passkeys.sign_in(context, asked.token, answer, HERE)
    assert refused.value.code == "passkey_failed"


async def test_a_passkey_that_says_it_is_somebody_elses_is_refused(context):
    key, _ = await _made(context)
    _, other = await _made(context, MEMBER)
    asked = await passkeys.ask(context, HERE)
    key.user = other.account.bytes
    with pytest.raises(Refused):
        await passkeys.sign_in(context, asked.token, key.sign(asked.options), HERE)


async def test_a_new_passkey_answers_the_challenge_of_its_own_account(context):
    mine, others = await session_of(context), await session_of(context, MEMBER)
    asked = await passkeys.ask_new(context, others)
    with pytest.raises(Refused) as refused:
        await passkeys.add(context, mine, asked.token, Authenticator(ORIGIN).make(asked.options), "x", HERE)
    assert refused.value.code == "step_over"


@pytest.mark.parametrize("fault", ["origin", "unverified"])
async def test_a_new_passkey_of_another_place_or_without_a_check_is_refused(context, fault):
    who, key = await session_of(context), Authenticator(ORIGIN)
    if fault == "origin":
        key.origin = "http://other.test"
    else:
        key.verified = False
    asked = await passkeys.ask_new(context, who)
    with pytest.raises(Refused) as refused:
        await passkeys.add(context, who, asked.token, key.make(asked.options), "x", HERE)
    assert refused.value.code == "passkey_failed" and not await passkeys.mine(context, who)


async def test_the_same_passkey_is_kept_once(context):
    key, _ = await _made(context)
    who = await session_of(context, MEMBER)
    asked = await passkeys.ask_new(context, who)
    with pytest.raises(Refused) as refused:
        await passkeys.add(context, who, asked.token, key.make(asked.options), "x", HERE)
    assert refused.value.code == "passkey_known"


async def test_passkeys_have_names_and_are_removed_but_for_the_last_way_in(context):
    _, opened = await _made(context)
    who = await sessions.current(context, opened.token)
    asked = await passkeys.ask_new(context, who)
    await passkeys.add(context, who, asked.token, Authenticator(ORIGIN).make(asked.options), "Key ring", HERE)
    named = {each.name: each for each in await passkeys.mine(context, who)}
    first, second = named["My phone"], named["Key ring"]
    await passkeys.rename(context, who, first.id, " Old  phone ")
    assert {each.name for each in await passkeys.mine(context, who)} == {"Old phone", "Key ring"}
    with pytest.raises(Invalid):
        await passkeys.rename(context, who, first.id, " ")
    stranger = await session_of(context, MEMBER)
    for act in (passkeys.remove(context, stranger, first.id), passkeys.rename(context, stranger, first.id, "x")):
        with pytest.raises(NotFound):
            await act
    await passkeys.remove(context, who, first.id)
    with pytest.raises(Refused) as last:
        await passkeys.remove(context, who, second.id)
    assert last.value.code == "last_way_in" and len(await passkeys.mine(context, who)) == 1


async def test_a_member_may_remove_the_last_one_because_links_come_by_mail(context):
    _, opened = await _made(context, MEMBER)
    who = await sessions.current(context, opened.token)
    await passkeys.remove(context, who, (await passkeys.mine(context, who))[0].id)
    assert not await passkeys.mine(context, who)


async def test_a_stolen_password_cannot_add_a_second_factor_beside_the_one_there_is(context):
    await _made(context)
    weak = await session_of(context, strong=False, method="password")
    for act in (passkeys.ask_new(context, weak), authenticators.begin(context, weak)):
        with pytest.raises(Refused) as refused:
            await act
        assert refused.value.code == "stronger_first"
    with pytest.raises(Refused):
        await passkeys.remove(context, weak, (await passkeys.mine(context, weak))[0].id)


async def test_who_decides_about_others_and_has_a_passkey_is_asked_for_it_after_the_password(context):
    await _made(context)
    async with context.db.tx() as connection:
        await connection.execute("update account set demo = false where email = $1", MANAGER)
        account = await accounts.by_email(connection, MANAGER)
    asked = await sessions.sign_in(context, MANAGER, "klynge-demo-2026", HERE)
    assert isinstance(asked, signing.Second) and asked.by_passkey and not asked.by_code and account
    with pytest.raises(Refused):
        await sessions.second(context, asked.token, "000000", HERE)


async def test_an_address_asks_for_only_so_many_challenges(context, monkeypatch):
    monkeypatch.setattr(passkeys, "TRIES_PER_ADDRESS", 2)
    await passkeys.ask(context, HERE)
    await passkeys.ask(context, HERE)
    with pytest.raises(TooMany):
        await passkeys.ask(context, HERE)
