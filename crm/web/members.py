"""The member list: filters with counts, chips, columns to sort by, a page of rows, totals, and what may be done."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency

from crm import directory_words, nace
from crm.custom_values import Definition
from crm.database import Connection
from crm.i18n import N_, Translator
from crm.reads import known_names, member_counts, saved_views
from crm.reads import member_search as reads
from crm.reads.member_query import NONE, STATES
from crm.reads.member_search import Found, Key, Member, Order
from crm.web import custom_words, member_filters, selections
from crm.web.member_filters import Asked, Marks
from crm.web.office import Office, reading, show

LONGEST_KEY = 600
MOST_CHOICES = 40  # of one facet; what is ticked is always shown
# Each column that can be sorted by, and which way round it is then (for who cannot see the arrow).
UP, DOWN = "ascending", "descending"
SORTED = {"name": UP, "tier": DOWN, "since": DOWN, "fee": DOWN, "balance": DOWN, "contact": UP}


@get("/members", include_in_schema=False)
async def show_members(request: Request, office: NamedDependency[Office]) -> Response[str]:
    after = key_of(request.query_params.get("after", ""))
    async with office.context.db.reading(office.actor.sees) as connection:
        known = await member_filters.marks(connection, office)
        asked = member_filters.read(pairs_of(request), office, known)
        search = searched(office, asked, known)
        found = await reads.search(connection, search, asked.order, after)
        rows = await rows_of(connection, office, search, [each.id for each in found.page.places])
        views = await saved_views.of_reader(connection, office.network.id, office.session.account)
    links = Links(office, asked)
    shown = {
        "asked": asked,
        "when": asked.when,
        "links": links,
        "facets": facets_of(office, found.counts, asked, known),
        "ranges": custom_words.ranges(office, known, asked.filters.fields),
        "chips": chips_of(office, asked, known, links),
        "columns": columns_of(office, asked, links),
        "rows": [row_of(office, row, known, search.currency) for row in rows],
        "totals": found.totals,
        "currency": search.currency,
        "page": found.page,
        "next_key": key_text(found.page.places[-1].key) if found.page.more else "",
        "previous_key": key_text(found.page.previous) if found.page.previous else "",
        "selection": selections.all_shown(asked, found.totals.members).text,
        "views": views,
        "fields": custom_words.shown(office, known.fields),
    }
    return await show(request, office, "office/members.html", "members", **shown)


handlers = [reading(show_members)]


def searched(office: Office, asked: Asked, known: Marks) -> reads.Search:
    """What is asked, with what each member pays a year."""
    search = member_filters.search_of(office, asked, known)
    return reads.with_prices(search, office.kept.rulebooks, office.network.slug)


async def rows_of(connection: Connection, office: Office, search: reads.Search, wanted: Sequence[UUID]) -> list[Member]:
    """The rows of a page, under the names of the day."""
    rows = await reads.members(connection, search, wanted)
    return await named(connection, rows, search.day, office.today)


async def named(connection: Connection, rows: list[Member], day: date, today: date) -> list[Member]:
    """The same members under the names they had on the day."""
    if day == today:
        return rows
    then = await known_names.on(connection, [row.organisation_id for row in rows], day)
    return [msgspec.structs.replace(row, name=then.get(row.organisation_id, row.name)) for row in rows]


def pairs_of(request: Request) -> list[tuple[str, str]]:
    """What stands in the address, in order."""
    return [(name, value) for name, value in request.query_params.multi_items() if isinstance(value, str)]


class Links:
    """Addresses of the list with one thing changed: every state of the list has one."""

    def __init__(self, office: Office, asked: Asked) -> None:
        self.asked, self.here = asked, f"{office.base}/members"

    @property
    def day_query(self) -> str:
        """The day, for addresses of members."""
        return self.asked.when.query

    @property
    def cleared(self) -> str:
        """The list of the day without any filter."""
        return self._at([("sort", v) for n, v in self.asked.pairs() if n == "sort"] + self.asked.when.pairs)

    def without(self, name: str, value: str = "") -> str:
        """Without one filter, or without one value of it."""
        gone = {name, f"{name}.has", f"{name}.from", f"{name}.to"}
        return self._at(
            [(n, v) for n, v in self.asked.pairs() if not (n == name and v == value if value else n in gone)]
        )

    def sort(self, by: str) -> str:
        """By another column; by the same one the other way round."""
        order = self.asked.order
        back = order.by == by and not order.back
        pairs = [(n, v) for n, v in self.asked.pairs() if n != "sort"]
        return self._at(pairs if by == "name" and not back else [*pairs, ("sort", ("-" if back else "") + by)])

    def page(self, after: str) -> str:
        """Another page of the same list."""
        return self._at(self.asked.pairs() + ([("after", after)] if after else []))

    def kept(self, *names: str, prefix: str = "") -> list[tuple[str, str]]:
        """What a form carries along: everything but what it asks for itself."""
        return [(n, v) for n, v in self.asked.pairs() if n not in names and not (prefix and n.startswith(prefix))]

    def kept_beside(self) -> list[tuple[str, str]]:
        """What the form of all filters carries along: the text, the order and the day."""
        return [(n, v) for n, v in self.asked.pairs() if n in ("q", "sort", "as_of", "known")]

    def filters_kept(self) -> list[tuple[str, str]]:
        """What the day's form carries along."""
        return self.kept("as_of", "known")

    def file(self, kind: str) -> str:
        """All of it as a file."""
        return self._at(self.asked.pairs(), f"/export.{kind}")

    def _at(self, pairs: Sequence[tuple[str, str]], path: str = "") -> str:
        return self.here + path + (f"?{urlencode(pairs)}" if pairs else "")


