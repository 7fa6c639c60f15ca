"""Suggested corrections of what is told of an organisation: a partner's system makes them, its home network answers."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from crm import forms
from crm.actions import profiles
from crm.actions import suggestions as actions
from crm.actions.suggestions import Values
from crm.api import edge, shapes
from crm.api.operations import PREFIX, Call, Nothing, Operation
from crm.catalogue import Catalogue
from crm.errors import NotFound
from crm.i18n import N_
from crm.reads import suggestions as reads

TAG = N_("Partner writes")
Reason = Annotated[str, Meta(max_length=forms.NOTE_MAX)]
Field = Literal["name", "country", "kind", "municipality", "county", "employees", "founded_on", "website"]
Value = str | int | None


class SuggestionForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What should be told of an organisation that is a member of the network."""

    organisation_id: UUID
    values: Values
    reason: Reason = ""


class SuggestionAnswerForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The fields to accept, from `effective_on` (left out: today); the others are declined.

    `seen`: what is told now of a field that has changed since it was suggested, to accept it all the same.
    """

    accept: Annotated[list[Field], Meta(max_length=8)]
    effective_on: date | None = None
    note: Reason = ""
    seen: dict[Field, Value] = {}


class SuggestedField(shapes.Answer, frozen=True):
    """One field: what was told when it was suggested, what it should be; decided, and what was told then (`now`)."""

    field: Field
    then: Value
    wanted: Value
    outcome: Literal["accepted", "declined"] | None
    now: Value


class Suggestion(shapes.Answer, frozen=True):
    """A correction that `network` suggests to `owner`, the organisation's home network."""

    id: UUID
    network: str
    owner: str
    organisation_id: UUID
    agreement: str | None
    fields: list[SuggestedField]
    reason: str
    suggested_by: str
    recorded_at: datetime
    status: Literal["open", "decided", "withdrawn"]
    note: str
    closed_by: str
    closed_at: datetime | None


class SuggestionsQuery(msgspec.Struct, frozen=True):
    """Which ones: open, decided, withdrawn, or all."""

    status: reads.Status | None = None
    limit: shapes.Limit = 100
    cursor: Annotated[str, Meta(max_length=36, description="From `next_cursor`; opaque.")] | None = None


async def suggest(call: Call[Nothing, SuggestionForm]) -> Suggestion:
    form = call.body
    made = await actions.suggest(call.context, call.actor, call.slug(), form.organisation_id, form.values, form.reason)
    return await _one(call, made)


async def show(call: Call[Nothing, None]) -> Suggestion:
    return await _one(call, call.id("suggestion_id"))


async def withdraw(call: Call[Nothing, None]) -> Suggestion:
    await actions.withdraw(call.context, call.actor, call.id("suggestion_id"))
    return await show(call)


async def answer(call: Call[Nothing, SuggestionAnswerForm]) -> Suggestion:
    form = call.body
    said = profiles.Answer(frozenset(form.accept), form.effective_on, form.note, dict(form.seen))
    await profiles.answer_suggestion(call.context, call.actor, call.id("suggestion_id"), said)
    return await _one(call, call.id("suggestion_id"))


async def listing(call: Call[SuggestionsQuery, None]) -> shapes.Page[Suggestion]:
    query = call.query
    after = edge.cursor_id(query.cursor) or reads.FIRST
    async with call.reading() as connection:
        kept = await call.kept(connection)
        network = kept.by_slug.get(call.slug())
        if network is None or network.id not in call.actor.sees:
            raise NotFound("slug", call.slug())
        found = await reads.of_network(connection, network.id, query.status, after, query.limit + 1)
    shown = found[: query.limit]
    cursor = str(shown[-1].id) if len(found) > len(shown) else None
    if cursor:
        asked = {"limit": query.limit, "cursor": cursor, "status": query.status}
        call.headers["link"] = edge.next_link(f"{PREFIX}/networks/{network.slug}/suggestions", asked)
    return shapes.Page([_shown(kept, row) for row in shown], cursor, cursor is not None)


async def _one(call: Call[Any, Any], wanted: UUID) -> Suggestion:
    async with call.reading() as connection:
        kept = await call.kept(connection)
        found = await reads.one(connection, wanted)
    if found is None:
        raise NotFound("suggestion_id", wanted)
    return _shown(kept, found)


def _shown(kept: Catalogue, row: reads.Suggestion) -> Suggestion:
    return Suggestion(
        row.id,
        kept.by_id[row.network_id].slug,
        kept.by_id[row.owner_network_id].slug,
        row.organisation_id,
        row.agreement or None,
        [
            SuggestedField(name, each["then"], each["wanted"], each.get("outcome"), each.get("now"))
            for name, each in row.fields.items()
        ],
        row.reason,
        row.actor,
        row.recorded_at,
        row.status,
        row.note,
        row.closed_by,
        row.closed_at,
    )


operations = (
    Operation(
        id="suggest_correction",
        method="POST",
        path="/networks/{slug}/suggestions",
        tag=TAG,
        summary=N_("Suggest a correction of what is told of a member"),
        description=N_(
            "To the member's home network, which accepts it or not, field by field. Of a member by a link only fields "
            "that the agreement shares. A new suggestion replaces one that is still open. Takes the scope `profiles`."
        ),
        body=SuggestionForm,
        answer=Suggestion,
        status=201,
        location="/suggestions/{id}",
        missing=("organisation_id",),
        example={
            "organisation_id": "0190b000-0000-7000-8000-000000000000",
            "values": {"website": "https://www.example.com"},
            "reason": "The old address leads nowhere",
        },
        run=suggest,
    ),
    Operation(
        id="list_suggestions",
        method="GET",
        path="/networks/{slug}/suggestions",
        tag=TAG,
        summary=N_("Suggested corrections, made by the network and to it"),
        query=SuggestionsQuery,
        answer=shapes.Page[Suggestion],
        listing=True,
        run=listing,
    ),
    Operation(
        id="show_suggestion",
        method="GET",
        path="/suggestions/{suggestion_id}",
        tag=TAG,
        summary=N_("One suggested correction, and what became of it"),
        answer=Suggestion,
        run=show,
    ),
    Operation(
        id="withdraw_suggestion",
        method="DELETE",
        path="/suggestions/{suggestion_id}",
        tag=TAG,
        summary=N_("Take back a suggested correction"),
        answer=Suggestion,
        run=withdraw,
    ),
    Operation(
        id="answer_suggestion",
        method="POST",
        path="/suggestions/{suggestion_id}/decision",
        tag=TAG,
        summary=N_("Accept a suggested correction, field by field"),
        description=N_(
            "For keys that manage the home network. What is accepted changes from its day, with everything that "
            "follows, as by any change of facts."
        ),
        body=SuggestionAnswerForm,
        answer=Suggestion,
        example={"accept": ["website"], "note": "Thank you"},
        run=answer,
    ),
)
