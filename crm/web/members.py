"""The member list and the page of one member: why it is here, since when, what it pays, what happened."""

from datetime import date
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency

from crm.i18n import Translator
from crm.reads import known_names
from crm.reads import office as reads
from crm.web.fields import When, when_of
from crm.web.office import Office, reading, show

ORIGINS = ("direct", "linked", "both")
LONGEST_SEARCH = 100
MOST_PAGES = 10_000


@get("/members", include_in_schema=False)
async def show_members(request: Request, office: NamedDependency[Office]) -> Response[str]:
    when = when_of(request, office.today)
    day, known_at = when.day, when.known_at(office.network.zone)
    wanted = filters_of(request, office, day)
    tiers = office.tiers()
    async with office.context.db.reading(office.actor.sees) as connection:
        cube = await reads.cube(connection, office.network.id, day, tiers, wanted.text, known_at)
        rows = await reads.members(connection, office.network.id, day, tiers, wanted, known_at)
        if day != office.today:
            then = await known_names.on(connection, [row.organisation_id for row in rows], day)
            rows = [msgspec.structs.replace(row, name=then.get(row.organisation_id, row.name)) for row in rows]
    total = sum(n for key, n in cube.items() if reads.asked(key, wanted))
    shown = {"rows": rows, "total": total, "wanted": wanted, "day": day, "when": when, "page_size": reads.PAGE}
    links = Links(office, wanted, when)
    facets = facets_of(office, cube, wanted)
    return await show(request, office, "office/members.html", "members", links=links, facets=facets, **shown)


handlers = [reading(show_members)]


class Links:
    """Addresses of the list with one thing changed: every state of the list has one."""

    def __init__(self, office: Office, wanted: reads.Filters, when: When) -> None:
        self.wanted, self.when = wanted, when
        self.here = f"{office.base}/members"

    def to(self, **changed: Any) -> str:
        """The list as it is, but for what is given; a change goes back to the first page."""
        pairs = self.kept(**changed)
        return self.here + (f"?{urlencode(pairs)}" if pairs else "")

    def without(self, field: str, value: str) -> str:
        """The list without one filter."""
        return self.to(**{field: tuple(v for v in getattr(self.wanted, field) if v != value)})

    def kept(self, **changed: Any) -> list[tuple[str, str]]:
        """What a form of the list carries along: everything but what it asks for itself."""
        pairs = query_of(msgspec.structs.replace(self.wanted, **{"page": 1, **changed}))
        return pairs + self.when.pairs

    def file(self, kind: str) -> str:
        """All pages of the list as a file."""
        pairs = self.kept()
        return f"{self.here}/export.{kind}" + (f"?{urlencode(pairs)}" if pairs else "")

    def filters_kept(self) -> list[tuple[str, str]]:
        """What the day's form carries along."""
        return query_of(msgspec.structs.replace(self.wanted, page=1))

    @property
    def day_query(self) -> str:
        """The day, for addresses of members."""
        return self.when.query


def query_of(wanted: reads.Filters) -> list[tuple[str, str]]:
    """The filters as they stand in the address; what is as it is anyway is left out."""
    pairs = [("q", wanted.text)] if wanted.text else []
    for name, values in (("tier", wanted.tiers), ("origin", wanted.origins), ("state", wanted.states)):
        pairs += [(name, value) for value in values]
    if wanted.sort != "name":
        pairs.append(("sort", wanted.sort))
    if wanted.page > 1:
        pairs.append(("page", str(wanted.page)))
    return pairs


def filters_of(request: Request, office: Office, day: date) -> reads.Filters:
    """The filters in the address; a value nobody could choose is left out."""
    query = request.query_params
    page = query.get("page", "1")
    sort = query.get("sort", "name")
    known = {"tier": office.tiers(), "origin": ORIGINS, "state": reads.STATES}
    tiers, origins, states = (
        tuple(v for v in known[name] if v in query.getall(name, [])) for name in ("tier", "origin", "state")
    )
    return reads.Filters(
        text=" ".join(query.get("q", "")[:LONGEST_SEARCH].replace("\0", "").split()),
        tiers=tiers,
        origins=origins,
        states=states,
        sort=sort if sort in reads.SORTS else "name",
        standing=reads.CURRENT if day == office.today else reads.THEN,
        page=min(int(page), MOST_PAGES) if page.isdecimal() and int(page) else 1,
    )


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


def facets_of(office: Office, cube: dict[tuple[str, str, str], int], wanted: reads.Filters) -> list[dict[str, Any]]:
    """For each filter what it would give, the other filters as they are."""
    t = office.t
    origins, states = origin_words(t), state_words(t)
    tiers = {code: office.tier(code) for code in office.tiers()}
    groups = (
        ("tier", t.gettext("Level"), 0, "tiers", tiers),
        ("origin", t.gettext("Origin"), 1, "origins", origins),
        ("state", t.gettext("Status"), 2, "states", states),
    )
    out = []
    for name, legend, place, field, choices in groups:
        every = reads.STATES if field == "states" else ()
        others = msgspec.structs.replace(wanted, **{field: every})
        fitting = {key: n for key, n in cube.items() if reads.asked(key, others)}
        counted = {value: sum(n for key, n in fitting.items() if key[place] == value) for value in choices}
        picked = getattr(wanted, field)
        listed = [
            {"value": v, "label": label, "count": counted[v], "checked": v in picked} for v, label in choices.items()
        ]
        out.append({"name": name, "field": field, "legend": legend, "choices": listed})
    return out
