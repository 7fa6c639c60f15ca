"""Accept or decline a linked membership: see first what follows, give the word, take it back."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from crm.actions import answers as actions
from crm.actions.answers import Word
from crm.api import answers, shapes
from crm.api.operations import Call, Nothing, Operation
from crm.errors import NotFound
from crm.i18n import N_
from crm.reads import memberships, organisations
from crm.store import answers as store

TAG = N_("Memberships")
PATH = "/organisations/{organisation_id}/link-answers"
CODE = Annotated[str, Meta(min_length=1, max_length=60)]


class LinkAnswerForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A word on a link rule of `network`, the network the rule belongs to; it counts from `on`."""

    network: CODE
    rule: CODE
    answer: Literal["accepted", "declined"]
    on: date


class LinkAnswer(shapes.Answer, frozen=True):
    """A word that counts."""

    id: UUID
    network: str
    rule: str
    answer: str
    on: date
    actor: str
    recorded_at: datetime


class Answered(shapes.Answer, frozen=True):
    """The word's id, to take it back with, and the memberships it touched."""

    id: UUID
    memberships: list[shapes.Membership]


def _word(call: Call[Nothing, LinkAnswerForm]) -> Word:
    form = call.body
    return Word(call.id("organisation_id"), form.network, form.rule, form.answer, form.on)


async def preview(call: Call[Nothing, LinkAnswerForm]) -> shapes.Consequences:
    kept, found = await actions.preview(call.context, call.actor, _word(call))
    async with call.reading() as connection:
        return await answers.consequences(call.t, kept, found, connection)


async def give(call: Call[Nothing, LinkAnswerForm]) -> Answered:
    return await _told(call, await actions.give(call.context, call.actor, _word(call)))


async def take_back(call: Call[Nothing, None]) -> Answered:
    return await _told(call, await actions.take_back(call.context, call.actor, call.id("answer_id")))


async def _told(call: Call[Nothing, Any], given: actions.Given) -> Answered:
    async with call.reading() as connection:
        kept = await call.kept(connection)
        rows = await memberships.some(connection, kept, call.context.clock, given.memberships)
    return Answered(given.id, answers.all_memberships(call.t, kept, rows))


async def show(call: Call[Nothing, None]) -> shapes.Page[LinkAnswer]:
    wanted = call.id("organisation_id")
    async with call.reading() as connection:
        kept = await call.kept(connection)
        if wanted not in await organisations.names(connection, {wanted}):
            raise NotFound("organisation_id", wanted)
        rows = await store.of_organisation(connection, wanted)
    items = [
        LinkAnswer(r.id, kept.by_id[r.network_id].slug, r.rule, r.answer, r.on, r.actor, r.recorded_at) for r in rows
    ]
    return shapes.Page(items, None, False)


_EXAMPLE = {
    "network": "nora-industry-network",
    "rule": "principal-joins-claire",
    "answer": "declined",
    "on": "2027-03-01",
}
_COMMON: dict[str, Any] = {
    "tag": TAG,
    "missing": ("organisation", "network", "rule"),
    "renames": {},
}
operations = (
    Operation(
        id="list_link_answers",
        method="GET",
        path=PATH,
        tag=TAG,
        summary=N_("What was accepted and declined for an organisation"),
        answer=shapes.Page[LinkAnswer],
        listing=True,
        run=show,
    ),
    Operation(
        id="preview_link_answer",
        method="POST",
        path=f"{PATH}/preview",
        summary=N_("What accepting or declining a linked membership would do"),
        description=N_("Computed by the rules that the change itself uses; nothing is stored."),
        body=LinkAnswerForm,
        answer=shapes.Consequences,
        example=_EXAMPLE,
        run=preview,
        **_COMMON,
    ),
    Operation(
        id="give_link_answer",
        method="POST",
        path=PATH,
        summary=N_("Accept or decline a linked membership"),
        description=N_(
            "The member's word by the network the rule belongs to, or that of the network it leads to. What was "
            "declined stays declined until somebody accepts."
        ),
        body=LinkAnswerForm,
        answer=Answered,
        status=201,
        example=_EXAMPLE,
        run=give,
        **_COMMON,
    ),
    Operation(
        id="take_back_link_answer",
        method="DELETE",
        path="/link-answers/{answer_id}",
        tag=TAG,
        summary=N_("Take back what was accepted or declined"),
        description=N_("What followed from the decision is undone; the history keeps both."),
        answer=Answered,
        run=take_back,
        missing=("answer",),
    ),
)
