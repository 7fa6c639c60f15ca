"""The ledger against its own facts: replayed from the first one into empty books, posting by posting (M18, M5).

And what only the database can say: every issued document, payment and approved write-off is booked for its amount,
and nothing waits that could be booked. Reads only. Amounts are minor units.
"""

from collections import Counter
from collections.abc import Iterable
from uuid import UUID

import asyncpg
import msgspec

from cluster_rules.books import Books
from cluster_rules.errors import RuleViolation
from cluster_rules.ledger import REVERSIBLE, Entry, Posting
from cluster_rules.money_facts import MoneyFact
from crm.database import Connection
from crm.store import ledger
from crm.store.ledger import Reversal
from crm.store.verify import Difference

TRANSACTIONS_AT_A_TIME = 2_000

CHECKS = {
    "ledger_balance": """
        select 'ledger_transaction ' || t.id, 'has ' || count(e.row_id) || ' entries that add up to '
            || coalesce(sum(e.amount), 0)
        from ledger_transaction t left join ledger_entry e on e.transaction_id = t.id
        group by t.id having count(e.row_id) < 2 or sum(e.amount) <> 0""",
    "ledger_invoice": """
        select i.kind || ' ' || i.id, 'is over ' || i.gross || ', the ledger has '
            || coalesce(b.amount::text, 'nothing')
        from invoice i left join lateral (
            select sum(e.amount) as amount from ledger_transaction t join ledger_entry e on e.transaction_id = t.id
            where t.provider = 'klynge' and t.object_id = i.id::text
                and t.phase = case i.kind when 'invoice' then 'issued' else 'credited' end
                and e.account in ('receivable', 'member_credit')
        ) b on true
        where i.status = 'issued'
            and coalesce(b.amount, 0) <> case i.kind when 'invoice' then i.gross else -i.gross end""",
    "ledger_payment": """
        select 'payment ' || p.id, 'is over ' || p.amount || ', the ledger has ' || coalesce(b.amount::text, 'nothing')
        from payment p left join lateral (
            select sum(e.amount) as amount from ledger_transaction t join ledger_entry e on e.transaction_id = t.id
            where (t.provider, t.object_id, t.phase) = (p.provider, p.object_id, 'received')
                and e.account in ('bank', 'card_clearing', 'opening')
        ) b on true
        where b.amount is distinct from p.amount""",
    "ledger_write_off": """
        select 'write_off ' || w.id, 'is ' || coalesce(nullif(w.decision, ''), 'not decided') || ' over ' || w.amount
            || ', the ledger has ' || coalesce(b.amount::text, 'nothing')
        from write_off w left join lateral (
            select sum(e.amount) as amount from ledger_transaction t join ledger_entry e on e.transaction_id = t.id
            where t.provider = 'klynge' and t.object_id = w.id::text and t.phase = 'written_off'
                and e.account = 'write_off'
        ) b on true
        where b.amount is distinct from case w.decision when 'approved' then w.amount end""",
    "ledger_parked": """
        select 'parked_fact ' || f.id, case when f.booked_at is null
            then 'waits for payment ' || f.payment || ', which is here' else 'is said to be booked, and is not' end
        from parked_fact f left join ledger_transaction t on t.id = f.id
        where f.booked_at is null and exists (select from payment p where p.id = f.payment)
            or f.booked_at is not null and t.id is null""",
    "ledger_standing": """
        select 'invoice_standing ' || coalesce(s.invoice_id, f.invoice_id) || ' from '
            || coalesce(s.starts_on, f.starts_on), case when f.invoice_id is null
            then 'says what no booking does' when s.invoice_id is null then 'is booked, and not said to stand'
            else 'says otherwise than the ledger' end
        from invoice_standing s
        full join invoice_stretches(array(select i.id from invoice i where i.status = 'issued')) f
            on (f.invoice_id, f.starts_on) = (s.invoice_id, s.starts_on)
        where (s.host_id, s.ends_on, s.tier, s.network, s.networks, s.currency, s.balance, s.paid, s.credited,
                s.written_off, s.claimed, s.by_bank, s.by_card, s.organisation_id, s.issued_on, s.due_on, s.net,
                s.gross, s.first)
            is distinct from (f.host_id, f.ends_on, f.tier, f.network, f.networks, f.currency, f.balance, f.paid,
                f.credited, f.written_off, f.claimed, f.by_bank, f.by_card, f.organisation_id, f.issued_on, f.due_on,
                f.net, f.gross, f.first)""",
    "ledger_untouched": """
        select 'invoice_untouched ' || coalesce(u.invoice_id, f.invoice_id), case when f.invoice_id is null
            then 'was booked on, or never issued' when u.invoice_id is null then 'is missing'
            else 'says otherwise than the invoice' end
        from invoice_untouched u full join invoices_untouched() f on f.invoice_id = u.invoice_id
        where (u.host_id, u.organisation_id, u.tier, u.network, u.networks, u.currency, u.issued_on, u.due_on, u.net,
                u.gross)
            is distinct from (f.host_id, f.organisation_id, f.tier, f.network, f.networks, f.currency, f.issued_on,
                f.due_on, f.net, f.gross)""",
    "ledger_bank_line": """
        select 'bank_line ' || l.id, 'is money in, and no payment stands for it'
        from bank_line l where l.amount > 0 and l.payment_id is null""",
}


