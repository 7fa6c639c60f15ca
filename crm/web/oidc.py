"""The way to the organisation's own sign-in service, and back."""

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Redirect

from crm.actions import oidc
from crm.context import Context
from crm.errors import Refused, TooMany
from crm.web import session, sign_in


@get("/sign-in/oidc", include_in_schema=False, opt={"public": True})
async def leave(request: Request, context: NamedDependency[Context], back: FromQuery[str] = "") -> Response:
    """A link, not a form: the page's policy lets forms go to this site only."""
    try:
        sent = await oidc.begin(context, back, session.browser_of(request))
    except (Refused, TooMany) as error:
        return sign_in.form(request, back=back, error=error)
    cookies = [session.challenge_cookie(context.settings, sent.token)]
    return Redirect(sent.address, status_code=303, cookies=cookies, headers=session.NOT_KEPT)


@get("/sign-in/oidc/callback", include_in_schema=False, opt={"public": True})
async def come_back(request: Request, context: NamedDependency[Context], code: FromQuery[str] = "") -> Response:
    token, state = session.challenge_of(request), request.query_params.get("state", "")
    try:
        done = await oidc.finish(context, token, state, code, session.browser_of(request))
    except (Refused, TooMany) as error:
        return sign_in.form(request, error=error)
    return sign_in.further(request, done.opened, done.back)


handlers = [leave, come_back]
