"""Events on a member's page: which ones its level knows, and until when one has locked the membership in."""

from datetime import date

from cluster_rules.events import lock_end
from cluster_rules.memberships import Grant
from cluster_rules.networks import Tier
from crm.reads.memberships import Membership
from crm.web.office import Office
from crm.web.office_member import Found


def upgrades(office: Office, membership: Membership) -> list[dict[str, str]]:
    """The events that the level held today makes something of, to choose from."""
    day = max(office.today, membership.starts_on)
    held = next((g for g in membership.grants if g.kind == "direct" and g.period.covers(day)), None)
    tier = _tier(office, membership, held, day) if held else None
    return [{"value": u.event, "label": office.t.text(u.names) or u.event} for u in (tier.upgrades if tier else ())]


def locked_until(office: Office, found: Found) -> date | None:
    """The first day on which this membership may end or go down, when that lies ahead."""
    m = found.membership
    direct = [g for g in m.grants if g.kind == "direct"]
    for grant in direct:
        event = found.decision(grant.id) if grant.rule else None
        before = next((g for g in direct if g.period.end == grant.period.start), None)
        tier = _tier(office, m, before, grant.period.start) if event and before else None
        upgrade = tier.upgrade(grant.rule) if tier else None
        until = lock_end(upgrade, event.effective_on, event.until_on) if upgrade and event else None
        if until and until > office.today:
            return until
    return None


def _tier(office: Office, membership: Membership, grant: Grant, day: date) -> Tier | None:
    book = office.kept.rulebooks.governing(membership.network, membership.starts_on, day)
    return book.tier(grant.tier) if book else None
