"""Who may do what: accounts of people, their roles and sessions, and keys of programs."""

from piccolo.columns import UUID, Boolean, ForeignKey, OnDelete, Text, Timestamptz, Varchar
from piccolo.columns.defaults.uuid import UUID4
from piccolo.table import Table

from crm.tables.networks import Host, Network
from crm.tables.organisations import Organisation


class Account(Table, tablename="account"):
    """A person who signs in. Without a password there are passkeys, links by mail or somebody's own sign-in.

    `demo`: made by the demo, and on a developer's own machine let in without a second factor (ADR 0028).
    """

    id = UUID(primary_key=True, default=UUID4())
    email = Varchar(length=254, unique=True, required=True)
    name = Text(required=True)
    password_hash = Text(null=True, default=None)
    language = Varchar(length=2, default="nb")
    demo = Boolean(default=False)
    created_at = Timestamptz()


class Role(Table, tablename="role"):
    """What a person may do, in one place: a host (`host_admin`), a network (`manager`, `treasurer`, `viewer`) or an
    organisation (`organisation_admin`, `organisation_member`). One role a place."""

    id = UUID(primary_key=True, default=UUID4())
    account_id = ForeignKey(references=Account, null=False, on_delete=OnDelete.cascade, index=True)
    network_id = ForeignKey(references=Network, null=True, on_delete=OnDelete.restrict, index=True)
    role = Varchar(length=20, required=True)
    host_id = ForeignKey(references=Host, null=True, on_delete=OnDelete.restrict, index=True)
    organisation_id = ForeignKey(references=Organisation, null=True, on_delete=OnDelete.restrict, index=True)
    given_by = Text(default="")
    given_at = Timestamptz()


class Session(Table, tablename="session"):
    """A signed-in browser; only the hash of its random id is stored.

    `method`: how it was opened; `strong`: with two factors (a passkey is two); `confirmed_at`: when the person last
    proved who they are; `browser` and `public_id`: how the list of sessions names it.
    """

    token_hash = Varchar(length=64, primary_key=True)
    account_id = ForeignKey(references=Account, null=False, on_delete=OnDelete.cascade, index=True)
    csrf = Varchar(length=64, required=True)
    created_at = Timestamptz()
    seen_at = Timestamptz()
    public_id = UUID(default=UUID4(), unique=True)
    method = Varchar(length=12, default="password")
    strong = Boolean(default=False)
    confirmed_at = Timestamptz()
    browser = Text(default="")


class ApiKey(Table, tablename="api_key"):
    """A program's key: `prefix` is shown, only the SHA-256 of the secret is stored.

    After its secret was changed the old one opens, too, until `old_secret_until`; `old_used_at`: it was used last.
    """

    id = UUID(primary_key=True, default=UUID4())
    prefix = Varchar(length=16, unique=True, required=True)
    secret_hash = Varchar(length=64, required=True)
    name = Text(required=True)
    role = Varchar(length=20, required=True)
    network_id = ForeignKey(references=Network, null=True, on_delete=OnDelete.restrict)
    created_at = Timestamptz()
    revoked_at = Timestamptz(null=True, default=None)
    last_used_at = Timestamptz(null=True, default=None)
    old_secret_hash = Varchar(length=64, null=True, default=None)
    old_secret_until = Timestamptz(null=True, default=None)
    old_used_at = Timestamptz(null=True, default=None)
