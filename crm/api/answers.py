"""From what reads and rules give to what the API answers: names become words, amounts get their currency."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from cluster_rules import cascades, intents, vat
from cluster_rules.components import FeeComponent
from cluster_rules.memberships import Grant
from cluster_rules.networks import LinkRule, Rulebook
from cluster_rules.outcomes import RuleOutcome
from crm import outcome_words, rulebook_words, words
from crm.api import shapes
from crm.api.shapes import Money
from crm.catalogue import Catalogue, NetworkRow
from crm.database import Connection
from crm.i18n import Translator
from crm.reads import invoices, memberships, networks, organisations
from crm.rule_words import link_rule


def network(
    t: Translator, kept: Catalogue, row: NetworkRow, book: Rulebook, counts: networks.Counts | None
) -> shapes.Network:
    """A network with the rulebook of today."""
    return shapes.Network(
        slug=row.slug,
        name=t.text(row.names),
        kind=row.kind,
        host=shapes.Host(row.host, row.host_name),
        website=row.website,
        summary=t.text(row.summary),
        rulebook_version=book.version,
        tiers=[
            shapes.Tier(
                tier.code, t.text(tier.names), tier.rank, tier.votes, tier.public, [_fee(t, book, f) for f in tier.fees]
            )
            for tier in sorted(book.tiers, key=lambda each: -each.rank)
        ],
        link_rules=[_link_rule(t, kept, book, rule) for rule in book.link_rules],
        counts=shapes.Counts(counts.members, counts.direct, counts.linked) if counts else None,
        former_names=[shapes.FormerName(t.text(each.names), each.until) for each in row.former_names],
    )


def _fee(t: Translator, book: Rulebook, fee: FeeComponent) -> shapes.Fee:
    return shapes.Fee(
        code=fee.code,
        name=t.text(fee.names),
        basis=fee.basis,
        amount=_money(fee.price.amount, book.currency) if fee.basis == "fixed" else None,
        bands=[shapes.FeeBand(_money(b.amount, book.currency), b.from_, b.below) for b in fee.bands],
        words=rulebook_words.fee(t, fee, book.currency, book.indexes),
        proration=fee.proration,
        vat=fee.vat,
        vat_percent=vat.percent(book.vat.country, fee.vat, date.max),
        example=fee.example,
    )


def _money(amount: int | None, currency: str) -> Money | None:
    return None if amount is None else Money(amount, currency)


def _link_rule(t: Translator, kept: Catalogue, book: Rulebook, rule: LinkRule) -> shapes.LinkRule:
    when = rule.when
    return shapes.LinkRule(
        code=rule.code,
        name=t.text(rule.names),
        words=link_rule(t, kept, book.network, rule),
        rulebook_version=book.version,
        when=shapes.When(
            list(when.tiers),
            list(when.kinds),
            list(when.countries),
            when.unit,
            when.min_employees,
            when.max_employees,
        ),
        grants=shapes.Given(rule.grants.network, rule.grants.tier),
        agreement=rule.agreement,
        start=rule.policy.start,
        end=rule.policy.end,
        suspension=rule.policy.suspension,
        acceptance=rule.policy.acceptance,
        fee=rule.fee.policy,
    )


def organisation(row: organisations.Organisation) -> shapes.Organisation:
    """An organisation of the register."""
    return msgspec.convert(msgspec.structs.asdict(row), shapes.Organisation, from_attributes=True)


def membership(t: Translator, kept: Catalogue, row: memberships.Membership) -> shapes.Membership:
    """A membership, its grants, and why it stands in a sentence."""
    sentences = [words.why(t, kept, links, row.organisation).sentence for links in row.whys]
    return shapes.Membership(
        id=row.id,
        organisation_id=row.organisation_id,
        network=row.network,
        tier=row.tier,
        status=row.status,
        origin=row.origin,
        starts_on=row.starts_on,
        ends_on=row.ends_on,
        member_since=row.member_since,
        grants=[_grant(g) for g in row.grants],
        why=" ".join(sentences),
    )


def _grant(grant: Grant) -> shapes.Grant:
    return shapes.Grant(
        id=grant.id,
        kind=grant.kind,
        tier=grant.tier,
        starts_on=grant.period.start,
        ends_on=grant.period.end,
        source=grant.source or None,
        rule=grant.rule or None,
        rulebook_version=grant.version or None,
        agreement=grant.agreement or None,
        cause_grant_id=grant.cause,
    )


def invoice(t: Translator, row: invoices.Invoice) -> shapes.Invoice:
    """An invoice with its lines in the reader's language."""
    return shapes.Invoice(
        id=row.id,
        kind=row.kind,
        status=row.status,
        number=row.number,
        host=shapes.Host(row.host, row.host_name),
        organisation_id=row.organisation_id,
        organisation=row.organisation,
        buyer_reference=row.buyer_reference,
        payment_days=row.payment_days,
        created_at=row.created_at,
        issued_on=row.issued_on,
        due_on=row.due_on,
        kid=row.kid,
        credits_id=row.credits_id,
        reason=row.reason,
        delivery=row.delivery,
        owed=None if row.owed is None else Money(row.owed, row.currency),
        lines=[
            shapes.InvoiceLine(
                id=line.id,
                charge_id=line.charge_id,
                membership_id=line.membership_id,
                network=line.network,
                tier=line.tier,
                component=line.component,
                name=t.text(line.names),
                starts_on=line.starts_on,
                ends_on=line.ends_on,
                net=Money(line.net, row.currency),
                vat_code=line.vat_code,
                vat_percent=line.vat_percent,
                vat=Money(line.vat, row.currency),
                example=line.example,
                steps=line.steps,
            )
            for line in row.lines
        ],
        net=Money(row.net, row.currency),
        vat=Money(row.vat, row.currency),
        total=Money(row.net + row.vat, row.currency),
    )


