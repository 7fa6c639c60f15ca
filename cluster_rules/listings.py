"""Who may see which part of what a member tells of itself in the directory.

A level is said per network and field: `public` anybody; `partners` members and offices of this network and of those
that have an agreement with it; `members` those of this network only; `hidden` nobody. A member of two networks shows a
field to whoever one of them lets see it. People are seen only with their consent, whatever the level says (GDPR 6.1a).
"""

from collections.abc import Collection, Mapping
from typing import Literal

import msgspec

from cluster_rules.errors import RuleViolation

Level = Literal["hidden", "members", "partners", "public"]
LEVELS: tuple[Level, ...] = ("hidden", "members", "partners", "public")
# Every field, and who sees it where neither the member nor its network has said anything. `membership` is the whole
# membership in that network: when it is not public, nobody outside is told of it or counts it.
DEFAULTS: dict[str, Level] = {
    "membership": "public",
    "tier": "public",
    "summary": "public",
    "fields": "public",
    "offers": "public",
    "website": "public",
    "size": "public",
    "place": "public",
    "people": "members",
}
FIELDS = tuple(DEFAULTS)
Said = Mapping[str, Mapping[str, str]]  # network -> field -> level
SIZE_BANDS = ((10, "1-9"), (50, "10-49"), (250, "50-249"))
LARGEST = "250"


class Viewer(msgspec.Struct, frozen=True):
    """Networks whose member (or office) the reader is, and those that have an agreement with one of them."""

    member_of: frozenset[str] = frozenset()
    partner_of: frozenset[str] = frozenset()


ANYBODY = Viewer()


def level(field: str, network: str, member: Said, networks: Said) -> Level:
    """Who sees a field in a network: what the member says, else what its network says, else the default."""
    said = member.get(network, {}).get(field) or networks.get(network, {}).get(field) or DEFAULTS[field]
    return next(each for each in LEVELS if each == said)


def reaches(wanted: Level, network: str, viewer: Viewer) -> bool:
    """Does a level in a network let this reader see it?"""
    if wanted == "public":
        return True
    if wanted == "partners":
        return network in viewer.member_of or network in viewer.partner_of
    return wanted == "members" and network in viewer.member_of


def seen(memberships: Collection[str], member: Said, networks: Said, viewer: Viewer) -> frozenset[str]:
    """The fields this reader sees of a member of these networks; a membership that is not seen opens nothing."""
    open_in = [n for n in memberships if reaches(level("membership", n, member, networks), n, viewer)]
    return frozenset(
        field
        for field in FIELDS
        if any(reaches(level(field, network, member, networks), network, viewer) for network in open_in)
    )


def memberships_seen(memberships: Collection[str], member: Said, networks: Said, viewer: Viewer) -> frozenset[str]:
    """The networks of which this reader is told that it is a member of them."""
    return frozenset(n for n in memberships if reaches(level("membership", n, member, networks), n, viewer))


def check(member: Said, memberships: Collection[str]) -> None:
    """Refuse levels that do not exist: RuleViolation `network_unknown`, `field_unknown` or `level_unknown`."""
    for network, fields in member.items():
        if network not in memberships:
            raise RuleViolation("network_unknown", f"visibility.{network}", given=network)
        for field, given in fields.items():
            if field not in DEFAULTS:
                raise RuleViolation("listing_field_unknown", f"visibility.{network}.{field}", given=field)
            if given not in LEVELS:
                raise RuleViolation("listing_level_unknown", f"visibility.{network}.{field}", given=given)


def size_band(employees: int | None) -> str:
    """ "10-49" and the like; "" when nobody has told."""
    if employees is None:
        return ""
    return next((band for below, band in SIZE_BANDS if employees < below), LARGEST)
