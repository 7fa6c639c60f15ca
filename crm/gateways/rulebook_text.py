"""A rulebook as TOML text: read it, with mistakes that name line and field; write it, for people to read.

`write` and `read` are each other's opposite: what was written reads as the same rulebook.
"""

import json
import re
import tomllib
from datetime import date
from typing import Any

import msgspec

from cluster_rules import rulebooks
from cluster_rules.components import Discount, FeeComponent, Fits, Price, Range
from cluster_rules.dunning import DunningStep
from cluster_rules.errors import RulebookError
from cluster_rules.networks import Rulebook
from crm.gateways import toml_lines

LONGEST_TEXT = 200_000
WHOLE = "document"

_UNKNOWN = re.compile(r"unknown field `([^`]*)`")
_MISSING = re.compile(r"missing required field `([^`]*)`")
_SYNTAX_LINE = re.compile(r"at line (\d+)")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPED = {0x7F: "\\u007F"}  # the one control character that JSON leaves alone


def read(text: str) -> Rulebook:
    """The rulebook of a text. RulebookError with `line` among its values; `field` is the path, or `document`."""
    document = _document(text)
    try:
        return rulebooks.parse(document)
    except RulebookError as error:
        field = _field(error)
        raise RulebookError(error.code, field, **error.params, line=_line(text, document, error, field)) from error


def line_in(text: str, error: RulebookError) -> int:
    """The line a mistake is about that was found when the book was looked at beside the other networks'."""
    document = _document(text)
    return _line(text, document, error, error.field.removeprefix(f"{document.get('network')}."))


def write(book: Rulebook) -> str:
    """The whole rulebook. What is empty and need not be there is left out."""
    plain = _without_empty(book)
    lines = [f"# The rules of {_string(book.network)}. How to read them: docs/rulebooks.md"]
    lines += _table(plain, "")
    return "\n".join(lines) + "\n"


# --- reading


def _document(text: str) -> dict[str, Any]:
    if len(text) > LONGEST_TEXT:
        raise RulebookError("rulebook_malformed", WHOLE, message=f"longer than {LONGEST_TEXT} characters", line=1)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        said = _SYNTAX_LINE.search(str(error))
        line = int(said[1]) if said else text.rstrip().count("\n") + 1
        raise RulebookError("rulebook_malformed", WHOLE, message=str(error), line=line) from error
    except (RecursionError, ValueError) as error:
        raise RulebookError("rulebook_malformed", WHOLE, message="no TOML that can be read", line=1) from error


def _field(error: RulebookError) -> str:
    """The path, down to a field that is not known or not there."""
    named = _UNKNOWN.search(error.params.get("message", "")) or _MISSING.search(error.params.get("message", ""))
    return ".".join(filter(None, (error.field, named[1]))) if named else error.field


def _line(text: str, document: dict[str, Any], error: RulebookError, field: str) -> int:
    found = toml_lines.places(text)
    if error.code == "duplicate_code":
        return _second(found, document, field, error.params["given"])
    return toml_lines.line_of(found, document, field)


def _second(found: dict[toml_lines.Path, int], document: dict[str, Any], field: str, given: str) -> int:
    """The line of the second element with this code (or rank): that is the one to change."""
    listed, _, key = field.partition(".") if field == "tiers.rank" else (field, "", "code")
    node: Any = document
    path = ""
    for step in listed.split("."):
        if isinstance(node, list):
            place = next(n for n, each in enumerate(node) if each["code"] == step)
            node, path = node[place], f"{path}[{place}]"
        else:
            node, path = node[step], f"{path}.{step}"
    _, again, *_ = [n for n, each in enumerate(node) if str(each[key]) == given]
    return toml_lines.line_of(found, document, f"{path}[{again}].{key}")


# --- writing


def _without_empty(value: Any) -> Any:
    """Structs as dicts by their names in the document; without what is empty and has an empty default."""
    if isinstance(value, msgspec.Struct):
        out = {}
        for field in msgspec.structs.fields(value):
            held = getattr(value, field.name)
            empty = held is None or (not isinstance(held, int) and not msgspec.to_builtins(held))
            silent = isinstance(value, _SILENT) and held == field.default and field.name not in _ALWAYS
            if field.required or not (empty or silent):
                out[field.encode_name] = _without_empty(held)
        return out
    if isinstance(value, tuple | list):
        return [_without_empty(each) for each in value]
    return value


# Of fees only what is set is written: a band is an amount and its limits, not all that a price could be.
_SILENT = (Price, Fits, Range, Discount, FeeComponent, DunningStep)
_ALWAYS = {"basis", "amount", "proration", "vat", "when", "percent"}


def _table(table: dict[str, Any], name: str) -> list[str]:
    """Plain values first, then the tables inside, then the lists of tables."""
    plain, tables, lists = [], [], []
    for key, value in table.items():
        full = f"{name}.{_key(key)}" if name else _key(key)
        if full in _TABLES:
            tables += ["", f"[{full}]", *_table(value, full)]
        elif full in _LISTS and value:
            lists += [line for each in value for line in ("", f"[[{full}]]", *_table(each, full))]
        else:
            plain.append(f"{_key(key)} = {_value(value)}")
    return [*plain, *tables, *lists]


# What is written under a heading of its own; everything else stands on one line.
_TABLES = {
    "period",
    "notice",
    "invoice",
    "link_rules.when",
    "link_rules.grants",
    "link_rules.policy",
    "link_rules.fee",
}
_LISTS = {"tiers", "tiers.fees", "link_rules", "dunning"}


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _string(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        inside = ", ".join(f"{_key(key)} = {_value(each)}" for key, each in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list):
        if any(isinstance(each, dict) for each in value):
            return "[\n" + "".join(f"    {_value(each)},\n" for each in value) + "]"
        return f"[{', '.join(_value(each) for each in value)}]"
    return _string(str(value))


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).translate(_ESCAPED)
