"""Apply, preview, approve, ask, decline, withdraw."""

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import msgspec

from cluster_rules import applications as rules
from cluster_rules import fees
from cluster_rules.cascades import Consequences, decide
from cluster_rules.errors import RuleViolation
from cluster_rules.memberships import Decision, Facts
from cluster_rules.organisations import Profile
from cluster_rules.periods import Period
from crm import catalogue, faults, forms
from crm.actor import Actor
from crm.catalogue import Catalogue, NetworkRow
from crm.context import Context
from crm.database import Connection
from crm.errors import Refused
from crm.forms import ApplicationForm
from crm.steps import TOLD_BY_APPLICANT
from crm.store import (
    applications,
    audit,
    decisions,
    erasures,
    families,
    feed,
    mail,
    organisations,
    pay_first,
    places,
    sizes,
)
from crm.store.apply import apply, open_membership
from crm.store.mail import Outgoing, Recipient

OPEN = ("sent", "info_needed")
_ASKED_AT = {"employees": "organisation.employees", "founded_on": "organisation.founded_on"}


class Submitted(msgspec.Struct, frozen=True):
    """What the applicant gets back; `token` opens the status page."""

    id: UUID
    reference: str
    status: str
    organisation_id: UUID
    token: str | None = None


class Approval(msgspec.Struct, frozen=True):
    """The memberships (the direct one first) and draft invoices that an approval made.

    `number`: all places of the level are taken, and it waits with this number in the queue.
    """

    memberships: tuple[UUID, ...]
    invoices: tuple[UUID, ...]
    number: int | None = None


async def submit(
    context: Context, actor: Actor, form: ApplicationForm, draft: UUID | None = None, token: str | None = None
) -> Submitted:
    """Send an application: a whole one at once (API), or a wizard's `draft`.

    An organisation that is known by a strong identifier is taken as it is stored; nothing the
    applicant typed overwrites it. Sending a draft twice gives the first answer again.
    """
    form = forms.check(form)
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        network = kept.network(form.network)
        if network.instance:  # it is run by another system, and one applies there
            raise RuleViolation("network_unknown", "network", given=form.network)
        today = context.clock.today(network.zone)
        if draft:
            row = await applications.get(connection, draft, lock=True)
            if row.status != "draft" and row.organisation_id:
                return Submitted(row.id, row.reference, row.status, row.organisation_id, token)
        await _agreed_anew(context, connection, actor, form)
        known = await organisations.find(connection, form.organisation.identifiers)
        _may_apply(kept, form, today)
        organisation = known or await organisations.add(connection, form.organisation, today)
        await _tell_sizes(connection, organisation, form, actor, today, known is not None)
        await _not_member_yet(connection, kept, organisation, network, today)
        wanted = draft or await applications.start(connection, network.id, form.tier, form.language, token)
        if not await applications.send(connection, wanted, organisation, form.tier, msgspec.to_builtins(form)):
            raise Refused("application_open", "organisation.identifiers", network=network.slug)
        await organisations.add_contact(connection, organisation, form.contact, form.language)
        await applications.record_consents(connection, wanted, organisation, form.consents, form.contact.name)
        await applications.add_event(connection, wanted, "sent", form.contact.name)
        row = await applications.get(connection, wanted)
        await mail.queue(connection, await _received(connection, context, kept, network, row, form, token))
        await audit.append(connection, actor, "application_sent", {"tier": form.tier}, network.id, organisation, wanted)
        return Submitted(row.id, row.reference, row.status, organisation, token)


async def _agreed_anew(context: Context, connection: Connection, actor: Actor, form: ApplicationForm) -> None:
    """A forgotten person who applies on our own pages agrees anew by that; nobody else says it for them."""
    if actor.channel == "web":
        email, now = form.contact.email, context.clock.now()
        await erasures.returned(connection, email, "applied", f"terms {form.consents.terms_version}", "", now)
    else:
        await erasures.must_not_be_blocked(connection, form.contact.email, "contact.email")


def _may_apply(kept: Catalogue, form: ApplicationForm, today: date) -> None:
    o = form.organisation
    profile = Profile(
        Period(today),
        o.kind,
        o.country,
        o.employees,
        founded_on=o.founded_on,
        owner_country=o.owner_country,
        sizes=o.profile_sizes,
    )
    book = kept.book(form.network, today)
    tier = rules.may_apply(book, form.tier, profile, today)
    try:
        fees.yearly(book, tier, profile, book.period.containing(today, today), day=today, since=today)
    except RuleViolation as violation:
        if violation.code in TOLD_BY_APPLICANT:
            at = _ASKED_AT.get(violation.field, "organisation.sizes")
            raise RuleViolation(violation.code, at, **violation.params, tier=form.tier) from violation


