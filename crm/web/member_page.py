"""The page of one member and its tabs: why it is here, what it pays, what others see of it, what happened."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from crm.i18n import N_
from crm.reads import listings, organisations
from crm.reads import notes as note_reads
from crm.reads import profiles as fact_reads
from crm.reads import register as register_reads
from crm.reads import shares as share_reads
from crm.reads import timeline as timeline_reads
from crm.reads import todos as todo_reads
from crm.reads.timeline import ApplicationStep, Asked, DecisionEvent, Entry
from crm.web import (
    directory_views,
    member_frame,
    member_marks,
    member_money,
    office_events,
    register,
    share_words,
    timeline_words,
)
from crm.web import office_member as page
from crm.web.member_frame import Frame
from crm.web.office import Office, reading
from crm.web.office_timeline import may_take_back, said, timeline

NEWEST = 12  # entries of the timeline on the first page
PATH = "/members/{member:str}"


@get(PATH, include_in_schema=False)
async def show_member(request: Request, office: NamedDependency[Office], member: FromPath[str]) -> Response[str]:
    frame = await member_frame.find(request, office, member)
    found, network = frame.found, office.network.id
    async with office.context.db.reading(office.actor.sees) as connection:
        seen = await share_reads.of_organisation(connection, frame.id)
        notes = await note_reads.of_member(connection, network, frame.id)
        tasks = await todo_reads.of_member(connection, network, frame.id)
        known = await register_reads.of_organisation(connection, frame.id)
    entries = await _entries(office, frame, (), None, NEWEST)
    return await member_frame.answer(
        request,
        office,
        frame,
        "overview",
        "office/member.html",
        seen=share_words.seen(office.t, office.kept, seen),
        whys=page.whys(office, found),
        why_nots=page.why_nots(office, found),
        invoices=page.invoices(office, found),
        **member_money.shown(office, await member_money.of_member(office, found)),
        events=_words(office, frame, entries),
        done=await _told(office, frame, request.query_params),
        employers=await _employers(office, found),
        locked_until=office_events.locked_until(office, found),
        pinned=[note for note in notes if note.pinned],
        tasks=[task for task in tasks if not task.done_at],
        me=office.actor.id,
        marks=await member_marks.of_member(office, found.membership.id),
        registered=register.facts(office, known),
    )


@get(f"{PATH}/invoices", include_in_schema=False)
async def show_invoices(request: Request, office: NamedDependency[Office], member: FromPath[str]) -> Response[str]:
    frame = await member_frame.find(request, office, member)
    found = frame.found
    money = member_money.shown(office, await member_money.of_member(office, found))
    drafts = page.invoices(office, found)
    return await member_frame.answer(
        request, office, frame, "invoices", "office/member_invoices.html", invoices=drafts, **money
    )


@get(f"{PATH}/directory", include_in_schema=False)
async def show_directory(request: Request, office: NamedDependency[Office], member: FromPath[str]) -> Response[str]:
    """The entry as this network's people see it, and where anybody reads it."""
    frame = await member_frame.find(request, office, member)
    viewer = await listings.viewer(office.context, office.actor)
    async with office.context.db.tx() as connection:  # what passes `seen_by` is shown, and nothing else
        facts = await listings.facts_of(connection, frame.id, office.today)
    body, people = listings.seen_by(facts, viewer)
    card = directory_views.card(office.t, office.kept, body)
    return await member_frame.answer(
        request, office, frame, "directory", "office/member_directory.html", facts=facts, people=people, told=card
    )


