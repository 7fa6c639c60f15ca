"""The closed set of things a decision can want written. `crm/store/apply.py` carries them out.

Each intent names its reason as data (`Step`): the same reason is stored, shown in the preview,
answered by the API and printed in the mail.
"""

from datetime import date
from typing import Any, Literal
from uuid import UUID

import msgspec

from cluster_rules.fees import FeeLine, Step
from cluster_rules.memberships import Grant, Segment
from cluster_rules.periods import Period


class StartGrant(msgspec.Struct, frozen=True, tag="start_grant"):
    """A grant that was not there."""

    grant: Grant
    reason: Step


class EndGrant(msgspec.Struct, frozen=True, tag="end_grant"):
    """A grant now ends, or ends earlier: `grant` is how it shall be."""

    grant: Grant
    before: Grant
    reason: Step


class ReviseGrant(msgspec.Struct, frozen=True, tag="revise_grant"):
    """A grant now runs longer or differs otherwise (an end was cancelled, a version changed)."""

    grant: Grant
    before: Grant
    reason: Step


class RetractGrant(msgspec.Struct, frozen=True, tag="retract_grant"):
    """A grant that the facts no longer call for at all (a cancelled tier change). History keeps it."""

    before: Grant
    reason: Step


class SetTimeline(msgspec.Struct, frozen=True, tag="set_timeline"):
    """What a membership adds up to, from its first day on; replaces the former answer."""

    organisation: UUID
    network: str
    segments: tuple[Segment, ...]


class Publish(msgspec.Struct, frozen=True, tag="publish"):
    """One entry on the network's change feed: the member as it is on the day `on`, or that it is gone."""

    organisation: UUID
    network: str
    op: Literal["upsert", "remove"]
    reason: str
    on: date


class Charge(msgspec.Struct, frozen=True, tag="charge"):
    """A line to bill (negative = to credit), on the draft invoice of the network's host."""

    organisation: UUID
    network: str
    grant: UUID
    line: FeeLine
    reason: Step


class WaiveFee(msgspec.Struct, frozen=True, tag="waive_fee"):
    """From `period.start` on the own membership's fee is not billed, because of a linked grant."""

    organisation: UUID
    network: str
    because: UUID
    period: Period


class Notify(msgspec.Struct, frozen=True, tag="notify"):
    """A mail to write: `to` is the member's contact or the network's managers.

    `not_before` (a day in the network's time zone) holds it back until then.
    """

    kind: str
    organisation: UUID
    network: str
    to: Literal["member", "managers"]
    values: dict[str, Any]
    not_before: date | None = None


class CancelNotices(msgspec.Struct, frozen=True, tag="cancel_notices"):
    """Mails of this kind that wait for their day are no longer true and shall not go out."""

    kind: str
    organisation: UUID
    network: str


GrantIntent = StartGrant | EndGrant | ReviseGrant | RetractGrant
Intent = GrantIntent | SetTimeline | Publish | Charge | WaiveFee | Notify | CancelNotices
