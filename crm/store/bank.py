"""Banks' files and their lines, each movement once (M14). Amounts are signed minor units."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID, uuid4

import msgspec

from cluster_rules.bank import Earlier
from crm.database import Connection
from crm.store.payments import Billed


class Movement(msgspec.Struct, frozen=True):
    """A line as it is stored; `key` is what makes it one movement."""

    key: str
    account: str
    amount: int
    currency: str
    booked_on: date
    reference: str
    text: str
    servicer_reference: str
    original_reference: str
    payer_name: str
    payer_account: str
    reversal: bool
    payment: UUID | None
    problem: str


_LINES = """
insert into bank_line (id, host_id, file_id, key, account, amount, currency, booked_on, reference, text,
    servicer_reference, original_reference, payer_name, payer_account, is_reversal, payment_id, problem)
select gen_random_uuid(), $1, $2, l.* from unnest($3::text[], $4::text[], $5::bigint[], $6::text[], $7::date[],
    $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::boolean[],
    $15::uuid[], $16::text[]) as l
"""
_EARLIER = """
select l.payment_id as payment, l.servicer_reference, l.reference, l.payer_account, l.currency, l.amount,
    coalesce((select -sum(e.amount) from ledger_entry e where e.payment_id = l.payment_id
        and e.account in ('receivable', 'member_credit', 'suspense')), 0)::bigint as "left"
from bank_line l
where l.host_id = $1 and l.amount > 0 and l.payment_id is not null
    and (l.servicer_reference = any($2) or l.reference = any($3) or l.payer_account = any($4))
order by l.booked_on, l.key
"""


async def lock(connection: Connection, host: UUID) -> None:
    """One import at a time for a host, until the transaction ends."""
    await connection.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", f"bank/{host}")


async def accounts(connection: Connection, host: UUID) -> list[str]:
    """The host's own account numbers (IBAN and domestic), without spaces; empty when none is known."""
    row = await connection.fetchrow("select iban, bank_account from host where id = $1", host)
    return _plain(row["iban"], row["bank_account"])


async def hosts(connection: Connection, code: str = "") -> list[tuple[UUID, list[str], list[UUID]]]:
    """(id, own accounts, networks) of all hosts, or of the one with this code."""
    rows = await connection.fetch(
        "select h.id, h.iban, h.bank_account, array(select n.id from network n where n.host_id = h.id) as networks"
        " from host h where $1 in ('', h.code) order by h.code",
        code,
    )
    return [(row["id"], _plain(row["iban"], row["bank_account"]), row["networks"]) for row in rows]


def _plain(*given: str) -> list[str]:
    return [each.replace(" ", "").replace(".", "").upper() for each in given if each]


async def known(connection: Connection, host: UUID, keys: Sequence[str]) -> set[str]:
    """Those of these movements that are stored already."""
    rows = await connection.fetch("select key from bank_line where host_id = $1 and key = any($2)", host, list(keys))
    return {row["key"] for row in rows}


async def by_kid(connection: Connection, host: UUID, kids: Sequence[str]) -> dict[str, Billed]:
    """The host's issued invoices with these KIDs."""
    rows = await connection.fetch(
        "select id, host_id as host, organisation_id as organisation, currency, gross, kid, due_on,"
        " network_id as network from invoice"
        " where status = 'issued' and kind = 'invoice' and host_id = $1 and kid <> '' and kid = any($2)",
        host,
        list(kids),
    )
    return {row["kid"]: Billed(**dict(row)) for row in rows}


async def earlier(
    connection: Connection, host: UUID, references: Sequence[str], kids: Sequence[str], payers: Sequence[str]
) -> list[Earlier]:
    """Payments by bank that a reversal could be about."""
    rows = await connection.fetch(
        _EARLIER, host, *([each for each in some if each] for some in (references, kids, payers))
    )
    return [Earlier(**dict(row)) for row in rows]


async def add_file(
    connection: Connection,
    host: UUID,
    name: str,
    sha256: str,
    standard: str,
    message: str,
    actor: str,
    counts: tuple[int, int],
) -> UUID:
    """Store that a file was imported: `counts` are its lines and how many were new."""
    made = uuid4()
    await connection.execute(
        "insert into bank_file (id, host_id, name, sha256, standard, message, lines, added, actor, imported_at)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, now())",
        made,
        host,
        name,
        sha256,
        standard,
        message,
        *counts,
        actor,
    )
    return made


async def add_lines(connection: Connection, host: UUID, file: UUID, lines: Sequence[Movement]) -> None:
    """Store new movements."""
    if lines:
        columns = [list(column) for column in zip(*(msgspec.structs.astuple(line) for line in lines), strict=True)]
        await connection.execute(_LINES, host, file, *columns)


async def unknown_returns(connection: Connection, host: UUID) -> list[Movement]:
    """Reversals whose payment nobody has found yet, oldest first."""
    rows = await connection.fetch(
        "select key, account, amount, currency, booked_on, reference, text, servicer_reference,"
        " original_reference, payer_name, payer_account, is_reversal as reversal,"
        " payment_id as payment, problem from bank_line"
        " where host_id = $1 and problem = 'reversal_unknown' order by booked_on, key",
        host,
    )
    return [Movement(**dict(row)) for row in rows]


async def returned(connection: Connection, host: UUID, key: str, payment: UUID) -> None:
    """A reversal's payment is found."""
    await connection.execute(
        "update bank_line set payment_id = $3, problem = '' where host_id = $1 and key = $2 and problem <> ''",
        host,
        key,
        payment,
    )


async def line(connection: Connection, wanted: UUID) -> tuple[UUID, Movement] | None:
    """(host, movement) of a stored line."""
    row = await connection.fetchrow(
        "select host_id, key, account, amount, currency, booked_on, reference, text, servicer_reference,"
        " original_reference, payer_name, payer_account, is_reversal as reversal,"
        " payment_id as payment, problem from bank_line where id = $1",
        wanted,
    )
    if row is None:
        return None
    values = dict(row)
    return values.pop("host_id"), Movement(**values)
