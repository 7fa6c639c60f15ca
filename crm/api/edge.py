"""From bytes to checked values: query, path, headers and JSON body. What is wrong is named, field and rule.

Nothing from outside goes further than this without a type and a limit.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from functools import cache
from typing import Annotated, Any, TypeVar, cast
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

import msgspec
from litestar import Request
from msgspec import Meta

from crm.api.problems import EdgeError
from crm.i18n import TIME_ZONE

T = TypeVar("T", bound=msgspec.Struct)

MOST_PARAMETERS = 20  # and as many again for each that may be given several times
IDEMPOTENCY_KEY_MAX = 255
EARLIEST_DAY = date(1900, 1, 1)
DAYS_AHEAD_MAX = 3660
_VISIBLE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PLACE = re.compile(r"(?:\.|\[)([^.\[\]]+)\]?")
_NAMED = re.compile(r"`(.+)`")


def query(request: Request, shape: type[T]) -> T:
    """The query string as `shape`; unknown parameters are refused, and repeated ones where the field is no tuple."""
    raw = request.scope.get("query_string", b"")
    known = fields_of(shape)
    several = _repeatable(shape)
    most = MOST_PARAMETERS * (1 + len(several))
    values: dict[str, Any] = {}
    if raw:
        try:
            pairs = parse_qsl(raw.decode("ascii"), True, errors="strict", max_num_fields=most)
        except ValueError as error:
            raise EdgeError(400, "query", "query_malformed") from error
        for name, value in pairs:
            if name not in known:
                raise EdgeError(422, name[:100], "parameter_unknown", known=", ".join(sorted(known)))
            if name in values and name not in several:
                raise EdgeError(422, name, "parameter_twice")
            if value.lower() == "null":  # msgspec would take it as "left out"
                raise EdgeError(422, name, "type_wrong", message=f"{value!r} is not a value")
            values[name] = (*values.get(name, ()), value) if name in several else value
    try:
        return msgspec.convert(values, shape, strict=False)
    except msgspec.ValidationError as error:
        raise told(error) from error


@cache
def fields_of(shape: type[msgspec.Struct]) -> frozenset[str]:
    """The names a struct has outside; msgspec works them out anew each time it is asked."""
    return frozenset(f.encode_name for f in msgspec.structs.fields(shape))


@cache
def _repeatable(shape: type[msgspec.Struct]) -> frozenset[str]:
    """Parameters that may be given several times."""
    info = cast(msgspec.inspect.StructType, msgspec.inspect.type_info(shape))
    kinds = {f.encode_name: f.type for f in info.fields}
    bare = {n: kind.type if isinstance(kind, msgspec.inspect.Metadata) else kind for n, kind in kinds.items()}
    return frozenset(name for name, kind in bare.items() if isinstance(kind, msgspec.inspect.VarTupleType))


async def body(request: Request, shape: type[T]) -> T:
    """The JSON body as `shape`."""
    kind = request.headers.get("content-type", "")
    media, _, parameters = kind.partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if media.strip().lower() != "application/json" or charset not in ("", "utf-8"):
        raise EdgeError(415, "content-type", "unsupported_media_type")
    raw = await request.body()
    try:
        return msgspec.json.decode(raw, type=shape)
    except msgspec.ValidationError as error:
        raise told(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EdgeError(400, "body", "body_malformed", message=str(error)[:120]) from error


def no_body(raw: bytes) -> None:
    """A request that carries nothing must carry nothing: what is sent is refused, not ignored."""
    if raw:
        raise EdgeError(400, "body", "body_unexpected")


def written(parameters: Iterable[tuple[str, Any]]) -> str:
    """A query string of these parameters, as the next page's address has it."""
    return urlencode([(name, str(value).lower() if isinstance(value, bool) else value) for name, value in parameters])


def next_link(address: str, parameters: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> str:
    """The Link header of a page that is not the last one (RFC 8288); parameters without a value are left out."""
    pairs = parameters.items() if isinstance(parameters, Mapping) else parameters
    return f'<{address}?{written([(name, value) for name, value in pairs if value])}>; rel="next"'


def identity(value: str, name: str) -> UUID:
    """An id from the path; what is no id is not found."""
    if not _UUID.fullmatch(value):
        raise EdgeError(404, name, "uuid_format")
    return UUID(value)


def cursor_id(cursor: str | None) -> UUID | None:
    """The id in a cursor of a list in the order of ids; None at its beginning."""
    if cursor is None:
        return None
    if not _UUID.fullmatch(cursor):
        raise EdgeError(422, "cursor", "cursor_invalid")
    return UUID(cursor)


KnownAt = Annotated[
    str,
    Meta(
        max_length=40,
        description="As it was known at this moment (RFC 3339), or at the end of this day in Oslo.",
        examples=["2026-11-22", "2026-11-22T09:00:00Z"],
    ),
]


def day(value: date, name: str, today: date) -> date:
    """A day somebody asks about, within what the register can know."""
    latest = today + timedelta(days=DAYS_AHEAD_MAX)
    if not EARLIEST_DAY <= value <= latest:
        raise EdgeError(422, name, "date_out_of_range", given=value, earliest=EARLIEST_DAY, latest=latest)
    return value


def moment(value: str | None, name: str, now: datetime) -> datetime | None:
    """As it was known at a moment; a plain day means its end, in Oslo."""
    if value is None:
        return None
    try:
        if len(value) == len("2026-11-22"):
            known = day(msgspec.convert(value, date), name, now.date())
            following = known + timedelta(days=1)
            return datetime(following.year, following.month, following.day, tzinfo=TIME_ZONE)
        found = msgspec.convert(value, datetime)
    except msgspec.ValidationError as error:
        raise EdgeError(422, name, "moment_format") from error
    if found.tzinfo is None:
        raise EdgeError(422, name, "moment_format")
    day(found.date(), name, now.date())
    return found


def idempotency_key(request: Request) -> str | None:
    """The header, when it is sent."""
    value = request.headers.get("idempotency-key")
    if value is None:
        return None
    if len(value) > IDEMPOTENCY_KEY_MAX or not _VISIBLE.fullmatch(value):
        rule = f"1 to {IDEMPOTENCY_KEY_MAX} visible ASCII characters"
        raise EdgeError(400, "idempotency-key", "header_format", rule=rule)
    return value


def told(error: msgspec.ValidationError) -> EdgeError:
    """msgspec's one complaint as field and rule."""
    message, _, place = str(error).partition(" - at `$")
    parts = _PLACE.findall(place.rstrip("`"))
    named = _NAMED.search(message)
    name = named[1] if named else ""
    for start, code in _RULES:
        if message.startswith(start):
            if code in ("field_unknown", "field_missing"):
                return EdgeError(422, _field([*parts, name[:100]]), code)
            return EdgeError(422, _field(parts), code, message=message)
    return EdgeError(422, _field(parts), "type_wrong", message=message)


_RULES = (
    ("Object contains unknown field", "field_unknown"),
    ("Object missing required field", "field_missing"),
    ("Invalid RFC3339 encoded date", "date_format"),
    ("Invalid UUID", "uuid_format"),
    ("Invalid enum value", "value_unknown"),
    ("Expected `int` >", "number_out_of_range"),
    ("Expected `int` <", "number_out_of_range"),
    ("Integer value out of range", "number_out_of_range"),
    ("Number out of range", "number_out_of_range"),
    ("Expected `str` of length", "length_out_of_range"),
    ("Expected `str` matching", "pattern_wrong"),
)


def _field(parts: list[Any]) -> str:
    return ".".join(str(p) for p in parts) or "body"
