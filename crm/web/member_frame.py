"""What every page of one member stands in: its name, how it stands, what can be done, and the tabs."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, Response

from crm.reads import known_names
from crm.reads import member_documents as document_reads
from crm.reads import mergers as merger_reads
from crm.reads import notes as note_reads
from crm.reads.notes import Note
from crm.reads.timeline import DecisionEvent
from crm.web import office_events
from crm.web import office_member as member
from crm.web.fields import When, id_of, when_of
from crm.web.office import Office, show
from crm.web.office_member import Found

TABS = ("overview", "invoices", "people", "documents", "directory", "notes", "changes")


class Frame(msgspec.Struct, frozen=True):
    """A member as its pages need it; `counts` stand beside the tabs, `last` is when somebody last spoke with it."""

    found: Found
    when: When
    merged: tuple[Any, ...]
    counts: dict[str, int]
    last: Note | None

    @property
    def id(self) -> UUID:
        """The organisation."""
        return self.found.organisation.id


async def find(request: Request, office: Office, wanted: str) -> Frame:
    """The member of the address as it stood on the day of the address. NotFound."""
    when = when_of(request, office.today)
    found = await member.find(office, id_of("member", wanted), when)
    organisation, network = found.organisation.id, office.network.id
    async with office.context.db.reading(office.actor.sees) as connection:
        merged = await merger_reads.of_organisation(connection, organisation)
        then = await known_names.on(connection, [organisation], when.day)
        notes = await note_reads.of_member(connection, network, organisation)
        documents = await document_reads.of_member(connection, network, organisation)
        last = await note_reads.last_contact(connection, network, organisation)
    if then:
        named = msgspec.structs.replace(found.organisation, name=then[organisation])
        found = msgspec.structs.replace(found, organisation=named)
    counts = {"people": len(found.contacts), "documents": len(documents), "notes": len(notes)}
    return Frame(found, when, tuple(merged), counts, last)


async def answer(
    request: Request, office: Office, frame: Frame, tab: str, template: str, at: str = "", **values: Any
) -> Response[str]:
    """A page of the member in its frame; `values` as for `office.show`."""
    found, here = frame.found, f"{office.base}/members/{frame.id}"
    return await show(
        request,
        office,
        template,
        "members",
        at,
        found=found,
        when=frame.when,
        day=frame.when.day,
        merged=frame.merged,
        last=frame.last,
        member_at=here,
        state=member.status(office, found.membership),
        rows=member.rows(office, found),
        tab=tab,
        tabs=[{"label": label(office, each), "href": _tab(here, each), "current": each == tab,
               "count": frame.counts.get(each) or None} for each in TABS],
        can=possible(office, found) | {"record": office_events.upgrades(office, found.membership)},
        **values,
    )  # fmt: skip


def label(office: Office, tab: str) -> str:
    """A tab's name."""
    t = office.t
    return {
        "overview": t.gettext("Overview"),
        "invoices": t.gettext("Invoices"),
        "people": t.gettext("People"),
        "documents": t.gettext("Documents"),
        "directory": t.gettext("Directory entry"),
        "notes": t.gettext("Notes and tasks"),
        "changes": t.gettext("All changes"),
    }[tab]


def _tab(here: str, tab: str) -> str:
    return here if tab == "overview" else f"{here}/{tab}"


def possible(office: Office, found: Found) -> dict[str, Any]:
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
