"""An invoice for whoever holds its link, without signing in: what it is for, how to pay, the PDF."""

from typing import Any

from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from crm import names, words
from crm.actions import card_events, pay_links
from crm.actions import cards as actions
from crm.actions.cards import Accounts
from crm.actions.pay_links import Opened
from crm.context import Context
from crm.errors import NotFound, Refused
from crm.i18n import Translator, translator
from crm.web.headers import CONTENT_SECURITY_POLICY
from crm.web.language import language_of
from crm.web.origin import same_origin
from crm.web.public import in_each_language
from crm.web.rendering import error_page, page

# Whoever is sent here by a search engine or a referrer would hold somebody's link.
PRIVATE = {"x-robots-tag": "noindex, nofollow", "referrer-policy": "no-referrer", "cache-control": "no-store"}
ACCOUNT_DIGITS = 11


@get(in_each_language("/pay/{token:str}"))
async def show_invoice(
    request: Request, context: NamedDependency[Context], cards: NamedDependency[Accounts], token: FromPath[str]
) -> Response[str]:
    found = await pay_links.open_with(context, token)
    if request.query_params.get("card") == "paid" and found.owed > 0:
        await card_events.look(context, cards, found.invoice)
        found = await pay_links.open_with(context, token)
    return await _page(request, context, cards, token, found)


@post(in_each_language("/pay/{token:str}/card"), guards=[same_origin])
async def pay_by_card(
    request: Request, context: NamedDependency[Context], cards: NamedDependency[Accounts], token: FromPath[str]
) -> Response[str]:
    """To the card provider's form; clicking twice leads to the same one."""
    found = await pay_links.open_with(context, token)
    t = translator(language_of(request))
    back = f"{context.settings.base_url}/{t.language}/pay/{token}"
    title = t.gettext("Invoice %(number)s", number=found.document.number)
    try:
        form = await actions.open_form(context, cards, found.invoice, back, title)
    except Refused as error:
        problem = words.refusal(t, None, error.code, error.params)
        return await _page(request, context, cards, token, await pay_links.open_with(context, token), problem)
    return Response("", status_code=303, headers=PRIVATE | {"location": form})


async def _page(
    request: Request, context: Context, cards: Accounts, token: str, found: Opened, problem: str = ""
) -> Response[str]:
    t = translator(language_of(request))
    here = f"/{t.language}/pay/{token}"
    offered = await actions.offered(context, cards, found.invoice)
    values = _shown(t, found) | {
        "pdf_href": f"{here}/pdf",
        "card_href": f"{here}/card" if offered and found.owed > 0 else "",
        "came_back": request.query_params.get("card", ""),
        "problem": problem,
    }
    # A browser follows a form's answer only to places that the page names.
    forms_lead_to = f"form-action 'self' {actions.FORMS} {context.settings.stripe_url}".rstrip()
    policy = CONTENT_SECURITY_POLICY.replace("form-action 'self'", forms_lead_to)
    headers = PRIVATE | ({"content-security-policy": policy} if offered else {})
    return page(request, "public/pay.html", status_code=409 if problem else 200, headers=headers, **values)


@get(in_each_language("/pay/{token:str}/pdf"))
async def show_pdf(request: Request, context: NamedDependency[Context], token: FromPath[str]) -> Response[bytes]:
    address = f"{context.settings.base_url}/{language_of(request)}/pay/{token}"
    number, content = await pay_links.paper(context, token, address)
    headers = PRIVATE | {"content-disposition": f'inline; filename="{number}.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)


def _shown(t: Translator, found: Opened) -> dict[str, Any]:
    d = found.document
    rows = [
        {
            "label": t.text(line.names),
            "detail": ", ".join(
                each
                for each in (
                    names.days(t, line.period) if line.period else "",
                    *(t.text(text) for text in line.explanation),
                    t.text(line.discount_reason) if line.discount else "",
                )
                if each
            ),
            "value": t.money(line.net, d.currency),
        }
        for line in d.lines
    ]
    rows += [
        {
            "label": t.gettext("VAT %(percent)s", percent=t.percent(row.percent / 100)),
            "detail": t.text(row.exemption),
            "value": t.money(row.vat, d.currency),
        }
        for row in d.breakdown
    ]
    return {
        "document": d,
        "state": found.state,
        "owed": t.money(max(0, found.owed), d.currency),
        "rows": rows,
        "total": {"label": t.gettext("Total"), "value": t.money(d.totals.payable, d.currency)},
        "account": _grouped(d.seller.account) or d.seller.iban,
        "due_on": t.date(d.due_on) if d.due_on else "",
        "issued_on": t.date(d.issued_on),
    }


def _grouped(account: str) -> str:
    """A Norwegian account number as people read it: 1234 56 78903."""
    if len(account) != ACCOUNT_DIGITS:
        return account
    return f"{account[:4]} {account[4:6]} {account[6:]}"


def _not_found(request: Request, _: NotFound) -> Response[str]:
    return error_page(request, 404)


handlers = [
    Router(
        path="/",
        route_handlers=[show_invoice, pay_by_card, show_pdf],
        exception_handlers={NotFound: _not_found},
        include_in_schema=False,
        opt={"public": True},
    )
]