def key_text(key: Key) -> str:
    """A place in the list's order, for an address."""
    return urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def key_of(text: str) -> Key | None:
    """The place an address names; None when it names none."""
    if not text or len(text) > LONGEST_KEY:
        return None
    try:
        raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        key = msgspec.json.decode(raw, type=Key)
    except (ValueError, msgspec.MsgspecError):
        return None
    return key if abs(key[0]) < 2**62 and "\0" not in key[1] else None


def origin_words(t: Translator) -> dict[str, str]:
    """Why somebody is a member."""
    return {"direct": t.gettext("Own"), "linked": t.gettext("By rule"), "both": t.gettext("Own and by rule")}


def state_words(t: Translator) -> dict[str, str]:
    """How a membership stands on the day of the list."""
    return {
        "active": t.gettext("Active"),
        "ending": t.gettext("Ending"),
        "suspended": t.gettext("Suspended"),
        "pending": t.gettext("Starts later"),
        "ended": t.gettext("Ended"),
    }


LEGENDS = {
    "tier": N_("Level"),
    "state": N_("Status"),
    "origin": N_("Origin"),
    "tag": N_("Tag"),
    "balance": N_("Balance"),
    "leaving": N_("Leaves within"),
    "kind": N_("Kind"),
    "size": N_("Size"),
    "field": N_("Field of work"),
    "nace": N_("Industry (NACE)"),
    "county": N_("County"),
    "country": N_("Country"),
    "responsible": N_("Looked after by"),
    "contact": N_("Contact"),
}
BALANCES = {"open": N_("Owes something"), "overdue": N_("Overdue")}


def labels(office: Office, group: str, known: Marks) -> Callable[[str], str]:
    """What the values of a group are called."""
    t = office.t
    if group == "tag":
        by_tag = {str(each.id): each.name for each in known.tags} | {NONE: t.gettext("No tag")}
        return lambda value: by_tag.get(value, value)
    if group == "responsible":
        people = {str(each.account): each.name for each in known.people} | {NONE: t.gettext("Nobody")}
        return lambda value: people.get(value, t.gettext("Somebody without a role here"))
    fixed: dict[str, dict[str, str]] = {
        "state": state_words(t),
        "origin": origin_words(t),
        "size": {code: t.gettext(name) for code, name in directory_words.SIZES.items()},
        "field": {code: t.gettext(name) for code, name in directory_words.FIELDS.items()},
        "county": directory_words.COUNTIES,
        "balance": {code: t.gettext(name) for code, name in BALANCES.items()},
        "contact": {NONE: t.gettext("Nobody is registered")},
    }
    if group in fixed:
        return lambda value: fixed[group].get(value) or value or t.gettext("Not known")
    if group == "nace":
        return lambda value: f"{found[0]} {t.text(found[1])}" if (found := nace.names(value)) else value
    if group == "leaving":
        return lambda value: t.gettext("%(days)s days", days=t.number(int(value)))
    called = {"tier": office.tier, "kind": office.kind, "country": office.country}[group]
    return lambda value: called(value) if value else t.gettext("Not known")


def facets_of(office: Office, counts: dict[str, dict[str, int]], asked: Asked, known: Marks) -> list[dict[str, Any]]:
    """For each group of filters what each value would give, the other groups as they are."""
    out = []
    for name, legend in LEGENDS.items():
        counted, picked = counts.get(name, {}), asked.filters.of(name)
        label = labels(office, name, known)
        values = _values(name, office, counted, picked, label, known)
        if name in ("size", "kind", "county", "country"):
            values = [v for v in values if v]  # what is not known cannot be asked for
        choices = _choices(values, counted, picked, label)
        if choices:
            out.append({"name": name, "legend": office.t.gettext(legend), "choices": choices, "open": bool(picked)})
    for field in known.fields:
        if field.kind in member_counts.COUNTED:
            out.append(_field_facet(office, field, counts.get(f"f.{field.code}", {}), asked))
    for each in out[:3]:
        each["open"] = True
    return out


def _field_facet(office: Office, field: Definition, counted: dict[str, int], asked: Asked) -> dict[str, Any]:
    picked = asked.filters.fields.get(field.code, {}).get("is", ())
    named = custom_words.choices(office.t, field) | {NONE: office.t.gettext("No answer")}
    choices = _choices(named, counted, picked, lambda value: named[value])
    legend = office.t.text(field.names)
    return {"name": f"f.{field.code}", "legend": legend, "choices": choices, "open": bool(picked)}


