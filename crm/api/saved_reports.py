"""The shared saved reports of a network, for programs that manage it: listed, kept, changed, removed.

What a person keeps alone is not told to programs. A program keeps a report for somebody of the network, who owns it.
"""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from crm.actions import saved_reports as actions
from crm.actor import Actor
from crm.api.operations import Call, Nothing, Operation
from crm.api.shapes import Answer
from crm.catalogue import NetworkRow
from crm.database import Connection
from crm.errors import Invalid, NotFound
from crm.i18n import N_
from crm.reads import people, reports
from crm.reads import saved_reports as reads

TAG = N_("Reports")
OF_NETWORK = "/networks/{slug}/saved-reports"
ONE = "/networks/{slug}/saved-reports/{saved_report_id}"
MOST_PAIRS = 60
VALUE_MAX = 200
Email = Annotated[str, Meta(max_length=254)]
Every = Literal["never", "week", "month", "quarter"]
File = Literal["xlsx", "pdf"]
# A list, not a tuple: generators of clients do not read a schema of places (prefixItems).
Pair = Annotated[list[Annotated[str, Meta(max_length=VALUE_MAX)]], Meta(min_length=2, max_length=2)]


class SavedReport(Answer, frozen=True):
    """A report kept with its questions; `readers` get it by mail, `sent_for`: the first day of the period sent last."""

    id: UUID
    report: str
    title: str
    questions: list[Pair]
    every: str
    file: str
    owner: str
    readers: list[str]
    sent_for: date | None


class SavedReports(Answer, frozen=True):
    """All shared ones of a network, by title."""

    items: list[SavedReport]


class KeptForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How it is kept. People are named by the addresses they sign in with; all readers, those before are replaced."""

    title: str
    every: Every = "never"
    file: File = "xlsx"
    readers: Annotated[list[Email], Meta(max_length=actions.MOST_READERS)] = []


class SavedForm(KeptForm, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A new one. `questions` are pairs as in the address of the report's page, such as ["period", "last_month"]."""

    report: str
    owner: Email
    questions: Annotated[list[Pair], Meta(max_length=MOST_PAIRS)] = []


class RemovedReport(Answer, frozen=True):
    """It is gone for good, and its mails with it."""

    id: UUID


async def show(call: Call[Nothing, None]) -> SavedReports:
    async with call.context.db.reading(call.actor.manages) as connection:
        network = await call.managed(connection)
        return SavedReports(await _shared(connection, network))


async def create(call: Call[Nothing, SavedForm]) -> SavedReport:
    network, body = await call.managed(), call.body
    if body.report not in reports.SOURCES:
        raise Invalid([("report", "value_unknown", {"message": body.report[:60]})])
    kept = await call.kept()
    asked = [kept.by_slug[value] for name, value in body.questions if name == "network" and value in kept.by_slug]
    owner, readers = await _accounts(call, network, {"owner": [body.owner], "readers": body.readers})
    questions = [(name, value) for name, value in body.questions]
    wanted = actions.Wanted(body.report, body.title, questions, True, body.every, body.file, readers)
    networks = [network.id, *(each.id for each in asked)]
    made = await actions.save(call.context, _for(call.actor, owner[0]), network.id, wanted, networks)
    return await _one(call, network, made)


async def change(call: Call[Nothing, KeptForm]) -> SavedReport:
    network, body = await call.managed(), call.body
    found = await _one(call, network, call.id("saved_report_id"))
    [readers] = await _accounts(call, network, {"readers": body.readers})
    how = actions.Change(body.title, True, body.every, body.file, readers)
    await actions.change(call.context, call.actor, network.id, found.id, how)
    return await _one(call, network, found.id)


async def remove(call: Call[Nothing, Any]) -> RemovedReport:
    network = await call.managed()
    found = await _one(call, network, call.id("saved_report_id"))
    await actions.remove(call.context, call.actor, network.id, found.id)
    return RemovedReport(found.id)


def _for(actor: Actor, owner: UUID) -> Actor:
    """The program, keeping something for a person."""
    return msgspec.structs.replace(actor, id=owner)


async def _accounts(call: Call[Any, Any], network: NetworkRow, given: dict[str, list[str]]) -> list[list[UUID]]:
    """Accounts by address, of the network's people. Invalid `report_reader` at the first that is none."""
    async with call.context.db.tx() as connection:
        crew = await people.of_network(connection, network.id, network.host_id)
    known = {each.email.lower(): each.account for each in crew}
    wrong = [(field, "report_reader", {}) for field, emails in given.items() if not {*map(_plain, emails)} <= {*known}]
    if wrong:
        raise Invalid(wrong)
    return [[known[_plain(email)] for email in emails] for emails in given.values()]


def _plain(email: str) -> str:
    return email.strip().lower()


async def _one(call: Call[Any, Any], network: NetworkRow, wanted: UUID) -> SavedReport:
    async with call.context.db.reading(call.actor.manages) as connection:
        found = next((each for each in await _shared(connection, network) if each.id == wanted), None)
    if found is None:
        raise NotFound("saved_report_id", wanted)
    return found


async def _shared(connection: Connection, network: NetworkRow) -> list[SavedReport]:
    listed = await reads.shared(connection, network.id)
    return [
        SavedReport(
            id=each.id,
            report=each.report,
            title=each.title,
            questions=[[name, value] for name, value in each.question],
            every=each.every,
            file=each.file,
            owner=each.owner_email,
            readers=each.reader_emails,
            sent_for=each.sent_for,
        )
        for each in listed
    ]


_KEPT = {"title": "Members by month", "every": "month", "file": "pdf", "readers": ["ingrid@klynge.example"]}
_MADE = {"report": "members", "owner": "ingrid@klynge.example", "questions": [["period", "last_month"]]}

operations = (
    Operation(
        id="list_saved_reports",
        method="GET",
        path=OF_NETWORK,
        tag=TAG,
        summary=N_("Saved reports of a network"),
        description=N_("Those that are shared in the office. Only for keys that manage the network."),
        answer=SavedReports,
        run=show,
    ),
    Operation(
        id="create_saved_report",
        method="POST",
        path=OF_NETWORK,
        tag=TAG,
        summary=N_("Keep a report"),
        description=N_("Shared from the start, for somebody of the network, and by mail to its people if wanted."),
        body=SavedForm,
        answer=SavedReport,
        status=201,
        example=_KEPT | _MADE,
        run=create,
    ),
    Operation(
        id="change_saved_report",
        method="POST",
        path=ONE,
        tag=TAG,
        summary=N_("Change how a report is kept"),
        description=N_("Title, timetable, file and readers; the report and its questions stay."),
        body=KeptForm,
        answer=SavedReport,
        example=_KEPT,
        run=change,
    ),
    Operation(
        id="remove_saved_report",
        method="DELETE",
        path=ONE,
        tag=TAG,
        summary=N_("Remove a saved report"),
        answer=RemovedReport,
        run=remove,
    ),
)
