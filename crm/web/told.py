"""Pages of facts that are told by hand or by file and taken back with a reason: what they have in common."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, Response, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from crm import import_cells, words
from crm.errors import Invalid
from crm.fact_files import FILE_MAX
from crm.web import amounts
from crm.web.fields import LONGEST_FIELD, day_of, fields_of, id_of
from crm.web.office import Office
from crm.web.session import NOT_KEPT

BODY_MAX_BYTES = FILE_MAX + 64 * 1024
LAST_PAGE = 10_000
ADDED_DIGITS = 6
HUNDREDTHS = "EUR"  # a currency with two decimals: 7,5 is 750
Typed = dict[str, str]
Refusal = RuleViolation | Invalid


class Reader:
    """The fields of a form as values; what cannot be one is a problem of its field."""

    def __init__(self, typed: Typed) -> None:
        self.typed = typed
        self.problems: list[tuple[str, str, dict[str, Any]]] = []

    def day(self, name: str) -> Any:
        """A day; None for nothing."""
        found = day_of(self.typed.get(name, ""))
        if found is None and self.typed.get(name):
            self.problems.append((name, "date_format", {}))
        return found

    def number(self, name: str, currency: str = HUNDREDTHS) -> int | None:
        """Minor units or hundredths; None for nothing."""
        given = self.typed.get(name, "").strip()
        found = import_cells.amount(given, currency) if given else None
        if found is None and given:
            self.problems.append((name, "amount_unreadable", {"given": given[:40]}))
        return found

    def checked(self) -> None:
        """Invalid when a field could not be read."""
        if self.problems:
            raise Invalid(self.problems)


class Noun(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of one page: where it is, what one is called when it is not there, how a form is read, what is done.

    `page` shows what was typed and what is wrong with it.
    """

    path: str
    name: str
    form: Callable[[Typed], Any]
    page: Callable[[Request, Office, Typed, Refusal | None], Awaitable[Response[str]]]
    add: Callable[..., Awaitable[UUID]]
    add_file: Callable[..., Awaitable[int]]
    withdraw: Callable[..., Awaitable[None]]
    restore: Callable[..., Awaitable[None]]


def deeds(noun: Noun) -> list[HTTPRouteHandler]:
    """Telling one, or a file of them; taking one back with a reason, and undoing that."""

    @post(f"{noun.path}/new", include_in_schema=False)
    async def add(request: Request, office: NamedDependency[Office]) -> Response:
        typed = await fields_of(request)
        try:
            await noun.add(office.context, office.actor, office.network.id, noun.form(typed))
        except (Invalid, RuleViolation) as error:
            return await noun.page(request, office, typed, error)
        return back(office, noun.path)

    @post(f"{noun.path}/file", include_in_schema=False, request_max_body_size=BODY_MAX_BYTES)
    async def add_file(request: Request, office: NamedDependency[Office]) -> Response:
        try:
            name, content = await file_of(request)
            count = await noun.add_file(office.context, office.actor, office.network.id, name, content)
        except (Invalid, RuleViolation) as error:
            return await noun.page(request, office, {}, error)
        return back(office, f"{noun.path}?added={count}")

    @post(noun.path + "/{wanted:str}/withdraw", include_in_schema=False)
    async def withdraw(request: Request, office: NamedDependency[Office], wanted: FromPath[str]) -> Response:
        typed, found = await fields_of(request), id_of(noun.name, wanted)
        try:
            await noun.withdraw(office.context, office.actor, office.network.id, found, typed.get("reason", ""))
        except Invalid as error:
            return await noun.page(request, office, {}, error)
        return back(office, f"{noun.path}?withdrawn={found}")

    @post(noun.path + "/{wanted:str}/restore", include_in_schema=False)
    async def restore(office: NamedDependency[Office], wanted: FromPath[str]) -> Response:
        await noun.restore(office.context, office.actor, office.network.id, id_of(noun.name, wanted))
        return back(office, noun.path)

    return [add, add_file, withdraw, restore]


def back(office: Office, path: str) -> Redirect:
    """To a page of the network, after something was done."""
    return Redirect(f"{office.base}{path}", status_code=303, headers=NOT_KEPT)


async def file_of(request: Request) -> tuple[str, bytes]:
    """The name and content of the file that was sent. Invalid when there is none."""
    file = (await request.form()).get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        raise Invalid([("file", "required", {})])
    return file.filename[:LONGEST_FIELD], await file.read()


def problems(office: Office, error: Refusal, labels: Mapping[str, tuple[str, ...]]) -> list[dict[str, str]]:
    """What is wrong, for the summary and the fields; of a file with the row and the column it is in."""
    listed = error.problems if isinstance(error, Invalid) else [(error.field, error.code, error.params)]
    return [_problem(office, field, words.refusal(office.t, office.kept, code, dict(params)), labels)
            for field, code, params in listed]  # fmt: skip


def _problem(office: Office, field: str, said: str, labels: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    if not field.startswith("rows."):
        return {"field": field, "text": said}
    _, row, column = field.split(".", 2)
    heading = office.t.gettext(labels[column][0]) if column in labels else column
    return {
        "field": "file",
        "text": office.t.gettext("Row %(row)s, %(column)s: %(what)s", row=row, column=heading, what=said),
    }


def page_of(request: Request) -> int:
    """The page that is asked for, from 1."""
    asked = request.query_params.get("page", "")
    return max(min(int(asked), LAST_PAGE), 1) if asked.isascii() and asked.isdecimal() else 1


def asked_id(request: Request, name: str) -> UUID | None:
    """An id in the address; None for what is none."""
    try:
        return UUID(request.query_params.get(name, ""))
    except ValueError:
        return None


def money(office: Office, amount: int | None, currency: str) -> str:
    """As somebody would type it."""
    return "" if amount is None else amounts.write(office.t.language, amount, currency)


def paging(request: Request, page: int, shown: int, size: int) -> dict[str, int]:
    """What templates say of a page of so many rows, and of a file that was added just now."""
    added, first = request.query_params.get("added", ""), (page - 1) * size
    count = int(added) if added.isascii() and added.isdecimal() and len(added) < ADDED_DIGITS else 0
    return {"page": page, "first": first + 1, "last": first + shown, "added": count}


def last_day(ends_on: date, starts_on: date) -> str:
    """As it would be typed again: nothing for a single day."""
    last = ends_on - timedelta(days=1)
    return "" if last == starts_on else last.isoformat()
