"""What the demo's networks tell of themselves: in kind, other income, labels, activities, surveys (facts.toml).

Days in the file are `year` (0 is the year in which the demo starts, -1 the one before) with month and day, so that
every year has something to show; what would lie ahead is left out.
"""

import tomllib
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import msgspec

from crm.actions import activities, contributions, incomes, labels, past_surveys
from crm.actions.activities import ActivityForm, Came
from crm.actions.contributions import ContributionForm
from crm.actions.incomes import IncomeForm
from crm.actions.labels import LabelForm
from crm.actions.past_surveys import PastSurvey
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.context import Context
from crm.i18n import TIME_ZONE
from crm.store.imports import id_of
from crm.store.past_surveys import Said

FILE = "facts.toml"
MORNING = time(8, 0, tzinfo=UTC)
Row = dict[str, Any]


async def load(context: Context, actor: Actor, kept: Catalogue, data: Path) -> None:
    """Tell all of it, as of the context's day."""
    everything = frozenset(kept.by_id)
    manager = msgspec.structs.replace(actor, manages=everything, reads=everything)
    today = context.clock.today(TIME_ZONE)
    told = tomllib.loads((data / FILE).read_text(encoding="utf-8"))
    for slug, facts in told.items():
        await _of_network(context, manager, kept, slug, facts, today)


async def _of_network(context: Context, actor: Actor, kept: Catalogue, slug: str, facts: Row, today: date) -> None:
    network = kept.by_slug[slug].id

    def of(noun: str) -> list[Row]:
        return [row for row in (_dated(each, today) for each in facts.get(noun, ())) if row["last_on"] <= today]

    for rate in of("rates"):
        await contributions.add_rate(context, actor, network, rate["starts_on"], rate["amount"])
    if given := [_contribution(row) for row in of("contributions")]:
        await contributions.add_many(context, actor, network, given)
    if earned := [IncomeForm(**row) for row in (_dated(each, today) for each in facts.get("incomes", ()))]:
        await incomes.add_many(context, actor, network, earned)
    for row in facts.get("labels", ()):
        dated = _dated(row, today)
        dated["issued_on"] = dated.pop("starts_on")
        await labels.add(context, actor, network, LabelForm(**dated))
    if done := [(_activity(row), f"{number}.") for number, row in enumerate(of("activities"))]:
        await activities.add_many(context, actor, network, done)
    for row in facts.get("surveys", ()):
        dated = _dated(row, today)
        if dated["starts_on"] <= today:
            await past_surveys.load(context, actor, network, _survey(dated))


def _dated(row: Row, today: date) -> Row:
    """The row with its days as days; one day is its own last."""
    rest = {name: value for name, value in row.items() if name not in ("year", "from", "to", "days")}
    first = _day(today.year + row.get("year", 0), row["from"])
    last = _day(first.year, row["to"]) if "to" in row else first + timedelta(days=row.get("days", 0))
    return rest | {"starts_on": first, "last_on": last}


def _day(year: int, said: str) -> date:
    month, day = said.split("-")
    return date(year, int(month), int(day))


def _contribution(row: Row) -> ContributionForm:
    member = id_of("organisation", row["member"])
    return ContributionForm(**{name: value for name, value in row.items() if name != "member"}, organisation_id=member)


def _activity(row: Row) -> ActivityForm:
    came = tuple(
        Came("participants", line, organisation=id_of("organisation", key), people=people)
        for line, (key, people) in enumerate(row["came"].items(), 1)
    )
    rest = {name: value for name, value in row.items() if name not in ("starts_on", "last_on", "came")}
    return ActivityForm(**rest, on_day=row["starts_on"], came=came)


def _survey(row: Row) -> PastSurvey:
    questions = [(each["kind"], each["text"], each.get("choices", [])) for each in row["questions"]]
    return PastSurvey(
        row["title"],
        row["intro"],
        row.get("anonymous", False),
        datetime.combine(row["starts_on"], MORNING),
        row["last_on"],
        questions,
        row["percent"],
        [[_said(each) for each in answers] for answers in row["answers"]],
    )


def _said(answer: int | str) -> Said | None:
    """A number, or a text; an empty text is no answer."""
    if isinstance(answer, int):
        return answer, ""
    return (None, answer) if answer else None
