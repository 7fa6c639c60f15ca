"""Invoices that are not paid: what a run would do, the run, pauses, and the claims for a collector."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from crm import dunning_words, forms, words
from crm.actions import dunning as actions
from crm.api import shapes
from crm.api.operations import Call, Nothing, Operation
from crm.i18n import N_
from crm.reads import dunning

TAG = N_("Late payment")
OF_NETWORK = "/networks/{slug}/dunning"
OF_INVOICE = "/invoices/{invoice_id}/dunning-pause"
OF_STEP = "/dunning-steps/{step_id}/decision"


class DunningQuery(msgspec.Struct, frozen=True):
    """As of which day; today where the network is when it is left out."""

    on: date | None = None


class DunningClaim(shapes.Answer, frozen=True):
    """What a step claims beside what was billed; `words` say how it was reckoned, line by line."""

    what: str
    amount: shapes.Money
    words: list[str]


class DunningDue(shapes.Answer, frozen=True):
    """A step that is due; `total` is all that is owed with it. `blocked`: why it cannot go out, `words` say it."""

    invoice_id: UUID
    number: str
    organisation_id: UUID
    organisation: str
    due_on: date
    step: str
    kind: str
    principal: shapes.Money
    claims: list[DunningClaim]
    total: shapes.Money
    blocked: str | None
    words: str


class DunningDecision(shapes.Answer, frozen=True):
    """A step that waits for a person in the office."""

    id: UUID
    invoice_id: UUID
    number: str
    organisation_id: UUID
    organisation: str
    kind: str
    proposed_on: date
    owed: shapes.Money


class DunningPause(shapes.Answer, frozen=True):
    """An invoice for which nothing is sent, until a day (the first one after) or until somebody resumes."""

    invoice_id: UUID
    paused: bool
    until: date | None
    reason: str


class DunningPlan(shapes.Answer, frozen=True):
    """What a run on the day would do (the first 500 steps), what waits for a person, what is paused."""

    network: str
    on: date
    due: list[DunningDue]
    decisions: list[DunningDecision]
    paused: list[DunningPause]


class DunningRunForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The steps due on this day, not later than today (the default), are taken and dated today."""

    on: date | None = None


class DunningRun(shapes.Answer, frozen=True):
    """What was done: letters by kind, steps put before a person, those the rulebook carried out, what could not go."""

    letters: dict[str, int]
    waiting: int
    by_rule: int
    blocked: int


class PauseForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why, and until when (the first day after); without a day until somebody resumes."""

    reason: Annotated[str, Meta(min_length=1, max_length=forms.NOTE_MAX)]
    until: date | None = None


class DunningWordForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person's word on a step that waits: carry it out, or leave it. Once; `note` goes with it."""

    word: Literal["carry_out", "decline"]
    note: Annotated[str, Meta(max_length=forms.NOTE_MAX)] = ""


class DunningDecided(shapes.Answer, frozen=True):
    """The word that was given; `suspensions` are the decisions that put memberships on hold."""

    id: UUID
    word: str
    suspensions: list[UUID]


class CollectorClaim(shapes.Answer, frozen=True):
    """A claim that was sent to a collector and is still owed. `claims`: fees and interest among what is owed."""

    number: str
    organisation: str
    organisation_number: str
    email: str
    issued_on: date
    due_on: date
    billed: shapes.Money
    claims: shapes.Money
    owed: shapes.Money
    kid: str
    notice_on: date
    notice_until: date
    sent_on: date


class CollectorClaims(shapes.Answer, frozen=True):
    """All of a network's."""

    items: list[CollectorClaim]


async def show(call: Call[DunningQuery, None]) -> DunningPlan:
    async with call.context.db.reading(call.actor.manages) as connection:
        network = await call.managed(connection)
    planned, day = await actions.preview(call.context, call.actor, network.slug, call.query.on)
    async with call.context.db.reading(call.actor.manages) as connection:
        waiting = await dunning.waiting(connection, network.id)
        paused = await dunning.paused(connection, [network.id], day)
    return DunningPlan(
        network.slug,
        day,
        [_due(call, each) for each in planned],
        [_decision(each) for each in waiting],
        [DunningPause(each.invoice_id, True, each.until, each.reason) for each in paused],
    )


def _due(call: Call[Any, Any], each: actions.Planned) -> DunningDue:
    row, why = each.row, each.blocked
    return DunningDue(
        row.id,
        row.number,
        row.organisation_id,
        row.organisation,
        row.due_on,
        each.found.key,
        each.found.step.kind,
        shapes.Money(row.principal, row.currency),
        [
            DunningClaim(
                claim.what,
                shapes.Money(claim.amount, row.currency),
                dunning_words.claims(call.t, [claim], row.currency),
            )
            for claim in each.claims
        ],
        shapes.Money(each.total, row.currency),
        why.code if why else None,
        words.refusal(call.t, None, why.code, why.params)
        if why
        else dunning_words.step_name(call.t, each.found.step.kind),
    )


