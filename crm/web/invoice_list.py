"""The invoices of a network: buckets by age with counts and sums as filters, search, as of a day, export, issuing."""

from collections.abc import Iterable, Sequence
from datetime import date
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect

from crm.actions import card_books
from crm.actions import invoices as actions
from crm.reads import invoice_list as reads
from crm.reads import organisations
from crm.reads.invoice_list import BUCKETS, LATE, UNPAID, Figure, Filter, Row
from crm.web import amounts, csv_files, office_consequences
from crm.web.fields import day_of, fields_of
from crm.web.office import Office, money, reading_money, show
from crm.web.session import NOT_KEPT

PATH = "/invoices"
LONGEST_SEARCH = 100
MOST_EXPORTED = 100_000
MOST_ISSUED = 1_000  # at once, by a form
# What the address may ask for: a bucket, or several that are one figure elsewhere.
STATES: dict[str, tuple[reads.Bucket, ...]] = {"unpaid": UNPAID, "overdue": LATE} | {b: (b,) for b in BUCKETS}
# The chips in their order: ages first, then what is not waited for; the last two only when something is in them.
CHIPS: tuple[reads.Bucket, ...] = (*UNPAID, "draft", "paid", "credited", "written_off", "credit_note")
ALWAYS = CHIPS[:8]


class Asked(msgspec.Struct, frozen=True):
    """What the address of the list asks for."""

    day: date
    today: date
    state: str = ""
    text: str = ""
    organisation: UUID | None = None
    undelivered: bool = False
    sort: reads.Sort = "due"

    def pairs(self, **changed: Any) -> list[tuple[str, str]]:
        """As it stands in an address, with some of it changed; what is as it is anyway is left out."""
        new = msgspec.structs.replace(self, **changed)
        pairs = [("state", new.state), ("q", new.text), ("organisation", str(new.organisation or ""))]
        pairs += [("undelivered", "yes" if new.undelivered else ""), ("sort", new.sort if new.sort != "due" else "")]
        pairs.append(("as_of", new.day.isoformat() if new.day != new.today else ""))
        return [(name, value) for name, value in pairs if value]

    def filter(self, office: Office) -> Filter:
        """The same for reading."""
        return Filter(
            office.network.id,
            office.network.host_id,
            self.day,
            self.today,
            STATES.get(self.state, ()),
            self.text,
            self.organisation,
            self.undelivered,
            self.sort,
        )


class Links:
    """Addresses of the list with one thing changed."""

    def __init__(self, office: Office, asked: Asked) -> None:
        self.asked, self.here = asked, office.base + PATH

    def to(self, after: str = "", path: str = "", **changed: Any) -> str:
        """The list as it is, but for what is given; a change goes back to the first page."""
        pairs = self.asked.pairs(**changed) + ([("after", after)] if after else [])
        return self.here + path + (f"?{urlencode(pairs)}" if pairs else "")

    def kept(self, **changed: Any) -> list[tuple[str, str]]:
        """What a form of the list carries along."""
        return self.asked.pairs(**changed)


@get(PATH, include_in_schema=False)
async def show_invoices(request: Request, office: NamedDependency[Office]) -> Response[str]:
    asked = asked_of(request, office)
    wanted = asked.filter(office)
    after, before = _place(request.query_params.get("after", ""))
    async with office.context.db.reading(office.actor.sees) as connection:
        figures = await reads.figures(connection, wanted)
        page = await reads.page(connection, wanted, after, before=before)
        named = await organisations.names(connection, {asked.organisation} if asked.organisation else set())
    waiting = await _card_items(office)
    return await show(
        request,
        office,
        "office/invoices.html",
        "invoices",
        asked=asked,
        links=Links(office, asked),
        chips=chips(office, asked, figures),
        totals=totals(office, figures, asked),
        undelivered=sum(f.count for f in figures if f.undelivered),
        page=page,
        next_key=_key_text(page) if page.more else "",
        buyer=next(iter(named.values()), ""),
        card_items=waiting,
        states=state_words(office),
    )


