"""The audit trail (append-only, hash-chained) and answers kept for repeated requests."""

from piccolo.columns import JSONB, UUID, BigInt, BigSerial, Integer, Text, Timestamptz, Varchar
from piccolo.table import Table


class Audit(Table, tablename="audit"):
    """One thing somebody did: actor, channel, what, to what, why. `hash` covers the row and `prev`.

    Of actor and detail it covers a seal: the hash of a salt and them. So they can be forgotten one day, by keeping the
    seal and throwing the salt away, and the chain stands (ADR 0033). An empty seal: the salt is still there.
    """

    seq = BigInt(primary_key=True)
    recorded_at = Timestamptz()
    actor = Text(required=True)
    channel = Varchar(length=20, required=True)
    action = Varchar(length=60, required=True)
    network_id = UUID(null=True, default=None)
    organisation_id = UUID(null=True, default=None)
    subject_id = UUID(null=True, default=None)
    detail = JSONB(default="{}")
    hash = Varchar(length=64, required=True)
    actor_salt = Varchar(length=32, default="")
    actor_seal = Varchar(length=64, default="")
    detail_salt = Varchar(length=32, default="")
    detail_seal = Varchar(length=64, default="")


class IdempotencyKey(Table, tablename="idempotency_key"):
    """The answer to a POST with an Idempotency-Key; the same key again gets the same answer."""

    row_id = BigSerial(primary_key=True)
    owner = Text(required=True)
    key = Varchar(length=255, required=True)
    fingerprint = Varchar(length=64, required=True)
    status_code = Integer(null=True, default=None)
    body = Text(null=True, default=None)
    created_at = Timestamptz()
