"""Signing in over HTTP, forged requests, and that no route of the application is without a guard."""

import re
from datetime import timedelta

import httpx
import msgspec
import pytest

from crm.actions import sessions
from crm.app import create_app
from crm.demo import PASSWORD
from tests.crm.web.office import CLAIRE, CLAIRE_ONLY, EVERYTHING, NORA, NORA_ONLY, member, send, sign_in, text, token

pytestmark = pytest.mark.anyio
FORM = {"email": EVERYTHING, "password": PASSWORD}


async def test_signing_in_sets_one_closed_cookie_and_leads_to_the_network_with_most_to_do(client):
    answer = await client.post("/sign-in", data=FORM)
    assert answer.status_code == 303 and answer.headers["location"] == "/n"
    cookie = next(c for c in answer.headers.get_list("set-cookie") if c.startswith("session="))
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Path=/" in cookie and "Domain" not in cookie
    assert answer.headers["cache-control"] == "no-store"
    assert (await client.get("/n")).headers["location"] == NORA


async def test_over_tls_the_cookie_is_bound_to_the_host(context):
    settings = msgspec.structs.replace(context.settings, base_url="https://klynge.test")
    app = create_app(settings, msgspec.structs.replace(context, settings=settings))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="https://klynge.test") as client:
        answer = await client.post("/sign-in", data=FORM)
        cookie = next(c for c in answer.headers.get_list("set-cookie") if "session=" in c)
        assert cookie.startswith("__Host-session=") and "Secure" in cookie
        assert (await client.get("/account")).status_code == 200


@pytest.mark.parametrize("language", ["nb", "en"])
@pytest.mark.parametrize("email", [EVERYTHING, "nobody@klynge.example"])
async def test_a_wrong_password_keeps_the_form_and_says_no_more_than_that(client, email, language):
    client.cookies.set("lang", language)
    answer = await client.post("/sign-in", data={"email": email, "password": "wrong", "back": NORA})
    assert answer.status_code == 422
    said = {"nb": "E-postadressen eller passordet er feil.", "en": "The e-mail address or the password is wrong."}
    assert said[language] in text(answer)
    assert f"<title>{'Feil:' if language == 'nb' else 'Error:'}" in answer.text.replace("<title>\n", "<title>")
    assert f'value="{email}"' in answer.text and f'value="{NORA}"' in answer.text
    assert "wrong" not in answer.text.replace('class="field wrong"', "").replace("password is wrong", "")
    assert "session" not in client.cookies


async def test_too_many_tries_are_told_when_to_come_back(client, monkeypatch):
    monkeypatch.setattr(sessions, "TRIES_PER_EMAIL", 1)
    await client.post("/sign-in", data=FORM | {"password": "wrong"})
    answer = await client.post("/sign-in", data=FORM)
    assert answer.status_code == 429 and int(answer.headers["retry-after"]) > 0
    assert "session" not in client.cookies


@pytest.mark.parametrize(
    ("back", "goes_to"),
    [
        (f"{NORA}/members?q=a", f"{NORA}/members?q=a"),
        ("", "/n"),
        ("https://evil.example/", "/n"),
        ("//evil.example", "/n"),
        ("/\\evil.example", "/n"),
        ("javascript:alert(1)", "/n"),
        ("/n\r\nset-cookie: x=1", "/n"),
    ],
)
async def test_after_signing_in_one_stays_on_this_site(client, back, goes_to):
    answer = await client.post("/sign-in", data=FORM | {"back": back})
    assert answer.headers["location"] == goes_to
    again = await client.get("/sign-in", params={"back": back})
    assert (again.status_code, again.headers["location"]) == (303, goes_to)


async def test_without_a_session_a_page_leads_to_sign_in_and_back(client):
    answer = await client.get(f"{NORA}/members?tier=partner")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/sign-in?back={NORA}/members%3Ftier%3Dpartner"
    sent = await client.post(f"{NORA}/applications/x/approval", headers={"referer": f"http://klynge.test{NORA}"})
    assert (sent.status_code, sent.headers["location"]) == (303, f"/sign-in?back={NORA}")


async def test_a_session_that_ran_out_leads_to_sign_in(client, context):
    await sign_in(client)
    context.clock.moment += sessions.IDLE_LIMIT + timedelta(seconds=1)
    assert (await client.get(NORA)).headers["location"].startswith("/sign-in")
    context.clock.moment -= sessions.IDLE_LIMIT + timedelta(seconds=1)


async def test_an_invented_session_is_nobody(client):
    client.cookies.set("session", "A" * 43)
    assert (await client.get(NORA)).status_code == 303


FORGED = {
    "no token": ({}, {}),
    "wrong token": ({"_csrf_token": "x"}, {}),
    "token that is not text": ({"_csrf_token": "æøå"}, {}),
    "another site": ({"_csrf_token": "TOKEN"}, {"sec-fetch-site": "cross-site"}),
    "a sister site": ({"_csrf_token": "TOKEN"}, {"sec-fetch-site": "same-site"}),
    "another origin": ({"_csrf_token": "TOKEN"}, {"origin": "https://evil.example"}),
    "no origin at all": ({"_csrf_token": "TOKEN"}, {"origin": "null"}),
}


