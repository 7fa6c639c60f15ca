"""A network's activities: told with who took part, changed, withdrawn, brought back. What was told stays known."""

import asyncio
from collections.abc import Sequence
from datetime import date
from uuid import UUID, uuid4

import msgspec

from crm import fact_checks, fact_files, forms
from crm.actor import Actor
from crm.context import Context
from crm.database import Connection
from crm.errors import NotFound, Refused
from crm.fact_files import Line
from crm.forms import Problems
from crm.gateways import table_files
from crm.i18n import LANGUAGES, N_, translator
from crm.report_activity_words import VALUES
from crm.store import audit, known_members
from crm.store.activities import FACTS, Words

KINDS = ("event", "working_group", "meeting", "mobility", "project")
TITLE_MAX, COUNTRIES_MAX = 200, 200
PARTICIPANTS_MAX = 2_000  # members of one activity
TOGETHER_MAX = 200  # activities told at once
PEOPLE_MAX = 100_000
EARLIEST, LATEST = date(1970, 1, 1), date(2099, 12, 31)
COLUMNS = {
    "title": (N_("Title"),),
    "on_day": (N_("Day"),),
    "kind": (N_("Kind of activity"), N_("Kind")),
    "international": (N_("International"),),
    "partner_countries": (N_("Countries of partners"),),
    "others": (N_("People from elsewhere"),),
    "member": (N_("Member"), N_("Organisation number"), N_("Name")),
    "people": (N_("People"),),
}
NEEDED = ("title", "on_day")


class Came(msgspec.Struct, frozen=True):
    """Who took part: a member by number or name (`who`) or id, with how many people (None: no number was written).

    `field` and `line` are what a refusal calls it.
    """

    field: str
    line: int
    who: str = ""
    organisation: UUID | None = None
    people: int | None = 1


class ActivityForm(msgspec.Struct, frozen=True):
    """An activity as somebody tells of it. `others`: people from elsewhere (None: no number was written)."""

    title: str
    kind: str = "event"
    on_day: date | None = None
    international: bool = False
    partner_countries: str = ""
    others: int | None = 0
    came: tuple[Came, ...] = ()


async def add(context: Context, actor: Actor, network: UUID, form: ActivityForm) -> UUID:
    """A new one; its id. Forbidden; Invalid names every line that is wrong."""
    [new] = await add_many(context, actor, network, [(form, "")])
    return new


async def add_many(
    context: Context, actor: Actor, network: UUID, asked: Sequence[tuple[ActivityForm, str]]
) -> list[UUID]:
    """All of them or none; their ids. Each comes with what stands before its fields in Invalid. Forbidden."""
    actor.must_manage(network)
    problems, now = Problems(), context.clock.now()
    async with context.db.tx() as connection:
        listed = [await _checked(connection, network, form, at, problems) for form, at in asked]
        fact_checks.checked(problems)
        told = [(uuid4(), words) for words in listed if words]
        for new, words in told:
            await FACTS.tell_anew(connection, actor, network, new, words, now)
    return [new for new, _ in told]


