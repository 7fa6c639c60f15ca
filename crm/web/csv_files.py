"""A list as a file that spreadsheets open: UTF-8, and in Norwegian with semicolons and decimal commas.

What people typed never becomes a formula: a text that begins like one gets an apostrophe in front.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from litestar import Response

from crm.formulas import guarded
from crm.i18n import Translator
from crm.web.session import NOT_KEPT

Cell = str | int | Decimal | date | None


def answer(t: Translator, name: str, head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Response[bytes]:
    """The file as a download; `name` without its ending."""
    comma = t.language == "nb"
    written = io.StringIO()
    sheet = csv.writer(written, delimiter=";" if comma else ",")
    sheet.writerow(guarded(text) for text in head)
    sheet.writerows([_cell(cell, comma) for cell in row] for row in rows)
    headers = {**NOT_KEPT, "content-disposition": f'attachment; filename="{name}.csv"'}
    return Response(written.getvalue().encode("utf-8-sig"), media_type="text/csv", headers=headers)


def _cell(value: Cell, comma: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return guarded(value)
    text = value.isoformat() if isinstance(value, date) else str(value)
    return text.replace(".", ",") if comma and isinstance(value, Decimal) else text
