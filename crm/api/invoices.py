"""Invoices with their lines."""

from crm.api import answers, shapes
from crm.api.operations import Call, Nothing, Operation
from crm.errors import Forbidden, NotFound
from crm.i18n import N_
from crm.reads import invoices


async def show(call: Call[Nothing, None]) -> shapes.Invoice:
    wanted = call.id("invoice_id")
    async with call.context.db.reading(call.actor.manages) as connection:
        kept = await call.kept(connection)
        found = await invoices.some(connection, kept, [wanted])
    if found:
        return answers.invoice(call.t, found[0])
    async with call.reading() as connection:
        if await invoices.some(connection, kept, [wanted]):
            raise Forbidden
    raise NotFound("invoice_id", wanted)


operations = (
    Operation(
        id="show_invoice",
        method="GET",
        path="/invoices/{invoice_id}",
        tag=N_("Invoices"),
        summary=N_("One invoice with its lines"),
        description=N_("A draft gathers charges until it is issued. A key sees the lines of the networks it manages."),
        answer=shapes.Invoice,
        etag=True,
        run=show,
    ),
)
