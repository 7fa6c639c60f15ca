"""Memberships: decisions (facts), grants (derived reasons) and the timeline they add up to."""

from piccolo.columns import (
    JSONB,
    UUID,
    Array,
    BigInt,
    BigSerial,
    Boolean,
    Date,
    ForeignKey,
    Integer,
    OnDelete,
    SmallInt,
    Text,
    Timestamptz,
    Varchar,
)
from piccolo.columns.defaults.uuid import UUID4
from piccolo.table import Table

from crm.tables.networks import Network
from crm.tables.organisations import Organisation


class Membership(Table, tablename="membership"):
    """Organisation x network; never copied, never deleted. `carried_since`: seniority taken over by a merger."""

    id = UUID(primary_key=True, default=UUID4())
    organisation_id = ForeignKey(references=Organisation, null=False, on_delete=OnDelete.restrict)
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict, index=True)
    carried_since = Date(null=True, default=None)
    carried_on = Date(null=True, default=None)
    created_at = Timestamptz()


class MembershipDecision(Table, tablename="membership_decision"):
    """What a person decided (joining, tier_change, ending, suspension) or recorded (event). Withdrawn, not deleted."""

    id = UUID(primary_key=True, default=UUID4())
    membership_id = ForeignKey(references=Membership, null=False, on_delete=OnDelete.restrict, index=True)
    kind = Varchar(length=20, required=True)
    effective_on = Date(required=True, default=None)
    until_on = Date(null=True, default=None)
    tier = Varchar(length=60, default="")
    event = Varchar(length=60, default="")
    reason = Text(default="")
    application_id = UUID(null=True, default=None)
    actor = Text(required=True)
    channel = Varchar(length=20, required=True)
    recorded_at = Timestamptz()
    withdrawn_at = Timestamptz(null=True, default=None)
    withdrawn_by = Text(null=True, default=None)


class MembershipGrant(Table, tablename="membership_grant"):
    """One reason why a membership stands. A changed grant is a new row; the old one is superseded."""

    row_id = BigSerial(primary_key=True)
    id = UUID(null=False, default=None)
    membership_id = ForeignKey(references=Membership, null=False, on_delete=OnDelete.restrict)
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    organisation_id = ForeignKey(references=Organisation, null=False, on_delete=OnDelete.restrict)
    kind = Varchar(length=10, required=True)
    tier = Varchar(length=60, required=True)
    starts_on = Date(required=True, default=None)
    ends_on = Date(null=True, default=None)
    source_network_id = ForeignKey(references=Network, null=True, on_delete=OnDelete.restrict)
    rule = Varchar(length=60, default="")
    rulebook_version = Integer(default=0)
    agreement = Varchar(length=60, default="")
    cause_id = UUID(null=True, default=None)
    reason = JSONB(default="{}")
    recorded_at = Timestamptz()
    superseded_at = Timestamptz(null=True, default=None)


class MembershipPeriod(Table, tablename="membership_period"):
    """The timeline: tier, status and origin of a membership for a stretch of days. What lists read."""

    row_id = BigSerial(primary_key=True)
    membership_id = ForeignKey(references=Membership, null=False, on_delete=OnDelete.restrict)
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    organisation_id = ForeignKey(references=Organisation, null=False, on_delete=OnDelete.restrict)
    tier = Varchar(length=60, required=True)
    status = Varchar(length=20, required=True)
    origin = Varchar(length=10, required=True)
    starts_on = Date(required=True, default=None)
    ends_on = Date(null=True, default=None)
    recorded_at = Timestamptz()
    superseded_at = Timestamptz(null=True, default=None)


class MembershipCourse(Table, tablename="membership_course"):
    """Each stretch that stands, with the unbroken membership it is part of: `membership_period`, for reports.

    `joined_on` to `left_on` are the days without a break, the `number`-th of the membership; `closes`: its last
    stretch; `next_on`: when it begins again; `first_on`: when it began for the first time. `own_...`: the same of
    stretches that are not only linked. `kind`: of the organisation, null when it has been several. `shared`: it is in
    several networks of the host (SharedCourse). Written by triggers alone (ADR 0044); `crm verify` compares.
    """

    period_id = BigInt(primary_key=True, default=None)
    membership_id = UUID(null=False, default=None)
    network_id = UUID(null=False, default=None)
    organisation_id = UUID(null=False, default=None)
    tier = Varchar(length=60, required=True)
    status = Varchar(length=20, required=True)
    origin = Varchar(length=10, required=True)
    kind = Varchar(length=30, null=True, default=None)
    starts_on = Date(required=True, default=None)
    ends_on = Date(null=True, default=None)
    first_on = Date(required=True, default=None)
    joined_on = Date(required=True, default=None)
    left_on = Date(null=True, default=None)
    number = SmallInt(default=1)
    next_on = Date(null=True, default=None)
    closes = Boolean(default=False)
    own_joined_on = Date(null=True, default=None)
    own_left_on = Date(null=True, default=None)
    own_number = SmallInt(null=True, default=None)
    own_next_on = Date(null=True, default=None)
    own_closes = Boolean(default=False)
    shared = Boolean(default=False)


class SharedCourse(Table, tablename="shared_course"):
    """Of each stretch of an organisation in several networks of one host (`networks`), the same over all of them.

    `closes`: the stretch that stands for the end of what is unbroken: the last one, rather an own one. Written by
    triggers alone (ADR 0052); `crm verify` compares.
    """

    period_id = BigInt(primary_key=True, default=None)
    membership_id = UUID(null=False, default=None)
    network_id = UUID(null=False, default=None)
    organisation_id = UUID(null=False, default=None)
    networks = Array(base_column=UUID(), default=list)
    tier = Varchar(length=60, required=True)
    status = Varchar(length=20, required=True)
    origin = Varchar(length=10, required=True)
    kind = Varchar(length=30, null=True, default=None)
    starts_on = Date(required=True, default=None)
    ends_on = Date(null=True, default=None)
    first_on = Date(required=True, default=None)
    joined_on = Date(required=True, default=None)
    left_on = Date(null=True, default=None)
    number = SmallInt(default=1)
    closes = Boolean(default=False)


class LinkAnswer(Table, tablename="link_answer"):
    """A member's or target network's word on a link rule: accepted or declined, from a day."""

    id = UUID(primary_key=True, default=UUID4())
    organisation_id = ForeignKey(references=Organisation, null=False, on_delete=OnDelete.restrict, index=True)
    source_network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    rule = Varchar(length=60, required=True)
    answer = Varchar(length=10, required=True)
    on_date = Date(required=True, default=None)
    actor = Text(required=True)
    recorded_at = Timestamptz()
    withdrawn_at = Timestamptz(null=True, default=None)
