"""The fees of a level in a draft: fees, bands, cases and discounts are added, moved, changed and taken out in rows."""

import re
from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery

from cluster_rules import fee_checks
from cluster_rules.components import FeeComponent
from cluster_rules.errors import RulebookError
from cluster_rules.money import digits
from cluster_rules.networks import Rulebook, Tier
from cluster_rules.organisations import BASES
from crm import rulebook_words as words
from crm.actions import rulebook_drafts as actions
from crm.errors import NotFound, Refused
from crm.reads.rulebook_drafts import Draft
from crm.rulebook_checks import as_next
from crm.rulebook_mistakes import why
from crm.web import fee_choices, fee_forms
from crm.web import rulebook_forms as forms
from crm.web.fee_rows import count, done
from crm.web.office import Office, routes, show
from crm.web.price_fields import tester
from crm.web.rulebook_editor import elsewhere, read_next, typed_of
from crm.web.rulebook_forms import Part, Typed
from crm.web.rulebook_writing import DRAFT, PATH, changed, gone, held, refused, to

FEES = DRAFT + "/fees"
DO = "do"
PRICED = ("amount", "percent", "index", "floor", "cap", "hours")
_PLACE = re.compile(r"(bands|cases|discounts)\[(\d+)\]\.?(.*)")


class Asked(msgspec.Struct, frozen=True):
    """The level whose fees are open: in which rulebook, and its part of the document."""

    book: Rulebook
    tier: Tier
    part: Part

    @property
    def places(self) -> int:
        """How many decimals its amounts have."""
        return digits(self.book.currency)


@get(FEES, include_in_schema=False)
async def show_fees(request: Request, office: NamedDependency[Office], code: FromQuery[str] = "") -> Response[Any]:
    draft = await held(office)
    if draft is None:
        return to(office, PATH)
    asked = _asked(office, draft, code)
    fields = fee_forms.shown(office.t.language, asked.places, asked.part["fees"])
    return await _page(request, office, draft, asked, fields)


@post(FEES, include_in_schema=False, status_code=200)
async def save_fees(request: Request, office: NamedDependency[Office]) -> Response[Any]:
    typed = typed_of(await request.form())
    draft = await held(office)
    if draft is None:
        return await gone(request, office)
    stamp = forms.one(typed, "stamp")
    try:
        asked = _asked(office, draft, forms.one(typed, "code"))
    except NotFound:
        if stamp == draft.stamp:
            raise
        return await refused(request, office, draft)
    if wish := forms.one(typed, DO):
        rows = fee_forms.begun(office.t.language, asked.places, done(typed, wish))
        return await _page(request, office, draft, asked, rows, stamp=stamp)
    book, wrong = _edited(office, asked, typed)
    if stamp != draft.stamp:
        return await _page(request, office, draft, asked, typed, wrong, changed(office, draft, book))
    if book is None:
        return await _page(request, office, draft, asked, typed, wrong)
    try:
        await actions.save(office.context, office.actor, book, stamp)
    except Refused:  # between our reading and our saving
        now = await held(office)
        return await gone(request, office) if now is None else await refused(request, office, now)
    return to(office, f"{DRAFT}?saved=fees")


handlers = [routes(show_fees, save_fees)]


def _asked(office: Office, draft: Draft, code: str) -> Asked:
    book = as_next(office.kept, draft.book)
    tier = book.tier(code)
    if tier is None:
        raise NotFound("level", code)
    return Asked(book, tier, next(t for t in forms.document(book)["tiers"] if t["code"] == code))


def _edited(office: Office, asked: Asked, typed: Typed) -> tuple[Rulebook | None, dict[str, str]]:
    """The whole draft with these fees; or None, and by field what is wrong ("": about something else)."""
    made = fee_forms.applied(office.t.language, asked.places, asked.part["fees"], typed)
    if made.mistakes:
        return None, {field: office.t.gettext(text, **values) for field, (text, values) in made.mistakes.items()}
    document = forms.document(asked.book)
    tier = asked.part | {"fees": made.fees}
    document["tiers"] = tuple(tier if t["code"] == tier["code"] else t for t in document["tiers"])
    try:
        return read_next(office, document), {}
    except RulebookError as error:
        place = [t["code"] for t in document["tiers"]].index(tier["code"])
        field = _field_of(asked, place, made, error)
        return None, {field: why(office.t, office.kept, error)} if field else {"": elsewhere(office, error)}


