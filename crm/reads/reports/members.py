"""R1, who is a member on a day; R2, what the members of a day are made of, and what has changed since another day."""

from crm.reads.reports import courses
from crm.reads.reports.source import Cut, Measure, Relation, Source
from crm.reads.reports.standing import on
from crm.reports import Chart, Column

COLUMNS = (
    Column("name", width=40),
    Column("orgnr", width=14),
    Column("kind", words="kind"),
    Column("size", words="size"),
    Column("employees", "number", width=10),
    Column("country", words="country"),
    Column("county", words="county"),
    Column("municipality", width=20),
    Column("tier", words="tier", width=24),
    Column("status", words="status"),
    Column("origin", words="origin"),
    Column("network", words="network", width=30),
    Column("role", words="role", width=20),
    Column("joined", "day", width=12),
    Column("left_on", "day", width=12),
    Column("organisation_id", words="id", width=38),
)
BY = ("kind", "size", "county", "country", "tier", "origin", "status", "network", "joined_year")
ON_THE_DAY = Relation(
    on(":as_of"),
    COLUMNS,
    by=BY,
    course=lambda wanted, ground: courses.on(wanted, ground, ":as_of"),
    facts=("status", "origin", "network", "ending"),
)
ACTIVE = "status = 'active'"

MEMBERS = Source(
    name="members",
    area="members",
    stock=True,
    relations={"members": ON_THE_DAY},
    measures=(
        Measure("members", "members", ACTIVE),
        Measure("suspended", "members", "status = 'suspended'"),
        Measure("ending", "members", f"{ACTIVE} and ending"),
        Measure("linked_only", "members", f"{ACTIVE} and origin = 'linked'"),
    ),
    cuts=(Cut("by_tier", ("members",), ("tier",)), Cut("by_joined_year", ("members",), ("joined_year",), "code")),
    charts=(Chart("bars", "by_joined_year", "joined_year", ("members",)),),
    words={"joined_year": "year"},
)

COMPOSITION = Source(
    name="composition",
    area="members",
    stock=True,
    relations={"members": ON_THE_DAY},
    measures=(Measure("members", "members", ACTIVE), Measure("suspended", "members", "status = 'suspended'")),
    cuts=(
        Cut("by_kind", ("members",), ("kind",)),
        Cut("by_size", ("members",), ("size",)),
        Cut("by_tier", ("members",), ("tier",)),
        Cut("by_county", ("members",), ("county",)),
        Cut("by_country", ("members",), ("country",)),
        Cut("by_origin", ("members",), ("origin",)),
        Cut("by_kind_and_size", ("members",), ("kind", "size")),
        Cut("by_kind_and_tier", ("members",), ("kind", "tier")),
        Cut("by_all", ("members",), ("kind", "size", "county", "country", "tier")),
    ),
    charts=(
        Chart("hbar", "by_kind", "kind", ("members",)),
        Chart("hbar", "by_size", "size", ("members",)),
        Chart("hbar", "by_county", "county", ("members",)),
    ),
)
