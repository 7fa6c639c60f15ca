"""Something to see on the pages of what members give and what they say: contributions, other income, surveys."""

from datetime import date
from uuid import UUID

from crm.actions import contributions, incomes, surveys
from crm.actions.contributions import ContributionForm
from crm.actions.incomes import IncomeForm
from crm.actions.surveys import QuestionForm, SurveyForm
from crm.actor import Actor
from crm.context import Context
from crm.database import Connection
from crm.store.surveys import hashed

TITLE = {"nb": "Årets spørsmål", "en": "This year"}
QUESTIONS = (
    QuestionForm("scale", {"nb": "Hvor fornøyd er dere?", "en": "How content are you?"}),
    QuestionForm("number", {"nb": "Nye stillinger", "en": "New jobs"}),
    QuestionForm("yes_no", {"nb": "Nye relasjoner?", "en": "New relations?"}),
    QuestionForm("choice", {"nb": "Hvor ofte?", "en": "How often?"}, [{"nb": "Ofte", "en": "Often"}, {"nb": "Aldri"}]),
    QuestionForm("text", {"nb": "Noe annet?", "en": "Anything else?"}),
)


async def prepare_funding(context: Context, actor: Actor) -> None:
    """Hours with their rate, a grant, a survey that is a draft, and one that is open, with an answer."""
    async with context.db.tx() as connection:
        network = await connection.fetchval("select id from network where slug = 'nora-industry-network'")
    await contributions.add_rate(context, actor, network, date(2026, 1, 1), 70_000)
    day = date(2026, 3, 2)
    work = ContributionForm("Project work", day, date(2026, 3, 6), member="Telenor", hours=2_250, reference="T-1")
    await contributions.add(context, actor, network, work)
    grant = IncomeForm("public_grant", "Siva", starts_on=date(2026, 1, 1), last_on=date(2026, 12, 31), amount=10**8)
    await incomes.add(context, actor, network, grant)
    opened = await _survey(context, actor, network)
    await surveys.open_survey(context, actor, network, opened)
    async with context.db.tx() as connection:
        for token in ("a-survey", "an-answer"):
            await _link(connection, opened, token)
        asked = await connection.fetch("select id, kind from survey_question where survey_id = $1", opened)
    said = {"scale": "5", "number": "12", "yes_no": "1", "choice": "0", "text": "Mer samarbeid"}
    await surveys.answer(context, "an-answer", {str(row["id"]): said[row["kind"]] for row in asked})
    await _survey(context, actor, network)


async def _survey(context: Context, actor: Actor, network: UUID) -> UUID:
    made = await surveys.make(
        context, actor, network, SurveyForm(TITLE, {"nb": "Til programmet"}, False, date(2026, 12, 1))
    )
    for question in QUESTIONS:
        await surveys.put_question(context, actor, network, made, question)
    return made


async def _link(connection: Connection, survey: UUID, token: str) -> None:
    await connection.execute(
        "insert into survey_link (token_hash, invitation_id, network_id, used) select $2, row_id, network_id, false"
        " from survey_invitation where survey_id = $1 and not exists (select from survey_link l"
        " where l.invitation_id = row_id) order by row_id limit 1",
        survey,
        hashed(token),
    )
