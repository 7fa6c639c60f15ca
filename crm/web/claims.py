"""Pages for somebody who acts for a member and has no account yet: say for which, and prove one's address."""

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crm.actions import claims
from crm.actions.claims import ClaimForm
from crm.context import Context
from crm.errors import Invalid, Refused, TooMany, status_of
from crm.web import language as languages
from crm.web import origin, session, sign_in
from crm.web.fields import fields_of
from crm.web.rendering import page

PATH = "/claim"
FIELDS = ("value", "name", "email", "note")


@get(PATH, include_in_schema=False, opt={"public": True})
async def show_form(request: Request) -> Response:
    return _form(request, {})


@post(PATH, include_in_schema=False, opt={"public": True})
async def ask(request: Request, context: NamedDependency[Context]) -> Response:
    """The answer is the same for every organisation and every address."""
    origin.check(request)
    given = await fields_of(request)
    wanted = ClaimForm("no-orgnr", *(given.get(field, "") for field in FIELDS))
    try:
        await claims.ask(context, wanted, languages.language_of(request), session.browser_of(request))
    except (Invalid, TooMany) as error:
        return _form(request, given, error)
    return page(request, "account/claim_sent.html", email=wanted.email.strip())


@get("/claim/{secret:str}", include_in_schema=False, opt={"public": True})
async def show_claim(request: Request, context: NamedDependency[Context], secret: FromPath[str]) -> Response:
    """Nothing happens yet: programs that look through mails open links, too."""
    try:
        found = await claims.look(context, secret)
    except Refused as error:
        return sign_in.form(request, error=error)
    return page(request, "account/claim_open.html", found=found, secret=secret)


@post("/claim/{secret:str}", include_in_schema=False, opt={"public": True})
async def confirm(request: Request, context: NamedDependency[Context], secret: FromPath[str]) -> Response:
    origin.check(request)
    try:
        done = await claims.confirm(context, secret, session.browser_of(request))
    except Refused as error:
        return sign_in.form(request, error=error)
    if done.opened is None:
        return sign_in.form(request, email=done.email, out="joined" if done.joined else "waiting")
    return sign_in.further(request, done.opened, "/my")


handlers = [show_form, ask, show_claim, confirm]


def _form(request: Request, typed: dict[str, str], error: Exception | None = None) -> Response:
    errors, headers = sign_in.told(request, error) if error else ([], {})
    return page(
        request,
        "account/claim.html",
        status_code=status_of(error) if error else 200,
        headers=headers,
        typed=typed,
        errors=errors,
    )
