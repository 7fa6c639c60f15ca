"""Who may do what: accounts of people, their roles and sessions, and keys of programs."""

from piccolo.columns import UUID, ForeignKey, OnDelete, Text, Timestamptz, Varchar
from piccolo.columns.defaults.uuid import UUID4
from piccolo.table import Table

from crm.tables.networks import Network


class Account(Table, tablename="account"):
    """A person who signs in."""

    id = UUID(primary_key=True, default=UUID4())
    email = Varchar(length=254, unique=True, required=True)
    name = Text(required=True)
    password_hash = Text(required=True)
    language = Varchar(length=2, default="nb")
    created_at = Timestamptz()


class Role(Table, tablename="role"):
    """An account's role in one network (`manager`)."""

    id = UUID(primary_key=True, default=UUID4())
    account_id = ForeignKey(references=Account, null=False, on_delete=OnDelete.cascade, index=True)
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict, index=True)
    role = Varchar(length=20, required=True)


class Session(Table, tablename="session"):
    """A signed-in browser; only the hash of its random id is stored."""

    token_hash = Varchar(length=64, primary_key=True)
    account_id = ForeignKey(references=Account, null=False, on_delete=OnDelete.cascade, index=True)
    csrf = Varchar(length=64, required=True)
    created_at = Timestamptz()
    seen_at = Timestamptz()


class ApiKey(Table, tablename="api_key"):
    """A program's key: `prefix` is shown, only the SHA-256 of the secret is stored."""

    id = UUID(primary_key=True, default=UUID4())
    prefix = Varchar(length=16, unique=True, required=True)
    secret_hash = Varchar(length=64, required=True)
    name = Text(required=True)
    role = Varchar(length=20, required=True)
    network_id = ForeignKey(references=Network, null=True, on_delete=OnDelete.restrict)
    created_at = Timestamptz()
    revoked_at = Timestamptz(null=True, default=None)
    last_used_at = Timestamptz(null=True, default=None)
