"""An application that was sent: how far it is, an answer to a question, and the way back out."""

from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from crm.actions import drafts
from crm.context import Context
from crm.errors import Invalid, NotFound, TooMany
from crm.reads import drafts as shown
from crm.web import origin, signup_views
from crm.web.fields import fields_of
from crm.web.public import in_each_language
from crm.web.signup import not_found, to, too_many


@get(in_each_language("/join/status/{token:str}"))
async def show_status(request: Request, context: NamedDependency[Context], token: FromPath[str]) -> Response:
    _, status = await shown.place(context, token)
    if status == "draft":
        return to(request, f"resume/{token}")
    return await signup_views.status(request, await shown.sent(context, token))


@post(in_each_language("/join/status/{token:str}"))
async def answer(request: Request, context: NamedDependency[Context], token: FromPath[str]) -> Response:
    typed = await fields_of(request)
    try:
        await drafts.answer(context, token, typed.get("answer", ""))
    except Invalid as failure:
        return await signup_views.status(request, await shown.sent(context, token), typed, failure)
    return to(request, f"status/{token}")


@get(in_each_language("/join/status/{token:str}/withdraw"))
async def confirm_withdrawal(
    request: Request, context: NamedDependency[Context], token: FromPath[str]
) -> Response[str]:
    return await signup_views.withdrawal(request, await shown.sent(context, token))


@post(in_each_language("/join/status/{token:str}/withdraw"))
async def withdraw(request: Request, context: NamedDependency[Context], token: FromPath[str]) -> Redirect:
    await drafts.withdraw(context, token)
    return to(request, f"status/{token}")


handlers = [
    Router(
        path="/",
        route_handlers=[show_status, answer, confirm_withdrawal, withdraw],
        guards=[origin.same_origin],
        exception_handlers={TooMany: too_many, NotFound: not_found},
        include_in_schema=False,
        opt={"public": True},
    )
]
