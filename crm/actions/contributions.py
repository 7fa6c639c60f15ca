"""In-kind contributions of members: told one by one or by file, taken back with a reason, and what an hour counts as.

What an hour counted as stands in the row that was told with it: a new rate moves no figure of what is told already.
"""

import asyncio
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec

from cluster_rules.money import share
from crm import catalogue, fact_checks, fact_files, forms
from crm.actor import Actor
from crm.context import Context
from crm.database import Connection
from crm.errors import NotFound, Refused
from crm.fact_files import Line
from crm.forms import Problems
from crm.gateways import table_files
from crm.i18n import N_
from crm.store import audit, known_members, told
from crm.store.contributions import FACTS, RATES, RateWords, Words, belongs, rates, standing

WHAT_MAX, REFERENCE_MAX = 200, 100
HOURS_MAX = 1_000_000  # hundredths
RATE_MAX = 10**9
WHOLE_HOUR = 100
COLUMNS = {
    "member": (N_("Member"), N_("Organisation number"), N_("Name")),
    "what": (N_("What for"),),
    "starts_on": (N_("From"), N_("Day")),
    "last_on": (N_("Last day"), N_("To")),
    "hours": (N_("Hours"),),
    "rate": (N_("Rate an hour"),),
    "amount": (N_("Amount"),),
    "currency": (N_("Currency"),),
    "reference": (N_("Reference"),),
}
NEEDED = ("member", "what", "starts_on")


class ContributionForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a member gave: so many hours (hundredths) or an amount (minor units), on a day or until `last_on`.

    `member`: organisation number or exact name, where `organisation_id` is not said. `rate` (minor units an hour)
    is the network's usual one unless it is said; `currency` that of the network.
    """

    what: str
    starts_on: date | None = None
    last_on: date | None = None
    member: str = ""
    organisation_id: UUID | None = None
    hours: int | None = None
    rate: int | None = None
    amount: int | None = None
    currency: str = ""
    reference: str = ""


async def add(context: Context, actor: Actor, network: UUID, form: ContributionForm) -> UUID:
    """A new one; its id. Forbidden; Invalid names every field."""
    actor.must_manage(network)
    new, problems = uuid4(), Problems()
    async with context.db.tx() as connection:
        [words] = await _checked(context, connection, network, [(form, "")], problems)
        await FACTS.tell_anew(connection, actor, network, new, words, context.clock.now())
    return new


async def add_many(context: Context, actor: Actor, network: UUID, asked: Sequence[ContributionForm]) -> int:
    """All of them or none, by one entry in the audit trail; how many. Forbidden; Invalid names `rows.<n>.<field>`."""
    actor.must_manage(network)
    rows = [(each, f"rows.{number}.") for number, each in enumerate(asked, 1)]
    return await _add_all(context, actor, network, rows, [], {})


async def add_file(context: Context, actor: Actor, network: UUID, name: str, content: bytes) -> int:
    """All rows of a file, or none; how many. Refused `file_*`, `column_absent`; Invalid names `rows.<n>.<field>`."""
    actor.must_manage(network)
    if len(content) > fact_files.FILE_MAX:
        raise Refused("file_too_large", "file", limit=fact_files.FILE_MAX // 1024**2)
    lines = await asyncio.to_thread(_lines, content)
    asked = [(_of_line(line), f"rows.{line.number}.") for line in lines]
    return await _add_all(context, actor, network, asked, lines[0].problems, {"file": name[:200]})


async def withdraw(context: Context, actor: Actor, network: UUID, wanted: UUID, reason: str) -> None:
    """It was told wrongly. NotFound; Invalid without a reason; twice is once."""
    actor.must_manage(network)
    why = fact_checks.reason(reason)
    async with context.db.tx() as connection:
        await FACTS.withdraw(connection, actor, network, wanted, context.clock.now(), why)


async def restore(context: Context, actor: Actor, network: UUID, wanted: UUID) -> None:
    """What was taken back counts after all. NotFound; twice is once."""
    actor.must_manage(network)
    async with context.db.tx() as connection:
        await FACTS.restore(connection, actor, network, wanted, context.clock.now())


async def add_rate(context: Context, actor: Actor, network: UUID, starts_on: date | None, amount: int | None) -> UUID:
    """What an hour counts as from a day, for what is told from now on. Invalid; Refused `rate_of_day`."""
    actor.must_manage(network)
    problems: Problems = []
    fact_checks.day(problems, "starts_on", starts_on)
    fact_checks.between(problems, "amount", amount, RATE_MAX)
    fact_checks.checked(problems)
    assert starts_on is not None and amount is not None
    new = uuid4()
    async with context.db.tx() as connection:
        await told.hold(connection, network)
        if any(each.starts_on == starts_on for each in await rates(connection, network)):
            raise Refused("rate_of_day", "starts_on", day=starts_on.isoformat())
        words = RateWords(starts_on, amount, await _currency(context, connection, network))
        await RATES.tell_anew(connection, actor, network, new, words, context.clock.now())
    return new


async def withdraw_rate(context: Context, actor: Actor, network: UUID, wanted: UUID, reason: str) -> None:
    """It was told wrongly; what was told with it stays as it is. NotFound; Invalid without a reason."""
    actor.must_manage(network)
    why = fact_checks.reason(reason)
    async with context.db.tx() as connection:
        await RATES.withdraw(connection, actor, network, wanted, context.clock.now(), why)


async def _currency(context: Context, connection: Connection, network: UUID) -> str:
    kept = await catalogue.load(connection)
    row = kept.by_id.get(network)
    if row is None:
        raise NotFound("network", network)
    return kept.book(row.slug, context.clock.today(row.zone)).currency


async def _add_all(
    context: Context,
    actor: Actor,
    network: UUID,
    asked: list[tuple[ContributionForm, str]],
    problems: Problems,
    detail: dict[str, Any],
) -> int:
    async with context.db.tx() as connection:
        listed = await _checked(context, connection, network, asked, problems)
        await FACTS.add_all(connection, network, listed, actor.name, context.clock.now())
        told_of = detail | {"rows": len(listed)}
        await audit.append(connection, actor, "contributions_imported", told_of, network)
    return len(listed)


async def _checked(
    context: Context,
    connection: Connection,
    network: UUID,
    asked: list[tuple[ContributionForm, str]],
    problems: Problems,
) -> list[Words]:
    """The words of all forms; `asked` has each with what stands before its fields. Invalid with all that is wrong."""
    await told.hold(connection, network)
    kept = await catalogue.load(connection)
    row = kept.by_id[network]
    today = context.clock.today(row.zone)
    usual, listed = await rates(connection, network), [form for form, _ in asked]
    named = [form.member for form in listed if form.member and not _unreadable(form.member)]
    found = await known_members.by_name(connection, network, named)
    out: list[tuple[Words, str]] = []
    for form, at in asked:
        own: Problems = []
        member = await _member(connection, network, form, found, own)
        words = _words(form, member, usual, kept.book(row.slug, today).currency, today, own)
        fact_checks.of_row(problems, at, own)
        if words and not own:
            out.append((words, at))
    seen = await standing(connection, network, {words.organisation_id for words, _ in out})
    for words, at in out:
        if words in seen:
            problems.append((f"{at}what", "contribution_twice", {"given": words.what[:80]}))
        seen.add(words)
    fact_checks.checked(problems)
    return [words for words, _ in out]


async def _member(
    connection: Connection,
    network: UUID,
    form: ContributionForm,
    found: dict[str, frozenset[UUID]],
    problems: Problems,
) -> UUID | None:
    if form.organisation_id is not None:
        if await belongs(connection, network, form.organisation_id):
            return form.organisation_id
        problems.append(("organisation_id", "member_of_none", {"given": str(form.organisation_id)}))
        return None
    fits = found.get(form.member, frozenset())
    if wrong := _unreadable(form.member):
        problems += wrong
    elif len(fits) != 1:
        problems.append(("member", "member_of_several" if fits else "member_of_none", {"given": form.member[:80]}))
    return next(iter(fits)) if len(fits) == 1 else None


def _unreadable(member: str) -> Problems:
    """What is wrong with a name before anybody is asked for it."""
    problems: Problems = []
    forms.text(problems, "member", member, forms.NAME_MAX)
    return problems


def _words(
    form: ContributionForm,
    member: UUID | None,
    usual: list[RateWords],
    currency: str,
    today: date,
    problems: Problems,
) -> Words | None:
    what, reference = " ".join(form.what.split()), " ".join(form.reference.split())
    forms.text(problems, "what", what, WHAT_MAX)
    forms.text(problems, "reference", reference, REFERENCE_MAX, required=False)
    fact_checks.span(problems, form.starts_on, form.last_on)
    fact_checks.currency(problems, form.currency)
    last = form.last_on or form.starts_on
    if last and last > today:
        problems.append(("last_on" if form.last_on else "starts_on", "contribution_ahead", {}))
    if (form.hours is None) == (form.amount is None):
        problems.append(("hours", "hours_or_amount", {}))
    elif form.rate is not None and form.hours is None:
        problems.append(("rate", "rate_without_hours", {}))
    for field, value, most in (
        ("hours", form.hours, HOURS_MAX), ("amount", form.amount, fact_checks.AMOUNT_MAX), ("rate", form.rate, RATE_MAX)
    ):  # fmt: skip
        if value is not None:
            fact_checks.between(problems, field, value, most)
    then = next((each for each in usual if form.starts_on and each.starts_on <= form.starts_on), None)
    if form.hours is not None and form.rate is None:
        if then is None:
            problems.append(("hours", "in_kind_rate_missing", {}))
        elif form.currency not in ("", then.currency):
            problems.append(("currency", "rate_currency", {"currency": then.currency}))
    if problems or member is None or form.starts_on is None or last is None:
        return None
    rate = form.rate if form.rate is not None else then.amount if form.hours is not None and then else None
    money = form.currency or (then.currency if form.hours is not None and form.rate is None and then else currency)
    amount = form.amount if form.hours is None else share(rate or 0, form.hours, WHOLE_HOUR)
    if not amount:
        problems.append(("hours", "number_out_of_range", {"least": 1, "most": HOURS_MAX}))
        return None
    return Words(member, what, form.starts_on, last + timedelta(days=1), form.hours, rate, amount, money, reference)


def _lines(content: bytes) -> list[Line]:
    return fact_files.read(table_files.opened(content).rows(), COLUMNS, NEEDED)


def _of_line(line: Line) -> ContributionForm:
    currency, known = fact_checks.currency_of(line.text("currency"))
    return ContributionForm(
        line.text("what"),
        line.day("starts_on"),
        line.day("last_on"),
        line.text("member"),
        hours=line.number_of("hours"),
        rate=line.number_of("rate", known),
        amount=line.number_of("amount", known),
        currency=currency,
        reference=line.text("reference"),
    )