@pytest.mark.parametrize("name", FORGED)
async def test_a_forged_request_does_nothing(client, context, name):
    await sign_in(client)
    fields, headers = FORGED[name]
    known = await token(client)
    data = {key: known if value == "TOKEN" else value for key, value in fields.items()}
    assert (await client.post("/sign-out", data=data, headers=headers)).status_code == 403
    assert (await client.get("/account")).status_code == 200  # still signed in
    organisation, membership = await member(context, "Telenor")
    path = f"{NORA}/members/{organisation}/memberships/{membership}/ending"
    answer = await client.post(path, data=data | {"last_day": "2026-12-31"}, headers=headers)
    assert answer.status_code == 403
    async with context.db.tx() as connection:
        assert not await connection.fetchval(
            "select count(*) from membership_decision where membership_id = $1 and kind = 'ending'", membership
        )


async def test_sign_in_from_another_site_is_refused(client):
    answer = await client.post("/sign-in", data=FORM, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403 and "session" not in client.cookies


async def test_the_token_may_come_in_the_header_as_htmx_sends_it(client):
    await sign_in(client)
    headers = {"x-csrf-token": await token(client), "sec-fetch-site": "same-origin"}
    assert (await client.post("/sign-out", headers=headers)).status_code == 303


async def test_signing_out_here_and_everywhere(client):
    await sign_in(client)
    answer = await send(client, "/sign-out")
    assert answer.headers["location"] == "/sign-in?out=here" and answer.headers["clear-site-data"] == '"cache"'
    assert "session" not in client.cookies
    assert "You are signed out." in text(await client.get("/sign-in?out=here"))
    await sign_in(client)
    kept = client.cookies["session"]
    answer = await send(client, "/account/sign-out-everywhere")
    assert answer.headers["location"] == "/sign-in?out=everywhere"
    client.cookies.set("session", kept)
    assert (await client.get("/account")).status_code == 303


async def test_the_account_page_names_the_networks_and_browsers(client):
    await sign_in(client, NORA_ONLY)
    shown = text(await client.get("/account"))
    assert "Ingrid Vik" in shown and "NORA Industry Network" in shown and "CLAIRE" not in shown
    assert "This browser" in shown


async def test_a_reader_without_a_network_gets_the_account_page(client, context):
    async with context.db.tx() as connection:
        await connection.execute("delete from role using account a where a.id = account_id and a.email = $1", NORA_ONLY)
    await sign_in(client, NORA_ONLY)
    assert (await client.get("/n")).headers["location"] == "/account"
    assert "None yet" in text(await client.get("/account"))


@pytest.mark.parametrize("page", ["", "/members", "/links", "/applications", "/members?state=ended"])
async def test_another_network_is_not_found_and_not_forbidden(client, page):
    await sign_in(client, CLAIRE_ONLY)
    assert (await client.get(CLAIRE + page)).status_code == 200
    answer = await client.get(NORA + page)
    unknown = await client.get("/n/no-such-network" + page)
    assert answer.status_code == unknown.status_code == 404


async def test_a_manager_of_one_network_reaches_nothing_of_another(client, context):
    """Object by object: NORA's members, applications and memberships under CLAIRE's own address."""
    await sign_in(client, CLAIRE_ONLY)
    organisation, membership = await member(context, "SINTEF")
    async with context.db.tx() as connection:
        wanted = await connection.fetchval("select id from application order by submitted_at limit 1")
    for path in (
        f"/members/{organisation}",
        f"/members/{organisation}/memberships/{membership}/ending",
        f"/applications/{wanted}",
        "/applications/not-an-id",
        "/members/not-an-id",
    ):
        assert (await client.get(CLAIRE + path)).status_code == 404, path
    telenor, _ = await member(context, "Telenor", "claire-innovation-network")
    for path in (
        f"/members/{telenor}/memberships/{membership}/ending",
        f"/applications/{wanted}/approval",
        f"/applications/{wanted}/decline",
        f"/applications/{wanted}/question",
    ):
        answer = await send(client, CLAIRE + path, last_day="2026-12-31", starts_on="2026-12-01", note="x")
        assert answer.status_code == 404, path
    async with context.db.tx() as connection:
        assert await connection.fetchval("select status from application where id = $1", wanted) == "sent"


async def test_a_route_that_asks_for_a_key_does_ask_for_it(client):
    open_doors = []
    for route in client._transport.app.routes:
        for handler in route.route_handlers:
            if handler.opt.get("key") is not True:
                continue
            for method in handler.http_methods - {"OPTIONS"}:
                answer = await client.request(method, re.sub(r"\{[^}]+\}", "x", route.path))
                if answer.status_code != 401:
                    open_doors.append(f"{method} {route.path}: {answer.status_code}")
    assert not open_doors


async def test_every_office_route_is_behind_its_guard_for_every_method(client):
    """The route table itself is asked: without a session nothing under /n and /account answers."""
    unguarded = []
    for route in client._transport.app.routes:
        if route.path != "/n" and not route.path.startswith(("/n/", "/account", "/sign-out")):
            continue
        for method in route.methods - {"OPTIONS"}:
            path = route.path
            for parameter in route.path_parameters.values():
                value = "nora-industry-network" if parameter.name == "slug" else "x"
                path = path.replace(parameter.full.join("{}"), value)
            answer = await client.request(method, path)
            if answer.status_code != 303 or not answer.headers["location"].startswith("/sign-in"):
                unguarded.append(f"{method} {path}: {answer.status_code}")
    assert not unguarded
