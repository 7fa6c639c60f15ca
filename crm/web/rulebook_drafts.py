"""A draft of a network's rules: its text is checked, what it would do is shown, then it is published."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Request, Response, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.response import Redirect

from cluster_rules.differences import compare
from cluster_rules.errors import RulebookError
from cluster_rules.networks import Rulebook
from crm import rulebook_words as words
from crm.actions import rulebooks as actions
from crm.rulebook_mistakes import mistake
from crm.simulation import Affected, Simulation
from crm.web.office import Office, routes, show
from crm.web.rulebooks import PATH, book_of, page_of
from crm.web.session import NOT_KEPT

NAMED = 100  # of those who change; the others are counted
AGAIN = "again"


@post(PATH + "/preview", include_in_schema=False, status_code=200)
async def preview(request: Request, office: NamedDependency[Office]) -> Response[str]:
    draft = await _draft(request, office)
    try:
        book = actions.read(office.kept, office.network.slug, draft)
        found = await actions.simulate(office.context, office.actor, book)
    except RulebookError as error:
        return await _refused(request, office, draft, error)
    values = _preview(office, book, found) | {"draft": draft, "here": office.base + PATH}
    return await show(request, office, "office/rules_preview.html", "rules", at=office.base + PATH, **values)


@post(PATH + "/publish", include_in_schema=False, status_code=200)
async def publish(request: Request, office: NamedDependency[Office]) -> Response[Any]:
    draft = await _draft(request, office)
    try:
        # A second click finds the version published, with this text: that is no mistake.
        book = actions.parse(draft, office.network.slug)
        made = await actions.publish(office.context, office.actor, book)
    except RulebookError as error:
        return await _refused(request, office, draft, error)
    where = f"{office.base}{PATH}?version={made.version}&done=1"
    return Redirect(where, status_code=303, headers=NOT_KEPT)


handlers = [routes(preview, publish)]


async def _draft(request: Request, office: Office) -> str:
    """The text that was pasted, the file that was chosen, or a former version as the next one."""
    form = await request.form()
    if AGAIN in form:
        former = book_of(office, str(form[AGAIN]))
        newest = office.kept.rulebooks.of(office.network.slug)[-1]
        return actions.text(msgspec.structs.replace(former, version=newest.version + 1))
    file = form.get("file")
    if isinstance(file, UploadFile) and (held := await file.read()):
        return held.decode("utf-8-sig", errors="replace")
    typed = form.get("text", "")
    return typed.replace("\r\n", "\n") if isinstance(typed, str) else ""


async def _refused(request: Request, office: Office, draft: str, error: RulebookError) -> Response[str]:
    if "line" not in error.params:
        error.params["line"] = actions.line(draft, error)
    said = [{"field": "text", "text": mistake(office.t, office.kept, error)}]
    values = await page_of(office, book_of(office, ""))
    values |= {"draft": draft, "errors": said, "status_code": 422}
    return await show(request, office, "office/rules.html", "rules", at=office.base + PATH, **values)


def _preview(office: Office, book: Rulebook, found: Simulation) -> dict[str, Any]:
    newest = office.kept.rulebooks.of(office.network.slug)[-1]
    known = words.with_draft(office.kept, book)
    first = min(book.effective_from, book.effective_from_existing or book.effective_from)
    return {
        "book": book,
        "past": first if first < office.today else None,
        "newest": newest,
        "differences": words.differences(office.t, office.kept, compare(newest, book), newest, book),
        "found": found,
        "levels": _levels(office, book, found),
        "partners": _partners(office, found.affected),
        "affected": [_line(office, known, book, each) for each in found.affected[:NAMED]],
        "more": max(len(found.affected) - NAMED, 0),
    }


def _levels(office: Office, book: Rulebook, found: Simulation) -> list[dict[str, Any]]:
    """Members and yearly fees of each level before and after, and of all of them."""
    known = words.with_draft(office.kept, book)
    ranks = known.rulebooks
    codes = sorted(found.levels, key=lambda code: -ranks.rank(book.network, code))
    rows = [(office.t.text(known.tier_names(book.network, code)), found.levels[code]) for code in codes]
    rows.append((office.t.gettext("All levels"), found.total))
    return [
        {
            "name": name,
            "members": (level.members_before, level.members_after),
            "fees": (
                office.t.money(level.fees_before, found.currency_before),
                office.t.money(level.fees_after, found.currency_after),
            ),
        }
        for name, level in rows
    ]


def _partners(office: Office, affected: Sequence[Affected]) -> list[dict[str, Any]]:
    """The other networks in which memberships start, end or change."""
    out: dict[str, dict[str, int]] = {}
    for each in affected:
        if each.network != office.network.slug:
            counted = out.setdefault(each.network, {"starts": 0, "ends": 0, "others": 0})
            counted[each.kind if each.kind in counted else "others"] += 1
    return [{"network": office.face(office.kept.by_slug[slug]), **counted} for slug, counted in sorted(out.items())]


def _line(office: Office, known: Any, book: Rulebook, each: Affected) -> dict[str, Any]:
    t = office.t

    def level(code: str) -> str:
        return t.text(known.tier_names(each.network, code)) if code else t.gettext("not a member")

    def fee(amount: int | None) -> str:
        return t.gettext("Size not known") if amount is None else t.money(amount, currency)

    currency = known.rulebooks.of(each.network)[-1].currency
    return {
        "id": each.organisation,
        "name": each.name,
        "network": office.face(known.by_slug[each.network]),
        "linked": each.network != book.network,
        "old": level(each.old),
        "new": level(each.new),
        "days": each.kind == "days",
        "fees": (fee(each.fee_before), fee(each.fee_after)),
    }
