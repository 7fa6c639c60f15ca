"""The member list's address: what it asks for, read without trusting it, and written with one thing changed."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec

from crm.custom_values import Definition
from crm.database import Connection
from crm.reads import custom_fields, people, tags
from crm.reads import member_search as reads
from crm.reads.member_query import BALANCES, GROUPS, NONE
from crm.reads.member_search import LEAVING, ORIGINS, SIZES, STATES, Filters, Order
from crm.reads.people import Person
from crm.reads.tags import Tag
from crm.web import amounts
from crm.web.fields import When, day_of
from crm.web.office import Office

LONGEST_SEARCH = 100
MOST_VALUES = 100  # of one group
WITHIN = {"tier": (), "origin": ORIGINS, "state": STATES, "size": SIZES, "balance": BALANCES, "leaving": LEAVING}
OPEN_GROUPS = ("kind", "county", "country", "field", "nace")  # whatever stands in the address is looked for
DATES = ("joined_from", "joined_to")


class Marks(msgspec.Struct, frozen=True):
    """What a network says of its members in its own words: tags, custom fields, and the people who look after them."""

    tags: tuple[Tag, ...] = ()
    fields: tuple[Definition, ...] = ()
    people: tuple[Person, ...] = ()

    def tag(self, wanted: UUID) -> Tag | None:
        """The tag with this id."""
        return next((each for each in self.tags if each.id == wanted), None)

    def field(self, code: str) -> Definition | None:
        """The field with this code."""
        return next((each for each in self.fields if each.code == code), None)

    def person(self, wanted: UUID | None) -> Person | None:
        """The person with this account."""
        return next((each for each in self.people if each.account == wanted), None)


class Asked(msgspec.Struct, frozen=True):
    """What the address of the list asks for, but for the page."""

    filters: Filters
    order: Order
    when: When

    @property
    def narrowed(self) -> bool:
        """Is anything filtered?"""
        f = self.filters
        return bool(f.text or f.picked or f.fields or f.joined_from or f.joined_to)

    def pairs(self) -> list[tuple[str, str]]:
        """As it stands in an address; what is as it is anyway is left out."""
        f = self.filters
        pairs = [("q", f.text)] if f.text else []
        pairs += [(name, value) for name in GROUPS for value in f.of(name)]
        for code, said in f.fields.items():
            pairs += [(f"f.{code}", value) for value in said.get("is", ())]
            pairs += [(f"f.{code}.{part}", said["typed"][part]) for part in ("has", "from", "to") if part in said]
        pairs += [(name, getattr(f, name).isoformat()) for name in DATES if getattr(f, name)]
        if (self.order.by, self.order.back) != ("name", False):
            pairs.append(("sort", ("-" if self.order.back else "") + self.order.by))
        return pairs + self.when.pairs

    @property
    def query(self) -> str:
        """The same as text, without a question mark."""
        return urlencode(self.pairs())


async def marks(connection: Connection, office: Office) -> Marks:
    """The open network's own words."""
    found = await people.of_network(connection, office.network.id, office.network.host_id)
    alone = {each.account: each for each in reversed(found)}
    return Marks(
        tuple(await tags.of_network(connection, office.network.id)),
        tuple(await custom_fields.of_network(connection, office.network.id)),
        tuple(sorted(alone.values(), key=lambda each: (each.name.casefold(), each.account))),
    )


def read(pairs: Sequence[tuple[str, str]], office: Office, known: Marks) -> Asked:
    """What an address asks for; a value nobody could choose is left out."""
    when = _when(pairs, office)
    single = dict(reversed(pairs))
    picked = {name: found for name in GROUPS if (found := _picked(name, pairs, office, known))}
    fields = {field.code: said for field in known.fields if (said := _said(field, pairs, single, office))}
    sort = single.get("sort", "name")
    by = sort.removeprefix("-")
    return Asked(
        Filters(
            text=" ".join(single.get("q", "")[:LONGEST_SEARCH].replace("\0", "").split()),
            picked=picked,
            fields=fields,
            joined_from=day_of(single.get("joined_from", "")),
            joined_to=day_of(single.get("joined_to", "")),
            standing=reads.CURRENT if when.day == office.today else reads.THEN,
        ),
        Order(by, sort.startswith("-")) if by in reads.SORTS else reads.BY_NAME,
        when,
    )


def search_of(office: Office, asked: Asked, known: Marks) -> reads.Search:
    """The same for reading, in the open network."""
    books = office.kept.rulebooks.of(office.network.slug)
    return reads.Search(
        office.network.id,
        office.network.host_id,
        books[-1].currency if books else "NOK",
        asked.when.day,
        office.tiers(),
        asked.filters,
        asked.when.known_at(office.network.zone),
        tuple(reads.Field(each.id, each.code, each.kind) for each in known.fields),
        zone=office.network.time_zone,
    )


def _when(pairs: Sequence[tuple[str, str]], office: Office) -> When:
    said = dict(reversed(pairs))
    known = day_of(said.get("known", ""))
    day = day_of(said.get("as_of", "")) or office.today
    return When(day, office.today, known if known and known < office.today else None)


def _picked(name: str, pairs: Sequence[tuple[str, str]], office: Office, known: Marks) -> tuple[str, ...]:
    """The values of one group that could be chosen, in the order of the choices where there is one."""
    given = [value for key, value in pairs if key == name][:MOST_VALUES]
    if not given:
        return ()
    if name == "tag":
        choices: Sequence[str] = [str(each.id) for each in known.tags] + [NONE]
    elif name == "responsible":
        choices = [str(each.account) for each in known.people] + [NONE]
    elif name == "contact":
        choices = (NONE,)
    elif name in OPEN_GROUPS:
        choices = sorted({value for value in given if len(value) <= LONGEST_SEARCH and "\0" not in value})
    else:
        choices = office.tiers() if name == "tier" else WITHIN[name]
    return tuple(each for each in choices if each in given)


def _said(
    field: Definition, pairs: Sequence[tuple[str, str]], single: dict[str, str], office: Office
) -> dict[str, Any]:
    """What is asked of a custom field."""
    at = f"f.{field.code}"
    if field.kind in ("yes_no", "choice", "choices"):
        choices = ["yes", "no"] if field.kind == "yes_no" else [each.code for each in field.choices]
        given = {value for key, value in pairs if key == at}
        values = tuple(each for each in [*choices, NONE] if each in given)
        return {"is": values} if values else {}
    if field.kind == "text":
        text = " ".join(single.get(f"{at}.has", "")[:LONGEST_SEARCH].replace("\0", "").split())
        return {"has": text, "typed": {"has": text}} if text else {}
    typed = {part: single.get(f"{at}.{part}", "")[:LONGEST_SEARCH].strip() for part in ("from", "to")}
    bounds = {part: bound(field, text, office) for part, text in typed.items()}
    said = {part: value for part, value in bounds.items() if value is not None}
    return {**said, "typed": typed} if said else {}


def bound(field: Definition, text: str, office: Office) -> Any:
    """An end of a range as typed; None when it is none. Money stands in addresses as people write it."""
    if field.kind == "day":
        return day_of(text)
    if field.kind == "money":
        books = office.kept.rulebooks.of(office.network.slug)
        amount = amounts.read(text, books[-1].currency if books else "NOK")
        return None if amount is None else Decimal(amount)
    try:
        number = Decimal(text.strip().replace(",", ".")) if text.strip() else None
    except InvalidOperation:
        return None
    return number if number is not None and number.is_finite() and abs(number) < 10**15 else None
