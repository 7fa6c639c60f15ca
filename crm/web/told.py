"""Pages of facts that are told by hand or by file and taken back with a reason: what they have in common."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import Request
from litestar.datastructures import UploadFile

from cluster_rules.errors import RuleViolation
from crm import import_cells, words
from crm.errors import Invalid
from crm.fact_files import FILE_MAX
from crm.web import amounts
from crm.web.fields import LONGEST_FIELD, day_of
from crm.web.office import Office

BODY_MAX_BYTES = FILE_MAX + 64 * 1024
LAST_PAGE = 10_000
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