async def add_file(context: Context, actor: Actor, network: UUID, content: bytes) -> int:
    """All of a file or nothing: a row for each who took part, those of a title and day are one; how many activities.

    Refused `file_*`, `column_absent`; Invalid names `rows.<n>.<field>`.
    """
    actor.must_manage(network)
    if len(content) > fact_files.FILE_MAX:
        raise Refused("file_too_large", "file", limit=fact_files.FILE_MAX // 1024**2)
    asked = await asyncio.to_thread(_of_file, content)
    return len(await add_many(context, actor, network, asked))


async def change(context: Context, actor: Actor, network: UUID, activity: UUID, form: ActivityForm) -> None:
    """It was otherwise than was told. NotFound, also for a withdrawn one; Invalid."""
    actor.must_manage(network)
    async with context.db.tx() as connection:
        before = await FACTS.lock(connection, network, activity)
        if before.gone:
            raise NotFound("activity", activity)
        problems = Problems()
        words = await _checked(connection, network, form, "", problems)
        fact_checks.checked(problems)
        assert words is not None
        await _otherwise(context, connection, actor, network, activity, before.row_id, before.words, words)


async def take_part(
    context: Context, actor: Actor, network: UUID, activity: UUID, came: Sequence[Came], keep: bool
) -> None:
    """These took part; `keep`: beside whoever did so far, else they alone. NotFound; Invalid names every line."""
    actor.must_manage(network)
    async with context.db.tx() as connection:
        before = await FACTS.lock(connection, network, activity)
        if before.gone:
            raise NotFound("activity", activity)
        problems = Problems()
        people = await _people(connection, network, came, "", problems)
        if keep:
            people = {**before.words.people, **people}
        if len(people) > PARTICIPANTS_MAX:
            problems.append(("participants", "too_many", {"limit": PARTICIPANTS_MAX}))
        fact_checks.checked(problems)
        words = msgspec.structs.replace(before.words, people=people)
        await _otherwise(context, connection, actor, network, activity, before.row_id, before.words, words)


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


async def _otherwise(
    context: Context,
    connection: Connection,
    actor: Actor,
    network: UUID,
    activity: UUID,
    row_id: int,
    before: Words,
    words: Words,
) -> None:
    """The next row of it, unless it says the same."""
    if before == words:
        return
    now = context.clock.now()
    await FACTS.supersede(connection, row_id, actor.name, "", now)
    await FACTS.add(connection, network, activity, words, actor.name, now)
    old, new = FACTS.tell(before), FACTS.tell(words)
    changes = {name: [old.get(name), new.get(name)] for name in {**old, **new} if old.get(name) != new.get(name)}
    detail = {"title": words.title, "changes": changes}
    await audit.append(connection, actor, "activity_changed", detail, network, None, activity)


async def _checked(
    connection: Connection, network: UUID, form: ActivityForm, at: str, problems: Problems
) -> Words | None:
    """The words of a form; None when something is wrong, which is told with what stands before the fields."""
    own: Problems = []
    title, countries = " ".join(form.title.split()), " ".join(form.partner_countries.split())
    forms.text(own, "title", title, TITLE_MAX)
    forms.text(own, "partner_countries", countries, COUNTRIES_MAX, required=False)
    if form.kind not in KINDS:
        own.append(("kind", "value_unknown", {"message": form.kind[:40]}))
    if form.on_day is None:
        own.append(("on_day", "required", {}))
    elif not EARLIEST <= form.on_day <= LATEST:
        told = {"given": form.on_day.isoformat(), "earliest": EARLIEST.isoformat(), "latest": LATEST.isoformat()}
        own.append(("on_day", "date_out_of_range", told))
    if form.others is None or not 0 <= form.others <= PEOPLE_MAX:
        own.append(("others", "number_out_of_range", {"least": 0, "most": PEOPLE_MAX}))
    before = len(problems)
    problems += [(f"{at}{field}", code, told) for field, code, told in own]
    people = await _people(connection, network, form.came, at, problems)
    if len(problems) > before or form.on_day is None or form.others is None:
        return None
    return Words(form.kind, title, form.on_day, form.international, countries, form.others, people)


async def _people(
    connection: Connection, network: UUID, came: Sequence[Came], at: str, problems: Problems
) -> dict[UUID, int]:
    """Members -> how many people; what is wrong with a line is told with its number."""
    if len(came) > PARTICIPANTS_MAX:
        problems.append((f"{at}participants", "too_many", {"limit": PARTICIPANTS_MAX}))
        return {}
    named = {each.who for each in came if each.organisation is None and _readable(each.who)}
    found = await known_members.by_name(connection, network, named) if named else {}
    ids = await known_members.by_id(connection, network, [each.organisation for each in came if each.organisation])
    people: dict[UUID, int] = {}
    for each in came:
        fits = frozenset({each.organisation} & ids) if each.organisation else found.get(each.who, frozenset())
        told = {"line": each.line, "given": str(each.organisation or each.who[:80])}
        if not fits:
            problems.append((each.field, "participant_unknown", told))
        elif len(fits) > 1:
            problems.append((each.field, "participant_several", told))
        elif people.keys() & fits:
            problems.append((each.field, "participant_twice", told))
        elif each.people is None or not 1 <= each.people <= PEOPLE_MAX:
            problems.append((each.field, "participant_people", {"line": each.line, "most": PEOPLE_MAX}))
        else:
            people[next(iter(fits))] = each.people
    return people


def _readable(who: str) -> bool:
    """Could somebody be called so?"""
    problems: Problems = []
    forms.text(problems, "participants", who, forms.NAME_MAX)
    return not problems


def _of_file(content: bytes) -> list[tuple[ActivityForm, str]]:
    """The activities of a file, each with the first of its rows as what stands before its fields."""
    lines = fact_files.read(table_files.opened(content).rows(), COLUMNS, NEEDED)
    rows: dict[tuple[str, date | None], list[Line]] = {}
    for line in lines:
        rows.setdefault((line.text("title"), line.day("on_day")), []).append(line)
    asked = [(_of_rows(title, day, own), f"rows.{own[0].number}.") for (title, day), own in rows.items()]
    fact_checks.checked(lines[0].problems)
    return asked


def _of_rows(title: str, day: date | None, rows: Sequence[Line]) -> ActivityForm:
    """What is said of it is said in any of its rows; who took part, in each."""
    said = {field: next((row.text(field) for row in rows if row.text(field)), "") for field in COLUMNS}
    kind = _meant(VALUES["activity_kind"], said["kind"] or "event")
    came = tuple(
        Came(f"rows.{row.number}.member", row.number, row.text("member"), people=number(row.text("people") or "1"))
        for row in rows
        if row.text("member")
    )
    abroad = _meant(VALUES["international"], said["international"] or "no") == "yes"
    return ActivityForm(title, kind, day, abroad, said["partner_countries"], number(said["others"] or "0"), came)


def _meant(words: dict[str, str], said: str) -> str:
    """The code of a word in either language; what it is itself where it is none of them."""
    known = {translator(each).gettext(word).lower(): code for code, word in words.items() for each in LANGUAGES}
    return known.get(said.lower(), said)


def number(text: str) -> int | None:
    """A whole number as people write it; None for what is none, or far too large."""
    digits = text.strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= len(str(PEOPLE_MAX)) else None
