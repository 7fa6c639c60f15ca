"""What a person signs in with besides a password, and the steps of a sign-in that is under way."""

from piccolo.columns import JSONB, UUID, BigInt, Bytea, ForeignKey, Integer, OnDelete, Text, Timestamptz, Varchar
from piccolo.columns.defaults.uuid import UUID4
from piccolo.table import Table

from crm.tables.accounts import Account


class Passkey(Table, tablename="passkey"):
    """A key pair in somebody's device; we hold the public half (WebAuthn level 3)."""

    id = UUID(primary_key=True, default=UUID4())
    account_id = ForeignKey(references=Account, null=False, on_delete=OnDelete.cascade, index=True)
    credential_id = Bytea(unique=True, default=b"")
    public_key = Bytea(default=b"")
    sign_count = BigInt(default=0)
    transports = JSONB(default="[]")
    name = Text(default="")
    created_at = Timestamptz()
    last_used_at = Timestamptz(null=True, default=None)


class Authenticator(Table, tablename="authenticator"):
    """The secret an app makes codes of (RFC 6238); `last_step` is the newest step whose code was taken."""

    account_id = UUID(primary_key=True, default=None)
    secret = Bytea(default=b"")
    last_step = BigInt(default=0)
    created_at = Timestamptz()


class RecoveryCode(Table, tablename="recovery_code"):
    """A code for the day the device is lost; used once."""

    code_hash = Varchar(length=64, primary_key=True)
    account_id = ForeignKey(references=Account, null=False, on_delete=OnDelete.cascade, index=True)
    used_at = Timestamptz(null=True, default=None)


class SignInStep(Table, tablename="sign_in_step"):
    """Something this browser was asked and has not answered: a challenge, a code, a link on its way by mail.

    Found by the hash of the browser's own random id, taken away when it is answered; `secret_hash` is what a link
    in a mail carries. Nothing here opens anything by itself.
    """

    token_hash = Varchar(length=64, primary_key=True)
    kind = Varchar(length=20, required=True)
    account_id = ForeignKey(references=Account, null=True, on_delete=OnDelete.cascade, index=True)
    secret_hash = Varchar(length=64, null=True, default=None, unique=True)
    data = JSONB(default="{}")
    tries = Integer(default=0)
    created_at = Timestamptz()
    expires_at = Timestamptz(index=True)


class Identity(Table, tablename="identity"):
    """A person as another sign-in service knows them (OpenID Connect: issuer and subject)."""

    id = UUID(primary_key=True, default=UUID4())
    account_id = ForeignKey(references=Account, null=False, on_delete=OnDelete.cascade, index=True)
    issuer = Text(required=True)
    subject = Text(required=True)
    created_at = Timestamptz()
