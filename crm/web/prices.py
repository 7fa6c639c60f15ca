"""Try a price: a company as somebody types it, what a level would cost it and why; a draft beside what is published."""

from typing import Any
from urllib.parse import urlencode

from litestar import Request, Response, get
from litestar.di import NamedDependency

from cluster_rules.fees import FeeLine
from cluster_rules.networks import Rulebook
from cluster_rules.vat import REASONS
from crm import fee_words, names, words
from crm.reads import offers
from crm.reads import prices as reads
from crm.rulebook_checks import as_next
from crm.web import price_fields as fields
from crm.web.fields import day_of
from crm.web.office import Office, reading, show
from crm.web.rulebook_writing import held
from crm.web.rulebooks import PATH, book_of

PRICE = PATH + "/price"
LONGEST = 100
EARLIEST, LATEST = 1900, 2200  # years of joining that can be asked about


@get(PRICE, include_in_schema=False)
async def show_price(request: Request, office: NamedDependency[Office]) -> Response[Any]:
    given = request.query_params
    typed = {name: str(given[name])[:LONGEST] for name in given}
    many = {name: tuple(given.getall(name)) for name in (fields.MEMBER, fields.ROLE) if name in given}
    draft = await held(office)
    published = book_of(office, typed.get("version", ""))
    books = [published, *([as_next(office.kept, draft.book)] if draft else [])]
    values = fields.tester(office, books[-1], typed, many, books)
    found, wrong = _prices(office, books, typed, many)
    return await show(
        request,
        office,
        "office/rules_price.html",
        "rules",
        tester=values | {"wrong": wrong},
        prices=found,
        published=published,
        draft=draft,
        errors=[{"field": name, "text": text} for name, text in wrong.items()],
        link=f"?{urlencode([(k, v) for k, v in given.multi_items() if v])}",
        here=office.base + PATH,
        **({"status_code": 422} if wrong else {}),
    )


handlers = [reading(show_price)]


# --- the price


def _prices(
    office: Office, books: list[Rulebook], typed: fields.Typed, many: fields.Many
) -> tuple[dict[str, Any] | None, dict[str, str]]:
    """The price by each version, and the difference; None before a level is chosen. And what is wrong, by field."""
    if not typed.get("level"):
        return None, {}
    day = day_of(typed.get("starts_on", "")) if typed.get("starts_on") else office.today
    if day is None or not EARLIEST <= day.year <= LATEST:
        return None, {"starts_on": office.t.gettext("Write a day.")}
    profile, wrong = fields.profile(office, books[-1], typed, many, day)
    if not any(book.tier(typed["level"]) for book in books):
        wrong["level"] = office.t.gettext("There is no level called %(given)s.", given=typed["level"])
    if wrong:
        return None, wrong
    member = [tuple(value.split("/", 1)) for value in many.get(fields.MEMBER, ()) if "/" in value]
    known = {each["value"] for each in fields.elsewhere(office, [t for book in books for t in book.tiers])}
    told = tuple((slug, level) for slug, level in member if f"{slug}/{level}" in known)
    found = []
    for book in books:
        tier = book.tier(typed["level"])
        if tier:
            asked = offers.typical(tier, profile, day)
            found.append(reads.price(office.kept, book, tier, asked, day, told))
    listed = [_shown(office, each, each.book is not books[0]) for each in found]
    return {"listed": listed, "differs": _differs(office, found)}, {}


def _shown(office: Office, price: reads.Price, draft: bool) -> dict[str, Any]:
    t, kept = office.t, office.kept
    said = {"missing": price.missing, "refusal": price.refusal}
    return {
        "draft": draft,
        "version": price.book.version,
        "tier": t.text(price.tier.names),
        "year": names.days(t, price.year),
        "first": _sum(office, price.first),
        "yearly": _sum(office, price.yearly),
        **{name: words.refusal(t, kept, v.code, v.params) if v else "" for name, v in said.items()},
    }


def _sum(office: Office, lines: tuple[FeeLine, ...] | None) -> dict[str, Any] | None:
    """Lines with how each came about, and what they add up to; None when that cannot be said."""
    if lines is None:
        return None
    t = office.t
    totals = {name: sum(getattr(line, name) for line in lines) for name in ("net", "vat", "gross")}
    return {
        "rows": [_line(office, line) for line in lines],
        "totals": {line.currency: totals for line in lines[:1]},
        **{name: t.money(value, lines[0].currency) if lines else "" for name, value in totals.items()},
    }


def _line(office: Office, line: FeeLine) -> dict[str, str]:
    t = office.t
    made = [{"code": step.code, "values": step.values} for step in line.steps]
    reason = t.text(REASONS.get(line.vat_code, {}))  # type: ignore[call-overload]
    vat = t.gettext(
        "VAT %(percent)s: %(amount)s",
        percent=t.percent(line.vat_percent / 100),
        amount=t.money(line.vat, line.currency),
    )
    name = t.text(line.names)
    if line.network != office.network.slug:
        name = t.gettext("%(network)s, %(level)s", network=names.network_name(t, office.kept, line.network), level=name)
    return {
        "name": name,
        "days": names.days(t, line.period),
        "how": fee_words.explain(t, made, line.currency, line.example),
        "vat": reason or vat,
        "net": t.money(line.net, line.currency),
    }


def _differs(office: Office, found: list[reads.Price]) -> list[dict[str, str]]:
    """What the draft makes dearer or cheaper than the published version, without VAT."""
    if len(found) != 2:
        return []
    out = []
    for name, title in (("first", office.t.gettext("Joining")), ("yearly", office.t.gettext("An ordinary year"))):
        before, after = (getattr(each, name) for each in found)
        if before is not None and after is not None:
            change = sum(line.net for line in after) - sum(line.net for line in before)
            said = office.t.money(change, found[1].book.currency)
            text = said if change < 0 else f"+{said}" if change else office.t.gettext("the same")
            out.append({"label": title, "value": text})
    return out
