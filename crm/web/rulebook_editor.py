"""A draft as sentences with fields: one page for each link rule, each level, and for what holds for all of them."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import FormMultiDict
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from cluster_rules import rulebooks
from cluster_rules.errors import RulebookError
from cluster_rules.networks import LinkRule, Rulebook
from crm import rulebook_words as words
from crm.actions import rulebook_drafts as actions
from crm.errors import NotFound, Refused
from crm.reads.rulebook_drafts import Draft
from crm.rulebook_checks import as_next, check_next
from crm.rulebook_mistakes import unfit, why
from crm.web import rulebook_choices as choices
from crm.web import rulebook_forms as forms
from crm.web.office import Office, routes, show
from crm.web.rendering import fragment
from crm.web.rulebook_forms import Part, Typed
from crm.web.rulebook_writing import DRAFT, PATH, changed, gone, held, refused, to

RANK_BETWEEN = 10  # a new level stands so much above the highest
NEW_BENEFITS = 3


class Kind(msgspec.Struct, frozen=True):
    """One kind of page: which list of the document it is about ("" the document itself), and how it looks."""

    listed: str
    template: str


KINDS = {
    "link-rule": Kind("link_rules", "office/rules_link.html"),
    "level": Kind("tiers", "office/rules_level.html"),
    "whole": Kind("", "office/rules_whole.html"),
}


class Asked(msgspec.Struct, frozen=True):
    """A part of a draft that somebody opened: `code` "" is a new one; where it stands, and what it says now."""

    path: str
    code: str
    book: Rulebook
    index: int
    part: Part

    @property
    def listed(self) -> str:
        """The list of the document it is in."""
        return KINDS[self.path].listed


@get(DRAFT + "/{path:str}", include_in_schema=False)
async def show_part(
    request: Request, office: NamedDependency[Office], path: FromPath[str], code: FromQuery[str] = ""
) -> Response[Any]:
    draft = await held(office)
    if draft is None:
        return to(office, PATH)
    asked = _asked(office, draft, path, code)
    return await _form(request, office, draft, asked, forms.shown(asked.listed, asked.part))


@post(DRAFT + "/{path:str}", include_in_schema=False, status_code=200)
async def save_part(request: Request, office: NamedDependency[Office], path: FromPath[str]) -> Response[Any]:
    typed = typed_of(await request.form())
    draft = await held(office)
    if draft is None:
        return await gone(request, office)
    stamp, code = forms.one(typed, "stamp"), forms.one(typed, "code")
    try:
        asked = _asked(office, draft, path, code)
    except NotFound:
        if stamp == draft.stamp:
            raise
        return await refused(request, office, draft)
    book, wrong = edited(office, asked, typed)
    if stamp != draft.stamp:
        return await _form(request, office, draft, asked, typed, wrong, changed(office, draft, book))
    if book is None:
        return await _form(request, office, draft, asked, typed, wrong)
    try:
        await actions.save(office.context, office.actor, book, stamp)
    except Refused:  # between our reading and our saving
        now = await held(office)
        return await gone(request, office) if now is None else await refused(request, office, now)
    return to(office, f"{DRAFT}?saved={path}")


@post(DRAFT + "/{path:str}/removal", include_in_schema=False, status_code=200)
async def remove(request: Request, office: NamedDependency[Office], path: FromPath[str]) -> Response[Any]:
    typed = typed_of(await request.form())
    draft = await held(office)
    if draft is None:
        return await gone(request, office)
    if forms.one(typed, "stamp") != draft.stamp:
        return await refused(request, office, draft)
    asked = _asked(office, draft, path, forms.one(typed, "code"))
    if not asked.code:
        raise NotFound(path, "")
    document = forms.document(asked.book)
    document[asked.listed] = tuple(each for each in document[asked.listed] if each["code"] != asked.code)
    try:
        book = read_next(office, document)
        await actions.save(office.context, office.actor, book, draft.stamp)
    except RulebookError as error:
        return await refused(request, office, draft, elsewhere(office, error))
    except Refused:
        now = await held(office)
        return await gone(request, office) if now is None else await refused(request, office, now)
    return to(office, f"{DRAFT}?saved=removal")


@post(DRAFT + "/words", include_in_schema=False, status_code=200)
async def say_rule(request: Request, office: NamedDependency[Office]) -> Response[Any]:
    """The sentence of what is typed so far; for browsers with scripts, while they type."""
    typed = typed_of(await request.form())
    draft = await held(office)
    if draft is None:
        raise NotFound("draft", office.network.slug)
    asked = _asked(office, draft, "link-rule", forms.one(typed, "code"))
    part, _ = forms.applied(asked.listed, asked.part, typed)
    said = _sentence(office, asked.book, part)
    return fragment(request, "office/rules_words.html", "words", said=said, here=office.base + PATH)


handlers = [routes(show_part, save_part, remove, say_rule)]


def edited(office: Office, asked: Asked, typed: Typed) -> tuple[Rulebook | None, dict[str, str]]:
    """The whole draft with what was typed; or None, and by field what is wrong ("": about something else)."""
    part, mistakes = forms.applied(asked.listed, asked.part, typed)
    wrong = {field: unfit(office.t, *what) for field, what in mistakes.items()}
    wrong |= _strange_countries(office, asked, typed)
    if wrong:
        return None, wrong
    document = forms.document(asked.book)
    if asked.listed:
        others = list(document[asked.listed])
        if not asked.code:
            part["code"] = forms.code_of(part["names"], [each["code"] for each in others])
        others[asked.index : asked.index + 1] = [part]
        document[asked.listed] = tuple(others)
    else:
        document = part
    try:
        return read_next(office, document), {}
    except RulebookError as error:
        field = forms.field_of(asked.listed, asked.index, part, office.network.slug, error)
        return None, {field: why(office.t, office.kept, error)} if field else {"": elsewhere(office, error)}


def read_next(office: Office, document: Part) -> Rulebook:
    """A document as the next version. RulebookError."""
    book = rulebooks.parse(document)
    check_next(office.kept, office.network.slug, book)
    return book


def _asked(office: Office, draft: Draft, path: str, code: str) -> Asked:
    """NotFound for a page that is not one, and a level or rule that is not there."""
    if path not in KINDS:
        raise NotFound("page", path)
    book = as_next(office.kept, draft.book)
    document, listed = forms.document(book), KINDS[path].listed
    if not listed:
        return Asked(path, "", book, 0, document)
    if not code:
        highest = max(tier.rank for tier in book.tiers)
        fresh = forms.new_level(highest + RANK_BETWEEN) if path == "level" else forms.new_rule(book.network)
        return Asked(path, "", book, len(document[listed]), fresh)
    for index, part in enumerate(document[listed]):
        if part["code"] == code:
            return Asked(path, code, book, index, part)
    raise NotFound(path, code)


def typed_of(form: FormMultiDict) -> Typed:
    """What a form holds, field by field; files are not asked for."""
    out: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        if isinstance(value, str):
            out.setdefault(name, []).append(value)
    return out


def _strange_countries(office: Office, asked: Asked, typed: Typed) -> dict[str, str]:
    """Countries that are not on any list: nobody who uses the page sends them."""
    before = forms.shown(asked.listed, asked.part)
    return {
        name: office.t.gettext("There is no country %(code)s.", code=code)
        for name in ("when.countries", "open_to.countries")
        if (code := choices.unknown(typed, before.get(name, []), name))
    }


def elsewhere(office: Office, error: RulebookError) -> str:
    """A mistake that is about another part than the one in front of the reader."""
    text = why(office.t, office.kept, error)
    return office.t.gettext("Elsewhere in the rules, at %(field)s: %(why)s", field=error.field, why=text)


# --- the pages


async def _form(
    request: Request,
    office: Office,
    draft: Draft,
    asked: Asked,
    typed: Typed,
    wrong: Mapping[str, str] | None = None,
    meanwhile: dict[str, Any] | None = None,
) -> Response[str]:
    """A part as a form with what was typed; 422 with mistakes, 409 when somebody was faster."""
    wrong = wrong or {}
    pages = {"link-rule": _rule_page, "level": _level_page, "whole": _whole_page}
    values = pages[asked.path](office, asked, typed)
    if wrong or meanwhile:
        values["status_code"] = 409 if meanwhile else 422
    address = f"{office.base}{DRAFT}/{asked.path}" + (f"?code={quote(asked.code)}" if asked.code else "")
    return await show(
        request,
        office,
        KINDS[asked.path].template,
        "rules",
        at=address,
        asked=asked,
        stamp=draft.stamp,
        v=typed,
        one=lambda name: forms.one(typed, name),
        wrong=wrong,
        errors=[{"field": field, "text": text} for field, text in wrong.items()],
        changed=meanwhile,
        here=office.base + PATH,
        words=lambda field: choices.words(office, field),
        **values,
    )


def _rule_page(office: Office, asked: Asked, typed: Typed) -> dict[str, Any]:
    part, _ = forms.applied(asked.listed, asked.part, typed)
    return {
        "levels": choices.own_levels(office, asked.book),
        "kinds": choices.kinds(office),
        "countries": choices.countries(office, typed.get("when.countries", [])),
        "given": choices.levels_to_give(office, asked.book, typed),
        "agreements": choices.agreements(office, typed.get("agreement", [])),
        "said": _sentence(office, asked.book, part),
        "title": office.t.text(asked.part["names"]),
    }


def _level_page(office: Office, asked: Asked, typed: Typed) -> dict[str, Any]:
    kept = [n for n in range(forms.MOST_ROWS) if f"benefits.{n}.nb" in typed]
    required = []
    for n in range(forms.MOST_ROWS):
        if slug := forms.one(typed, f"requires.{n}.network"):
            network = office.kept.by_slug.get(slug)
            name = office.t.text(network.names) if network else slug
            levels = choices.with_held(choices.levels_of(office, slug), typed.get(f"requires.{n}.tiers", []))
            required.append({"slug": slug, "name": name, "levels": levels})
    tier = asked.book.tier(asked.code)
    t, currency = office.t, asked.book.currency
    return {
        "kinds": choices.kinds(office),
        "countries": choices.countries(office, typed.get("open_to.countries", [])),
        "benefits": min(len(kept) + (0 if _has_spare(typed, kept) else NEW_BENEFITS), forms.MOST_ROWS),
        "required": required,
        "upgrades": [n for n in range(forms.MOST_ROWS) if f"upgrades.{n}.to" in typed],
        "other_levels": [each for each in choices.own_levels(office, asked.book) if each["value"] != asked.code],
        "locks": choices.locks(office),
        "requirable": choices.levels_to_require(office, asked.book),
        "fees": [(t.text(c.names), words.fee(t, c, currency), c.example) for c in tier.fees] if tier else [],
        "title": office.t.text(asked.part["names"]),
    }


def _has_spare(typed: Typed, rows: list[int]) -> bool:
    """Is there an empty row left, after a form that came back?"""
    return any(not forms.one(typed, f"benefits.{n}.nb") and not forms.one(typed, f"benefits.{n}.en") for n in rows)


def _whole_page(office: Office, asked: Asked, typed: Typed) -> dict[str, Any]:
    return {"months": choices.months(office), "days": choices.DAYS}


def _sentence(office: Office, book: Rulebook, part: Part) -> words.Sentence | None:
    """A rule in words; None while it names no level, or holds what no rule can hold."""
    try:
        rule = msgspec.convert(part, LinkRule)
    except msgspec.ValidationError:
        return None
    if rule.grants.network not in office.kept.by_slug or not rule.grants.tier:
        return None
    return words.sentence(office.t, words.with_draft(office.kept, book), book.network, rule)
