"""Links to sign in by mail: for members only, good once, in one browser, and nobody learns who has an account."""

import pytest

from crm.actions import sessions, sign_in_links
from crm.errors import Invalid, Refused, TooMany
from crm.store import factors
from crm.store.signing import Browser
from tests.crm.actions.people import HERE, MANAGER, MEMBER, STAFF, code_in, mails, secret_in

pytestmark = pytest.mark.anyio
NOBODY = "nobody@klynge.example"
LINK = "/sign-in/link"


async def _asked(context, email=MEMBER):
    """(the browser's id, the link's secret, the code) of somebody who asked."""
    before = [each["body_text"] for each in await mails(context, "sign_in_link")]
    token = await sign_in_links.ask(context, f" {email.upper()}", "nb", HERE)
    [text] = [each["body_text"] for each in await mails(context, "sign_in_link") if each["body_text"] not in before]
    return token, secret_in(text, LINK), code_in(text)


async def test_a_link_is_good_once(context):
    token, secret, _ = await _asked(context)
    assert (await sign_in_links.look(context, secret, token)).same_browser
    assert (
        await sign_in_links.look(context, secret, token)
    ).same_browser  # looking, as mail scanners do, burns nothing
    opened = await sign_in_links.use(context, secret, token, HERE)
    found = await sessions.current(context, opened.token)
    assert found.email == MEMBER and not found.strong and len(found.runs) == 2
    for act in (sign_in_links.use(context, secret, token, HERE), sign_in_links.look(context, secret, token)):
        with pytest.raises(Refused) as again:
            await act
        assert again.value.code == "link_over"


async def test_a_link_works_only_where_it_was_asked_for_and_the_code_is_typed_there(context):
    token, secret, code = await _asked(context)
    for other in ("", "x" * 43):
        assert not (await sign_in_links.look(context, secret, other)).same_browser
        with pytest.raises(Refused) as elsewhere:
            await sign_in_links.use(context, secret, other, HERE)
        assert elsewhere.value.code == "link_elsewhere"
    opened = await sign_in_links.use_code(context, token, f"{code[:4]} {code[4:]}", HERE)
    assert (await sessions.current(context, opened.token)).email == MEMBER
    with pytest.raises(Refused):
        await sign_in_links.use(context, secret, token, HERE)  # the code burns the link


async def test_a_link_is_too_old_after_a_quarter_of_an_hour(context):
    token, secret, code = await _asked(context)
    context.clock.moment += sign_in_links.LASTS
    for act in (sign_in_links.use(context, secret, token, HERE), sign_in_links.use_code(context, token, code, HERE)):
        with pytest.raises(Refused) as late:
            await act
        assert late.value.code == "link_over"
    context.clock.moment -= sign_in_links.LASTS


async def test_signing_in_voids_the_links_that_are_still_on_their_way(context):
    first, other = await _asked(context), await _asked(context)
    await sign_in_links.use(context, other[1], other[0], HERE)
    with pytest.raises(Refused):
        await sign_in_links.use(context, first[1], first[0], HERE)


async def test_five_wrong_codes_end_it(context):
    token, _, code = await _asked(context)
    for _ in range(sign_in_links.CODE_TRIES):
        with pytest.raises(Refused) as wrong:
            await sign_in_links.use_code(context, token, "00000000", HERE)
        assert wrong.value.code == "code_wrong"
    with pytest.raises(Refused) as over:
        await sign_in_links.use_code(context, token, code, HERE)
    assert over.value.code == "link_over"


async def test_an_unknown_address_gets_the_same_answer_as_much_work_and_no_mail(context, monkeypatch):
    written = []
    real = sign_in_links.compose
    monkeypatch.setattr(sign_in_links, "compose", lambda *values: written.append(values[0]) or real(*values))
    before = len(await mails(context))
    token = await sign_in_links.ask(context, NOBODY, "nb", HERE)
    assert len(token) >= 43 and len(await mails(context)) == before and written == ["sign_in_link"]
    async with context.db.tx() as connection:
        step = await factors.step(connection, "link", token, context.clock.now())
    assert step and step.account is None
    with pytest.raises(Refused) as wrong:
        await sign_in_links.use_code(context, token, "12345678", HERE)
    assert wrong.value.code == "code_wrong"


async def test_who_decides_about_others_gets_no_link_but_a_word(context):
    token = await sign_in_links.ask(context, MANAGER, "nb", HERE)
    [mail] = await mails(context, "sign_in_otherwise")
    assert mail["recipient"] == MANAGER and LINK not in mail["body_text"]
    async with context.db.tx() as connection:
        step = await factors.step(connection, "link", token, context.clock.now())
    assert step.account is None


async def test_a_link_asked_for_before_a_promotion_opens_nothing_after_it(context):
    token, secret, _ = await _asked(context)
    async with context.db.tx() as connection:
        await connection.execute(
            "insert into role (id, account_id, network_id, role) select gen_random_uuid(), a.id, n.id, 'manager'"
            " from account a, network n where a.email = $1 and n.slug = 'nora'",
            MEMBER,
        )
    with pytest.raises(Refused):
        await sign_in_links.use(context, secret, token, HERE)


async def test_only_hashes_are_stored(context):
    token, secret, code = await _asked(context)
    async with context.db.tx() as connection:
        rows = str([dict(row) for row in await connection.fetch("select * from sign_in_step")])
    assert token not in rows and secret not in rows and code not in rows


async def test_links_are_limited_by_address_and_by_mail_address(context, monkeypatch):
    monkeypatch.setattr(sign_in_links, "ASKS_PER_EMAIL", 1)
    await sign_in_links.ask(context, NOBODY, "nb", HERE)
    with pytest.raises(TooMany):
        await sign_in_links.ask(context, NOBODY, "nb", Browser("192.0.2.200"))
    monkeypatch.setattr(sign_in_links, "ASKS_PER_ADDRESS", 2)
    await sign_in_links.ask(context, STAFF, "nb", HERE)
    with pytest.raises(TooMany):
        await sign_in_links.ask(context, MEMBER, "nb", HERE)


async def test_what_is_no_address_is_told(context):
    with pytest.raises(Invalid) as wrong:
        await sign_in_links.ask(context, "no address", "nb", HERE)
    assert wrong.value.problems[0][:2] == ("email", "email_format")
