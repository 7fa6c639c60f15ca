"""An organisation's memberships as its own people are shown them: each with its reasons, its fee and its last day."""

from datetime import date
from typing import Any
from uuid import UUID

from cluster_rules import fees
from cluster_rules.errors import RuleViolation
from cluster_rules.memberships import Grant
from cluster_rules.organisations import Profile
from cluster_rules.periods import Period
from cluster_rules.why import Link
from crm import names, words
from crm.reads import memberships as reads
from crm.reads.memberships import Membership
from crm.web.my import My


async def memberships(my: My) -> list[Membership]:
    """All memberships of the open organisation, behind its own wall."""
    async with my.context.db.reading_own([my.organisation.id]) as connection:
        return await reads.of_organisation(connection, my.kept, my.context.clock, my.organisation.id)


def card(my: My, found: Membership) -> dict[str, Any]:
    """One membership: where, at which level, in which state, what it costs, and every reason it stands on."""
    network, t = my.kept.by_slug[found.network], my.t
    return {
        "id": found.id,
        "network": my.face(network),
        "tier": names.tier_name(t, my.kept, found.network, found.tier),
        "status": _status(my, found),
        "state": _state(my, found),
        "since": found.member_since,
        "origin": found.origin,
        "fee": fee_words(my, found),
        "next_bill": next_bill(my, found),
        "whys": [_why(my, found, chain) for chain in found.whys],
        "own": any(g.kind == "direct" and g.period.end_or_far > my.today for g in found.grants),
        "over": found.status == "ended",
    }


def _status(my: My, found: Membership) -> str:
    ahead = found.ends_on is not None and found.ends_on > my.today
    return "ending" if found.status == "active" and ahead else found.status


def _state(my: My, found: Membership) -> str:
    """The day that matters to the state; empty for the plain word."""
    t, state = my.t, _status(my, found)
    if found.ends_on and state == "ending":
        return t.gettext("Ends %(day)s", day=names.last_day(t, found.ends_on))
    if found.ends_on and state == "ended":
        return t.gettext("Ended %(day)s", day=names.last_day(t, found.ends_on))
    return t.gettext("Starts %(day)s", day=t.date(found.starts_on)) if state == "pending" else ""


def _why(my: My, found: Membership, chain: tuple[Link, ...]) -> dict[str, Any]:
    """A reason in a sentence; a linked one also as the panel of boxes (`member.why_panel`)."""
    said = words.why(my.t, my.kept, chain, my.organisation.name)
    nodes = [
        {"kind": n.kind, "title": n.title, "detail": n.detail, "colour": my.kept.by_slug[n.network].colour}
        for n in said.nodes
    ]
    return {
        "linked": len(chain) > 1,
        "sentence": said.sentence,
        "panel": {
            "id": f"why-{found.network}-{chain[-1].grant}",
            "title": said.title,
            "colour": my.kept.by_slug[found.network].colour,
            "reference": "",
            "nodes": nodes,
            "ends": said.ends,
            "try_href": "",
        },
    }


def fee_words(my: My, found: Membership) -> str:
    """What the membership costs a year, without VAT, by the rules that hold for it; "" when that cannot be said."""
    own = [g for g in found.grants if g.kind == "direct" and g.period.end_or_far > my.today]
    if not own:
        waived = {chain[-1].fee for chain in found.whys if len(chain) > 1} == {"waived"}
        return my.t.money(0, my.kept.rulebooks.of(found.network)[-1].currency) if waived else ""
    return _own_fee(my, min(own, key=lambda g: g.period.start))


def next_bill(my: My, found: Membership) -> str:
    """From when the next year is billed, and how much as things stand; "" when nothing more is to come."""
    own = [g for g in found.grants if g.kind == "direct" and g.period.end is None]
    if not own:
        return ""
    grant = min(own, key=lambda g: g.period.start)
    day = max(grant.period.start, my.today)
    book = my.kept.rulebooks.governing(grant.network, grant.period.start, day)
    running = book.period.containing(day, grant.period.start) if book else None
    if running is None or running.end is None:
        return ""
    amount = _own_fee(my, grant, running.end)
    if not amount:
        return my.t.gettext("Next year from %(day)s", day=my.t.date(running.end))
    return my.t.gettext("Next year from %(day)s: %(amount)s as things stand", day=my.t.date(running.end), amount=amount)


def _own_fee(my: My, grant: Grant, on: date | None = None) -> str:
    day = on or max(grant.period.start, my.today)
    book = my.kept.rulebooks.governing(grant.network, grant.period.start, day)
    tier = book.tier(grant.tier) if book else None
    if book is None or tier is None:
        return ""
    o = my.organisation
    profile = Profile(Period(day), o.kind, o.country, o.employees, founded_on=o.founded_on, parent=o.parent_id)
    try:
        lines = fees.yearly(book, tier, profile, book.period.containing(day, grant.period.start))
    except RuleViolation:
        return ""
    return my.t.money(sum(line.net for line in lines), book.currency)


def by_id(found: list[Membership], wanted: UUID) -> Membership | None:
    """The membership with this id, when it is one of the organisation's own."""
    return next((m for m in found if m.id == wanted), None)
