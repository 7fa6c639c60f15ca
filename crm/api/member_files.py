"""Today's list of members as a file: which one is asked for (by Accept, or the end of the address), and its writing."""

from collections.abc import AsyncGenerator
from typing import Any, Literal, cast
from uuid import UUID

from crm.actions import exports
from crm.api.operations import Call
from crm.i18n import N_

NDJSON = "application/x-ndjson"
Format = Literal["ndjson", "csv", "xlsx", "jsonld"]
FILES: tuple[Format, ...] = ("csv", "xlsx", "jsonld")
MEDIA: dict[Format, str] = {"ndjson": NDJSON, **{kind: exports.MEDIA[kind] for kind in FILES}}  # type: ignore[dict-item]
_BY_TYPE = {media.partition(";")[0]: kind for kind, media in MEDIA.items()}
ZIPPED = ("xlsx",)  # packed already
TITLE = N_("Members of %(network)s, %(day)s")


def asked(call: Call[Any, None]) -> Format | None:
    """The format; None: pages of JSON. The end of the address has the last word, then what is accepted best."""
    ending = call.operation.path.rpartition(".")[2]
    if ending in FILES:
        return cast(Format, ending)
    best, found = 0.0, None
    for each in call.request.headers.get("accept", "").lower().split(",")[:20]:
        name, *parameters = (part.strip() for part in each.split(";"))
        quality = next((_number(p[2:]) for p in parameters if p.startswith("q=")), 1.0)
        if quality > best and (name in _BY_TYPE or name in ("application/json", "*/*", "application/*")):
            best, found = quality, _BY_TYPE.get(name)
    return found


async def written(
    call: Call[Any, None], kind: Format, lines: AsyncGenerator[bytes, None], network: UUID
) -> AsyncGenerator[bytes, None]:
    """The file's bytes; its name, of the network and the day, goes into the headers. Lines stay as they are."""
    if kind == "ndjson":
        return lines
    kept = await call.kept()
    row = kept.by_id[network]
    day = call.context.clock.today(row.zone)
    names = {each.slug: each.names.get(call.language, each.slug) for each in kept.networks}
    call.headers["content-disposition"] = f'attachment; filename="{row.slug}-{day.isoformat()}.{kind}"'
    title = call.t.gettext(TITLE, network=names[row.slug], day=call.t.date(day))
    return exports.of_members(call.context, cast(exports.Kind, kind), lines, title, names)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