async def check(connection: Connection) -> list[Difference]:
    """All differences; empty when the ledger is what its facts say."""
    out = []
    for name, query in CHECKS.items():
        out += [Difference(name, row[0], row[1]) for row in await connection.fetch(query)]
    return [*out, *await _replay(connection)]


async def _replay(connection: Connection) -> list[Difference]:
    books = Books()
    out: list[Difference] = []
    after = 0
    while rows := await connection.fetch(
        "select * from ledger_transaction t where seq > $1 and exists"
        " (select from ledger_entry e where e.transaction_id = t.id) order by seq limit $2",
        after,
        TRANSACTIONS_AT_A_TIME,
    ):
        after = rows[-1]["seq"]
        for row, stored in zip(rows, await _stored(connection, rows), strict=True):
            why = _again(books, row, stored)
            if why:
                out.append(Difference("ledger_replay", f"ledger_transaction {row['id']}", why))
            if row["kind"] not in REVERSIBLE:
                books.postings.pop(row["id"], None)
    return out


async def _stored(connection: Connection, rows: list[asyncpg.Record]) -> list[Posting | None]:
    """The postings as stored; None for one that does not even balance (told by another check)."""
    try:
        return list(await ledger.postings(connection, rows))
    except ValueError:
        return [await _one(connection, row) for row in rows]


async def _one(connection: Connection, row: asyncpg.Record) -> Posting | None:
    try:
        return (await ledger.postings(connection, [row]))[0]
    except ValueError:
        return None


def _again(books: Books, row: asyncpg.Record, stored: Posting | None) -> str:
    """Book the fact again; in words what is different."""
    try:
        made = _book(books, msgspec.convert(row["fact"], MoneyFact | Reversal), row["id"])
    except (RuleViolation, KeyError, msgspec.ValidationError) as error:
        return f"its fact cannot be booked again: {error}"
    if made is None:
        return "its fact gives no such posting"
    if stored is None or _plain(made.entries) != _plain(stored.entries):
        return "its fact gives other entries"
    return ""


def _book(books: Books, fact: MoneyFact | Reversal, wanted: UUID) -> Posting | None:
    if isinstance(fact, Reversal):
        books.reverse(fact.original, fact.on)
    else:
        books.post(fact)
    return books.postings.get(wanted)


def _plain(entries: Iterable[Entry]) -> Counter[Entry]:
    return Counter(entries)
