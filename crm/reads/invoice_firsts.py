"""Which issued documents can be the next ones of a list of invoices: few, found by index, among which the list looks.

Each question gives the ids of at least the first so many rows that fit, in the order of the list after a place in it;
others may be among them. What is owed is read from what is kept (ADR 0051), what is done a span of days at a time.
"""

from collections.abc import Collection
from datetime import date, timedelta
from uuid import UUID

from crm.database import Connection

Place = tuple[int, int, UUID]
EPOCH = date(2000, 1, 1)  # what the order of days is counted from
EARLIEST = date(1900, 1, 1)
SPAN = 60  # days; the next span is four times as long
WHOLE = 150_000  # more days than there are
DONE = {"paid", "credited", "written_off"}

# The invoices of host $1 in network $2 of which something is owed at the end of day $3.
_AT = "s.host_id = $1 and s.issued_on <= $3 and $2 = any(s.networks)"
_BY_THEN = f"{_AT} and s.starts_on <= $3 and (s.ends_on is null or s.ends_on > $3)"
_TOLD = "s.invoice_id as id, s.currency, s.issued_on, s.due_on, s.gross"
OWED = f"""
    select {_TOLD}, s.balance as owed from invoice_standing s where {_BY_THEN} and s.balance <> 0 and s.balance > 0
    union all
    select {_TOLD}, s.gross from invoice_standing s where {_AT} and s.starts_on > $3 and s.first and s.gross > 0
    union all
    select {_TOLD}, s.gross from invoice_untouched s where {_AT} and s.gross > 0
"""
# Of what is settled: what was credited whole, or given up.
_GIVEN = "(s.credited >= s.gross or s.written_off > 0)"
# Opening balances that were taken back.
WITHDRAWN = """
    select o.invoice_id from opening_item o join ledger_transaction t on t.object_id = o.invoice_id::text
        and t.kind = 'opened' and t.provider = 'klynge' and t.phase = 'issued'
    join ledger_transaction r on r.reverses_id = t.id
"""
_TAKEN_BACK = "s.invoice_id in (select invoice_id from withdrawn)"
NOT_PAID = f"""
    select {_TOLD}, case when s.credited >= s.gross or {_TAKEN_BACK} then 'credited' else 'written_off' end as bucket
    from invoice_standing s where {_BY_THEN} and s.balance <= 0 and {_GIVEN}
    union all
    select {_TOLD}, 'credited' from invoice_standing s
    where {_BY_THEN} and s.balance <= 0 and not {_GIVEN} and {_TAKEN_BACK}
"""
# What is settled and neither; what came to nothing is paid from the first.
_PAID = f"""
    select {_TOLD} from invoice_standing s where {_BY_THEN} and s.balance <= 0 and not {_GIVEN}
        and not {_TAKEN_BACK} and {{days}}
    union all
    select {_TOLD} from invoice_standing s where {_AT} and s.starts_on > $3 and s.first and s.gross = 0 and {{days}}
    union all
    select {_TOLD} from invoice_untouched s where {_AT} and s.gross = 0 and {{days}}
"""
# Where a document stands in each order: of what is owed, and of what is done (what credit notes come to is below zero).
_BY_DAY, _BY_AMOUNT = "date '2000-01-01' - x.issued_on", "-x.gross"
_OWED_KEYS = {"due": ("0", "x.due_on - date '2000-01-01'"), "newest": ("0", _BY_DAY), "amount": ("0", _BY_AMOUNT)}
_DONE_KEYS = {"due": ("2", _BY_DAY), "newest": ("0", _BY_DAY), "amount": ("0", _BY_AMOUNT)}
_FIRST = f"""
with withdrawn as materialized ({WITHDRAWN})
select x.id from ({{rows}}) x where ({{a}}, ({{b}})::bigint, x.id) > ($4::bigint, $5::bigint, $6::uuid)
order by {{order}}, x.id limit $7
"""
_ISSUED = """
select i.id, i.issued_on, {sign}i.gross as gross from invoice i
where i.host_id = $1 and i.status = 'issued' and i.issued_on <= $3 and {kinds} and {of_network} and {bound}
"""
_BEGINNING: Place = (-1, 0, UUID(int=0))
_LATE = {"open": (None, 0), "late30": (1, 30), "late60": (31, 60), "late90": (61, 90), "late": (91, None)}


