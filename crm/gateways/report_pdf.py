"""Reports as PDF/A for print: set by typst from templates/documents/report.typ, in the same compiler as invoices."""

from datetime import date
from typing import Any

from crm.gateways import pdf

TEMPLATE = "report.typ"


def printed(view: dict[str, Any], made_on: date) -> bytes:
    """The PDF of what crm/actions/report_files.py has put into words. Takes a few hundredths of a second."""
    return pdf.typeset(TEMPLATE, view, made_on)
