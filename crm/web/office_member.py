"""The page of one member: its memberships and why they stand, what it pays, who speaks for it."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from cluster_rules import fees
from cluster_rules.errors import RuleViolation
from cluster_rules.memberships import Grant
from cluster_rules.organisations import Profile
from cluster_rules.outcomes import RuleOutcome
from cluster_rules.periods import Period
from cluster_rules.predicates import failed_predicates, looks_at
from cluster_rules.why import Link
from crm import names, outcome_words, words
from crm.errors import NotFound
from crm.fee_words import explain
from crm.reads import dunning as dunning_reads
from crm.reads import invoices as invoice_reads
from crm.reads import memberships as membership_reads
from crm.reads import office as reads
from crm.reads import organisations as organisation_reads
from crm.reads import timeline as timeline_reads
from crm.reads.dunning import OnHold
from crm.reads.invoices import Invoice
from crm.reads.memberships import Asked, Membership
from crm.reads.organisations import Organisation
from crm.reads.timeline import DecisionEvent, Event
from crm.web.fields import When
from crm.web.office import Office


class Found(msgspec.Struct, frozen=True):
    """Everything the page shows, as read."""

    organisation: Organisation
    membership: Membership
    memberships: tuple[Membership, ...]
    invoices: tuple[Invoice, ...]
    contacts: tuple[reads.Contact, ...]
    events: tuple[Event, ...]
    on_hold: tuple[OnHold, ...] = ()

    def decision(self, wanted: UUID) -> DecisionEvent | None:
        """The decision with this id."""
        return next((e for e in self.events if isinstance(e, DecisionEvent) and e.id == wanted), None)


async def find(office: Office, wanted: UUID, when: When | None = None) -> Found:
    """One member of the open network, its memberships as of a day, as known. NotFound when it never was one."""
    day = when.day if when and when.pairs else None
    context, networks = office.context, sorted(office.actor.sees)
    async with context.db.reading(office.actor.sees) as connection:
        now = await membership_reads.of_organisation(connection, office.kept, context.clock, wanted)
        membership = next((m for m in now if m.network == office.network.slug), None)
        organisation = await organisation_reads.one(
            connection, wanted, day or office.today, False, when.known_at(office.network.zone) if when else None
        )
        if membership is None or organisation is None:
            raise NotFound("member", wanted)
        shown = now
        if when and day:
            asked = Asked(day, when.known_at(office.network.zone))
            shown = await membership_reads.of_organisation(connection, office.kept, context.clock, wanted, asked)
        bills = await invoice_reads.some(connection, office.kept, await reads.invoices_of(connection, wanted))
        contacts = await reads.contacts(connection, wanted)
        events = await timeline_reads.recorded(connection, wanted, networks)
        held = await dunning_reads.on_hold(connection, [m.id for m in shown], day or office.today)
    return Found(organisation, membership, tuple(shown), tuple(bills), tuple(contacts), tuple(events), tuple(held))


def status(office: Office, membership: Membership) -> str:
    """The state of a membership as people say it: one whose end is known is ending."""
    if membership.status == "active" and membership.ends_on and membership.ends_on > office.today:
        return "ending"
    return membership.status


def rows(office: Office, found: Found) -> list[dict[str, Any]]:
    """The table of memberships, this network's first."""
    ordered = sorted(found.memberships, key=lambda m: (m.network != office.network.slug, m.network))
    out = []
    for m in ordered:
        network = office.kept.by_slug[m.network]
        linked = any(len(chain) > 1 for chain in m.whys)
        ours = network.id in office.session.manages and m.network != office.network.slug
        out.append(
            {
                "id": m.id,
                "network": office.face(network),
                "href": f"/n/{m.network}/members/{m.organisation_id}" if ours else "",
                "tier": office.tier(m.tier, m.network),
                "status": status(office, m),
                "now": _state_words(office, m, found.on_hold),
                "since": m.starts_on,
                "origin": m.origin,
                "why_href": f"#why-{m.network}" if linked else "",
                "fee": fee_words(office, found.organisation, m),
            }
        )
    return out


def _state_words(office: Office, membership: Membership, on_hold: Sequence[OnHold]) -> str:
    """The state with the day or the invoice that matters to it; empty for the plain word."""
    t, state = office.t, status(office, membership)
    unpaid = next((each for each in on_hold if each.membership_id == membership.id), None)
    if state == "suspended" and unpaid:
        return t.gettext("On hold: invoice %(number)s is not paid", number=unpaid.number)
    if state == "ending" and membership.ends_on:
        return t.gettext("Ends %(day)s", day=office.last_day(membership.ends_on))
    if state == "ended" and membership.ends_on:
        return t.gettext("Ended %(day)s", day=office.last_day(membership.ends_on))
    return t.gettext("Starts %(day)s", day=t.date(membership.starts_on)) if state == "pending" else ""


def _last(ends_on: date | None) -> date | None:
    return date.fromordinal(ends_on.toordinal() - 1) if ends_on else None


