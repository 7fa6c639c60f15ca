"""The register of legal entities (ADR 0048): its units as they were last read, who read which file, and the work
that is done with them: files on their way, and differences answered together (ADR 0053)."""

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
    Text,
    Timestamptz,
    Varchar,
)
from piccolo.columns.defaults.uuid import UUID4
from piccolo.table import Table

from crm.tables.networks import Host, Network
from crm.tables.reviews import MembershipReview


class RegisterUnit(Table, tablename="register_unit"):
    """One unit as of the day of the file it came by; public data about a legal entity, and no people.

    `known` False: a file of the whole register did not have the number. `whole`: it came by a read of everything.
    """

    number = Varchar(length=9, primary_key=True)
    name = Text(default="")
    form = Varchar(length=10, default="")
    employees = Integer(null=True, default=None)
    municipality_number = Varchar(length=4, default="")
    municipality = Text(default="")
    country = Varchar(length=2, default="")
    nace = Array(base_column=Varchar(length=10), default=list)
    website = Text(default="")
    founded_on = Date(null=True, default=None)
    bankrupt = Boolean(default=False)
    bankrupt_on = Date(null=True, default=None)
    liquidation = Boolean(default=False)
    dissolution = Boolean(default=False)
    deleted_on = Date(null=True, default=None)
    parent = Varchar(length=9, default="")
    known = Boolean(default=True)
    whole = Boolean(default=False)
    as_of = Date(null=False, default=None)


class RegisterRead(Table, tablename="register_read"):
    """One file read for one host: what it was, and what came of it (`counts`, crm/store/register.py)."""

    id = UUID(primary_key=True, default=UUID4())
    host_id = ForeignKey(references=Host, null=False, default=None, on_delete=OnDelete.restrict, index=True)
    name = Text(required=True)
    format = Varchar(length=10, required=True)
    sha256 = Varchar(length=64, required=True)
    size = BigInt(default=0)
    as_of = Date(null=False, default=None)
    part = Boolean(default=False)
    whole = Boolean(default=False)
    counts = JSONB(default="{}")
    read_by = Text(required=True)
    channel = Varchar(length=10, required=True)
    read_at = Timestamptz()


class RegisterRun(Table, tablename="register_run"):
    """One file on its way: uploaded, read by a job, done or failed. The file itself lies in the data directory.

    `done` of `size` bytes and `units` so far. `counts` and `read_id` (none of a rehearsal) once it is read; `problem`
    {code, field, params} why it came to nothing. `network_id`: where it was uploaded.
    """

    id = UUID(primary_key=True, default=UUID4())
    host_id = ForeignKey(references=Host, null=False, default=None, on_delete=OnDelete.restrict)
    network_id = ForeignKey(references=Network, null=False, default=None, on_delete=OnDelete.restrict)
    name = Text(required=True)
    size = BigInt(default=0)
    as_of = Date(null=False, default=None)
    part = Boolean(default=False)
    force = Boolean(default=False)
    dry_run = Boolean(default=False)
    status = Varchar(length=10, default="waiting")
    done = BigInt(default=0)
    units = Integer(default=0)
    unchanged = Boolean(default=False)
    counts = JSONB(default="{}")
    read_id = ForeignKey(references=RegisterRead, null=True, default=None, on_delete=OnDelete.restrict)
    problem = JSONB(null=True, default=None)
    asked_by = Text(required=True)
    asked_by_id = UUID(null=True, default=None)
    channel = Varchar(length=10, required=True)
    asked_at = Timestamptz()
    finished_at = Timestamptz(null=True, default=None)


class RegisterRule(Table, tablename="register_rule"):
    """What a host lets happen by itself. `take_small`: a headcount that changes no class of size is taken over."""

    host_id = ForeignKey(references=Host, null=False, default=None, on_delete=OnDelete.restrict, primary_key=True)
    take_small = Boolean(default=False)
    told_by = Text(default="")
    told_at = Timestamptz()


class RegisterBulk(Table, tablename="register_bulk"):
    """Differences of one kind answered together: looked at first, then done, perhaps taken back.

    `deed`: take_over or keep; `by_rule`: nobody asked, a host's rule did. `status`: looking, looked, doing, done,
    undoing, undone or dropped. `totals`: what it does to fees by currency, in minor units (crm/register_shapes.py).
    `manages`: the networks that whoever wants it manages, and whose fees it is shown.
    """

    id = UUID(primary_key=True, default=UUID4())
    network_id = ForeignKey(references=Network, null=False, default=None, on_delete=OnDelete.restrict)
    deed = Varchar(length=10, required=True)
    reason = Varchar(length=30, required=True)
    note = Text(default="")
    starts_on = Date(null=False, default=None)
    by_rule = Boolean(default=False)
    status = Varchar(length=10, default="looking")
    total = Integer(default=0)
    done = Integer(default=0)
    changed = Integer(default=0)
    failed = Integer(default=0)
    totals = JSONB(default="{}")
    token = UUID(null=False, default=None)
    actor = Text(required=True)
    actor_id = UUID(null=True, default=None)
    manages = Array(base_column=UUID(), default=list)
    channel = Varchar(length=10, required=True)
    created_at = Timestamptz()
    confirmed_at = Timestamptz(null=True, default=None)
    finished_at = Timestamptz(null=True, default=None)


class RegisterBulkRow(Table, tablename="register_bulk_row"):
    """One difference in it. `looked`: what it would do, or did; `outcome`: empty (waits), changed, closed, failed,
    undone or stays; `change_id`: the change of facts that it became."""

    row_id = BigSerial(primary_key=True)
    bulk_id = ForeignKey(references=RegisterBulk, null=False, default=None, on_delete=OnDelete.restrict)
    network_id = ForeignKey(references=Network, null=False, default=None, on_delete=OnDelete.restrict)
    review_id = ForeignKey(references=MembershipReview, null=False, default=None, on_delete=OnDelete.restrict)
    organisation_id = UUID(null=False, default=None)
    looked = JSONB(null=True, default=None)
    outcome = Varchar(length=10, default="")
    problem = JSONB(null=True, default=None)
    change_id = UUID(null=True, default=None)
