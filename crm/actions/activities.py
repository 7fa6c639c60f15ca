"""A network's activities: told with who took part, changed, withdrawn, brought back. What was told stays known."""

from datetime import date
from uuid import UUID, uuid4

import msgspec

from crm import forms
from crm.actor import Actor
from crm.context import Context
from crm.database import Connection
from crm.errors import Invalid, NotFound
from crm.store import audit, known_members
from crm.store.activities import FACTS, Words

KINDS = ("event", "working_group", "meeting", "mobility", "project")
TITLE_MAX, COUNTRIES_MAX = 200, 200
PARTICIPANTS_MAX = 9_999  # letters; less than a field of a page is read to
PEOPLE_MAX = 100_000
EARLIEST, LATEST = date(1970, 1, 1), date(2099, 12, 31)


class ActivityForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An activity as somebody tells of it. `participants`: a member a line, by organisation number or name, perhaps
    with `; how many people`. `others`: people from elsewhere."""

    title: str
    kind: str = "event"
    on_day: date | None = None
    international: bool = False
    partner_countries: str = ""
    participants: str = ""
    others: str = ""


async def add(context: Context, actor: Actor, network: UUID, form: ActivityForm) -> UUID:
    """A new one; its id. Forbidden; Invalid names every line that is wrong."""
    actor.must_manage(network)
    new = uuid4()
    async with context.db.tx() as connection:
        words = await _checked(connection, network, form)
        await FACTS.tell_anew(connection, actor, network, new, words, context.clock.now())
    return new


async def change(context: Context, actor: Actor, network: UUID, activity: UUID, form: ActivityForm) -> None:
    """It was otherwise than was told. NotFound, also for a withdrawn one; Invalid."""
    actor.must_manage(network)
    now = context.clock.now()
    async with context.db.tx() as connection:
        before = await FACTS.lock(connection, network, activity)
        if before.gone:
            raise NotFound("activity", activity)
        words = await _checked(connection, network, form)
        if before.words != words:
            await FACTS.supersede(connection, before.row_id, actor.name, "", now)
            await FACTS.add(connection, network, activity, words, actor.name, now)
            old, new = FACTS.tell(before.words), FACTS.tell(words)
            changes = {
                name: [old.get(name), new.get(name)] for name in {**old, **new} if old.get(name) != new.get(name)
            }
            detail = {"title": words.title, "changes": changes}
            await audit.append(connection, actor, "activity_changed", detail, network, None, activity)


async def withdraw(context: Context, actor: Actor, network: UUID, activity: UUID) -> None:
    """It was told by mistake. NotFound; twice is once."""
    actor.must_manage(network)
    async with context.db.tx() as connection:
        await FACTS.withdraw(connection, actor, network, activity, context.clock.now())


async def restore(context: Context, actor: Actor, network: UUID, activity: UUID) -> None:
    """What was withdrawn was done after all. NotFound; twice is once."""
    actor.must_manage(network)
    async with context.db.tx() as connection:
        await FACTS.restore(connection, actor, network, activity, context.clock.now())


async def _checked(connection: Connection, network: UUID, form: ActivityForm) -> Words:
    problems: forms.Problems = []
    title, countries = " ".join(form.title.split()), " ".join(form.partner_countries.split())
    forms.text(problems, "title", title, TITLE_MAX)
    forms.text(problems, "partner_countries", countries, COUNTRIES_MAX, required=False)
    if form.kind not in KINDS:
        problems.append(("kind", "value_unknown", {"message": form.kind[:40]}))
    if form.on_day is None:
        problems.append(("on_day", "required", {}))
    elif not EARLIEST <= form.on_day <= LATEST:
        told = {"given": form.on_day.isoformat(), "earliest": EARLIEST.isoformat(), "latest": LATEST.isoformat()}
        problems.append(("on_day", "date_out_of_range", told))
    others = _number(form.others or "0", 0)
    if others is None:
        problems.append(("others", "number_out_of_range", {"least": 0, "most": PEOPLE_MAX}))
    people: dict[UUID, int] = {}
    if len(form.participants) > PARTICIPANTS_MAX:
        told = {"limit": PARTICIPANTS_MAX, "length": len(form.participants)}
        problems.append(("participants", "too_long", told))
    else:
        people = await _people(connection, network, form.participants, problems)
    if problems or form.on_day is None or others is None:
        raise Invalid(problems)
    return Words(form.kind, title, form.on_day, form.international, countries, others, people)


async def _people(connection: Connection, network: UUID, text: str, problems: forms.Problems) -> dict[UUID, int]:
    """Members -> how many people, of the lines; what is wrong with a line is told with its number."""
    lines = [(place, *_line(line)) for place, line in enumerate(text.splitlines(), 1) if line.strip()]
    found = await known_members.by_name(connection, network, [who for _, who, _ in lines])
    people: dict[UUID, int] = {}
    for place, who, many in lines:
        fits = found.get(who, frozenset())
        told = {"line": place, "given": who[:80]}
        count = _number(many, 1)
        if not fits:
            problems.append(("participants", "participant_unknown", told))
        elif len(fits) > 1:
            problems.append(("participants", "participant_several", told))
        elif people.keys() & fits:
            problems.append(("participants", "participant_twice", told))
        elif count is None:
            problems.append(("participants", "participant_people", {"line": place, "most": PEOPLE_MAX}))
        else:
            people[next(iter(fits))] = count
    return people


def _line(line: str) -> tuple[str, str]:
    """Who, and how many as it was written; one where nothing is."""
    who, sign, many = line.rpartition(";")
    return (" ".join(who.split()), many.strip() or "1") if sign else (" ".join(line.split()), "1")


def _number(text: str, least: int) -> int | None:
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= len(str(PEOPLE_MAX))):
        return None
    return int(digits) if least <= int(digits) <= PEOPLE_MAX else None