async def _tell_sizes(
    connection: Connection, organisation: UUID, form: ApplicationForm, actor: Actor, today: date, known: bool
) -> None:
    """What the applicant says about sizes; of an organisation that is known, only what nobody has told yet."""
    told = await sizes.told(connection, organisation) if known else set()
    new = [s for s in form.organisation.profile_sizes if (s.basis, s.scope, s.currency) not in told]
    await sizes.add(connection, organisation, new, actor, today)
    if form.organisation.owner_country and not known:
        await sizes.add_owner(connection, organisation, form.organisation.owner_country, today, actor)


async def _not_member_yet(
    connection: Connection, kept: Catalogue, organisation: UUID, network: NetworkRow, today: date
) -> None:
    facts = await families.load(connection, kept, await families.lock(connection, organisation))
    since = next(
        (
            g.period.start
            for g in facts.grants
            if (g.organisation, g.network, g.kind) == (organisation, network.slug, "direct")
            if g.period.end_or_far > today
        ),
        None,
    )
    if since:
        raise Refused("already_member", "network", network=network.slug, since=since)


async def _received(
    connection: Connection,
    context: Context,
    kept: Catalogue,
    network: NetworkRow,
    row: applications.Row,
    form: ApplicationForm,
    token: str | None,
) -> list[Outgoing]:
    """A receipt for the applicant, and word to every manager of the network."""
    base = context.settings.base_url

    def letter(kind: str, to: Recipient, link: str) -> Outgoing:
        values: dict[str, Any] = {
            "organisation": form.organisation.name,
            "network": network.names.get(to.language, network.slug),
            "tier": kept.tier_names(network.slug, form.tier).get(to.language, form.tier),
            "reference": row.reference,
            "link": link,
        }
        return Outgoing(kind, to, values, network.id, row.organisation_id)

    applicant = Recipient(form.contact.email, form.contact.name, form.language)
    status = f"{base}/{form.language}/join/status/{token}" if token else ""
    managers = await mail.managers_of(connection, [network.id])
    # The receipt carries the applicant's secret link: it belongs to no network, so no manager can read it.
    receipt = msgspec.structs.replace(letter("application_received", applicant, status), network=None)
    return [receipt] + [
        letter("application_arrived", m, f"{base}/n/{network.slug}/applications/{row.id}")
        for m in managers.get(network.id, [])
    ]


async def consequences(
    context: Context, actor: Actor, application: UUID, starts_on: date
) -> tuple[Catalogue, Consequences]:
    """What approving would do: the same decision as `approve`, applied to nothing."""
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        row = await applications.get(connection, application)
        actor.must_manage(row.network_id)
        organisation = _applicant(context, kept, row, starts_on)
        facts = await families.load(connection, kept, await families.of(connection, organisation))
        decision, today = _joining(context, kept, row, facts, starts_on), _today(context, kept, row)
        facts = await places.ask(connection, kept, facts, today, decision, write=False)
        return kept, decide(facts, decision, today)


async def approve(context: Context, actor: Actor, application: UUID, starts_on: date) -> Approval:
    """Approve: the direct grant and everything that follows from it, in one transaction.

    Repeating is harmless: an approved application answers with what the first approval made.
    """
    async with context.db.tx() as connection:
        row = await applications.get(connection, application, lock=True)
        actor.must_manage(row.network_id)
        if row.status == "approved":
            made_before = map(tuple, await applications.outcome(connection, application))
            return Approval(*made_before, await places.number(connection, application))
        if row.status == "payment_due":
            return Approval(*map(tuple, await pay_first.outcome(connection, application)))
        faults.point("approval_locked")
        kept = await catalogue.load(connection)
        family = await families.lock(connection, _applicant(context, kept, row, starts_on))
        facts = await families.load(connection, kept, family)
        decision = _joining(context, kept, row, facts, starts_on)
        facts = await places.ask(connection, kept, facts, _today(context, kept, row), decision)
        found = decide(facts, decision, _today(context, kept, row))
        faults.point("approval_decided")
        if pay_first.asked(kept, decision, found):
            today, ehf = _today(context, kept, row), bool(context.settings.ehf_url)
            due = await pay_first.bill(connection, kept, decision, found, application, family, actor, today, ehf)
            await _audit(connection, actor, kept, row, decision, found, "application_payment_due")
            return Approval(*map(tuple, due))
        membership = await open_membership(connection, decision.organisation, row.network_id)
        await decisions.record(connection, membership, decision, actor, application)
        faults.point("approval_recorded")
        applied = await apply(connection, kept, facts, found.intents, family)
        faults.point("approval_applied")
        await applications.decide(connection, application, "approved", actor.name, starts_on)
        await applications.add_event(connection, application, "approved", actor.name)
        made = [membership, *(m for m in applied.memberships.values() if m != membership)]
        result = Approval(tuple(made), applied.invoices, await places.number(connection, application))
        await feed.settle(connection)  # not while the trail of audit is held, which is by one at a time
        await _audit(connection, actor, kept, row, decision, found)
        faults.point("approval_before_commit")
    faults.point("approval_committed")
    return result


