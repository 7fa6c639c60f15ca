"""Dunning against the books: what a step claimed is booked, and what was suspended is known to payments. Reads only."""

from crm.database import Connection
from crm.store.verify import Difference

CHECKS = {
    "dunning_claim": """
        select 'invoice ' || i.id,
            'steps claim ' || coalesce(s.claimed, 0) || ', the ledger has ' || coalesce(b.booked, 0)
        from (select invoice_id as id from dunning_step union select (fact ->> 'invoice')::uuid
            from ledger_transaction where kind = 'claimed') i
        left join lateral (select sum((c ->> 'amount')::bigint) as claimed
            from dunning_step d, jsonb_array_elements(d.claims) c where d.invoice_id = i.id) s on true
        left join lateral (select sum((t.fact ->> 'amount')::bigint) as booked from ledger_transaction t
            where t.kind = 'claimed' and t.fact ->> 'invoice' = i.id::text) b on true
        where coalesce(s.claimed, 0) <> coalesce(b.booked, 0)""",
    "dunning_suspension": """
        select 'dunning_step ' || s.id, 'suspended, and no suspension names the invoice' from dunning_step s
        where s.kind = 'suspension' and s.outcome = 'done'
            and not exists (select from unpaid_suspension u where u.invoice_id = s.invoice_id)""",
    "dunning_notice": """
        select 'dunning_step ' || s.id, 'went to a collector without a collection notice that had run out'
        from dunning_step s where s.kind = 'export' and not exists (select from dunning_step n
            where n.invoice_id = s.invoice_id and n.kind = 'collection_notice' and n.pay_by < s.on_date)""",
}


async def check(connection: Connection) -> list[Difference]:
    """All differences; empty when every step is in the books."""
    out = []
    for name, query in CHECKS.items():
        out += [Difference(name, row[0], row[1]) for row in await connection.fetch(query)]
    return out
