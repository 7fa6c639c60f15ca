"""Lists that partners' own systems push: runs, their rows, what waits for a person, and whose id is whose."""

from piccolo.columns import (
    JSONB,
    UUID,
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

from crm.tables.networks import Network
from crm.tables.organisations import Organisation


class MemberList(Table, tablename="member_list"):
    """One push of a network's list. `done` of `total` rows are settled; `counts`: verdict -> how many.

    `ends_on` and `confirm` only with `complete`: then `absent` is how many members are not on the list, once that is
    known, and `problem` (rule and values) why they were not ended.
    """

    id = UUID(primary_key=True, default=UUID4())
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict, index=True)
    status = Varchar(length=10, default="waiting")
    dry_run = Boolean(default=False)
    complete = Boolean(default=False)
    ends_on = Date(null=True, default=None)
    confirm = Integer(null=True, default=None)
    total = Integer(default=0)
    done = Integer(default=0)
    absent = Integer(null=True, default=None)
    counts = JSONB(default="{}")
    problem = JSONB(null=True, default=None)
    actor = Text(required=True)
    actor_id = UUID(null=True, default=None)
    channel = Varchar(length=10, required=True)
    created_at = Timestamptz()
    finished_at = Timestamptz(null=True, default=None)


class MemberListRow(Table, tablename="member_list_row"):
    """A row as it was sent (`body`), and what became of it; `verdict` is empty until then.

    Rows of one `batch` are settled together. `problems`: [{field, rule, values}]; `changes`: what was changed, or
    suggested to its home network. Members ended for being absent get rows of their own after the last.
    """

    row_id = BigSerial(primary_key=True)
    list_id = ForeignKey(references=MemberList, null=False, on_delete=OnDelete.cascade)
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    number = Integer(required=True, default=None)
    batch = Integer(required=True, default=None)
    external_id = Text(default="")
    body = JSONB(null=True, default=None)
    verdict = Varchar(length=10, default="")
    organisation_id = UUID(null=True, default=None)
    membership_id = UUID(null=True, default=None)
    problems = JSONB(default="[]")
    changes = JSONB(default="[]")


class HeldRow(Table, tablename="held_row"):
    """A row of which it is not certain whom it means: it waits for a person, once for each id of the partner's.

    `why`: a code; `candidates`: [{organisation, reasons}]. `outcome`: taken, made or refused.
    """

    id = UUID(primary_key=True, default=UUID4())
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    list_id = UUID(null=True, default=None)
    number = Integer(default=0)
    external_id = Text(required=True)
    body = JSONB(required=True)
    why = Varchar(length=30, required=True)
    candidates = JSONB(default="[]")
    opened_at = Timestamptz()
    closed_at = Timestamptz(null=True, default=None)
    closed_by = Text(default="")
    outcome = Varchar(length=10, default="")
    organisation_id = UUID(null=True, default=None)


class ExternalRef(Table, tablename="external_ref"):
    """What a network's own system calls an organisation; it leads to one organisation."""

    id = UUID(primary_key=True, default=UUID4())
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    organisation_id = ForeignKey(references=Organisation, null=False, on_delete=OnDelete.restrict, index=True)
    external_id = Text(required=True)
    recorded_at = Timestamptz()
