"""What differs between the card provider's books and ours: named items that a person explains, never books away."""

from collections.abc import Mapping
from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from crm.actions import card_books as actions
from crm.errors import Invalid, status_of
from crm.store.cards import Listed
from crm.web.fields import fields_of, id_of
from crm.web.office import Office, money, show
from crm.web.office_consequences import problems
from crm.web.session import NOT_KEPT

PATH = "/invoices/card-books"


@get(PATH, include_in_schema=False)
async def show_books(request: Request, office: NamedDependency[Office]) -> Response[str]:
    return await _page(request, office)


@post(PATH + "/{difference:str}/close", include_in_schema=False)
async def close(request: Request, office: NamedDependency[Office], difference: FromPath[str]) -> Response:
    wanted, form = id_of("difference", difference), await fields_of(request)
    note = form.get(f"note-{wanted}", "")
    try:
        await actions.close(office.context, office.actor, wanted, note)
    except Invalid as refused:
        errors = problems(office, refused, {"note": f"note-{wanted}"})
        return await _page(request, office, errors, form, status_of(refused))
    return Redirect(f"{office.base}{PATH}?done=closed", status_code=303, headers=NOT_KEPT)


handlers = [money(show_books, close)]


async def _page(
    request: Request,
    office: Office,
    errors: list[dict[str, str]] | None = None,
    typed: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response[str]:
    found = await actions.books(office.context, office.actor, office.network.host_id)
    return await show(
        request,
        office,
        "office/card_books.html",
        "invoices",
        at=f"{office.base}{PATH}" if errors else "",
        here=f"{office.base}{PATH}",
        books=found,
        opened=[_said(office, each) for each in found.open],
        closed=[_said(office, each) for each in found.closed],
        errors=errors or [],
        wrong={each["field"]: each["text"] for each in errors or []},
        typed=dict(typed or {}),
        done=request.query_params.get("done") == "closed",
        status_code=status,
    )


def _said(office: Office, item: Listed) -> dict[str, Any]:
    """A difference in words: what it is about and who says what."""
    t = office.t
    kinds = {
        "received": t.gettext("Card payment"),
        "refunded": t.gettext("Refund"),
        "opened": t.gettext("Dispute"),
        "won": t.gettext("Dispute that was won"),
        "paid_out": t.gettext("Payout"),
    }
    if item.ours is None:
        why = t.gettext("The provider knows of it, our books do not.")
    elif item.theirs is None:
        why = t.gettext("Our books have it, the provider does not know of it.")
    else:
        why = t.gettext("The amounts differ.")
    return {"item": item, "what": kinds.get(item.kind, item.kind), "why": why}
