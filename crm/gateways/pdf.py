"""A document as PDF/A-3b with the e-invoice inside, set by typst from templates/documents with our own fonts.

The same document gives the same bytes: the moment in the file is the day it was issued. Setting one takes
about fifteen milliseconds; call it in a worker thread. One is set at a time; who needs more
at once runs more workers.
"""

import calendar
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import typst

from cluster_rules.documents import Document
from crm.gateways import document_view, qr
from crm.gateways.glyphs import showable
from crm.paths import TEMPLATES

STANDARD = "a-3b"
ATTACHED = "{number}.xml"
_DOCUMENTS = TEMPLATES / "documents"
_FONTS = TEMPLATES / "static/vendor/inter-print"
_FONT = _FONTS / "Inter-Regular.ttf"
_THEME = TEMPLATES / "static/vendor/theme/designsystemet.config.json"
# typst keeps what it allocates with the thread it runs in: one thread for all costs 45 MB, one for each 10 MB more.
_typist = ThreadPoolExecutor(1, "typst")


def printed(document: Document, language: str = "", pay_url: str = "", xml: bytes = b"") -> bytes:
    """The PDF, in the document's language unless another is asked for.

    `pay_url`: where it can be paid without signing in; becomes a link and a QR code. `xml`: its EHF, attached
    as the machine-readable form of the same document.
    """
    inputs = _inputs(document, language, pay_url, xml)
    return _typist.submit(_set, inputs, document.issued_on).result()


def typeset(template: str, view: dict[str, Any], made_on: date) -> bytes:
    """Another document of templates/documents, in the same compiler: a second one would cost 40 MB."""
    inputs = {"data": json.dumps(_showable(view)), "look": _look()}
    return _typist.submit(_set, inputs, made_on, _DOCUMENTS / template).result()


def pictures(document: Document, language: str = "", pay_url: str = "", ppi: float = 96) -> list[bytes]:
    """The pages as PNG, for looking at."""
    inputs = _inputs(document, language, pay_url, b"")
    made = _compiler().compile(format="png", ppi=ppi, sys_inputs=inputs)
    return made if isinstance(made, list) else [made]


def _set(inputs: dict[str, str], issued_on: date, template: Path | None = None) -> bytes:
    return _compiler().compile(
        input=template or _DOCUMENTS / "document.typ",
        format="pdf",
        sys_inputs=inputs,
        pdf_standards=[STANDARD],
        timestamp=calendar.timegm(issued_on.timetuple()),
    )


def _inputs(document: Document, language: str, pay_url: str, xml: bytes) -> dict[str, str]:
    view = _showable(document_view.shown(document, language or document.language))
    if pay_url and document.kind == "invoice":
        view |= {"pay_url": pay_url, "qr": qr.svg(pay_url)}
    inputs = {"data": json.dumps(view), "look": _look()}
    if xml:
        inputs |= {"attached": ATTACHED.format(number=document.number), "xml": xml.decode()}
    return inputs


@cache
def _compiler() -> typst.Compiler:
    """The one of this process: it keeps the parsed template and the fonts, some 40 MB."""
    return typst.Compiler(
        input=_DOCUMENTS / "document.typ",
        root=_DOCUMENTS,
        font_paths=typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[_FONTS]),
    )


def _showable(value: Any) -> Any:
    if isinstance(value, str):
        return showable(value, _FONT)
    if isinstance(value, dict):
        return {key: _showable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_showable(inner) for inner in value]
    return value


@cache
def _look() -> str:
    """The theme's colours, from the one file that has them."""
    theme = json.loads(_THEME.read_text("utf-8"))
    return json.dumps({"colours": theme["themes"]["klynge"]["colors"]["main"]})