def fee_words(office: Office, organisation: Organisation, membership: Membership) -> str:
    """What a membership costs a year by the rulebook that holds for it; empty when that is not ours to show."""
    if office.kept.by_slug[membership.network].id not in office.session.manages and membership.origin != "linked":
        return ""
    owned = [g for g in membership.grants if g.kind == "direct"]
    direct = min(owned, key=lambda g: abs(_day(office, g) - office.today), default=None)
    if direct is None:
        return _linked_fee(office, membership)
    day = _day(office, direct)
    book = office.kept.rulebooks.governing(direct.network, direct.period.start, day)
    tier = book.tier(direct.tier) if book else None
    if book is None or tier is None:
        return ""
    try:
        lines = fees.yearly(book, tier, profile_of(organisation, day), book.period.containing(day, direct.period.start))
    except RuleViolation:
        return office.t.gettext("Size not known")
    return office.t.money(sum(line.net for line in lines), book.currency)


def _linked_fee(office: Office, membership: Membership) -> str:
    policies = {chain[-1].fee for chain in membership.whys if len(chain) > 1}
    if policies == {"waived"}:
        book = office.kept.rulebooks.of(membership.network)[-1]
        return office.t.money(0, book.currency)
    return office.t.gettext("By the link rule")


def _day(office: Office, grant: Grant) -> date:
    """Today, or the day of the grant that is nearest to it."""
    last = _last(grant.period.end) or office.today
    return max(grant.period.start, min(office.today, last))


def profile_of(organisation: Organisation, day: date) -> Profile:
    """What rules look at."""
    o = organisation
    return Profile(Period(day), o.kind, o.country, o.employees, founded_on=o.founded_on, parent=o.parent_id)


def whys(office: Office, found: Found) -> list[dict[str, Any]]:
    """One panel for each linked membership (`member.why_panel`)."""
    out = []
    for m in found.memberships:
        for chain in m.whys:
            if len(chain) > 1:
                out.append(_panel(office, found, m, chain))
    return out


def _panel(office: Office, found: Found, membership: Membership, chain: Sequence[Link]) -> dict[str, Any]:
    said = words.why(office.t, office.kept, chain, found.organisation.name)
    nodes = []
    for place, node in enumerate(said.nodes):
        network = office.kept.by_slug[node.network]
        shown = {"kind": node.kind, "title": node.title, "detail": node.detail, "colour": network.colour}
        if node.kind == "rule":
            # Every rule belongs to the network of the box before it.
            source = office.kept.by_slug[said.nodes[place - 1].network]
            shown |= {"colour": "", "href": _rule_href(source.slug, chain, node.title, office)}
        if node.kind == "cause" and (decided := found.decision(chain[0].grant)):
            who = office.t.gettext("decided by %(who)s", who=decided.actor)
            shown["detail"] = f"{node.detail}, {who}" if node.detail else who
        nodes.append(shown)
    return {
        "id": f"why-{membership.network}",
        "title": said.title,
        "colour": office.kept.by_slug[membership.network].colour,
        "reference": office.t.gettext("membership %(id)s", id=str(membership.id)[:8]),
        "nodes": nodes,
        "ends": said.ends,
        "try_href": _try_href(office, found, chain),
    }


def _rule_href(source: str, chain: Sequence[Link], title: str, office: Office) -> str:
    code = next((link.rule for link in chain if office.t.text(link.rule_names) == title), "")
    ours = office.kept.by_slug[source].id in office.session.manages
    return f"/n/{source if ours else office.network.slug}/links?rule={code}" if code else ""


def _try_href(office: Office, found: Found, chain: Sequence[Link]) -> str:
    """The page on which a change of the cause can be tried, where the cause is ours to change."""
    cause = next((m for m in found.memberships if m.network == chain[0].network), None)
    if cause is None or office.kept.by_slug[cause.network].id not in office.session.manages:
        return ""
    return f"/n/{cause.network}/members/{found.organisation.id}/memberships/{cause.id}/tier-change"


def why_nots(office: Office, found: Found) -> list[str]:
    """Rules that look at this member's level but give it nothing, each with the predicate that failed (AC-2b)."""
    out = []
    given = {(g.source, g.rule) for m in found.memberships for g in m.grants if g.kind == "linked"}
    for grant in found.membership.grants:
        day = max(grant.period.start, office.today)
        book = office.kept.rulebooks.governing(grant.network, found.membership.starts_on, day)
        if grant.kind != "direct" or book is None or not grant.period.covers(day):
            continue
        for rule in book.link_rules:
            failed = failed_predicates(rule.when, profile_of(found.organisation, day))
            if looks_at(rule, grant.tier) and failed and (grant.network, rule.code) not in given:
                said = RuleOutcome(rule.code, grant.network, rule.grants.network, False, tuple(failed))
                out.append(outcome_words.sentence(office.t, office.kept, said))
    return list(dict.fromkeys(out))


def invoices(office: Office, found: Found) -> list[dict[str, Any]]:
    """Draft invoices line by line, with how each amount came about."""
    out = []
    for invoice in found.invoices:
        lines = [
            {
                "what": office.t.text(line.names),
                "network": office.face(office.kept.by_slug[line.network]),
                "tier": office.tier(line.tier, line.network),
                "days": names.days(office.t, Period(line.starts_on, line.ends_on)),
                "how": explain(office.t, line.steps, invoice.currency, line.example),
                "net": line.net,
                "vat": line.vat,
            }
            for line in invoice.lines
        ]
        out.append({"invoice": invoice, "lines": lines, "total": invoice.net + invoice.vat})
    return out
