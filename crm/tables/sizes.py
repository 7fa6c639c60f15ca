"""What fees depend on, of organisations and of single members: sizes, owners, roles, amounts agreed.

Append-only but for `superseded_at`: so any day can be asked for, as known on any day. `as_of` is the day a
figure is of, `source` who says so.
"""

from piccolo.columns import UUID, BigInt, Date, ForeignKey, OnDelete, Text, Timestamptz, Varchar
from piccolo.columns.defaults.uuid import UUID4
from piccolo.table import Table

from crm.tables.networks import Network
from crm.tables.organisations import Organisation


class OrganisationSize(Table, tablename="organisation_size"):
    """One figure; the units of `value` are those of `cluster_rules.organisations.Size`."""

    id = UUID(primary_key=True, default=UUID4())
    organisation_id = ForeignKey(references=Organisation, null=False, default=None, on_delete=OnDelete.restrict)
    basis = Varchar(length=20, required=True)
    scope = Varchar(length=10, default="own")
    currency = Varchar(length=3, default="")
    value = BigInt(required=True)
    as_of = Date(required=True, default=None)
    source = Text(default="")
    recorded_by = Text(default="")
    recorded_at = Timestamptz()
    superseded_at = Timestamptz(null=True, default=None)


class OrganisationOwner(Table, tablename="organisation_owner"):
    """The country of the company that owns it, from `as_of` on; empty = nobody does."""

    id = UUID(primary_key=True, default=UUID4())
    organisation_id = ForeignKey(references=Organisation, null=False, default=None, on_delete=OnDelete.restrict)
    country = Varchar(length=2, default="")
    as_of = Date(required=True, default=None)
    source = Text(default="")
    recorded_by = Text(default="")
    recorded_at = Timestamptz()
    superseded_at = Timestamptz(null=True, default=None)


class OrganisationRole(Table, tablename="organisation_role"):
    """A part an organisation plays in a network: core, initiator, award_winner; half-open days."""

    id = UUID(primary_key=True, default=UUID4())
    organisation_id = ForeignKey(references=Organisation, null=False, default=None, on_delete=OnDelete.restrict)
    network_id = ForeignKey(references=Network, null=False, default=None, on_delete=OnDelete.restrict)
    role = Varchar(length=60, required=True)
    starts_on = Date(required=True, default=None)
    ends_on = Date(null=True, default=None)
    source = Text(default="")
    recorded_by = Text(default="")
    recorded_at = Timestamptz()
    superseded_at = Timestamptz(null=True, default=None)


class AgreedFee(Table, tablename="agreed_fee"):
    """A yearly amount signed with one member for a component of the network's fees; minor units, half-open days."""

    id = UUID(primary_key=True, default=UUID4())
    organisation_id = ForeignKey(references=Organisation, null=False, default=None, on_delete=OnDelete.restrict)
    network_id = ForeignKey(references=Network, null=False, default=None, on_delete=OnDelete.restrict)
    component = Varchar(length=60, required=True)
    amount = BigInt(required=True)
    currency = Varchar(length=3, required=True)
    starts_on = Date(required=True, default=None)
    ends_on = Date(null=True, default=None)
    source = Text(required=True)
    recorded_by = Text(default="")
    recorded_at = Timestamptz()
    superseded_at = Timestamptz(null=True, default=None)
