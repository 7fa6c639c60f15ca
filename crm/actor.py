"""Who does something: a signed-in person, a program's key, an applicant, or the system itself."""

from collections.abc import Iterable
from typing import Literal
from uuid import UUID

import msgspec

from crm.errors import Forbidden, NotFound

Channel = Literal["web", "api", "cli", "job", "import"]


class Actor(msgspec.Struct, frozen=True):
    """`manages` are the networks whose members the actor decides about; `reads` those it may list."""

    name: str
    channel: Channel
    manages: frozenset[UUID] = frozenset()
    reads: frozenset[UUID] = frozenset()
    id: UUID | None = None

    @property
    def sees(self) -> frozenset[UUID]:
        """Every network whose rows the actor may be shown."""
        return self.manages | self.reads

    def must_manage(self, network: UUID) -> None:
        """The first tenant wall. Unseen networks are "not found", seen but not managed "forbidden"."""
        if network in self.manages:
            return
        if network in self.reads:
            raise Forbidden
        raise NotFound("network", network)

    def must_manage_all(self, networks: Iterable[UUID], noun: str, wanted: UUID) -> None:
        """For what belongs to several networks at once: one must manage every one of them, or not know of it."""
        listed = set(networks)
        if listed and listed <= self.manages:
            return
        if listed & self.sees:
            raise Forbidden
        raise NotFound(noun, wanted)


SYSTEM = Actor("Klynge", "job")