async def consequences(
    t: Translator, kept: Catalogue, found: cascades.Consequences, connection: Connection
) -> shapes.Consequences:
    """What a decision would do: a list to read, the same as data, and the rules that were looked at."""
    touched = {_organisation(i) for i in found.intents}
    names = await organisations.names(connection, touched)
    return shapes.Consequences(
        words=[line.text for line in words.lines(t, kept, found, names)],
        consequences=[_consequence(t, kept, i, names) for i in found.intents],
        rules=[rule_outcome(t, kept, o) for o in found.considered],
    )


def _organisation(intent: intents.Intent) -> UUID:
    grant = _grant_of(intent)
    return grant.organisation if grant else intent.organisation


def _grant_of(intent: intents.Intent) -> Grant | None:
    if isinstance(intent, intents.RetractGrant):
        return intent.before
    return getattr(intent, "grant", None) if isinstance(intent, intents.GrantIntent) else None


def _consequence(t: Translator, kept: Catalogue, intent: intents.Intent, names: dict[UUID, str]) -> shapes.Consequence:
    line = words.intent(t, kept, intent, names)
    said = {"type": intent.__struct_config__.tag, "words": line.text if line else None}
    if grant := _grant_of(intent):
        return shapes.Consequence(
            organisation_id=grant.organisation,
            network=grant.network,
            tier=grant.tier,
            kind=grant.kind,
            starts_on=grant.period.start,
            ends_on=grant.period.end,
            rule=grant.rule or None,
            **said,
        )
    return shapes.Consequence(organisation_id=intent.organisation, network=intent.network, **said, **_details(intent))


def _details(intent: intents.Intent) -> dict[str, Any]:
    if isinstance(intent, intents.Charge):
        line = intent.line
        return {
            "tier": line.tier,
            "starts_on": line.period.start,
            "ends_on": line.period.end,
            "net": Money(line.net, line.currency),
            "vat": Money(line.vat, line.currency),
        }
    if isinstance(intent, intents.WaiveFee):
        return {"starts_on": intent.period.start, "ends_on": intent.period.end}
    return {"to": intent.to, "starts_on": intent.not_before} if isinstance(intent, intents.Notify) else {}


def rule_outcome(t: Translator, kept: Catalogue, outcome: RuleOutcome) -> shapes.RuleOutcome:
    return shapes.RuleOutcome(
        rule=outcome.rule,
        network=outcome.network,
        target=outcome.target,
        fired=outcome.fired,
        failed=[shapes.FailedPredicate(f.predicate, f.wanted, f.actual) for f in outcome.failed],
        held_back=outcome.held_back or None,
        words=outcome_words.sentence(t, kept, outcome),
    )


def all_memberships(t: Translator, kept: Catalogue, rows: Sequence[memberships.Membership]) -> list[shapes.Membership]:
    """Several memberships."""
    return [membership(t, kept, row) for row in rows]
