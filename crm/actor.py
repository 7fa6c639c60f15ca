"""Who does something: a signed-in person, a program's key, an applicant, or the system itself."""

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


SYSTEM = Actor("Klynge", "job")
