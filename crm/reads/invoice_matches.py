"""Which issued documents of a host have a text in their number, their KID or their buyer's name; by index.

A number is written `series-number`. Numbers have no leading zeros, so those that have some digits in them are a few
spans of whole numbers for each place where the digits can stand, and nobody reads the others.
"""

from collections.abc import Iterator
from itertools import islice
from uuid import UUID

from crm.database import Connection

MOST_MATCHES = 5_000  # more are found by looking at every document
MOST_SPANS = 2_000
Span = tuple[int, int]

# Each series of the host with its last number, without going through the numbers.
_SERIES = """
with recursive one as (
    (select i.series from invoice i where i.host_id = $1 and i.number is not null order by i.series limit 1)
    union all
    select (select i.series from invoice i where i.host_id = $1 and i.number is not null and i.series > one.series
        order by i.series limit 1)
    from one where one.series is not null
)
select one.series, (select i.number from invoice i where i.host_id = $1 and i.series = one.series
    and i.number is not null order by i.number desc limit 1) as last from one where one.series is not null
"""
# (Each span by itself, by index: joined they would be hashed by their series, and all compared with all.)
_NUMBERED = """
select i.id from unnest($2::text[], $3::bigint[], $4::bigint[]) as s (series, low, high) cross join lateral (
    select i.id from invoice i
    where i.host_id = $1 and i.series = s.series and i.number between s.low and s.high limit $5
) i limit $5
"""
_OF_BUYERS = """
select i.id from organisation o join invoice i on i.organisation_id = o.id and i.host_id = $1
where lower(o.name) like lower($2) limit $3
"""
_BY_KID = "select i.id from invoice i where i.host_id = $1 and i.kid <> '' and i.kid like $2 limit $3"


async def matching(connection: Connection, host: UUID, text: str, pattern: str) -> list[UUID] | None:
    """The ids, each at least once; None when there are too many. `pattern`: the text as LIKE takes it.

    As ILIKE finds it in a number and a name, and LIKE in a KID.
    """
    wanted: list[tuple[str, Span]] = []
    for series, last in await connection.fetch(_SERIES, host):
        spans = _spans(series, text, last)
        if spans is None or len(wanted) + len(spans) > MOST_SPANS:
            return None
        wanted += [(series, span) for span in spans]
    most = MOST_MATCHES + 1
    found = await connection.fetch(_OF_BUYERS, host, pattern, most)
    if wanted:
        columns = [s for s, _ in wanted], [low for _, (low, _) in wanted], [high for _, (_, high) in wanted]
        found += await connection.fetch(_NUMBERED, host, *columns, most)
    if all(each in "0123456789-" for each in text):
        found += await connection.fetch(_BY_KID, host, pattern, most)
    return None if len(found) > MOST_MATCHES else [row["id"] for row in found]


def _spans(series: str, text: str, last: int) -> list[Span] | None:
    """The numbers up to the last with which `series-number` has the text in it; None: all, or too many spans."""
    head, sought = f"{series}-".lower(), text.lower()
    if sought in head:
        return None
    out: list[Span] = []
    for at in range(1, len(sought)):
        if head.endswith(sought[:at]) and _digits(sought[at:]):
            out += _beginning(sought[at:], last)
    if _digits(sought):
        out += islice(_containing(sought, last), MOST_SPANS + 1)
    return out if len(out) <= MOST_SPANS else None


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _beginning(digits: str, last: int) -> Iterator[Span]:
    """The numbers that begin with some digits."""
    if digits[0] != "0":
        for more in range(len(str(last)) - len(digits) + 1):
            yield int(digits) * 10**more, (int(digits) + 1) * 10**more - 1


def _containing(digits: str, last: int) -> Iterator[Span]:
    """The numbers that have some digits in them: at the end, before one more digit, and so on."""
    for more in range(len(str(last)) - len(digits) + 1):
        step, low = 10 ** (len(digits) + more), int(digits) * 10**more
        for before in range(1 if digits[0] == "0" else 0, last // step + 1):
            yield before * step + low, before * step + low + 10**more - 1
