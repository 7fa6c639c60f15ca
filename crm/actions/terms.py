"""The membership terms of a network: the next version of its own text, from a day on (which holds: crm/terms.py)."""

from datetime import date, timedelta
from uuid import UUID

from crm import forms
from crm.actor import Actor
from crm.context import Context
from crm.errors import Invalid
from crm.store import audit, terms

MOST_AHEAD = timedelta(days=3_660)
TEXT_MAX = 60_000


async def publish(context: Context, actor: Actor, network: UUID, body: dict[str, str], effective_from: date) -> int:
    """The text as the next version; its number. Who agreed to an earlier one has agreed to that one.

    Invalid names every wrong field: both languages are needed, and a day that is not past.
    """
    actor.must_manage(network)
    problems: forms.Problems = []
    for language in ("nb", "en"):
        text = body.get(language, "").replace("\r\n", "\n")
        forms.text(problems, f"body.{language}", text.replace("\n", " "), TEXT_MAX)
    async with context.db.tx() as connection:
        today = await terms.today(connection, network, context.clock.now())
        if not today <= effective_from <= today + MOST_AHEAD:
            problems.append(("effective_from", "date_out_of_range", {"given": effective_from.isoformat()}))
        if problems:
            raise Invalid(problems)
        checked = {language: body[language].replace("\r\n", "\n").strip() for language in ("nb", "en")}
        version = await terms.add(connection, network, checked, effective_from)
        told = {"version": version, "from": effective_from.isoformat()}
        await audit.append(connection, actor, "terms_published", told, network)
    return version
