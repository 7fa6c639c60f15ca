"""Erasures: that a person was forgotten, without saying who: the receipt, what imports are compared with, returns."""

from piccolo.columns import JSONB, UUID, ForeignKey, OnDelete, Text, Timestamptz, Varchar
from piccolo.columns.defaults.uuid import UUID4
from piccolo.table import Table

from crm.tables.organisations import Organisation


class Erasure(Table, tablename="erasure"):
    """One person forgotten: a contact of an organisation, or an account. Append-only.

    `done` counts what was taken away, by kind; `kept` says what was not, why and until when. `email_hash` is the
    SHA-256 of `salt` and the address, in lower case.
    """

    id = UUID(primary_key=True, default=UUID4())
    organisation_id = ForeignKey(references=Organisation, null=True, on_delete=OnDelete.restrict, index=True)
    about = Varchar(length=10, required=True)
    subject_id = UUID(null=False, default=None, index=True)
    salt = Varchar(length=32, required=True)
    email_hash = Varchar(length=64, required=True)
    done = JSONB(required=True)
    kept = JSONB(default="[]")
    reason = Text(default="")
    actor = Text(default="")
    erased_at = Timestamptz()


class ErasureReturn(Table, tablename="erasure_return"):
    """A forgotten person has agreed to be stored again, by `basis`: applied, came (by own deed) or told.

    Append-only. From then on their address is not held back any more by that erasure.
    """

    erasure_id = ForeignKey(references=Erasure, null=False, default=None, on_delete=OnDelete.restrict, primary_key=True)
    basis = Varchar(length=10, required=True)
    note = Text(default="")
    actor = Text(default="")
    returned_at = Timestamptz()