def _field_of(asked: Asked, place: int, made: fee_forms.Applied, error: RulebookError) -> str:
    """The field of the form that a mistake in the document is about; "" when it is about another part."""
    path = error.field.removeprefix(f"{asked.book.network}.")
    for n, fee in enumerate(made.fees):
        heads = (f"tiers[{place}].fees[{n}]", f"tiers.{asked.tier.code}.fees.{fee['code']}")
        head = next((h for h in heads if path == h or path.startswith((f"{h}.", f"{h}["))), None)
        if head is None or str(n) not in made.places:
            continue
        at, rest = made.places[str(n)], path[len(head) :].lstrip(".")
        if found := _PLACE.fullmatch(rest):
            listed, number, inside = found.groups()
            row = made.places.get(f"{n}.{listed}.{number}", f"{at}.{listed}")
            return f"{row}.{_named(inside)}" if _named(inside) else row
        name = _named(rest)
        of_price = name in PRICED and fee["basis"] == "fixed"
        return f"{at}.price.{name}" if of_price else f"{at}.{name}" if name else at
    return ""


def _named(inside: str) -> str:
    """What the form calls a field of the document, or the nearest thing that has a name there."""
    first = inside.partition("[")[0].partition(".")[0]
    return {"basis_points": "percent", "network": "network", "tiers": "network"}.get(first, first)


# --- the page


async def _page(
    request: Request,
    office: Office,
    draft: Draft,
    asked: Asked,
    typed: Typed,
    wrong: dict[str, str] | None = None,
    meanwhile: dict[str, Any] | None = None,
    stamp: str = "",
) -> Response[str]:
    """The fees with what was typed; 422 with mistakes, 409 when somebody was faster."""
    wrong = wrong or {}
    made = fee_forms.applied(office.t.language, asked.places, asked.part["fees"], typed)
    values: dict[str, Any] = {"status_code": 409 if meanwhile else 422} if wrong or meanwhile else {}
    form = tester(office, asked.book, {"level": asked.tier.code})
    return await show(
        request,
        office,
        "office/rules_fees.html",
        "rules",
        at=f"{office.base}{FEES}?code={quote(asked.tier.code)}",
        code=asked.tier.code,
        title=office.t.text(asked.tier.names),
        book=asked.book,
        fees=[_fee(office, asked, made, typed, n) for n in range(count(typed, fee_forms.LISTED))],
        stamp=stamp or draft.stamp,
        v=typed,
        one=lambda name: forms.one(typed, name),
        wrong=wrong,
        errors=[{"field": field, "text": text} for field, text in wrong.items()],
        changed=meanwhile,
        here=office.base + PATH,
        choices=fee_choices.of(office, asked.book),
        tester=form,
        **values,
    )


def _fee(office: Office, asked: Asked, made: fee_forms.Applied, typed: Typed, n: int) -> dict[str, Any]:
    """What the page says about one fee besides its fields: its name and price in words, and how many rows it has."""
    at = f"{fee_forms.LISTED}.{n}"
    part = made.fees[n]
    listed = {name: _rows(typed, f"{at}.{name}") for name in ("bands", "cases", "discounts")}
    basis = forms.one(typed, f"{at}.basis") or "fixed"
    return {
        "at": at,
        "title": office.t.text({k: v for k, v in part["names"].items() if v}),
        "said": "" if any(name.startswith(f"{at}.") for name in made.mistakes) else _said(office, asked.book, part),
        "new": not forms.one(typed, f"{at}.was"),
        "sized": basis in BASES,
        "when": {row: _rows(typed, f"{row}.when") for row in listed["cases"]},
        "fits": {row: _rows(typed, f"{row}.fits") for row in listed["discounts"]},
        **listed,
    }


def _rows(typed: Typed, listed: str) -> list[str]:
    return [f"{listed}.{n}" for n in range(count(typed, listed))]


def _said(office: Office, book: Rulebook, part: Part) -> str:
    """The price in words; nothing while it is not one that can be saved."""
    try:
        fee = msgspec.convert(part, FeeComponent)
        fee_checks.check(book, "", fee)
    except (msgspec.ValidationError, RulebookError):
        return ""
    return words.fee(office.t, fee, book.currency, book.indexes)
