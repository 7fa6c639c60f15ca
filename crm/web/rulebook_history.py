"""What any version of a network's rules, or the draft, says otherwise than any other one."""

from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery

from cluster_rules.networks import Rulebook
from crm.errors import NotFound
from crm.reads.rulebook_drafts import Draft
from crm.rulebook_checks import as_next
from crm.web.office import Office, reading, show
from crm.web.rulebook_writing import PATH, differences, held

DRAFTED = "draft"


@get(PATH + "/compare", include_in_schema=False)
async def show_comparison(
    request: Request, office: NamedDependency[Office], old: FromQuery[str] = "", new: FromQuery[str] = ""
) -> Response[Any]:
    books = office.kept.rulebooks.of(office.network.slug)
    if not books:
        raise NotFound("rulebook", office.network.slug)
    draft = await held(office)
    first_draft = draft is not None and len(books) == 1  # then there is nothing else to compare with
    new = new or (DRAFTED if first_draft else str(books[-1].version))
    old = old or str(books[-1 if first_draft else max(len(books) - 2, 0)].version)
    versions = [{"value": str(b.version), "label": _name(office, b)} for b in books]
    if draft:
        versions.append({"value": DRAFTED, "label": office.t.gettext("The draft")})
    before, after = (_book(office, books, draft, wanted) for wanted in (old, new))
    return await show(
        request,
        office,
        "office/rules_compare.html",
        "rules",
        versions=versions,
        old=old,
        new=new,
        differences=differences(office, before, after),
        here=office.base + PATH,
    )


handlers = [reading(show_comparison)]


def _book(office: Office, books: list[Rulebook], draft: Draft | None, wanted: str) -> Rulebook:
    if wanted == DRAFTED and draft:
        return as_next(office.kept, draft.book)
    found = next((b for b in books if str(b.version) == wanted), None)
    if found is None:
        raise NotFound("rulebook", wanted)
    return found


def _name(office: Office, book: Rulebook) -> str:
    day = office.t.date(book.effective_from)
    return office.t.gettext("Version %(n)s, for new members from %(day)s", n=book.version, day=day)
