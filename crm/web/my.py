"""/my: where a person who acts for organisations begins."""

from litestar import Request, Response, Router, get
from litestar.di import NamedDependency
from litestar.response import Redirect

from crm.context import Context
from crm.errors import Unauthenticated
from crm.i18n import translator
from crm.reads import people as reads
from crm.role_words import role_may, role_name
from crm.web import session
from crm.web.language import language_of
from crm.web.rendering import page


@get("/my", include_in_schema=False)
async def show_my(request: Request, context: NamedDependency[Context]) -> Response:
    """The person's organisations, and the networks whose office they may open."""
    who, t = session.session_of(request), translator(language_of(request))
    async with context.db.tx() as connection:
        held = await reads.of_account(connection, who.account)
        claimed = await reads.claims_of_account(connection, who.account)
    mine = [each for each in held if each.kind == "organisation"]
    if not mine and not claimed and held:
        return Redirect("/n", status_code=303, headers=session.NOT_KEPT)
    organisations = [
        {"id": each.place, "name": t.text(each.names), "role": role_name(t, each.role), "may": role_may(t, each.role)}
        for each in mine
    ]
    user = {"name": who.name, "email": who.email, "acts": True}
    return page(
        request, "my/start.html", user=user, organisations=organisations, claimed=claimed, office=bool(who.sees)
    )


handlers = [
    Router(
        path="/",
        guards=[session.signed_in],
        exception_handlers={Unauthenticated: session.to_sign_in},
        route_handlers=[show_my],
    ),
]