@get(f"{PATH}/changes", include_in_schema=False)
async def show_changes(request: Request, office: NamedDependency[Office], member: FromPath[str]) -> Response[str]:
    """Everything that happened, filtered by kind and page by page, all of it in the address."""
    frame = await member_frame.find(request, office, member)
    here = f"{office.base}/members/{frame.id}/changes"
    asked = request.query_params.getall("kind", [])
    kinds = tuple(kind for kind in timeline_reads.KINDS if kind in asked)
    after = place_of(request.query_params.get("after", ""))
    entries = await _entries(office, frame, kinds, after, timeline_reads.PAGE + 1)
    more = len(entries) > timeline_reads.PAGE
    entries = entries[: timeline_reads.PAGE]
    pairs = [("kind", kind) for kind in kinds]
    return await member_frame.answer(
        request,
        office,
        frame,
        "changes",
        "office/member_changes.html",
        events=_words(office, frame, entries),
        kinds=[
            {"code": code, "label": office.t.gettext(timeline_words.KINDS[code]), "on": code in kinds}
            for code in timeline_reads.KINDS
        ],
        here=here,
        first=after is None,
        newest_href=here + (f"?{urlencode(pairs)}" if pairs else ""),
        older_href=f"{here}?{urlencode([*pairs, ('after', written(entries[-1]))])}" if more else "",
    )


handlers = [reading(show_member, show_invoices, show_directory, show_changes)]


def written(entry: Entry) -> str:
    """A place in the stream as it stands in an address."""
    return f"{entry.on.isoformat()}~{entry.at.isoformat()}~{entry.key}"


def place_of(text: str) -> tuple[date, datetime, str] | None:
    """The place an address names; None for the beginning, and for what names none."""
    parts = text.split("~")
    try:
        day, at, key = date.fromisoformat(parts[0]), datetime.fromisoformat(parts[1]), parts[2]
    except (ValueError, IndexError):
        return None
    return (day, at, key) if at.tzinfo is not None and key.isascii() and key.isprintable() else None


async def _entries(
    office: Office, frame: Frame, kinds: tuple[str, ...], after: tuple[date, datetime, str] | None, limit: int
) -> list[Entry]:
    asked = Asked(office.network.zone.key, kinds, after, limit)
    networks = sorted(office.actor.sees)
    async with office.context.db.reading(office.actor.sees) as connection:
        return await timeline_reads.page(connection, frame.id, networks, asked)


def _words(office: Office, frame: Frame, entries: list[Entry]) -> list[dict[str, Any]]:
    decisions = {e.id: e for e in frame.found.events if isinstance(e, DecisionEvent)}
    return timeline(office, entries, decisions, f"{office.base}/members/{frame.id}")


async def _employers(office: Office, found: page.Found) -> list[str]:
    """For whom a member that is a person works: a relation, and nobody's membership."""
    if found.organisation.kind != "person":
        return []
    async with office.context.db.reading(office.actor.sees) as connection:
        return [name for _, name in await organisations.employers(connection, found.organisation.id)]


_MERGED, _SPLIT = N_("The organisations are one from that day."), N_("The organisations are two from that day.")


async def _told(office: Office, frame: Frame, query: Mapping[str, str]) -> dict[str, Any] | None:
    """The same, of a decision, of facts and of a merger, each with the way back where it has one."""
    if found := done(office, frame, query):
        return found
    wanted, here = query.get("done", ""), f"{office.base}/members/{frame.id}"
    if merged := next((each for each in frame.merged if str(each.id) == wanted), None):
        words = _MERGED if merged.role in ("became", "took") else _SPLIT
        return {"text": office.t.gettext(words), "take_back": f"{here}/mergers/{wanted}/take-back"}
    async with office.context.db.reading(office.actor.sees) as connection:
        changes = await fact_reads.changes(connection, frame.id) if wanted else []
    made = next((each for each in changes if str(each.id) == wanted and not each.withdrawn_at), None)
    if made is None:
        return None
    undo = f"{here}/facts/{wanted}/take-back" if made.last else ""
    return {"text": office.t.gettext("The facts are changed."), "take_back": undo}


def done(office: Office, frame: Frame, query: Mapping[str, str]) -> dict[str, Any] | None:
    """What the reader just did, read from what is stored: an address cannot claim what did not happen."""
    t, found = office.t, frame.found
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
        where = f"{office.base}/members/{frame.id}/memberships/{made.membership_id}/decisions/{made.id}/take-back"
        return {"text": said(office, made), "take_back": where if may_take_back(office, made) else ""}
    return None
