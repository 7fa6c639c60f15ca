"""Other income of a network: grants, projects, its host's own money; by hand or by file, taken back with a reason."""

import asyncio
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec

from crm import catalogue, fact_checks, fact_files, forms
from crm.actor import Actor
from crm.context import Context
from crm.database import Connection
from crm.errors import Refused
from crm.fact_files import Line
from crm.forms import Problems
from crm.gateways import table_files
from crm.i18n import LANGUAGES, N_, translator
from crm.import_columns import key_of
from crm.report_funding_words import VALUES
from crm.store import audit, told
from crm.store.incomes import FACTS, Words, standing

KINDS = ("public_grant", "project", "own", "other")
SECTORS = ("private", "public")
TEXT_MAX, REFERENCE_MAX = 200, 100
COLUMNS = {
    "kind": (N_("Kind"),),
    "sector": (N_("Whose money"),),
    "payer": (N_("Payer"),),
    "what": (N_("What for"),),
    "starts_on": (N_("From"), N_("Day")),
    "last_on": (N_("Last day"), N_("To")),
    "amount": (N_("Amount"),),
    "currency": (N_("Currency"),),
    "reference": (N_("Reference"),),
}
NEEDED = ("kind", "payer", "starts_on", "amount")


class IncomeForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Money of one payer for a day or until `last_on`; `amount` in minor units, `currency` that of the network unless
    it is said. `sector`: whose money, private or public; a public grant is public."""

    kind: str
    payer: str
    sector: str = ""
    what: str = ""
    starts_on: date | None = None
    last_on: date | None = None
    amount: int | None = None
    currency: str = ""
    reference: str = ""


async def add(context: Context, actor: Actor, network: UUID, form: IncomeForm) -> UUID:
    """A new one; its id. Forbidden; Invalid names every field."""
    actor.must_manage(network)
    new, problems = uuid4(), Problems()
    async with context.db.tx() as connection:
        [words] = await _checked(context, connection, network, [(form, "")], problems)
        await FACTS.tell_anew(connection, actor, network, new, words, context.clock.now())
    return new


async def add_many(context: Context, actor: Actor, network: UUID, asked: Sequence[IncomeForm]) -> int:
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


async def _add_all(
    context: Context,
    actor: Actor,
    network: UUID,
    asked: list[tuple[IncomeForm, str]],
    problems: Problems,
    detail: dict[str, Any],
) -> int:
    async with context.db.tx() as connection:
        listed = await _checked(context, connection, network, asked, problems)
        await FACTS.add_all(connection, network, listed, actor.name, context.clock.now())
        told_of = detail | {"rows": len(listed)}
        await audit.append(connection, actor, "other_incomes_imported", told_of, network)
    return len(listed)


async def _checked(
    context: Context, connection: Connection, network: UUID, asked: list[tuple[IncomeForm, str]], problems: Problems
) -> list[Words]:
    """The words of all forms; `asked` has each with what stands before its fields. Invalid with all that is wrong."""
    await told.hold(connection, network)
    kept = await catalogue.load(connection)
    row = kept.by_id[network]
    usual = kept.book(row.slug, context.clock.today(row.zone)).currency
    seen, out = await standing(connection, network), []
    for form, at in asked:
        own: Problems = []
        words = _words(form, usual, own)
        if words in seen:
            own.append(("payer", "income_twice", {"given": form.payer[:80]}))
        fact_checks.of_row(problems, at, own)
        if words is not None:
            seen.add(words)
            out.append(words)
    fact_checks.checked(problems)
    return out


def _words(form: IncomeForm, usual: str, problems: Problems) -> Words | None:
    said = {name: " ".join(getattr(form, name).split()) for name in ("payer", "what", "reference")}
    forms.text(problems, "payer", said["payer"], TEXT_MAX)
    forms.text(problems, "what", said["what"], TEXT_MAX, required=False)
    forms.text(problems, "reference", said["reference"], REFERENCE_MAX, required=False)
    sector = form.sector or ("public" if form.kind == "public_grant" else "")
    for field, value, known in (("kind", form.kind, KINDS), ("sector", sector, SECTORS)):
        if not value:
            problems.append((field, "required", {}))
        elif value not in known:
            problems.append((field, "value_unknown", {"message": value[:40]}))
    if form.kind == "public_grant" and sector == "private":
        problems.append(("sector", "grant_is_public", {}))
    fact_checks.span(problems, form.starts_on, form.last_on)
    fact_checks.between(problems, "amount", form.amount, fact_checks.AMOUNT_MAX)
    fact_checks.currency(problems, form.currency)
    if problems or form.starts_on is None or form.amount is None:
        return None
    ends = (form.last_on or form.starts_on) + timedelta(days=1)
    money = (form.amount, form.currency or usual)
    return Words(form.kind, sector, said["payer"], said["what"], form.starts_on, ends, *money, said["reference"])


def _lines(content: bytes) -> list[Line]:
    return fact_files.read(table_files.opened(content).rows(), COLUMNS, NEEDED)


def _of_line(line: Line) -> IncomeForm:
    currency, known = fact_checks.currency_of(line.text("currency"))
    return IncomeForm(
        _code("income_kind", line.text("kind")),
        line.text("payer"),
        _code("sector", line.text("sector")),
        line.text("what"),
        line.day("starts_on"),
        line.day("last_on"),
        line.number_of("amount", known),
        currency,
        line.text("reference"),
    )


def _code(vocabulary: str, given: str) -> str:
    """The code of a word as either language writes it; what is none stays as it is, and is refused."""
    for code, text in VALUES[vocabulary].items():
        if key_of(given) in (key_of(code), *(key_of(translator(each).gettext(text)) for each in LANGUAGES)):
            return code
    return given