def _decision(each: dunning.Listed) -> DunningDecision:
    step = each.step
    return DunningDecision(
        step.id,
        step.invoice_id,
        each.number,
        each.organisation_id,
        each.organisation,
        step.kind,
        step.on,
        shapes.Money(each.owed, each.currency),
    )


async def run(call: Call[Nothing, DunningRunForm]) -> DunningRun:
    network = await call.managed()
    done = await actions.run(call.context, call.actor, network.slug, call.body.on)
    return DunningRun(done.letters, done.waiting, done.by_rule, done.blocked)


async def decide(call: Call[Nothing, DunningWordForm]) -> DunningDecided:
    wanted, form = call.id("step_id"), call.body
    made = await actions.decide(call.context, call.actor, wanted, form.word, form.note)
    return DunningDecided(wanted, form.word, list(made))


async def pause(call: Call[Nothing, PauseForm]) -> DunningPause:
    wanted = call.id("invoice_id")
    await actions.pause(call.context, call.actor, wanted, call.body.until, call.body.reason)
    return DunningPause(wanted, True, call.body.until, call.body.reason)


async def resume(call: Call[Nothing, Any]) -> DunningPause:
    wanted = call.id("invoice_id")
    await actions.resume(call.context, call.actor, wanted)
    return DunningPause(wanted, False, None, "")


async def collector(call: Call[Nothing, None]) -> CollectorClaims:
    async with call.context.db.reading(call.actor.manages) as connection:
        network = await call.managed(connection)
        rows = await dunning.exported(connection, network.id)
    return CollectorClaims([_claim(row) for row in rows])


def _claim(row: dunning.Exported) -> CollectorClaim:
    values = {name: getattr(row, name) for name in CollectorClaim.__struct_fields__ if name != "billed"}
    money = {name: shapes.Money(getattr(row, name), row.currency) for name in ("claims", "owed")}
    return CollectorClaim(billed=shapes.Money(row.gross, row.currency), **(values | money))


operations = (
    Operation(
        id="show_dunning",
        method="GET",
        path=OF_NETWORK,
        tag=TAG,
        summary=N_("What is due for unpaid invoices"),
        description=N_(
            "By the steps of the network's rulebook. Nothing is sent. Only for keys that manage the network."
        ),
        query=DunningQuery,
        answer=DunningPlan,
        run=show,
    ),
    Operation(
        id="run_dunning",
        method="POST",
        path=f"{OF_NETWORK}/runs",
        tag=TAG,
        summary=N_("Take the steps that are due"),
        description=N_(
            "Letters go out; a suspension or a collector waits for a person in the office, unless the rulebook says "
            "otherwise. A step is taken once for an invoice: repeating is harmless."
        ),
        body=DunningRunForm,
        answer=DunningRun,
        example={"on": "2027-01-15"},
        run=run,
    ),
    Operation(
        id="decide_dunning_step",
        method="POST",
        path=OF_STEP,
        tag=TAG,
        summary=N_("Decide a step that waits for a person"),
        description=N_(
            "`carry_out` puts the memberships on the invoice on hold, or sends the claim to a collector; `decline` "
            "leaves it. What waits is in `decisions` of the network's plan. A step is decided once."
        ),
        body=DunningWordForm,
        answer=DunningDecided,
        example={"word": "decline", "note": "They pay on Friday"},
        run=decide,
    ),
    Operation(
        id="list_collector_claims",
        method="GET",
        path=f"{OF_NETWORK}/collector",
        tag=TAG,
        summary=N_("Claims for a collector"),
        description=N_("Those that a person or the rulebook sent to a collector and that are still owed."),
        answer=CollectorClaims,
        run=collector,
    ),
    Operation(
        id="pause_dunning",
        method="POST",
        path=OF_INVOICE,
        tag=TAG,
        summary=N_("Send nothing for an invoice"),
        description=N_("Until a day, or until somebody resumes. Takes the place of an earlier pause."),
        body=PauseForm,
        answer=DunningPause,
        example={"reason": "More time agreed by phone", "until": "2027-02-01"},
        run=pause,
    ),
    Operation(
        id="resume_dunning",
        method="DELETE",
        path=OF_INVOICE,
        tag=TAG,
        summary=N_("Let the steps of an invoice go on"),
        answer=DunningPause,
        run=resume,
    ),
)
