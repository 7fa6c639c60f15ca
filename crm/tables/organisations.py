"""Organisations: a legal entity or a unit inside one, what was true of it when, and who speaks for it."""

from piccolo.columns import (
    JSONB,
    UUID,
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


class Organisation(Table, tablename="organisation"):
    """The lasting identity; `family_id` is the legal entity at its root (itself unless a unit, or merged).

    From `merged_on` it is part of `merged_into_id`; the row stays, and its memberships of earlier days.
    """

    id = UUID(primary_key=True, default=UUID4())
    name = Text(required=True)
    family_id = UUID(null=False, default=None, index=True)
    website = Text(default="")
    fields = JSONB(default="[]")
    merged_into_id = UUID(null=True, default=None)
    merged_on = Date(null=True, default=None)
    created_at = Timestamptz()


class OrganisationProfile(Table, tablename="organisation_profile"):
    """What was true of an organisation from `starts_on` (until `ends_on`, not included).

    Never updated but for `superseded_at`: so any day can be asked for, as known on any day.
    """

    id = UUID(primary_key=True, default=UUID4())
    organisation_id = ForeignKey(references=Organisation, null=False, on_delete=OnDelete.restrict)
    name = Text(required=True)
    kind = Varchar(length=30, required=True)
    country = Varchar(length=2, required=True)
    municipality = Text(default="")
    county = Text(default="")
    employees = Integer(null=True, default=None)
    employees_as_of = Date(null=True, default=None)
    founded_on = Date(null=True, default=None)
    parent_id = ForeignKey(references=Organisation, null=True, on_delete=OnDelete.restrict)
    starts_on = Date(required=True, default=None)
    ends_on = Date(null=True, default=None)
    recorded_at = Timestamptz()
    superseded_at = Timestamptz(null=True, default=None)


class Employer(Table, tablename="employer"):
    """For whom a person works (a researcher's university): a relation, and no reason for a membership."""

    id = UUID(primary_key=True, default=UUID4())
    organisation_id = ForeignKey(references=Organisation, null=False, on_delete=OnDelete.restrict, index=True)
    employer_id = ForeignKey(references=Organisation, null=False, on_delete=OnDelete.restrict, index=True)
    starts_on = Date(null=True, default=None)
    ends_on = Date(null=True, default=None)
    recorded_at = Timestamptz()
    superseded_at = Timestamptz(null=True, default=None)


class Identifier(Table, tablename="identifier"):
    """A strong identifier, normalised; one organisation each."""

    id = UUID(primary_key=True, default=UUID4())
    organisation_id = ForeignKey(references=Organisation, null=False, on_delete=OnDelete.restrict, index=True)
    scheme = Varchar(length=20, required=True)
    value = Varchar(length=40, required=True)


class Contact(Table, tablename="contact"):
    """A person who speaks for an organisation; personal data, never part of a member list.

    `main`: who its mails go to; `communication`: who is written to about activities and news.
    """

    id = UUID(primary_key=True, default=UUID4())
    organisation_id = ForeignKey(references=Organisation, null=False, on_delete=OnDelete.restrict, index=True)
    name = Text(required=True)
    email = Text(required=True)
    role = Text(default="")
    language = Varchar(length=2, default="nb")
    main = Boolean(default=True)
    communication = Boolean(default=False)
    created_at = Timestamptz()


class Consent(Table, tablename="consent"):
    """What was agreed to or not, which version of the text, when, by whom. Append-only."""

    id = UUID(primary_key=True, default=UUID4())
    application_id = UUID(null=True, default=None, index=True)
    organisation_id = UUID(null=True, default=None, index=True)
    purpose = Varchar(length=40, required=True)
    text_version = Integer(default=1)
    given = Boolean(default=False)
    actor = Text(default="")
    recorded_at = Timestamptz()
