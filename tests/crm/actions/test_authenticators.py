"""An app for codes: taken into use, asked for after the password, replayed codes refused, recovery codes used once."""

from base64 import b64decode
from datetime import timedelta

import msgspec
import pytest

from crm import totp
from crm.actions import authenticators, sessions
from crm.demo import PASSWORD
from crm.errors import Refused, TooMany
from crm.store import accounts, factors
from crm.store.signing import Browser, Second
from tests.crm.actions.people import HERE, MANAGER, MEMBER, session_of

pytestmark = pytest.mark.anyio


async def _taken_into_use(context, email=MANAGER):
    """(secret, recovery codes) of an account of which it counts that it is a demo's no more."""
    async with context.db.tx() as connection:
        await connection.execute("update account set demo = false where email = $1", email)
    who = await session_of(context, email, strong=False, method="password")
    begun = await authenticators.begin(context, who)
    async with context.db.tx() as connection:
        [row] = await connection.fetch("select data from sign_in_step where kind = 'new_app'")
    again = await authenticators.begin(context, who, begun.token)
    assert again.secret == begun.secret  # the same while it waits: a page read again shows the same picture
    secret = b64decode(row["data"]["secret"])
    opened, codes = await authenticators.confirm(context, who, begun.token, _code(context, secret), HERE)
    found = await sessions.current(context, opened.token)
    assert found.strong and not found.must_secure
    context.clock.moment += timedelta(minutes=1)  # the next code is a fresh one
    return secret, codes


def _code(context, secret, away=0):
    return totp.code(secret, totp.step_of(context.clock.now().timestamp()) + away)


async def _asked(context, email=MANAGER):
    asked = await sessions.sign_in(context, email, PASSWORD, HERE)
    assert isinstance(asked, Second) and asked.by_code
    return asked.token


async def test_after_the_password_a_code_is_asked_for_and_opens_a_strong_session(context):
    secret, codes = await _taken_into_use(context)
    opened = await sessions.second(context, await _asked(context), _code(context, secret), HERE)
    found = await sessions.current(context, opened.token)
    assert found.strong and found.method == "code" and len(found.manages) == 3
    assert len(codes) == len(set(codes)) == authenticators.RECOVERY_CODES


async def test_the_step_alone_is_no_session(context):
    """Session fixation, and half a sign-in: what the browser holds between two factors opens nothing."""
    await _taken_into_use(context)
    assert await sessions.current(context, await _asked(context)) is None


async def test_a_replayed_code_is_refused_in_every_browser(context):
    secret, _ = await _taken_into_use(context)
    first, second, code = await _asked(context), await _asked(context), _code(context, secret)
    await sessions.second(context, first, code, HERE)
    for step in (second, first):
        with pytest.raises(Refused):
            await sessions.second(context, step, code, Browser("192.0.2.77"))


async def test_the_code_it_was_taken_into_use_with_is_spent(context):
    async with context.db.tx() as connection:
        await connection.execute("update account set demo = false where email = $1", MANAGER)
    secret, _ = await _taken_into_use(context)
    context.clock.moment -= timedelta(minutes=1)
    with pytest.raises(Refused) as refused:
        await sessions.second(context, await _asked(context), _code(context, secret), HERE)
    context.clock.moment += timedelta(minutes=1)
    assert refused.value.code == "code_wrong"


async def test_a_recovery_code_is_good_once(context):
    _, codes = await _taken_into_use(context)
    opened = await sessions.second(context, await _asked(context), codes[0].upper(), HERE)
    assert (await sessions.current(context, opened.token)).strong
    with pytest.raises(Refused) as refused:
        await sessions.second(context, await _asked(context), codes[0], HERE)
    assert refused.value.code == "code_wrong"
    async with context.db.tx() as connection:
        account = await accounts.by_email(connection, MANAGER)
        assert (await factors.ways(connection, account.id)).recovery_codes == 9
        stored = await connection.fetch("select code_hash from recovery_code where account_id = $1", account.id)
    assert not {row["code_hash"] for row in stored} & {code.replace("-", "") for code in codes}


async def test_somebody_elses_recovery_code_is_wrong(context):
    _, codes = await _taken_into_use(context, MEMBER)
    await _taken_into_use(context)
    with pytest.raises(Refused):
        await sessions.second(context, await _asked(context), codes[0], HERE)


async def test_five_wrong_codes_end_the_sign_in_and_ten_an_account_has_to_wait(context):
    secret, _ = await _taken_into_use(context)
    step = await _asked(context)
    for _ in range(sessions.STEP_TRIES):
        with pytest.raises(Refused) as wrong:
            await sessions.second(context, step, "000000", HERE)
        assert wrong.value.code == "code_wrong"
    with pytest.raises(Refused) as over:
        await sessions.second(context, step, _code(context, secret), HERE)
    assert over.value.code == "step_over" and await sessions.second_ways(context, step) is None
    step = await _asked(context)
    with pytest.raises(TooMany):
        for _ in range(sessions.CODES_PER_ACCOUNT):
            with pytest.raises(Refused):
                await sessions.second(context, step, "000000", HERE)


async def test_new_recovery_codes_void_the_old_ones_and_the_app_goes_only_if_something_is_left(context):
    secret, codes = await _taken_into_use(context)
    opened = await sessions.second(context, await _asked(context), _code(context, secret), HERE)
    who = await sessions.current(context, opened.token)
    assert not set(await authenticators.renew_codes(context, who)) & set(codes)
    with pytest.raises(Refused) as refused:
        await sessions.second(context, await _asked(context), codes[1], HERE)
    assert refused.value.code == "code_wrong"
    with pytest.raises(Refused) as last:
        await authenticators.remove(context, who)
    assert last.value.code == "last_way_in"


async def test_a_wrong_code_takes_no_app_into_use_and_neither_does_an_account_without_a_password(context):
    who = await session_of(context, MEMBER, strong=False, method="link")
    begun = await authenticators.begin(context, who)
    with pytest.raises(Refused) as wrong:
        await authenticators.confirm(context, who, begun.token, "000000", HERE)
    assert wrong.value.code == "code_wrong"
    async with context.db.tx() as connection:
        await connection.execute("update account set password_hash = null where email = $1", MEMBER)
    with pytest.raises(Refused) as first:
        await authenticators.confirm(context, who, begun.token, "000000", HERE)
    assert first.value.code == "password_first"
    with pytest.raises(Refused) as none:
        await authenticators.renew_codes(context, who)
    assert none.value.code == "no_app"


async def test_taking_an_app_into_use_ends_the_other_sessions(context):
    elsewhere = await sessions.sign_in(context, MANAGER, PASSWORD, HERE)
    await _taken_into_use(context)
    assert await sessions.current(context, elsewhere.token) is None


async def test_a_demo_account_comes_in_by_password_only_where_development_is_on(context):
    """ADR 0028: the demo stays usable for a newcomer, and its passwords are of no use anywhere else."""
    opened = await sessions.sign_in(context, MANAGER, PASSWORD, HERE)
    assert len(opened.manages) == 3
    who = await session_of(context, MEMBER)
    async with context.db.tx() as connection:
        await factors.set_authenticator(connection, who.account, totp.new_secret(), 0, context.clock.now())
    assert isinstance(await sessions.sign_in(context, MEMBER, PASSWORD, HERE), Second)  # an app is asked for anyway
    settings = msgspec.structs.replace(context.settings, development=False)
    serious = msgspec.structs.replace(context, settings=settings)
    elsewhere = await sessions.sign_in(serious, MANAGER, PASSWORD, HERE)
    assert not elsewhere.manages and (await sessions.current(serious, elsewhere.token)).must_secure