@get(f"{PATH}/export.csv", include_in_schema=False)
async def export(request: Request, office: NamedDependency[Office]) -> Response[bytes]:
    """Exactly the rows of the list, in its order."""
    asked, t = asked_of(request, office), office.t
    async with office.context.db.reading(office.actor.sees) as connection:
        page = await reads.page(connection, asked.filter(office), limit=MOST_EXPORTED)
    words = state_words(office)
    rows = (
        (
            row.number,
            row.kid,
            row.organisation,
            row.issued_on,
            row.due_on,
            *(amounts.decimal(amount, row.currency) for amount in (row.net, row.gross, row.owed)),
            row.currency,
            words[row.bucket],
        )
        for row in page.rows
    )
    name = f"invoices-{office.network.slug}-{asked.day.isoformat()}"
    return csv_files.answer(t, name, columns(office), rows)


@get(f"{PATH}/issue", include_in_schema=False)
async def confirm_issuing(request: Request, office: NamedDependency[Office]) -> Response[str]:
    return await _confirm(request, office, asked_of(request, office))


@post(f"{PATH}/issue", include_in_schema=False)
async def issue_many(request: Request, office: NamedDependency[Office]) -> Response:
    """Issue the drafts that were confirmed; if they are others by now, ask again instead."""
    form = await fields_of(request)
    asked = asked_of(request, office)
    rows = await _drafts(office, asked)
    if form.get("seen", "") != _seen(rows):
        return await _confirm(request, office, asked, changed=True)
    issued, _ = await actions.issue_many(office.context, office.actor, [row.id for row in rows])
    numbers = [each.number for each in issued]
    span = [("first", numbers[0]), ("last", numbers[-1])] if numbers else []
    where = f"{office.base}{PATH}/issue/result?{urlencode(asked.pairs(state='draft') + span)}"
    return Redirect(where, status_code=303, headers=NOT_KEPT)


@get(f"{PATH}/issue/result", include_in_schema=False)
async def issuing_result(request: Request, office: NamedDependency[Office]) -> Response[str]:
    """What became of it, read from what is stored: drafts that could not be issued first, then the new numbers."""
    asked = asked_of(request, office)
    query = request.query_params
    left = await _drafts(office, asked)
    why = await actions.unfit(office.context, office.actor, [row.id for row in left])
    async with office.context.db.reading(office.actor.sees) as connection:
        made = await reads.numbered(
            connection, office.network.host_id, query.get("first", "")[:60], query.get("last", "")[:60]
        )
    failures = [{"row": r, "why": office_consequences.refusal(office, why[r.id])} for r in left if r.id in why]
    shown = {"failures": failures, "issued": made, "sums": sums_of(made), "links": Links(office, asked)}
    return await show(request, office, "office/invoices_issued.html", "invoices", **shown)


async def _card_items(office: Office) -> int:
    """Differences with the card provider that wait for a person who takes care of money."""
    if not office.may_keep_books:
        return 0
    return (await card_books.books(office.context, office.actor, office.network.host_id)).waiting


handlers = [reading_money(show_invoices, export), money(confirm_issuing, issue_many, issuing_result)]


def state_words(office: Office) -> dict[str, str]:
    """What each bucket is called."""
    t = office.t
    return {
        "draft": t.gettext("Drafts"),
        "open": t.gettext("Not due"),
        "late30": t.gettext("1–30 days late"),
        "late60": t.gettext("31–60 days late"),
        "late90": t.gettext("61–90 days late"),
        "late": t.gettext("Over 90 days late"),
        "paid": t.gettext("Paid"),
        "credited": t.gettext("Credited"),
        "written_off": t.gettext("Written off"),
        "credit_note": t.gettext("Credit notes"),
        "unpaid": t.gettext("Unpaid"),
        "overdue": t.gettext("Overdue"),
    }


def columns(office: Office) -> list[str]:
    """The heads of the exported columns."""
    t = office.t
    return [
        t.gettext("Number"),
        t.gettext("KID"),
        t.gettext("Organisation"),
        t.gettext("Issued"),
        t.gettext("Due"),
        t.gettext("Without VAT"),
        t.gettext("Total"),
        t.gettext("Unpaid"),
        t.gettext("Currency"),
        t.gettext("Status"),
    ]


