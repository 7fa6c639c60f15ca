"""Why is X a member of B? The chain from the linked membership back to the decision that roots it.

The same data is the "why" of API, pages and mails; `crm/words.py` makes sentences of it (nb, en).
"""

from collections.abc import Sequence
from datetime import date
from typing import Literal
from uuid import UUID

import msgspec

from cluster_rules.memberships import Grant
from cluster_rules.networks import LinkRule, Rulebooks


class Link(msgspec.Struct, frozen=True):
    """One link of the chain: a grant and, if linked, the rule it came by.

    `covers` says whom the rule gives it to: the organisation that the link before is about, its units or
    its parent. Of a direct grant, `rule` is the event that made it, if one did. `ends_with` is its end policy;
    `ends_on` half-open, None while nothing is known to end it.
    """

    grant: UUID
    kind: Literal["direct", "linked"]
    network: str
    tier: str
    starts_on: date
    ends_on: date | None
    rule: str = ""
    rule_names: dict[str, str] = {}
    rulebook_version: int = 0
    agreement: str = ""
    agreement_names: dict[str, str] = {}
    ends_with: str = ""
    grace_days: int = 0
    notice_days: int = 0
    fee: str = ""
    covers: Literal["organisation", "units", "parent"] = "organisation"


def chain(grant: Grant, grants: Sequence[Grant], rulebooks: Rulebooks) -> tuple[Link, ...]:
    """From the root (a direct grant) to `grant`, in the order things happened.

    KeyError when a cause is missing from `grants`: every linked grant must be rooted.
    """
    by_id = {g.id: g for g in grants}
    links: list[Link] = []
    at: Grant | None = grant
    while at is not None:
        links.append(_link(at, rulebooks))
        at = by_id[at.cause] if at.cause else None
    return tuple(reversed(links))


def _link(grant: Grant, rulebooks: Rulebooks) -> Link:
    book = rulebooks.version(grant.source, grant.version) if grant.rule else None
    rule: LinkRule | None = book.link_rule(grant.rule) if book else None
    agreement = rulebooks.agreement(grant.agreement) if grant.agreement else None
    link = Link(
        grant.id,
        grant.kind,
        grant.network,
        grant.tier,
        grant.period.start,
        grant.period.end,
        grant.rule,
        rule.names if rule else {},
        grant.version,
        grant.agreement,
        agreement.names if agreement else {},
    )
    if rule is None:
        event = rulebooks.event_names(grant.network, grant.rule) if grant.rule else {}
        return msgspec.structs.replace(link, rule_names=event) if event else link
    return msgspec.structs.replace(
        link,
        ends_with=rule.policy.end,
        grace_days=rule.policy.grace_days,
        notice_days=rule.policy.notice_days,
        fee=rule.fee.policy,
        covers=rule.grants.to,
    )
