"""An invoice with the lines the reader may see. Amounts are minor units of the invoice's currency."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from crm.catalogue import Catalogue
from crm.database import Connection


class Line(msgspec.Struct, frozen=True):
    """One line with its own VAT treatment and how it was computed."""

    id: UUID
    membership_id: UUID
    network: str
    tier: str
    component: str
    names: dict[str, str]
    starts_on: date
    ends_on: date | None
    net: int
    vat_code: str
    vat_percent: int
    vat: int
    example: bool
    steps: list[dict[str, Any]]


class Invoice(msgspec.Struct, frozen=True):
    """A host's bill; the sums are those of its lines."""

    id: UUID
    status: str
    host: str
    host_name: str
    organisation_id: UUID
    organisation: str
    currency: str
    buyer_reference: str
    payment_days: int
    created_at: datetime
    lines: tuple[Line, ...]

    @property
    def net(self) -> int:
        """Without VAT."""
        return sum(line.net for line in self.lines)

    @property
    def vat(self) -> int:
        """The VAT of all lines."""
        return sum(line.vat for line in self.lines)


_INVOICES = """
select i.id, i.status, h.code as host, h.name as host_name, i.organisation_id, o.name as organisation, i.currency,
    i.buyer_reference, i.payment_days, i.created_at
from invoice i join host h on h.id = i.host_id join organisation o on o.id = i.organisation_id
where i.id = any($1)
"""
_LINES = """
select c.invoice_id, c.id, c.membership_id, m.network_id, c.tier, c.component, c.names, c.starts_on, c.ends_on,
    c.net, c.vat_code, c.vat_percent, c.vat, c.example, c.steps
from charge c join membership m on m.id = c.membership_id where c.invoice_id = any($1)
order by c.starts_on, c.recorded_at, c.net desc, c.id
"""


async def some(connection: Connection, kept: Catalogue, wanted: list[UUID]) -> list[Invoice]:
    """These invoices, in this order; those the reader may not see are left out, and so are such lines."""
    lines: dict[UUID, list[Line]] = {}
    for row in await connection.fetch(_LINES, wanted):
        values = dict(row)
        network = kept.by_id[values.pop("network_id")].slug
        lines.setdefault(values.pop("invoice_id"), []).append(Line(network=network, **values))
    rows = {r["id"]: r for r in await connection.fetch(_INVOICES, wanted)}
    return [Invoice(**dict(rows[i]), lines=tuple(lines.get(i, ()))) for i in wanted if i in rows]
