"""The ways to sign in as a browser goes them, and what somebody with bad intent tries."""

import html
import json
import re
from base64 import b32decode

import httpx
import pytest

from crm import passwords, totp
from crm.actions import people, sessions
from crm.actions.people import Wanted
from crm.demo import PASSWORD
from crm.store import accounts
from crm.web.session import actor_of
from tests.crm.actions.people import MANAGER, MEMBER, code_in, mails, network, organisation, secret_in, session_of
from tests.crm.web.office import NORA, send, sign_in, text, token
from tests.fakes.authenticator import Authenticator

pytestmark = pytest.mark.anyio
ORIGIN = "http://klynge.test"
NOBODY = "nobody@klynge.example"


async def _not_a_demo(context, email):
    async with context.db.tx() as connection:
        await connection.execute("update account set demo = false where email = $1", email)


# --- links


@pytest.mark.parametrize("email", [MEMBER, MANAGER, NOBODY])
async def test_asking_for_a_link_looks_the_same_for_everybody(client, email):
    """Enumeration: neither the answer, the cookies nor the page after it say whether there is an account."""
    client.cookies.set("lang", "en")
    answer = await client.post("/sign-in/link", data={"email": email, "back": "/my"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in/link?back=/my")
    assert [each.split("=")[0] for each in answer.headers.get_list("set-cookie")] == ["step"]
    page = await client.get("/sign-in/link?back=/my")
    assert page.status_code == 200 and "If the address has an account" in text(page) and email not in page.text


async def test_a_link_is_opened_by_a_button_and_not_by_looking(client, context):
    client.cookies.set("lang", "en")
    await client.post("/sign-in/link", data={"email": MEMBER})
    secret = secret_in((await mails(context, "sign_in_link"))[-1]["body_text"], "/sign-in/link")
    async with httpx.AsyncClient(transport=client._transport, base_url=client.base_url) as scanner:
        scanner.cookies.set("lang", "en")
        for _ in range(2):
            seen = await scanner.get(f"/sign-in/link/{secret}")
            assert seen.status_code == 200 and "another browser" in text(seen)
        assert (await scanner.post(f"/sign-in/link/{secret}")).status_code == 422
    assert "session" not in client.cookies and "in this browser" in text(await client.get(f"/sign-in/link/{secret}"))
    answer = await client.post(f"/sign-in/link/{secret}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/n")
    assert (await client.get("/n")).headers["location"] == "/my"
    assert "Fjordsyn Helse" in text(await client.get("/my"))
    again = await client.post(f"/sign-in/link/{secret}")
    assert again.status_code == 422 and "This link is over" in text(again)


async def test_the_code_of_the_mail_signs_in_where_it_was_asked_for(client, context):
    await client.post("/sign-in/link", data={"email": MEMBER, "back": "/account"})
    code = code_in((await mails(context, "sign_in_link"))[-1]["body_text"])
    assert (await client.post("/sign-in/link/code", data={"code": "00000000"})).status_code == 422
    answer = await client.post("/sign-in/link/code", data={"code": code, "back": "/account"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")


# --- passkeys, over JSON as the script sends it


async def _make_passkey(client) -> Authenticator:
    key, headers = Authenticator(ORIGIN), {"x-csrf-token": await token(client)}
    options = await client.post("/account/passkeys/options", headers=headers)
    assert options.status_code == 200 and options.headers["cache-control"] == "no-store"
    body = {"credential": json.loads(key.make(options.text)), "name": "My phone", "back": ""}
    done = await client.post("/account/passkeys", json=body, headers=headers)
    assert done.json() == {"location": "/account?done=passkey"}, done.text
    return key


async def test_a_passkey_is_added_and_signs_in(client):
    await sign_in(client)
    before = client.cookies["session"]
    key = await _make_passkey(client)
    assert client.cookies["session"] != before  # rotated
    assert "My phone" in (await client.get("/account")).text
    await send(client, "/sign-out")
    options = await client.post("/sign-in/passkey/options")
    body = {"credential": json.loads(key.sign(options.text)), "back": f"{NORA}/members"}
    done = await client.post("/sign-in/passkey", json=body)
    assert done.json() == {"location": f"{NORA}/members"} and (await client.get(NORA)).status_code == 200
    replayed = await client.post("/sign-in/passkey", json=body)
    assert replayed.status_code == 422 and "error" in replayed.json()


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"credential": 1, "more": 2}', b'{"credential": {}}'])
async def test_a_passkeys_answer_that_is_none_is_a_clear_no(client, body):
    await client.post("/sign-in/passkey/options")
    answer = await client.post("/sign-in/passkey", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422 and "session" not in client.cookies


@pytest.mark.parametrize(
    "path",
    ["/sign-in", "/sign-in/link", "/sign-in/link/code", "/sign-in/second", "/sign-in/passkey", "/claim"],
)
async def test_no_other_site_signs_anybody_in(client, path):
    """Login CSRF: forms of other sites are refused before anything is looked at."""
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
        assert (await client.post(path, data={"email": MEMBER, "code": "1"}, headers=headers)).status_code == 403


@pytest.mark.parametrize(
    "path", ["/account/passkeys/options", "/account/passkeys", "/account/password", "/account/app/codes"]
)
async def test_what_changes_an_account_needs_its_token(client, path):
    await sign_in(client)
    assert (await client.post(path, json={"credential": {}})).status_code == 403


# --- sessions


async def test_a_session_somebody_planted_is_not_taken_over(client, context):
    """Fixation: the id in the browser before signing in is another one after it, and opens nothing."""
    client.cookies.set("session", "planted" + "A" * 40)
    await sign_in(client)
    ids = [each.value for each in client.cookies.jar if each.name == "session"]
    assert any(not each.startswith("planted") for each in ids)
    assert await sessions.current(context, "planted" + "A" * 40) is None


async def test_another_browser_is_signed_out_from_the_list(client, context):
    await sign_in(client)
    elsewhere = await session_of(context, "demo@klynge.example")
    page = (await client.get("/account")).text
    assert f"/account/sessions/{elsewhere.id}/end" in page
    stranger = await session_of(context, MEMBER)
    assert (await send(client, f"/account/sessions/{stranger.id}/end")).status_code == 404
    assert (await send(client, f"/account/sessions/{elsewhere.id}/end")).status_code == 303
    async with context.db.tx() as connection:
        left = await connection.fetch("select public_id from session")
    assert elsewhere.id not in {row["public_id"] for row in left} and stranger.id in {row["public_id"] for row in left}


async def test_a_while_after_signing_in_one_is_asked_again_before_something_sensitive(client, context):
    await sign_in(client)
    assert (await client.get("/account/password")).status_code == 200
    context.clock.moment += sessions.CONFIRMED_FOR
    try:
        asked = await client.get("/account/password")
        assert asked.headers["location"] == "/account/confirm?back=/account/password"
        page = await client.get(asked.headers["location"])
        assert "Is it you?" in text(page) and 'value="demo@klynge.example"' in page.text
        assert (await client.get(NORA)).status_code == 200
        form = {"email": "demo@klynge.example", "password": PASSWORD, "back": "/account/password"}
        assert (await client.post("/sign-in", data=form)).headers["location"] == "/account/password"
        assert (await client.get("/account/password")).status_code == 200
    finally:
        context.clock.moment -= sessions.CONFIRMED_FOR


async def test_a_new_password_signs_the_other_browsers_out(client, context):
    await sign_in(client)
    elsewhere = await session_of(context, "demo@klynge.example")
    short = await send(client, "/account/password", password="short")
    assert short.status_code == 422 and "12" in text(short)
    answer = await send(client, "/account/password", password="four words in a row")
    assert answer.headers["location"] == "/account?done=password"
    async with context.db.tx() as connection:
        assert not await connection.fetchval("select 1 from session where public_id = $1", elsewhere.id)
        account = await accounts.by_email(connection, "demo@klynge.example")
    assert await passwords.matches("four words in a row", account.password_hash)
    assert (await client.get("/account")).status_code == 200


# --- two factors


async def test_the_first_sign_in_of_who_decides_about_others_ends_at_a_second_factor(client, context):
    await _not_a_demo(context, MANAGER)
    await sign_in(client, MANAGER)
    for path in ("/n", NORA, f"{NORA}/members"):
        assert (await client.get(path)).headers["location"].startswith("/account/secure?back="), path
    page = await client.get(f"/account/secure?back={NORA}")
    assert "Protect your account" in text(page) and "/account/app?back=" in page.text
    await _make_passkey(client)
    assert (await client.get(NORA)).status_code == 200
    await send(client, "/sign-out")
    answer = await client.post("/sign-in", data={"email": MANAGER, "password": PASSWORD, "back": NORA})
    assert answer.headers["location"] == f"/sign-in/second?back={NORA}" and "session" not in client.cookies
    second = await client.get(answer.headers["location"])
    assert "Use a passkey" in second.text and 'name="code"' not in second.text


async def test_an_app_is_set_up_on_the_pages_and_asked_for_afterwards(client, context):
    await _not_a_demo(context, MANAGER)
    await sign_in(client, MANAGER)
    page = await client.get("/account/app?back=/n")
    assert "<svg" in page.text and page.headers["cache-control"] == "no-store"
    secret = re.search(r'<code class="wraps">([A-Z2-7 ]+)</code>', page.text)[1]
    assert (await send(client, "/account/app", code="000000")).status_code == 422
    shown = await client.get("/account/app")
    assert secret in shown.text  # the same one: the phone has it already
    done = await send(client, "/account/app", code=_code(context, secret), back="/n")
    assert 'href="/n"' in done.text.partition("<main")[2], "on to where one was going"
    codes = re.findall(r"<li><code>([a-z0-9-]+)</code>", done.text)
    assert done.status_code == 200 and len(codes) == 10 and (await client.get(NORA)).status_code == 200
    await send(client, "/sign-out")
    asked = await client.post("/sign-in", data={"email": MANAGER, "password": PASSWORD, "back": NORA})
    assert asked.headers["location"].startswith("/sign-in/second")
    assert (await client.post("/sign-in/second", data={"code": "000000", "back": NORA})).status_code == 422
    answer = await client.post("/sign-in/second", data={"code": codes[0], "back": NORA})
    assert answer.headers["location"] == NORA and (await client.get(NORA)).status_code == 200


def _code(context, secret):
    raw = b32decode(secret.replace(" ", ""))
    return totp.code(raw, totp.step_of(context.clock.now().timestamp()))


# --- stuffing


async def test_a_browser_that_was_here_before_is_not_locked_out_by_tries_elsewhere(client, context, monkeypatch):
    """Credential stuffing is stopped by account and by address; nobody can use that to keep the owner out."""
    monkeypatch.setattr(sessions, "TRIES_PER_EMAIL", 3)
    await sign_in(client)
    await send(client, "/sign-out")
    async with httpx.AsyncClient(transport=client._transport, base_url=client.base_url) as attacker:
        wrong = {"email": "demo@klynge.example", "password": "guess"}
        told = [(await attacker.post("/sign-in", data=wrong)).status_code for _ in range(4)]
        assert told == [422, 422, 429, 429]
        right = await attacker.post("/sign-in", data=wrong | {"password": PASSWORD})
        assert right.status_code == 429  # by then the right one is not looked at either
        attacker.cookies.set("known", "A" * 43)
        assert (await attacker.post("/sign-in", data=wrong)).status_code == 429
    answer = await client.post("/sign-in", data={"email": "demo@klynge.example", "password": PASSWORD})
    assert answer.status_code == 303
    other = await client.post("/sign-in", data={"email": MANAGER, "password": "guess"})
    assert other.status_code == 422  # known for one account only


# --- people


async def test_an_invitation_is_read_by_scanners_and_taken_by_a_button(client, context):
    me = await session_of(context)
    wanted = Wanted("ny@klynge.example", "Nina Ny", "manager", await network(context), "en")
    await people.invite(context, actor_of(me), wanted)
    secret = secret_in((await mails(context, "invitation"))[-1]["body_text"], "/invitation")
    client.cookies.set("lang", "en")
    for _ in range(2):
        page = await client.get(f"/invitation/{secret}")
        assert page.status_code == 200 and "Invitation to NORA Industry Network" in text(page)
    forged = await client.post(f"/invitation/{secret}", headers={"sec-fetch-site": "cross-site"})
    assert forged.status_code == 403
    assert (await client.post(f"/invitation/{secret}", data={"name": "Nina Ny"})).headers["location"] == "/n"
    assert (await client.get("/n")).headers["location"].startswith("/account/secure")
    assert (await client.get(f"/invitation/{secret}")).status_code == 409


async def test_people_of_a_network_are_managed_on_one_page(client, context):
    await sign_in(client, MANAGER)
    page = await client.get(f"{NORA}/people")
    assert "Kari Nordby" in text(page) and "Claire Dubois" not in page.text
    sent = await send(client, f"{NORA}/people/invitations", email="ny@klynge.example", role="viewer", language="nb")
    assert sent.headers["location"] == f"{NORA}/people?done=invited"
    page = await client.get(f"{NORA}/people?done=invited")
    assert "ny@klynge.example" in page.text and "The invitation is on its way." in text(page)
    resend = re.search(rf"{NORA}/people/invitations/([0-9a-f-]+)/resend", page.text)[1]
    for word in ("resend", "revoke"):
        assert (await send(client, f"{NORA}/people/invitations/{resend}/{word}")).status_code == 303
    assert (await send(client, f"{NORA}/people/invitations/{resend}/revoke")).status_code == 409
    wrong = await send(client, f"{NORA}/people/invitations", email="nothing", role="king")
    assert wrong.status_code == 422 and "There is no role king" in html.unescape(wrong.text)
    reader = re.search(rf"{NORA}/people/([0-9a-f-]{{36}})/role[^>]*>(?:(?!</form>).)*Lars Lesar", page.text, re.S)
    assert reader
    changed = await send(client, f"{NORA}/people/{reader[1]}/role", role="treasurer")
    assert "done=changed" in changed.headers["location"]
    assert (await send(client, f"{NORA}/people/{reader[1]}/removal")).headers["location"].endswith("done=removed")
    assert (await send(client, f"{NORA}/people/{reader[1]}/removal")).status_code == 404


async def test_the_people_of_a_member_are_helped_by_its_network(client, context):
    await sign_in(client, "claire@klynge.example")
    base = "/n/claire-innovation-network"
    here = f"{base}/members/{await organisation(context)}/people"
    page = await client.get(here)
    assert "Tuva Nor" in page.text and "Anders Lie" in page.text and f"{here}" in page.text
    sent = await send(client, f"{here}/invitations", email="eva@fjordsyn.example", role="organisation_member")
    assert sent.headers["location"] == f"{here}?done=invited"
    page = await client.get(f"{here}?done=invited")
    made = re.search(rf"{here}/invitations/([0-9a-f-]+)/resend", page.text)[1]
    for word in ("resend", "revoke"):
        assert (await send(client, f"{here}/invitations/{made}/{word}")).status_code == 303
    assert (await send(client, f"{here}/invitations", email="eva@fjordsyn.example", role="manager")).status_code == 422
    person = re.search(rf"{here}/([0-9a-f-]{{36}})/removal", page.text)[1]
    assert (await send(client, f"{here}/{person}/removal")).headers["location"].endswith("done=removed")
    assert (await send(client, f"{here}/{person}/removal")).status_code == 404
    assert (await client.get(here.replace("claire-innovation-network", "nora-startup"))).status_code == 404


async def test_a_reader_and_a_treasurer_are_told_what_they_may_do(client):
    await sign_in(client, "leser@klynge.example")
    page = await client.get(f"{NORA}/members")
    assert "You read here." in text(page) and f"{NORA}/dunning" not in page.text
    assert "Send the invitation" not in (await client.get(f"{NORA}/people")).text
    async with httpx.AsyncClient(transport=client._transport, base_url=client.base_url) as other:
        await sign_in(other, "kasserer@klynge.example")
        page = await other.get(f"{NORA}/invoices")
        assert "You take care of the money here" in text(page) and f"{NORA}/dunning" in page.text


async def test_a_claim_is_answered_the_same_and_opened_by_a_button(client, context):
    client.cookies.set("lang", "en")
    form = {"value": "388476389", "name": "Ola Ny", "email": "ola@fjordsyn-helse.example"}
    known = await client.post("/claim", data=form)
    unknown = await client.post("/claim", data=form | {"value": "974760673"})
    assert known.status_code == unknown.status_code == 200 and text(known) == text(unknown)
    secret = secret_in((await mails(context, "claim_link"))[-1]["body_text"], "/claim")
    assert "Access for Fjordsyn Helse" in text(await client.get(f"/claim/{secret}"))
    assert (await client.post(f"/claim/{secret}")).headers["location"] == "/my"
    assert "Fjordsyn Helse" in text(await client.get("/my"))
    wrong = await client.post("/claim", data={"value": "1", "name": "", "email": "x"})
    assert wrong.status_code == 422 and wrong.text.count('class="field-error"') >= 3
