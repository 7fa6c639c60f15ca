"""What the register of legal entities says (ADR 0048): its units as they were last read, and who read which file."""

from piccolo.columns import (
    JSONB,
    UUID,
    Array,
    BigInt,
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

from crm.tables.networks import Host


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
