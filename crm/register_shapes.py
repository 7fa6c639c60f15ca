"""The work with the register of legal entities, in the shapes that whoever stores it and whoever shows it share."""

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

RunStatus = Literal["waiting", "reading", "done", "failed", "stopped"]
BulkStatus = Literal["looking", "looked", "doing", "done", "undoing", "undone", "dropped"]
Deed = Literal["take_over", "keep"]
RUN_AT_WORK: tuple[RunStatus, ...] = ("waiting", "reading")
_SUMS = ("before", "after", "changed", "unknown")
BULK_AT_WORK: tuple[BulkStatus, ...] = ("looking", "doing", "undoing")


class Read(msgspec.Struct, frozen=True):
    """A file that was read for a host. `counts`: units, ours, found, unknown, known, opened, settled, and by reason."""

    id: UUID
    host_id: UUID
    name: str
    format: str
    sha256: str
    size: int
    as_of: date
    part: bool
    whole: bool
    counts: dict[str, int]
    read_by: str
    channel: str
    read_at: datetime


class Wanted(msgspec.Struct, frozen=True):
    """How a file is to be read. `as_of`: the day it is of. `part`: it is not the whole register, so a number that is
    not in it says nothing. `keep_all`: its units are kept for prefill. `force`: although a newer file was read."""

    name: str
    as_of: date
    part: bool = False
    keep_all: bool = False
    force: bool = False
    dry_run: bool = False


class Run(msgspec.Struct, frozen=True):
    """A file that was uploaded, from there to its end: `done` of `size` bytes, `units` so far; `problem` {code, field,
    params} why it came to nothing. `unchanged`: this very file was read before."""

    id: UUID
    host_id: UUID
    network_id: UUID
    name: str
    size: int
    as_of: date
    part: bool
    force: bool
    dry_run: bool
    status: RunStatus
    done: int
    units: int
    unchanged: bool
    counts: dict[str, int]
    read_id: UUID | None
    problem: dict[str, Any] | None
    asked_by: str
    asked_by_id: UUID | None
    channel: str
    asked_at: datetime
    finished_at: datetime | None


class Fee(msgspec.Struct, frozen=True):
    """A membership's fee for the next whole year without VAT in minor units, before and after; None: not known."""

    network: str
    tier: str
    currency: str
    before: int | None
    after: int | None


class Looked(msgspec.Struct, frozen=True):
    """What taking a difference over does: to fees, how much follows by rule, how many memberships go to review."""

    ours: str | int | None = None
    register: str | int | None = None
    fees: tuple[Fee, ...] = ()
    follows: int = 0
    reviews: int = 0

    @property
    def quiet(self) -> bool:
        """Does nothing follow but the value itself?"""
        return not (self.fees or self.follows or self.reviews)


class Bulk(msgspec.Struct, frozen=True):
    """Differences of one kind answered together. `totals`: fees by network {currency, before, after, changed, unknown},
    and `follows`, `reviews`: how many rows something follows by rule from, or a membership goes to review."""

    id: UUID
    network_id: UUID
    deed: Deed
    reason: str
    note: str
    starts_on: date
    by_rule: bool
    status: BulkStatus
    total: int
    done: int
    changed: int
    failed: int
    totals: dict[str, Any]
    token: UUID
    actor: str
    actor_id: UUID | None
    manages: tuple[UUID, ...]
    channel: str
    created_at: datetime
    confirmed_at: datetime | None
    finished_at: datetime | None

    def fees_in(self, networks: Iterable[str]) -> dict[str, dict[str, int]]:
        """The sums by currency of these networks alone: what fees are elsewhere is for whoever manages there."""
        sums: dict[str, Counter[str]] = {}
        for network in networks:
            if told := self.totals.get("fees", {}).get(network):
                counts = {name: told[name] for name in _SUMS}
                sums.setdefault(told["currency"], Counter()).update(counts)
        return {currency: {name: sums[currency][name] for name in _SUMS} for currency in sorted(sums)}


class Row(msgspec.Struct, frozen=True):
    """One difference that is answered with others; `looked` is what it would do, or did."""

    row_id: int
    review_id: UUID
    organisation_id: UUID
    organisation: str
    looked: Looked | None
    outcome: str
    problem: dict[str, Any] | None
    change_id: UUID | None
