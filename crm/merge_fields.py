"""Merge fields in what people write: `{organisation}`, `{link:my}`. Checked by name, filled in as plain text."""

import re
from collections.abc import Collection, Mapping

from crm.forms import Problems

_FIELD = re.compile(r"\{([a-z_]+(?::[a-z_]+)?)\}")
_BRACE = re.compile(r"[{}]")
SHOWN = 30  # letters of what is wrong


def check(problems: Problems, field: str, text: str, known: Collection[str]) -> None:
    """Adds `mail_field_unknown` or `mail_field_malformed` for what cannot be filled in."""
    for found in _FIELD.finditer(text):
        if found[1] not in known:
            told = {"given": found[1], "known": ", ".join(f"{{{name}}}" for name in sorted(known))}
            problems.append((field, "mail_field_unknown", told))
            return
    rest = _FIELD.sub("", text)
    if brace := _BRACE.search(rest):
        problems.append((field, "mail_field_malformed", {"given": rest[brace.start() :][:SHOWN]}))


def used(text: str) -> set[str]:
    """The fields a text has."""
    return set(_FIELD.findall(text))


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with its fields filled in; one without a value stays as it is."""
    return _FIELD.sub(lambda found: values.get(found[1], found[0]), text)
