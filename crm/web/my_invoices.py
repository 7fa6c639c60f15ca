"""What an organisation is billed: every invoice and where it stands, its PDF, paying it, and what is to its credit."""

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from crm.actions import pay_links
from crm.reads import own_invoices
from crm.web.fields import fields_of, id_of
from crm.web.my import My, reading, show
from crm.web.session import NOT_KEPT


@get("/invoices", include_in_schema=False)
async def show_invoices(request: Request, my: NamedDependency[My]) -> Response[str]:
    wanted = my.organisation.id
    async with my.context.db.tx() as connection:  # the guard has seen to it that the reader acts for it
        rows = await own_invoices.of_organisation(connection, wanted, my.today)
        credit = await own_invoices.credit_of(connection, wanted)
    return show(
        request,
        my,
        "my/invoices.html",
        "invoices",
        rows=rows,
        credit=credit,
        owed=_sums(rows),
        most=own_invoices.PAGE,
    )


@post("/invoices/{invoice:str}/open", include_in_schema=False)
async def open_invoice(request: Request, my: NamedDependency[My], invoice: FromPath[str]) -> Response:
    """On to the page where it is paid, or to its PDF: the same address that the mail with the invoice leads to."""
    as_pdf = (await fields_of(request)).get("to") == "pdf"
    token = await pay_links.mine(my.context, my.actor, id_of("invoice", invoice))
    where = f"/{my.t.language}/pay/{token}"
    return Redirect(f"{where}/pdf" if as_pdf else where, status_code=303, headers=NOT_KEPT)


handlers = [reading(show_invoices), reading(open_invoice)]


def _sums(rows: list[own_invoices.Own]) -> dict[str, int]:
    """What is owed in all, by currency."""
    out: dict[str, int] = {}
    for row in rows:
        if row.owed:
            out[row.currency] = out.get(row.currency, 0) + row.owed
    return out
