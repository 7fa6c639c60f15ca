"""The money of a member on its page: its newest invoices and where they stand, what it owes or has, where bills go."""

from typing import Any
from uuid import UUID

import msgspec

from crm.actions import billing
from crm.actions.billing import Details
from crm.reads import invoice_list, ledger, organisations
from crm.reads.invoice_list import Filter, Row
from crm.reads.ledger import Balance, Credit
from crm.web.office import Office
from crm.web.office_member import Found

SHOWN = 6


class Money(msgspec.Struct, frozen=True):
    """What is shown. `payer` is who is billed: the member, or the organisation it is a unit of."""

    payer: UUID
    payer_name: str
    rows: tuple[Row, ...]
    total: int
    balances: tuple[Balance, ...]
    credits: tuple[Credit, ...]
    details: Details

    @property
    def facts(self) -> dict[str, str]:
        """The details that are known, by field."""
        return {name: value for name, value in msgspec.structs.asdict(self.details).items() if value}


async def of_member(office: Office, found: Found) -> Money:
    """As of today, whatever day the memberships are shown of."""
    billed = [invoice.organisation_id for invoice in found.invoices]
    payer = billed[0] if billed and found.organisation.id not in billed else found.organisation.id
    name, details = await _billed(office, payer)
    network = office.network
    wanted = Filter(network.id, network.host_id, office.today, office.today, organisation=payer, sort="newest")
    async with office.context.db.reading(office.actor.sees) as connection:
        page = await invoice_list.page(connection, wanted, limit=SHOWN)
        figures = await invoice_list.figures(connection, wanted) if page.more else []
        balances = await ledger.balances(connection, payer)
        credits = await ledger.credits(connection, payer, network.host_id)
    own = tuple(each for each in balances if each.host == network.host)
    total = sum(figure.count for figure in figures) if page.more else len(page.rows)
    return Money(payer, name, page.rows, total, own, tuple(credits), details)


async def _billed(office: Office, payer: UUID) -> tuple[str, Details]:
    """Who is billed, and how, for those who take care of money; the others are told the name."""
    if office.may_keep_books:
        return await billing.show(office.context, office.actor.keeping_books(), payer)
    async with office.context.db.reading(office.actor.sees) as connection:
        return (await organisations.names(connection, {payer}))[payer], Details()


def shown(office: Office, money: Money) -> dict[str, Any]:
    """For the template: the rows, and labels of the billing details."""
    t, facts = office.t, money.facts
    languages = {"nb": "Norsk bokmål", "en": "English"}
    place = " ".join(facts[name] for name in ("postal_code", "city") if name in facts)
    labelled = [
        (t.gettext("E-mail for invoices"), facts.get("email", "")),
        (t.gettext("Attention"), facts.get("name", "")),
        (t.gettext("E-invoice address (Peppol)"), facts.get("peppol_id", "")),
        (t.gettext("Buyer's reference"), facts.get("buyer_reference", "")),
        (t.gettext("Language"), languages.get(facts.get("language", ""), "")),
        (t.gettext("Address"), ", ".join(part for part in (facts.get("street", ""), place) if part)),
    ]
    return {
        "money": money,
        "billing": [{"label": label, "value": value} for label, value in labelled if value],
        "list_href": f"{office.base}/invoices?organisation={money.payer}",
        "billing_href": f"{office.base}/invoices/billing/{money.payer}",
    }
