"""Reviews of members that do not fit their level any more: found by the turn of the day, kept by a manager.

Another level or an end are decided like any other (crm/actions/memberships.py) and close the review.
"""

from datetime import date
from uuid import UUID

from cluster_rules.errors import RuleViolation
from crm import catalogue, forms
from crm.actor import Actor
from crm.context import Context
from crm.errors import Invalid
from crm.store import audit, reviews


async def keep(context: Context, actor: Actor, review: UUID, until: date | None = None, note: str = "") -> bool:
    """The member stays at its level: until a day (then it is looked at again) or for good. False when closed before.

    NotFound; RuleViolation `until_past`; Invalid for the note.
    """
    problems: forms.Problems = []
    forms.text(problems, "note", note, forms.NOTE_MAX, required=False)
    if problems:
        raise Invalid(problems)
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        network, organisation = await reviews.network(connection, review)
        actor.must_manage(network)
        today = context.clock.today(kept.by_id[network].zone)
        if until is not None and until <= today:
            raise RuleViolation("until_past", "until", given=until)
        done = await reviews.keep(connection, review, until, note.strip(), actor)
        if done:
            detail = {"until": until and until.isoformat(), "note": note.strip()}
            await audit.append(connection, actor, "review_kept", detail, network, organisation, review)
        return done