def _today(context: Context, kept: Catalogue, row: applications.Row) -> date:
    return context.clock.today(kept.by_id[row.network_id].zone)


def _applicant(context: Context, kept: Catalogue, row: applications.Row, starts_on: date) -> UUID:
    """The organisation, if its application still waits for an answer and may start on that day."""
    if row.status not in OPEN or row.organisation_id is None:
        raise Refused("not_sent" if row.status == "draft" else "already_decided", "status", status=row.status)
    network = kept.by_id[row.network_id]
    rules.may_start(kept.rulebooks.of(network.slug)[0], starts_on, context.clock.today(network.zone))
    return row.organisation_id


def _joining(context: Context, kept: Catalogue, row: applications.Row, facts: Facts, starts_on: date) -> Decision:
    return Decision(
        id=uuid4(),
        organisation=_applicant(context, kept, row, starts_on),
        network=kept.by_id[row.network_id].slug,
        kind="joining",
        effective_on=starts_on,
        recorded_at=families.moment(facts, context.clock.now()),
        tier=row.tier,
    )


async def _audit(
    connection: Connection,
    actor: Actor,
    kept: Catalogue,
    row: applications.Row,
    decision: Decision,
    found: Consequences,
    action: str = "application_approved",
) -> None:
    """One entry with the decision log (AC-2b: which predicate failed), one for each network touched by a rule."""
    considered = msgspec.to_builtins(found.considered)
    detail = {
        "application": str(row.id),
        "tier": row.tier,
        "starts_on": decision.effective_on.isoformat(),
        "rules": considered,
    }
    entries = [(action, row.network_id, row.organisation_id, decision.id, detail)]
    if action == "application_approved":
        for outcome in found.considered:
            if outcome.fired:
                target = kept.network(outcome.target).id
                told = {"rule": outcome.rule, "source": outcome.network, "decision": str(decision.id)}
                entries.append(("linked_membership", target, row.organisation_id, None, told))
    await audit.append_many(connection, actor, entries)


async def ask(context: Context, actor: Actor, application: UUID, question: str) -> None:
    """Ask the applicant for something; the application waits for the answer."""
    await _answer(context, actor, application, "info_needed", "question", question, OPEN)


async def decline(context: Context, actor: Actor, application: UUID, reason: str) -> None:
    """Decline, with a reason the applicant is told. Declining twice changes nothing."""
    await _answer(context, actor, application, "declined", "declined", reason, OPEN)


async def _answer(
    context: Context,
    actor: Actor,
    application: UUID,
    status: str,
    kind: str,
    note: str,
    allowed: tuple[str, ...],
) -> None:
    problems: forms.Problems = []
    forms.text(problems, "note", note, forms.NOTE_MAX)
    if problems:
        raise forms.Invalid(problems)
    async with context.db.tx() as connection:
        row = await applications.get(connection, application, lock=True)
        actor.must_manage(row.network_id)
        if row.status == status == "declined":
            return
        if row.status not in allowed:
            raise Refused("not_sent" if row.status == "draft" else "already_decided", "status", status=row.status)
        kept = await catalogue.load(connection)
        network = kept.by_id[row.network_id]
        await applications.decide(connection, application, status, actor.name)
        await applications.add_event(connection, application, kind, actor.name, note)
        contact = row.answers["contact"]
        to = Recipient(contact["email"], contact["name"], row.language)
        values = {
            "organisation": row.answers["organisation"]["name"],
            "network": network.names.get(row.language, network.slug),
            "reference": row.reference,
            "note": note,
            "status_page": await applications.has_status_page(connection, application),
        }
        await mail.queue(connection, [Outgoing(f"application_{kind}", to, values, network.id, row.organisation_id)])
        await audit.append(
            connection, actor, f"application_{kind}", {"note": note}, network.id, row.organisation_id, row.id
        )