def asked_of(request: Request, office: Office) -> Asked:
    """The filters in the address; what nobody could choose is left out."""
    query = request.query_params
    state, sort = query.get("state", ""), query.get("sort", "due")
    try:
        organisation = UUID(query.get("organisation", ""))
    except ValueError:
        organisation = None
    return Asked(
        day_of(query.get("as_of", "")) or office.today,
        office.today,
        state if state in STATES else "",
        " ".join(query.get("q", "")[:LONGEST_SEARCH].replace("\0", "").split()),
        organisation,
        query.get("undelivered") == "yes",
        sort if sort in reads.SORTS else "due",  # type: ignore[arg-type]
    )


def chips(office: Office, asked: Asked, figures: Sequence[Figure]) -> list[dict[str, Any]]:
    """Each bucket with how many are in it and what they come to: unpaid ones what is owed, others their totals."""
    words, out = state_words(office), []
    fitting = [f for f in figures if f.undelivered or not asked.undelivered]
    for bucket in CHIPS:
        inside = [f for f in fitting if f.bucket == bucket]
        count = sum(f.count for f in inside)
        if count or bucket in ALWAYS or asked.state == bucket:
            sums = _sums((f.currency, f.owed if bucket in UNPAID else f.gross) for f in inside)
            out.append({"code": bucket, "label": words[bucket], "count": count, "sums": sums})
    return out


def totals(office: Office, figures: Sequence[Figure], asked: Asked) -> list[dict[str, Any]]:
    """How many the filters give, what they come to and what is unpaid of it, by currency."""
    buckets = STATES.get(asked.state, BUCKETS)
    inside = [f for f in figures if f.bucket in buckets and (f.undelivered or not asked.undelivered)]
    out = []
    for currency in sorted({f.currency for f in inside}):
        own = [f for f in inside if f.currency == currency]
        summed = {name: sum(getattr(f, name) for f in own) for name in ("count", "gross", "owed")}
        out.append({"currency": currency, **summed})
    return out


def sums_of(rows: Iterable[Row | reads.Numbered]) -> list[tuple[str, int]]:
    """(currency, sum) of these rows."""
    return _sums((row.currency, row.gross) for row in rows)


def _sums(pairs: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    summed: dict[str, int] = {}
    for currency, amount in pairs:
        summed[currency] = summed.get(currency, 0) + amount
    return sorted(summed.items())


async def _confirm(request: Request, office: Office, asked: Asked, changed: bool = False) -> Response[str]:
    rows = await _drafts(office, asked)
    why = await actions.unfit(office.context, office.actor, [row.id for row in rows])
    ready = [row for row in rows if row.id not in why]
    failures = [{"row": r, "why": office_consequences.refusal(office, why[r.id])} for r in rows if r.id in why]
    shown = {"failures": failures, "ready": ready, "sums": sums_of(ready), "seen": _seen(rows)}
    shown |= {"links": Links(office, asked), "changed": changed, "most": MOST_ISSUED, "all": len(rows)}
    at = Links(office, asked).to(path="/issue")
    status = 409 if changed else 200
    return await show(request, office, "office/invoices_issue.html", "invoices", at, status_code=status, **shown)


async def _drafts(office: Office, asked: Asked) -> list[Row]:
    """The drafts the list shows with these filters, at most as many as one form issues, credit notes last."""
    wanted = msgspec.structs.replace(asked, state="draft", day=asked.today, undelivered=False).filter(office)
    async with office.context.db.reading(office.actor.sees) as connection:
        page = await reads.page(connection, wanted, limit=MOST_ISSUED)
    return list(page.rows)


def _seen(rows: Sequence[Row]) -> str:
    """What was confirmed, in short: which drafts, and what each comes to."""
    return sha256(" ".join(f"{row.id} {row.gross}" for row in rows).encode()).hexdigest()


def _place(text: str) -> tuple[reads.Place | None, int | None]:
    """The place in the order an address names, and how many rows stand before what follows it, if it says so.

    None for the beginning, and for what is no place.
    """
    try:
        first, second, last, *count = text.split("_")
        key, before = (int(first), int(second), UUID(last)), [int(each) for each in count]
    except ValueError:
        return None, None
    fits = all(abs(part) < 2**63 for part in key[:2]) and len(before) <= 1 and all(0 < n < 2**31 for n in before)
    return (key, before[0] if before else None) if fits else (None, None)


def _key_text(page: reads.Page) -> str:
    """Where the next page begins, and after how many."""
    return "_".join(str(part) for part in (*page.rows[-1].key, page.before + len(page.rows)))
