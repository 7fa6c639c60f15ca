"""Apply, see what approving would do, approve, ask, decline."""

from datetime import date
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from crm import forms, terms
from crm.actions import applications as actions
from crm.api import answers, shapes
from crm.api.operations import Call, Nothing, Operation, encoded, tag
from crm.database import Connection
from crm.errors import Forbidden, Invalid, NotFound
from crm.forms import ApplicationForm
from crm.i18n import N_
from crm.reads import applications, invoices, memberships, networks
from crm.store import applications as stored

TAG = N_("Applications")
ONE = "/applications/{application_id}"
Note = Annotated[str, Meta(min_length=1, max_length=forms.NOTE_MAX)]


class StartQuery(msgspec.Struct, frozen=True):
    """From when."""

    starts_on: Annotated[date, Meta(description="The first day; today when left out.")] | None = None


class ApprovalForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From which day the membership stands."""

    starts_on: date


class QuestionForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the applicant is asked, in a mail."""

    question: Note


class DeclineForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why; the applicant is told."""

    reason: Note


async def submit(call: Call[Nothing, ApplicationForm]) -> shapes.Submitted:
    form = call.body
    async with call.reading() as connection:
        kept = await call.kept(connection)
        network = kept.network(form.network)
        if network.id not in call.actor.manages:
            raise Forbidden
        shown = await terms.current(connection, kept, network, call.context.clock.today(network.zone))
    if form.consents.terms_version != shown.version:
        raise Invalid([("consents.terms_version", "terms_changed", {"version": shown.version})])
    made = await actions.submit(call.context, call.actor, form)
    return shapes.Submitted(made.id, made.reference, made.status, made.organisation_id)


async def show(call: Call[Nothing, None]) -> shapes.Application:
    wanted = call.id("application_id")
    async with call.reading() as connection:
        kept = await call.kept(connection)
        network = await networks.of_application(connection, wanted)
        if network is None:
            raise NotFound("application_id", wanted)
        call.actor.must_manage(network)
        row = await applications.one(connection, network, wanted)
    typed = row.answers
    return shapes.Application(
        id=row.id,
        reference=row.reference,
        network=kept.by_id[network].slug,
        tier=row.tier,
        status=row.status,
        organisation_id=row.organisation_id,
        organisation_name=typed["organisation"]["name"],
        contact=shapes.Contact(typed["contact"]["name"], typed["contact"]["email"], typed["contact"].get("role", "")),
        billing_reference=typed.get("billing_reference", ""),
        language=row.language,
        starts_on=row.starts_on,
        submitted_at=row.submitted_at,
        decided_at=row.decided_at,
        decided_by=row.decided_by,
        events=[shapes.ApplicationEvent(e.kind, e.actor, e.note, e.recorded_at) for e in row.events],
    )


async def locked(call: Call[Nothing, None], connection: Connection) -> str:
    """Hold the application until the transaction ends, and tell its ETag."""
    await stored.get(connection, call.id("application_id"), lock=True)
    return tag(encoded(await show(call)))


async def consequences(call: Call[StartQuery, None]) -> shapes.Consequences:
    starts_on = call.query.starts_on or call.context.clock.now().date()
    kept, found = await actions.consequences(call.context, call.actor, call.id("application_id"), starts_on)
    async with call.reading() as connection:
        return await answers.consequences(call.t, kept, found, connection)


async def approve(call: Call[Nothing, ApprovalForm]) -> shapes.Made:
    approval = await actions.approve(call.context, call.actor, call.id("application_id"), call.body.starts_on)
    shown = await outcome(call, list(approval.memberships), list(approval.invoices))
    return shapes.Made(*shown, approval.number)


async def outcome(
    call: Call[Nothing, msgspec.Struct], made: list[UUID], billed: list[UUID]
) -> tuple[list[shapes.Membership], list[shapes.Invoice]]:
    """What a decision made, as the key may see it."""
    async with call.reading() as connection:
        kept = await call.kept(connection)
        rows = await memberships.some(connection, kept, call.context.clock, made)
        drafts = await invoices.some(connection, kept, billed)
    return answers.all_memberships(call.t, kept, rows), [answers.invoice(call.t, each) for each in drafts]


async def ask(call: Call[Nothing, QuestionForm]) -> shapes.Application:
    await actions.ask(call.context, call.actor, call.id("application_id"), call.body.question)
    return await show(call)


async def decline(call: Call[Nothing, DeclineForm]) -> shapes.Application:
    await actions.decline(call.context, call.actor, call.id("application_id"), call.body.reason)
    return await show(call)


_EXAMPLE = {
    "network": "nora-industry-network",
    "tier": "principal",
    "organisation": {
        "name": "Fjordkraft Analyse AS",
        "country": "NO",
        "kind": "company",
        "employees": 42,
        "identifiers": [{"scheme": "no-orgnr", "value": "310004715"}],
        "website": "https://fjordkraft-analyse.example",
    },
    "contact": {"name": "Kari Nordmann", "email": "kari@fjordkraft-analyse.example", "role": "CEO"},
    "billing_reference": "PO 4711",
    "language": "nb",
}

operations = (
    Operation(
        id="submit_application",
        method="POST",
        path="/applications",
        tag=TAG,
        summary=N_("Send an application"),
        description=N_(
            "An organisation that is known by a strong identifier is taken as the register has it; nothing that is "
            "sent here overwrites it. The contact gets a receipt by mail."
        ),
        body=ApplicationForm,
        answer=shapes.Submitted,
        status=201,
        location="/applications/{id}",
        example=_EXAMPLE,
        run=submit,
    ),
    Operation(
        id="show_application",
        method="GET",
        path=ONE,
        tag=TAG,
        summary=N_("One application"),
        answer=shapes.Application,
        etag=True,
        run=show,
    ),
    Operation(
        id="preview_approval",
        method="GET",
        path=f"{ONE}/consequences",
        tag=TAG,
        summary=N_("What approving would do"),
        description=N_("Computed by the rules that approving uses; nothing is stored."),
        query=StartQuery,
        answer=shapes.Consequences,
        run=consequences,
    ),
    Operation(
        id="approve_application",
        method="POST",
        path=f"{ONE}/approval",
        tag=TAG,
        summary=N_("Approve"),
        description=N_(
            "The membership, everything that follows from it and the draft invoice, in one transaction. Approving "
            "again changes nothing and answers with what the first approval made."
        ),
        body=ApprovalForm,
        answer=shapes.Made,
        status=201,
        precondition=locked,
        example={"starts_on": "2027-03-01"},
        run=approve,
    ),
    Operation(
        id="ask_applicant",
        method="POST",
        path=f"{ONE}/questions",
        tag=TAG,
        summary=N_("Ask the applicant"),
        body=QuestionForm,
        answer=shapes.Application,
        status=201,
        precondition=locked,
        renames={"note": "question"},
        example={"question": "How many people work with machine learning?"},
        run=ask,
    ),
    Operation(
        id="decline_application",
        method="POST",
        path=f"{ONE}/declines",
        tag=TAG,
        summary=N_("Decline"),
        description=N_("Declining again changes nothing."),
        body=DeclineForm,
        answer=shapes.Application,
        status=201,
        precondition=locked,
        renames={"note": "reason"},
        example={"reason": "The network is for organisations in the Nordic countries."},
        run=decline,
    ),
)
