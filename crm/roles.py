"""The roles of people (ADR 0028): where each is held, and which of them need a second factor."""

from typing import Literal

HOST_ADMIN = "host_admin"
MANAGER = "manager"
TREASURER = "treasurer"
VIEWER = "viewer"
ORGANISATION_ADMIN = "organisation_admin"
ORGANISATION_MEMBER = "organisation_member"

Role = Literal["host_admin", "manager", "treasurer", "viewer", "organisation_admin", "organisation_member"]
Place = Literal["host", "network", "organisation"]

PLACES: dict[str, Place] = {
    HOST_ADMIN: "host",
    MANAGER: "network",
    TREASURER: "network",
    VIEWER: "network",
    ORGANISATION_ADMIN: "organisation",
    ORGANISATION_MEMBER: "organisation",
}
# Who decides about others' memberships, money or people proves it is them in two ways, and gets no link by mail.
STRONG = frozenset({HOST_ADMIN, MANAGER, TREASURER})


def of(place: Place) -> tuple[str, ...]:
    """The roles there are in such a place, the one that may most first."""
    return tuple(role for role, where in PLACES.items() if where == place)
