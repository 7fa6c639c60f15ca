"""Changes and proof of a list of members, as answers of the API have them."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec

from crm.api.shapes import Answer, AnyMember, Member, either


class Change(Answer, frozen=True):
    """One entry of the change feed; `member` is null when it is gone."""

    op: Literal["upsert", "remove"]
    id: UUID
    version: int
    reason: Literal["joined", "planned", "changed", "left", "lapsed", "link_ended", "merged", "withdrawn"]
    member: Member | None


class Changes(Answer, frozen=True):
    """A page of the change feed; `next_cursor` is there even when nothing is new."""

    items: list[Annotated[msgspec.Raw, either("Change", "SharedChange")]]
    next_cursor: str
    has_more: bool


class Bucket(Answer, frozen=True):
    """The members whose id's SHA-256 begins with this byte (two hexadecimal digits)."""

    bucket: str
    count: int
    hash: str


class Digest(Answer, frozen=True):
    """Proof of the whole list of today, buckets without members left out. `hash` is over all of them.

    `settled`: it is exactly the list one has who has followed the changes up to `as_of_cursor`; otherwise a change
    is under way, and the next answer may differ.
    """

    as_of_cursor: str
    settled: bool
    count: int
    hash: str
    buckets: list[Bucket]


class BucketMembers(Answer, frozen=True):
    """One bucket with its members, in the order of their ids."""

    as_of_cursor: str
    settled: bool
    bucket: str
    count: int
    hash: str
    items: list[AnyMember]
