"""The filter language of SCIM (RFC 7644 section 3.4.2.2): from text to a tree.

Attribute names and operators in any case; `and` binds closer than `or`, `not` closest, and needs its brackets.
"""

import re
from typing import Any, Literal, get_args

import msgspec

LONGEST = 2000  # characters
DEEPEST = 20  # brackets in brackets
MOST_TERMS = 50
Operator = Literal["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]
OPERATORS = frozenset(get_args(Operator))
_TOKEN = re.compile(
    r"""\s*(?:(?P<mark>[()\[\]])
    |(?P<string>"(?:[^"\\\x00-\x1f]|\\.)*")
    |(?P<number>-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.:-])
    |(?P<word>[A-Za-z$][\w$:.-]*))""",
    re.VERBOSE,
)


class FilterError(Exception):
    """Not a filter, or one that is too long: `why`, and at which character (from 0)."""

    def __init__(self, why: str, at: int) -> None:
        super().__init__(f"{why}, at character {at + 1}")


class Compare(msgspec.Struct, frozen=True):
    """An attribute (lower case, without its schema) against a value; a value is a string, number, boolean or None."""

    path: str
    op: Operator
    value: Any


class Present(msgspec.Struct, frozen=True):
    """The attribute has a value."""

    path: str


class Within(msgspec.Struct, frozen=True):
    """One and the same element of a list fits all of the inner filter, whose paths begin at the element."""

    path: str
    inner: "Tree"


class Not(msgspec.Struct, frozen=True):
    """The opposite."""

    inner: "Tree"


class All(msgspec.Struct, frozen=True):
    """`and`."""

    inner: tuple["Tree", ...]


class Any_(msgspec.Struct, frozen=True):
    """`or`."""

    inner: tuple["Tree", ...]


Tree = Compare | Present | Within | Not | All | Any_


def parse(text: str, schema: str = "") -> Tree:
    """The tree of a filter. FilterError. `schema`: the URN that may stand before an attribute."""
    if len(text) > LONGEST:
        raise FilterError(f"a filter has at most {LONGEST} characters", LONGEST)
    return _Reader(text, schema.lower() + ":").whole()


class _Token(msgspec.Struct, frozen=True):
    kind: str
    text: str
    at: int


class _Reader:
    """Recursive descent, one token ahead."""

    def __init__(self, text: str, schema: str) -> None:
        self._tokens = _tokens(text)
        self._schema = schema
        self._next = 0
        self._depth = 0
        self._terms = 0

    def whole(self) -> Tree:
        found = self._either()
        if (left := self._token()).kind != "end":
            raise FilterError(f"{left.text!r} is not expected", left.at)
        return found

    def _either(self) -> Tree:
        found = [self._both()]
        while self._took("or"):
            found.append(self._both())
        return found[0] if len(found) == 1 else Any_(tuple(found))

    def _both(self) -> Tree:
        found = [self._one()]
        while self._took("and"):
            found.append(self._one())
        return found[0] if len(found) == 1 else All(tuple(found))

    def _one(self) -> Tree:
        token = self._token()
        if token.text == "(":
            return self._inside("(", ")")
        following = self._tokens[self._next + 1] if token.kind != "end" else token
        if token.kind == "word" and token.text.lower() == "not" and following.text == "(":
            self._next += 1
            return Not(self._inside("(", ")"))
        return self._term()

    def _inside(self, opening: str, closing: str) -> Tree:
        self._mark(opening)
        self._depth += 1
        if self._depth > DEEPEST:
            raise FilterError(f"more than {DEEPEST} brackets in brackets", self._token().at)
        found = self._either()
        self._mark(closing)
        self._depth -= 1
        return found

    def _term(self) -> Tree:
        name = self._token()
        if name.kind != "word":
            raise FilterError("an attribute is missing", name.at)
        self._next += 1
        self._terms += 1
        if self._terms > MOST_TERMS:
            raise FilterError(f"more than {MOST_TERMS} comparisons", name.at)
        path = name.text.lower().removeprefix(self._schema)
        asked = self._token()
        if asked.text == "[":
            return Within(path, self._inside("[", "]"))
        self._next += 1
        op = asked.text.lower()
        if asked.kind == "word" and op == "pr":
            return Present(path)
        if asked.kind != "word" or op not in OPERATORS:
            raise FilterError("an operator is missing", asked.at)
        return Compare(path, op, self._value())  # type: ignore[arg-type]

    def _value(self) -> Any:
        token = self._token()
        self._next += 1
        if token.kind == "word" and token.text.lower() in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}[token.text.lower()]
        if token.kind not in ("string", "number"):
            raise FilterError("a value is missing: text in double quotes, a number, true, false or null", token.at)
        try:
            value = msgspec.json.decode(token.text.encode())
        except (msgspec.DecodeError, UnicodeEncodeError) as error:
            raise FilterError("not a JSON value", token.at) from error
        if isinstance(value, str) and "\0" in value:
            raise FilterError("a value has no NUL", token.at)
        return value

    def _token(self) -> _Token:
        return self._tokens[self._next]

    def _took(self, word: str) -> bool:
        token = self._token()
        found = token.kind == "word" and token.text.lower() == word
        self._next += found
        return found

    def _mark(self, mark: str) -> None:
        token = self._token()
        if token.text != mark:
            raise FilterError(f"{mark!r} is missing", token.at)
        self._next += 1


def _tokens(text: str) -> list[_Token]:
    out, at, end = [], 0, len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise FilterError(f"{text[at:].strip()[:1]!r} is not expected", at)
        out.append(_Token(found.lastgroup, found[found.lastgroup], found.start(found.lastgroup)))
        at = found.end()
    return [*out, _Token("end", "", end)]
