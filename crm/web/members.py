"""The member list and the page of one member: why it is here, since when, what it pays, what happened."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from crm.i18n import Translator
from crm.reads import known_names, organisations
from crm.reads import mergers as merger_reads
from crm.reads import office as reads
from crm.reads import shares as share_reads
from crm.reads.timeline import ApplicationStep, DecisionEvent
from crm.web import member_money, office_events, share_words
from crm.web import office_member as page
from crm.web.fields import When, id_of, when_of
from crm.web.office import Office, reading, show
from crm.web.office_timeline import may_take_back, said, timeline

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


@get("/members/{member:str}", include_in_schema=False)
async def show_member(request: Request, office: NamedDependency[Office], member: FromPath[str]) -> Response[str]:
    when = when_of(request, office.today)
    found = await page.find(office, id_of("member", member), when)
    async with office.context.db.reading(office.actor.sees) as connection:
        merged = await merger_reads.of_organisation(connection, found.organisation.id)
        seen = await share_reads.of_organisation(connection, found.organisation.id)
        then = await known_names.on(connection, [found.organisation.id], when.day)
    if then:
        named = msgspec.structs.replace(found.organisation, name=then[found.organisation.id])
        found = msgspec.structs.replace(found, organisation=named)
    shown = {
        "found": found,
        "day": when.day,
        "when": when,
        "merged": merged,
        "seen": share_words.seen(office.t, office.kept, seen),
        "state": page.status(office, found.membership),
        "whys": page.whys(office, found),
        "why_nots": page.why_nots(office, found),
        "rows": page.rows(office, found),
        "invoices": page.invoices(office, found),
        **member_money.shown(office, await member_money.of_member(office, found)),
        "events": timeline(office, found.events),
        "done": done(office, found, request.query_params),
        "can": possible(office, found) | {"record": office_events.upgrades(office, found.membership)},
        "employers": await _employers(office, found),
        "locked_until": office_events.locked_until(office, found),
    }
    return await show(request, office, "office/member.html", "members", **shown)


handlers = [reading(show_members, show_member)]


async def _employers(office: Office, found: page.Found) -> list[str]:
    """For whom a member that is a person works: a relation, and nobody's membership."""
    if found.organisation.kind != "person":
        return []
    async with office.context.db.reading(office.actor.sees) as connection:
        return [name for _, name in await organisations.employers(connection, found.organisation.id)]


def possible(office: Office, found: page.Found) -> dict[str, Any]:
    """Which changes of the open network's membership make sense now; `lift`: the suspension to be lifted."""
    m, today = found.membership, office.today
    direct = any(g.kind == "direct" and g.period.end_or_far > today for g in m.grants)
    stands = any(g.period.end_or_far > today for g in m.grants)
    lift = next(
        (
            e.id
            for e in found.events
            if isinstance(e, DecisionEvent) and e.membership_id == m.id and e.kind == "suspension"
            if not e.withdrawn_at and (e.until_on is None or e.until_on > today)
        ),
        None,
    )
    return {"change": direct, "suspend": stands and not lift, "lift": lift}


def done(office: Office, found: page.Found, query: Mapping[str, str]) -> dict[str, Any] | None:
    """What the reader just did, read from what is stored: an address cannot claim what did not happen."""
    t = office.t
    steps = [e for e in found.events if isinstance(e, ApplicationStep) and e.kind == "approved"]
    step = next((e for e in steps if str(e.application_id) == query.get("application")), None)
    if step and query.get("done") == "approved":
        return {"text": t.gettext("%(name)s is approved.", name=found.organisation.name)}
    if step and query.get("done") == "approved-before":
        when = t.datetime(step.recorded_at)
        text = t.gettext("Approved already by %(who)s on %(when)s. Nothing was done twice.", who=step.actor, when=when)
        return {"text": text}
    by_id = {str(e.id): e for e in found.events if isinstance(e, DecisionEvent)}
    made, taken = by_id.get(query.get("done", "")), by_id.get(query.get("taken", ""))
    if rests := by_id.get(query.get("rests", "")):
        return {"text": t.gettext("Not taken back, a later event rests on it: %(what)s", what=said(office, rests))}
    if taken and taken.withdrawn_at:
        return {"text": t.gettext("Taken back: %(what)s", what=said(office, taken))}
    if made and not made.withdrawn_at:
        undo = {"membership": made.membership_id, "decision": made.id} if may_take_back(office, made) else None
        return {"text": said(office, made), "take_back": undo}
    return None


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
