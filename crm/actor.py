"""Who does something: a signed-in person, a program's key, an applicant, or the system itself."""

from collections.abc import Iterable
from typing import Literal
from uuid import UUID

import msgspec

from crm.errors import Forbidden, NotFound, ScopeMissing

Channel = Literal["web", "api", "cli", "job", "import", "member"]


class Actor(msgspec.Struct, frozen=True):
    """`manages` are the networks whose members the actor decides about; `reads` those it may list.

    People have more (ADR 0028): `books` are networks whose money they keep, `hosts` the hosts they administer,
    `runs` the organisations they administer, `acts_for` those they belong to (the ones they run among them).
    """

    name: str
    channel: Channel
    manages: frozenset[UUID] = frozenset()
    reads: frozenset[UUID] = frozenset()
    id: UUID | None = None
    scopes: frozenset[str] = frozenset()  # what a partner's key may write for the networks it reads
    books: frozenset[UUID] = frozenset()
    hosts: frozenset[UUID] = frozenset()
    runs: frozenset[UUID] = frozenset()
    acts_for: frozenset[UUID] = frozenset()

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

    def must_write(self, network: UUID, scope: str) -> None:
        """For what a network's own system does with a key of this scope; who manages the network may do it, too."""
        if network not in self.manages and network in self.reads and scope not in self.scopes:
            raise ScopeMissing(scope)
        if network not in self.sees:
            raise NotFound("network", network)

    def must_manage_all(self, networks: Iterable[UUID], noun: str, wanted: UUID) -> None:
        """For what belongs to several networks at once: one must manage every one of them, or not know of it."""
        listed = set(networks)
        if listed and listed <= self.manages:
            return
        if listed & self.sees:
            raise Forbidden
        raise NotFound(noun, wanted)

    def must_act_for(self, organisation: UUID) -> None:
        """For an organisation's own pages: somebody else's organisation is "not found"."""
        if organisation not in self.acts_for:
            raise NotFound("organisation", organisation)

    def must_run(self, organisation: UUID) -> None:
        """For what an organisation's administrator decides: its other people are "forbidden"."""
        self.must_act_for(organisation)
        if organisation not in self.runs:
            raise Forbidden

    def as_member(self) -> "Actor":
        """The same person where only their organisations' own wishes count: on /my, and nowhere else.

        What they may do as a manager stays at the office's door; `channel` "member" is kept with what they decide.
        """
        nothing: frozenset[UUID] = frozenset()
        return msgspec.structs.replace(
            self, channel="member", manages=nothing, reads=nothing, books=nothing, hosts=nothing
        )

    def keeping_books(self) -> "Actor":
        """The same actor where only money is decided: there, who keeps a network's books decides for it.

        Made at the door of a route that is about money (crm/web/session.py), and nowhere else.
        """
        return msgspec.structs.replace(self, manages=self.manages | self.books)


SYSTEM = Actor("Klynge", "job")
