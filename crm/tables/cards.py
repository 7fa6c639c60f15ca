"""Card payments: forms opened for invoices, refunds asked for, what the provider told of, and what does not agree.

Each id of ours is the idempotency key of the call it stands for: stored before the call (M13). Minor units.
"""

from piccolo.columns import UUID, BigInt, Boolean, Date, ForeignKey, Integer, OnDelete, Text, Timestamptz, Varchar
from piccolo.columns.defaults.uuid import UUID4
from piccolo.table import Table

from crm.tables.invoices import Invoice
from crm.tables.networks import Host
from crm.tables.payments import Payment


class CardSession(Table, tablename="card_session"):
    """A card form for what is owed of one invoice: asked for, open, complete, expired or refused."""

    id = UUID(primary_key=True, default=UUID4())
    host_id = ForeignKey(references=Host, null=False, on_delete=OnDelete.restrict)
    invoice_id = ForeignKey(references=Invoice, null=False, on_delete=OnDelete.restrict, index=True)
    amount = BigInt(required=True)
    currency = Varchar(length=3, required=True)
    status = Varchar(length=10, default="asked")
    object_id = Text(default="")
    url = Text(default="")
    last_error = Text(default="")
    created_at = Timestamptz()
    expires_at = Timestamptz()


class CardRefund(Table, tablename="card_refund"):
    """A refund of a card payment that a person asked the provider for: asked, done or refused."""

    id = UUID(primary_key=True, default=UUID4())
    host_id = ForeignKey(references=Host, null=False, on_delete=OnDelete.restrict)
    payment_id = ForeignKey(references=Payment, null=False, on_delete=OnDelete.restrict, index=True)
    amount = BigInt(required=True)
    currency = Varchar(length=3, required=True)
    reason = Text(default="")
    status = Varchar(length=10, default="asked")
    object_id = Text(default="")
    last_error = Text(default="")
    actor = Text(required=True)
    created_at = Timestamptz()


class CardEvent(Table, tablename="card_event"):
    """The inbox: an event whose signature was right, once. What counts is the object it is about, read again."""

    id = Text(primary_key=True, default="")
    account = Varchar(length=60, required=True)
    kind = Text(required=True)
    object = Text(required=True)
    about = Text(required=True)
    happened_at = Timestamptz()
    received_at = Timestamptz()
    status = Varchar(length=10, default="waiting")
    attempts = Integer(default=0)
    last_error = Text(default="")
    handled_at = Timestamptz(null=True, default=None)


class CardDifference(Table, tablename="card_difference"):
    """A named, open item: the provider's books and ours do not agree on an object of a day (M12)."""

    id = UUID(primary_key=True, default=UUID4())
    host_id = ForeignKey(references=Host, null=True, on_delete=OnDelete.restrict)
    account = Varchar(length=60, required=True)
    on_date = Date(required=True, default=None)
    kind = Text(required=True)
    object_id = Text(required=True)
    theirs = BigInt(null=True, default=None)
    ours = BigInt(null=True, default=None)
    currency = Varchar(length=3, required=True)
    note = Text(default="")
    is_open = Boolean(default=True)
    found_at = Timestamptz()
    closed_at = Timestamptz(null=True, default=None)
    closed_by = Text(default="")
