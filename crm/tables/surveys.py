"""What a network asks its members: surveys, their questions, who was asked, and what was answered."""

from piccolo.columns import (
    JSONB,
    UUID,
    BigInt,
    BigSerial,
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

from crm.tables.networks import Network
from crm.tables.organisations import Organisation


class Survey(Table, tablename="survey"):
    """Texts are {nb, en}; `closes_on` is the first day without answers; `status` draft, open or closed."""

    id = UUID(primary_key=True, default=UUID4())
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict, index=True)
    title = JSONB(required=True)
    intro = JSONB(default="{}")
    anonymous = Boolean(default=False)
    closes_on = Date(required=True, default=None)
    status = Varchar(length=10, default="draft")
    made_by = Text(required=True)
    made_at = Timestamptz()
    opened_at = Timestamptz(null=True, default=None)
    closed_at = Timestamptz(null=True, default=None)
    left_out = JSONB(default="{}")


class SurveyQuestion(Table, tablename="survey_question"):
    """A question as it is worded: another wording is another row of the same `id`, and answers know which they saw.

    `choices`: [{nb, en}] of a choice.
    """

    row_id = BigSerial(primary_key=True)
    id = UUID(null=False, default=None)
    survey_id = ForeignKey(references=Survey, null=False, default=None, on_delete=OnDelete.restrict)
    network_id = ForeignKey(references=Network, null=False, default=None, on_delete=OnDelete.restrict)
    place = Integer(required=True)
    kind = Varchar(length=10, required=True)
    text = JSONB(required=True)
    choices = JSONB(default="[]")
    recorded_at = Timestamptz()
    recorded_by = Text(default="")
    superseded_at = Timestamptz(null=True, default=None)


class SurveyInvitation(Table, tablename="survey_invitation"):
    """A member that was asked, by its contact; empty `email`: forgotten since. `answered`: once is enough to count."""

    row_id = BigSerial(primary_key=True)
    survey_id = ForeignKey(references=Survey, null=False, default=None, on_delete=OnDelete.restrict)
    network_id = ForeignKey(references=Network, null=False, default=None, on_delete=OnDelete.restrict)
    organisation_id = ForeignKey(references=Organisation, null=False, on_delete=OnDelete.restrict, index=True)
    email = Varchar(length=254, default="")
    name = Text(default="")
    language = Varchar(length=2, default="nb")
    answered = Boolean(default=False)
    asked_at = Timestamptz(null=True, default=None)
    reminded_at = Timestamptz(null=True, default=None)
    wanted = Boolean(default=True)


class SurveyLink(Table, tablename="survey_link"):
    """The address in one mail to somebody who was asked: only its hash is kept. Nobody but the system reads this."""

    token_hash = Varchar(length=64, primary_key=True)
    invitation_id = ForeignKey(references=SurveyInvitation, null=False, on_delete=OnDelete.cascade)
    network_id = ForeignKey(references=Network, null=False, on_delete=OnDelete.restrict)
    mail_id = UUID(null=True, default=None)
    used = Boolean(default=False)


class SurveyResponse(Table, tablename="survey_response"):
    """What one member answered, last or before it was changed. Append-only.

    `organisation_id` is null in an anonymous survey: then `key_hash` alone, which only who holds the link can make,
    says which response it is, and `recorded_at` is when the survey opened.
    """

    row_id = BigSerial(primary_key=True)
    survey_id = ForeignKey(references=Survey, null=False, default=None, on_delete=OnDelete.restrict)
    network_id = ForeignKey(references=Network, null=False, default=None, on_delete=OnDelete.restrict)
    organisation_id = ForeignKey(references=Organisation, null=True, default=None, on_delete=OnDelete.restrict)
    key_hash = Varchar(length=64, default="")
    recorded_at = Timestamptz()
    superseded_at = Timestamptz(null=True, default=None)


class SurveyAnswer(Table, tablename="survey_answer"):
    """The answer to one question: text, or a number (1 to 6, a number, 1 or 0 for yes or no, the place of a choice)."""

    row_id = BigSerial(primary_key=True)
    response_row_id = ForeignKey(references=SurveyResponse, null=False, default=None, on_delete=OnDelete.restrict)
    question_row_id = ForeignKey(references=SurveyQuestion, null=False, default=None, on_delete=OnDelete.restrict)
    network_id = ForeignKey(references=Network, null=False, default=None, on_delete=OnDelete.restrict)
    number = BigInt(null=True, default=None)
    text = Text(default="")
