"""A survey that was held before it was told of here, with what was answered: for data that is loaded, as the demo's."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

import msgspec

from crm.actor import Actor
from crm.context import Context
from crm.store import audit, surveys
from crm.store import past_surveys as store
from crm.store.past_surveys import Said
from crm.store.surveys import Texts


class PastSurvey(msgspec.Struct, frozen=True):
    """Texts in both languages; questions (kind, text, choices); what was answered, question by question, by turns.

    So many `percent` of who was asked have answered. It is closed when its last day is over.
    """

    title: Texts
    intro: Texts
    anonymous: bool
    opened_at: datetime
    last_on: date
    questions: Sequence[tuple[str, Texts, list[Texts]]]
    percent: int
    said: Sequence[Sequence[Said | None]]


async def load(context: Context, actor: Actor, network: UUID, past: PastSurvey) -> int:
    """Tell of it; how many have answered. Nobody is written to. Forbidden."""
    actor.must_manage(network)
    now, closes_on = context.clock.now(), past.last_on + timedelta(days=1)
    closed_at = past.opened_at + (closes_on - past.opened_at.date()) if closes_on <= now.date() else None
    async with context.db.tx() as connection:
        new = await surveys.add(connection, network, past.title, past.intro, past.anonymous, closes_on, actor.name)
        made = await surveys.lock(connection, network, new)
        await surveys.add_questions(connection, made, past.questions, actor.name, past.opened_at)
        await store.hold(connection, network, new, past.opened_at, closes_on, closed_at)
        count = await store.answered(connection, network, new, past.opened_at, past.percent, past.anonymous, past.said)
        detail = {"title": past.title["en"], "anonymous": past.anonymous, "answers": count}
        await audit.append(connection, actor, "survey_made", detail, network, None, new)
    return count