def _values(
    name: str,
    office: Office,
    counted: dict[str, int],
    picked: Sequence[str],
    label: Callable[[str], str],
    known: Marks,
) -> list[str]:
    """What is offered, in an order that stays: by level, by time, by the alphabet."""
    if name == "tier":
        return office.tiers()
    if name == "state":
        return list(STATES)
    if name in member_filters.WITHIN:
        return [v for v in member_filters.WITHIN[name] if name == "origin" or counted.get(v) or v in picked]
    there = {*counted, *picked}
    if name in ("tag", "responsible"):
        there &= {str(each.id) for each in known.tags} | {str(each.account) for each in known.people} | {NONE}
        return sorted(there, key=lambda v: (v == NONE, label(v).casefold()))
    most = sorted(there, key=lambda v: (v not in picked, -counted.get(v, 0), v))[:MOST_CHOICES]
    return sorted(most, key=lambda v: label(v).casefold())


def _choices(
    values: Iterable[str], counted: dict[str, int], picked: Sequence[str], label: Callable[[str], str]
) -> list[dict[str, Any]]:
    return [{"value": v, "label": label(v), "count": counted.get(v, 0), "checked": v in picked} for v in values]


def chips_of(office: Office, asked: Asked, known: Marks, links: Links) -> list[dict[str, str]]:
    """The filters that are on, each with the address without it."""
    t, f = office.t, asked.filters
    out = []
    if f.text:
        out.append({"label": t.gettext("Text: %(what)s", what=f.text), "href": links.without("q")})
    for name, legend in LEGENDS.items():
        label = labels(office, name, known)
        for value in f.of(name):
            said = f"{t.gettext(legend)}: {label(value)}"
            out.append({"label": said, "href": links.without(name, value)})
    if f.joined_from:
        said = t.gettext("Joined from %(day)s", day=t.date(f.joined_from))
        out.append({"label": said, "href": links.without("joined_from")})
    if f.joined_to:
        said = t.gettext("Joined by %(day)s", day=t.date(f.joined_to))
        out.append({"label": said, "href": links.without("joined_to")})
    for field in known.fields:
        for value, said in custom_words.asked(office, field, f.fields.get(field.code, {})):
            out.append({"label": said, "href": links.without(f"f.{field.code}", value)})
    return out


def columns_of(office: Office, asked: Asked, links: Links) -> list[dict[str, Any]]:
    """The heads of the table; a reader who may change something also has boxes to tick."""
    t, order = office.t, asked.order

    def column(by: str, label: str, **more: Any) -> dict[str, Any]:
        turned = {UP: DOWN, DOWN: UP}[SORTED[by]] if order.back else SORTED[by]
        return {"label": label, "sort_href": links.sort(by), "sorted": turned if order.by == by else "", **more}

    boxes = [{"label": t.gettext("Select"), "hidden": True, "screen": True}] if office.may_manage else []
    return [
        *boxes,
        column("name", t.gettext("Name")),
        column("tier", t.gettext("Level")),
        {"label": t.gettext("Networks")},
        column("since", t.gettext("Since")),
        column("fee", t.gettext("Fee a year"), num=True),
        column("balance", t.gettext("Balance"), num=True),
        column("contact", t.gettext("Last contact")),
    ]


def row_of(office: Office, row: Member, known: Marks, currency: str) -> dict[str, Any]:
    """One row in words."""
    t = office.t
    person = known.person(row.responsible)
    return {
        "id": row.id,
        "organisation_id": row.organisation_id,
        "name": row.name,
        "tier": office.tier(row.tier) if row.tier else "",
        "state": row.state,
        "state_words": state_said(office, row),
        "origin": row.origin,
        "networks": [
            {"network": office.face(office.kept.by_id[each.network_id]), "linked": each.origin == "linked"}
            for each in row.networks
            if each.network_id in office.kept.by_id
        ],
        "since": row.since,
        "fee": fee_said(office, row, currency),
        "owed": t.money(row.owed, currency) if row.owed else "",
        "overdue": bool(row.overdue),
        "last_contact": row.last_contact,
        "tags": [tag for each in row.tags if (tag := known.tag(each))],
        "responsible": person.name if person else "",
        "answers": custom_words.answers(office, known.fields, row.fields),
    }


def fee_said(office: Office, row: Member, currency: str) -> str:
    """What the member pays a year, in words where there is no figure."""
    if row.origin == "linked":
        return office.t.gettext("By the link rule")
    return office.t.money(row.fee, currency) if row.fee is not None else office.t.gettext("Size not known")


def state_said(office: Office, row: Member) -> str:
    """The state with its day; empty for the plain word."""
    if row.state == "ending" and row.ends_on:
        return office.t.gettext("Ends %(day)s", day=office.last_day(row.ends_on))
    if row.state == "ended" and row.ends_on:
        return office.t.gettext("Ended %(day)s", day=office.last_day(row.ends_on))
    return ""


__all__ = ["Found", "Links", "Order", "handlers", "named", "searched"]
