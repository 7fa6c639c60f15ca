"""Mails as text: one template per kind in `templates/mail/`, in the reader's language.

The first line of a template is the subject. The HTML part is made from the same text, so the two
can never say different things.
"""

import re
from functools import cache
from typing import Any

import msgspec
from jinja2 import Environment, meta
from markupsafe import Markup, escape

from crm.i18n import jinja_environment
from crm.paths import TEMPLATES

_ADDRESS = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,)]")


class Letter(msgspec.Struct, frozen=True):
    """A composed mail."""

    subject: str
    text: str
    html: str


class Wording(msgspec.Struct, frozen=True):
    """A network's own words for a mail, filled in. Around: `top` after the greeting, `bottom` at the end of the
    standard text. Whole: `text` stands instead of it. An empty `subject` is the standard one."""

    mode: str
    subject: str = ""
    top: str = ""
    bottom: str = ""
    text: str = ""


def compose(kind: str, language: str, values: dict[str, Any], own: Wording | None = None) -> Letter:
    """Write the mail of this kind; `values` are listed at the top of each template."""
    environment = _environment(language)
    written = environment.get_template(f"mail/{kind}.txt").render(**values).strip()
    subject, _, text = written.partition("\n")
    if own and own.mode != "standard":
        subject, text = own.subject or subject, _worded(text.strip(), own)
    html = environment.get_template("layouts/mail.html").render(
        subject=subject, paragraphs=[_linked(p) for p in text.strip().split("\n\n")]
    )
    return Letter(" ".join(subject.split()), text.strip() + "\n", html)


@cache
def fields_of(kind: str) -> frozenset[str]:
    """The names of the values that the template of this kind uses."""
    source = (TEMPLATES / "mail" / f"{kind}.txt").read_text("utf-8")
    return frozenset(meta.find_undeclared_variables(_environment("en").parse(source)))


def _worded(text: str, own: Wording) -> str:
    if own.mode == "whole":
        return own.text
    hello, _, rest = text.partition("\n\n")
    return "\n\n".join(filter(None, (hello, own.top.strip(), rest, own.bottom.strip())))


@cache
def _environment(language: str) -> Environment:
    """As the pages', but that files are not looked at again for each mail: an approval writes five."""
    return jinja_environment(language).overlay(auto_reload=False)


def _linked(paragraph: str) -> Markup:
    """A paragraph as safe HTML: addresses become links, line breaks stay."""
    out, at = Markup(""), 0
    for found in _ADDRESS.finditer(paragraph):
        out += escape(paragraph[at : found.start()])
        out += Markup('<a href="{0}">{0}</a>').format(found.group())
        at = found.end()
    return (out + escape(paragraph[at:])).replace("\n", Markup("<br>\n"))
