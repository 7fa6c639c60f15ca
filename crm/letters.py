"""Mails as text: one template per kind in `templates/mail/`, in the reader's language.

The first line of a template is the subject. The HTML part is made from the same text, so the two
can never say different things.
"""

import re
from functools import cache
from typing import Any

import msgspec
from jinja2 import Environment
from markupsafe import Markup, escape

from crm.i18n import jinja_environment

_ADDRESS = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,)]")


class Letter(msgspec.Struct, frozen=True):
    """A composed mail."""

    subject: str
    text: str
    html: str


def compose(kind: str, language: str, values: dict[str, Any]) -> Letter:
    """Write the mail of this kind; `values` are listed at the top of each template."""
    environment = _environment(language)
    written = environment.get_template(f"mail/{kind}.txt").render(**values).strip()
    subject, _, text = written.partition("\n")
    html = environment.get_template("layouts/mail.html").render(
        subject=subject, paragraphs=[_linked(p) for p in text.strip().split("\n\n")]
    )
    return Letter(" ".join(subject.split()), text.strip() + "\n", html)


@cache
def _environment(language: str) -> Environment:
    return jinja_environment(language)


def _linked(paragraph: str) -> Markup:
    """A paragraph as safe HTML: addresses become links, line breaks stay."""
    out, at = Markup(""), 0
    for found in _ADDRESS.finditer(paragraph):
        out += escape(paragraph[at : found.start()])
        out += Markup('<a href="{0}">{0}</a>').format(found.group())
        at = found.end()
    return (out + escape(paragraph[at:])).replace("\n", Markup("<br>\n"))
