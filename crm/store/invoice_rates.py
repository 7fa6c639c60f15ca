"""A draft's exchange rate, by which its VAT is told in the seller's own currency. A person says it."""

from datetime import date
from uuid import UUID

from crm.database import Connection

_SAVE = """
insert into invoice_rate (invoice_id, rate, source, on_date, actor, recorded_at)
select id, $2, $3, $4, $5, now() from invoice where id = $1 and status = 'draft'
on conflict (invoice_id) do update set rate = excluded.rate, source = excluded.source, on_date = excluded.on_date,
    actor = excluded.actor, recorded_at = excluded.recorded_at
"""


async def save(connection: Connection, draft: UUID, rate: int, source: str, on: date, actor: str) -> None:
    """Put a rate on a draft, in place of an earlier one; `rate` in ten-thousandths."""
    await connection.execute(_SAVE, draft, rate, source, on, actor)
