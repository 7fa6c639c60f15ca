"""Agreements between networks, for those who manage one of them: what rests on each, and its end."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from crm import forms
from crm.actions import agreements as actions
from crm.api import shapes
from crm.api.operations import Call, Nothing, Operation
from crm.i18n import N_
from crm.reads import agreements as reads

TAG = N_("Agreements")
ENDINGS = "/agreements/{code}/endings"
OnEnd = Literal["end_links", "period_end", "grandfather"]
Reason = Annotated[str, Meta(max_length=forms.NOTE_MAX)]
Mutual = Annotated[bool, Meta(description="Both networks agree; `reason` says how. Then no notice is needed.")]


class AgreementEndForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An end: the first day without the agreement, and what becomes of its links (null: as was agreed)."""

    ends_on: date
    on_end: OnEnd | None = None
    reason: Reason = ""
    mutual: Mutual = False


class Off(msgspec.Struct, frozen=True):
    """Why the end is off, and that both agree to it."""

    reason: Reason = ""
    mutual: Mutual = False


class Agreement(shapes.Answer, frozen=True):
    """What two networks agreed; `linked` memberships rest on it today, `linked_ahead` are to start."""

    code: str
    name: str
    source: str
    target: str
    starts_on: date
    ends_on: date | None
    on_end: OnEnd
    notice_days: int
    shared_fields: list[str]
    linked: int
    linked_ahead: int


class Reached(shapes.Answer, frozen=True):
    """A membership that changes: `ends_on` null, it goes on; `ended_on` was its end before."""

    organisation_id: UUID
    organisation: str
    network: str
    ends_on: date | None
    ended_on: date | None


class AgreementEnding(shapes.Answer, frozen=True):
    """What an end does, or taking it back. `changed` and `ending` (sooner than before) count memberships by network.

    `memberships` are at most 1,000, those that end first; `earliest` is the first day that this key may name.
    """

    agreement: str
    ends_on: date | None
    on_end: OnEnd
    earliest: date
    changed: dict[str, int]
    ending: dict[str, int]
    memberships: list[Reached]


async def show(call: Call[Nothing, None]) -> shapes.Page[Agreement]:
    async with call.context.db.reading(call.actor.sees) as connection:
        kept = await call.kept(connection)
        network = await call.managed(connection)
        rows = await reads.of_network(connection, network.id, call.context.clock.today(network.zone))
    items = [
        Agreement(
            code=row.code,
            name=call.t.text(row.names),
            source=kept.by_id[row.source_network_id].slug,
            target=kept.by_id[row.target_network_id].slug,
            starts_on=row.starts_on,
            ends_on=row.ends_on,
            on_end=row.on_end,  # type: ignore[arg-type]
            notice_days=row.notice_days,
            shared_fields=row.shared_fields,
            linked=row.linked,
            linked_ahead=row.ahead,
        )
        for row in rows
    ]
    return shapes.Page(items, None, False)


async def preview(call: Call[Nothing, AgreementEndForm]) -> AgreementEnding:
    return _said(await actions.preview(call.context, call.actor, _wanted(call)))


async def end(call: Call[Nothing, AgreementEndForm]) -> AgreementEnding:
    return _said(await actions.end(call.context, call.actor, _wanted(call)))


async def take_back(call: Call[Off, Any]) -> AgreementEnding:
    query = call.query
    return _said(await actions.take_back(call.context, call.actor, call.code(), query.reason, query.mutual))


def _wanted(call: Call[Nothing, AgreementEndForm]) -> actions.Wanted:
    body = call.body
    return actions.Wanted(call.code(), body.ends_on, body.on_end or "", body.reason, body.mutual)


def _said(found: actions.Outcome) -> AgreementEnding:
    named = [Reached(r.organisation, r.name, r.network, r.ends_on, r.ended_on) for r in found.reached]
    values = (found.changed, found.ending, named)
    return AgreementEnding(found.code, found.ends_on, found.on_end, found.earliest, *values)  # type: ignore[arg-type]


_EXAMPLE = {"ends_on": "2028-01-01", "on_end": "period_end", "reason": "Board meeting of 3 November 2026"}

operations = (
    Operation(
        id="list_agreements",
        method="GET",
        path="/networks/{slug}/agreements",
        tag=TAG,
        summary=N_("Agreements with other networks, and what rests on them"),
        description=N_("Only for keys that manage the network."),
        answer=shapes.Page[Agreement],
        listing=True,
        run=show,
    ),
    Operation(
        id="preview_agreement_end",
        method="POST",
        path=f"{ENDINGS}/preview",
        tag=TAG,
        summary=N_("What the end of an agreement would do"),
        description=N_("Which memberships end, and when. Computed by the rules that do it; nothing is stored."),
        body=AgreementEndForm,
        answer=AgreementEnding,
        example=_EXAMPLE,
        run=preview,
    ),
    Operation(
        id="end_agreement",
        method="POST",
        path=ENDINGS,
        tag=TAG,
        summary=N_("End an agreement, or move its end"),
        description=N_(
            "A key that manages one of the networks gives notice; other days or terms take both networks. All "
            "memberships that rest on it follow in one transaction; members and managers are told."
        ),
        body=AgreementEndForm,
        answer=AgreementEnding,
        example=_EXAMPLE,
        run=end,
    ),
    Operation(
        id="take_back_agreement_end",
        method="DELETE",
        path=ENDINGS,
        tag=TAG,
        summary=N_("Take the end of an agreement back"),
        description=N_("Memberships stand again as before. It takes both networks."),
        query=Off,
        answer=AgreementEnding,
        run=take_back,
    ),
)
