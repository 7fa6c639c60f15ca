"""Bulk runs: one thing done to many members, row by row, with what became of each."""

from piccolo.columns import JSONB, UUID, BigSerial, ForeignKey, Integer, OnDelete, Text, Timestamptz, Varchar
from piccolo.columns.defaults.uuid import UUID4
from piccolo.table import Table

from crm.tables.memberships import Membership
from crm.tables.networks import Network


class BulkRun(Table, tablename="bulk_run"):
    """`what`: tag, untag, field, responsible or charge; `wanted`: what it sets. `done` of `total` rows are settled.

    `token` is of the form it was sent with: the same form sent twice is the same run. `undoes_id`: the run that
    this one takes back.
    """

    id = UUID(primary_key=True, default=UUID4())
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    what = Varchar(length=12, required=True)
    wanted = JSONB(default="{}")
    status = Varchar(length=10, default="waiting")
    total = Integer(default=0)
    done = Integer(default=0)
    changed = Integer(default=0)
    failed = Integer(default=0)
    token = UUID(null=False, default=None)
    undoes_id = ForeignKey(references="self", null=True, default=None, on_delete=OnDelete.restrict)
    actor = Text(required=True)
    actor_id = UUID(null=True, default=None)
    channel = Varchar(length=10, required=True)
    created_at = Timestamptz()
    finished_at = Timestamptz(null=True, default=None)


class BulkRunRow(Table, tablename="bulk_run_row"):
    """One member of a run, once. `outcome`: empty (waits), changed, same or failed; `before`: what it was, to undo."""

    row_id = BigSerial(primary_key=True)
    run_id = ForeignKey(references=BulkRun, null=False, on_delete=OnDelete.restrict)
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    membership_id = ForeignKey(references=Membership, null=False, on_delete=OnDelete.restrict)
    outcome = Varchar(length=10, default="")
    before = JSONB(null=True, default=None)
    problem = JSONB(null=True, default=None)