class Firsts:
    """The search for the first `limit` documents of a list, after a place in it."""

    def __init__(
        self, connection: Connection, at: tuple[UUID, UUID, date], of_network: str, sort: str, after: Place | None
    ) -> None:
        self.connection = connection
        self.at = at  # host, network, day
        self.of_network = of_network  # the condition on a document `i`, by $1 and $2
        self.sort = sort
        self.after = after

    async def ids(self, buckets: Collection[str], limit: int) -> list[UUID]:
        """Those in some buckets, or in any when there are none; never drafts."""
        wanted = {*buckets} or {*_LATE, *DONE, "credit_note"}
        ages = [each for each in _LATE if each in wanted]
        if not buckets and self.sort == "newest":
            return await self._issued(("invoice", "credit_note"), limit)
        if not buckets and self.sort == "amount":
            found = await self._issued(("invoice",), limit)
            return found if len(found) >= limit else found + await self._issued(("credit_note",), limit)
        found = await self._owed(ages, limit) if ages else []
        if not buckets and len(found) >= limit:
            return found  # they all stand before what is done
        found += await self._paid(limit) if "paid" in wanted else []
        found += await self._not_paid(wanted & DONE - {"paid"}, limit)
        found += await self._issued(("credit_note",), limit) if "credit_note" in wanted else []
        return found

    async def _owed(self, ages: Collection[str], limit: int) -> list[UUID]:
        late = " or ".join(f"({_days_late(*_LATE[each])})" for each in ages)
        return await self._first(f"select * from ({OWED}) y where {late}", _OWED_KEYS[self.sort], limit)

    async def _not_paid(self, buckets: Collection[str], limit: int) -> list[UUID]:
        """What was credited or given up: few."""
        named = ", ".join(f"'{each}'" for each in sorted(buckets))
        rows = f"select * from ({NOT_PAID}) y where y.bucket in ({named})"
        return await self._first(rows, _DONE_KEYS[self.sort], limit) if buckets else []

    async def _paid(self, limit: int) -> list[UUID]:
        """Newest first, so a span of days is enough; by amount all of them are looked at."""
        if self.sort == "amount":
            return await self._first(_PAID.format(days="true"), _DONE_KEYS[self.sort], limit)
        found: list[UUID] = []
        until, length = self._newest(), SPAN
        while len(found) < limit and until >= EARLIEST:
            since = max(until - timedelta(days=length), EARLIEST - timedelta(days=1))
            days = f"s.issued_on > '{since}' and s.issued_on <= '{until}'"
            found += await self._first(_PAID.format(days=days), _DONE_KEYS[self.sort], limit)
            until, length = since, min(length * 4, WHOLE)
        return found

    def _newest(self) -> date:
        """The last day of issue that what is done can have, after the place."""
        if self.after is None or self.sort == "amount" or self.after[0] != int(_DONE_KEYS[self.sort][0]):
            return self.at[2]
        return min(self.at[2], EPOCH - timedelta(days=min(max(self.after[1], -WHOLE), WHOLE)))

    async def _issued(self, kinds: tuple[str, ...], limit: int) -> list[UUID]:
        """Straight from the index of days, or of amounts: there invoices by themselves, and credit notes."""
        notes = kinds == ("credit_note",)
        sign = "-" if notes else ""
        bound, order = f"i.issued_on <= '{self._newest()}'", "x.issued_on desc"
        if self.sort == "amount":
            order = "x.gross desc"
            bound = f"{sign}i.gross <= {-self.after[1]}" if self.after is not None else "true"
        named = ", ".join(f"'{each}'" for each in kinds)
        rows = _ISSUED.format(sign=sign, kinds=f"i.kind in ({named})", of_network=self.of_network, bound=bound)
        return await self._first(rows, _DONE_KEYS[self.sort], limit, order)

    async def _first(self, rows: str, key: tuple[str, str], limit: int, order: str = "") -> list[UUID]:
        sql = _FIRST.format(rows=rows, a=key[0], b=key[1], order=order or key[1])
        found = await self.connection.fetch(sql, *self.at, *(self.after or _BEGINNING), limit)
        return [row["id"] for row in found]


def _days_late(least: int | None, most: int | None) -> str:
    """The condition on an invoice `y` that is so many days late on the day."""
    low = f"$3::date - y.due_on >= {least}" if least is not None else "true"
    return f"{low} and $3::date - y.due_on <= {most}" if most is not None else low
