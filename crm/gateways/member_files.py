"""A stream of members as JSON lines, turned into a file: CSV, XLSX or JSON-LD, a few hundred members at a time."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Literal

import msgspec

from crm.gateways import linked_data, sheets
from crm.gateways.sheets import About, Column

Kind = Literal["csv", "xlsx", "jsonld"]
MEDIA: dict[str, str] = {"csv": sheets.CSV, "xlsx": sheets.XLSX, "jsonld": linked_data.MEDIA_TYPE}
SCHEMES = ("no-orgnr", "vat", "lei", "ror", "pic")
BETWEEN = " "  # several numbers of one scheme
_FIRST = (
    Column("id", width=38), Column("organisation_id", width=38), Column("name", width=40), Column("kind"),
    Column("country", width=9), Column("website", width=30),
)  # fmt: skip
_LAST = (
    Column("network", width=26), Column("tier"), Column("status"), Column("origin"), Column("starts_on", "day", 12),
    Column("ends_on", "day", 12), Column("version", "number", 9), Column("agreement"), Column("contact_name", width=24),
    Column("contact_email", width=30),
)  # fmt: skip
COLUMNS = (*_FIRST, *(Column(scheme, width=22) for scheme in SCHEMES), *_LAST)
Member = Mapping[str, Any]


def written(
    kind: Kind, lines: AsyncGenerator[bytes, None], about: About, names: Mapping[str, str]
) -> AsyncGenerator[bytes, None]:
    """The file. Headings are the names the API has for them; `names`: slug -> what the network is called."""
    if kind == "jsonld":
        return linked_data.as_json_ld(members(lines), names)
    if kind == "xlsx":
        return sheets.as_xlsx(COLUMNS, _rows(lines), about)
    return sheets.as_csv(COLUMNS, _rows(lines))


async def members(lines: AsyncGenerator[bytes, None]) -> AsyncGenerator[Sequence[Member], None]:
    """Members out of pieces of JSON lines, wherever the pieces were cut."""
    rest = b""
    async with aclosing(lines):
        async for piece in lines:
            *whole, rest = (rest + piece).split(b"\n")
            if whole:
                yield [msgspec.json.decode(each) for each in whole]
    if rest:
        yield [msgspec.json.decode(rest)]


def row(member: Member) -> list[Any]:
    """One member's cells, in the order of COLUMNS; what is not disclosed is empty."""
    who, contact = member["organisation"], member.get("contact") or {}
    numbers: dict[str, list[str]] = {}
    for each in who.get("identifiers", ()):
        numbers.setdefault(each["scheme"], []).append(each["value"])
    return [
        member["id"], who["id"], *(who.get(name) for name in ("name", "kind", "country", "website")),
        *(BETWEEN.join(numbers[scheme]) if scheme in numbers else None for scheme in SCHEMES),
        *(member.get(name) for name in ("network", "tier", "status", "origin", "starts_on", "ends_on", "version")),
        member.get("agreement"), contact.get("name"), contact.get("email"),
    ]  # fmt: skip


async def _rows(lines: AsyncGenerator[bytes, None]) -> AsyncGenerator[Sequence[sheets.Row], None]:
    async with aclosing(members(lines)) as batches:
        async for batch in batches:
            yield [row(member) for member in batch]
