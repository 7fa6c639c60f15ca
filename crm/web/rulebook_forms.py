"""A part of a draft (a level, a link rule, what holds for all) as the fields of a form, and back.

A field is named by its path in the part: `policy.notice_days`. What a form does not show stays as it is, and
what was not touched comes back exactly as it was: `applied(part, shown(part))` is `part`. In a "number" nothing means
"any" and is 0; in a "figure" 0 is a number like others.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Literal

import msgspec

from cluster_rules.errors import RulebookError
from cluster_rules.networks import LinkRule, Rulebook, Tier

Part = dict[str, Any]
Typed = Mapping[str, list[str]]  # what a browser sends: every field with all its values
Kind = Literal["text", "number", "figure", "choice", "flag", "many", "day", "month_day"]
Mistakes = dict[str, tuple[str, str]]  # field -> (what is wanted there, what there is)

ANY_LEVEL = ""
MOST_ROWS = 100
LONGEST_TEXT = 2_000
LONGEST_CODE = 60
_NUMBER = re.compile(r"-?[0-9]{1,9}")
_LETTERS = str.maketrans({"æ": "ae", "ø": "o", "å": "a", "ß": "ss", "ð": "d", "þ": "th", "ł": "l"})

RULE: dict[str, Kind] = {
    "names.nb": "text",
    "names.en": "text",
    "agreement": "choice",
    "when.tiers": "many",
    "when.kinds": "many",
    "when.countries": "many",
    "when.unit": "choice",
    "when.min_employees": "number",
    "when.max_employees": "number",
    "grants.to": "choice",
    "policy.start": "choice",
    "policy.end": "choice",
    "policy.grace_days": "number",
    "policy.suspension": "choice",
    "policy.acceptance": "choice",
    "policy.through_linked": "flag",
    "policy.notice_days": "number",
    "fee.policy": "choice",
    "fee.percent": "number",
    "fee.own_membership": "choice",
    "fee.share_percent": "number",
    "fee.share_vat": "choice",
    "places": "number",
}
LEVEL: dict[str, Kind] = {
    "names.nb": "text",
    "names.en": "text",
    "summary.nb": "text",
    "summary.en": "text",
    "rank": "figure",
    "votes": "figure",
    "places": "number",
    "billing": "choice",
    "suspended_renewal": "choice",
    "public": "flag",
    "open_to.kinds": "many",
    "open_to.countries": "many",
    "open_to.max_employees": "number",
    "open_to.max_age_years": "number",
    "open_to.on_change": "choice",
    "temporary.months": "number",
    "temporary.until": "day",
}
UPGRADE: dict[str, Kind] = {
    "event": "text",
    "names.nb": "text",
    "names.en": "text",
    "to": "choice",
    "lock_in": "choice",
    "lock_months": "number",
}
WHOLE: dict[str, Kind] = {
    "effective_from": "day",
    "effective_from_existing": "day",
    "period.kind": "choice",
    "period.starts": "month_day",
    "period.first": "day",
    "period.last": "day",
    "notice.kind": "choice",
    "notice.by": "month_day",
    "notice.months": "number",
    "notice.effect": "choice",
    "notice.renewal_days": "number",
    "refund": "choice",
    "invoice.payment_days": "figure",
}
FIELDS: dict[str, dict[str, Kind]] = {"link_rules": RULE, "tiers": LEVEL, "": WHOLE}


def document(book: Rulebook) -> Part:
    """A rulebook as plain data with days, to be changed and read again."""
    return msgspec.to_builtins(book, builtin_types=(date,))


def new_rule(network: str) -> Part:
    """A link rule that nobody has written yet."""
    empty = {
        "code": "",
        "names": {"nb": "", "en": ""},
        "when": {"tiers": ()},
        "grants": {"network": network, "tier": ""},
    }
    return msgspec.to_builtins(msgspec.convert(empty, LinkRule), builtin_types=(date,))


def new_level(rank: int) -> Part:
    """A level that nobody has written yet."""
    empty = {"code": "", "names": {"nb": "", "en": ""}, "rank": rank}
    return msgspec.to_builtins(msgspec.convert(empty, Tier), builtin_types=(date,))


def code_of(names: Mapping[str, str], taken: Iterable[str]) -> str:
    """A code made from a name, that no other has: Principal partner -> principal-partner."""
    name = (names.get("en") or names.get("nb") or "").lower().translate(_LETTERS)
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    code = re.sub(r"[^a-z0-9]+", "-", plain)[:LONGEST_CODE].strip("-") or "x"
    others = set(taken)
    return next(c for n in range(1, len(others) + 2) if (c := code if n == 1 else f"{code}-{n}") not in others)


# --- from the document to the form


def shown(listed: str, part: Part) -> Typed:
    """What the fields of a form hold for a part of `listed` (link_rules, tiers, or "" for the whole)."""
    out: dict[str, list[str]] = {}
    for name, kind in FIELDS[listed].items():
        value = _get(part, name)
        if kind == "many":
            out[name] = list(value)
        elif kind == "flag":
            out[name] = ["yes"] if value else []
        elif kind == "month_day":
            month, _, day = str(value).partition("-")
            out[f"{name}.month"], out[f"{name}.day"] = [month], [day]
        else:
            out[name] = [_written(kind, value)]
    if listed == "link_rules":
        network, tier = part["grants"]["network"], part["grants"]["tier"]
        out["grants.level"] = [f"{network}/{tier}" if tier else ""]
    if listed == "tiers":
        for n, benefit in enumerate(part["benefits"]):
            out |= {f"benefits.{n}.{language}": [benefit.get(language, "")] for language in ("nb", "en")}
        for n, each in enumerate(part["requires"]):
            out |= {f"requires.{n}.{name}": [each[name]] for name in ("network", "on_loss")}
            out[f"requires.{n}.tiers"] = list(each["tiers"])
        for n, each in enumerate(part["upgrades"]):
            out |= {f"upgrades.{n}.{name}": [_written(kind, _get(each, name))] for name, kind in UPGRADE.items()}
    return out


def _written(kind: Kind, value: Any) -> str:
    if value is None or (kind == "number" and value == 0):
        return ""
    return value.isoformat() if isinstance(value, date) else str(value)


# --- from the form to the document


def applied(listed: str, part: Part, typed: Typed) -> tuple[Part, Mistakes]:
    """The part with what was typed; and the fields in which something else is wanted. `part` is left alone."""
    out = _copy(part)
    mistakes: Mistakes = {}
    for name, kind in FIELDS[listed].items():
        if kind == "month_day":
            given = "-".join(one(typed, f"{name}.{each}") for each in ("month", "day"))
            if given != "-":
                _set(out, name, given)
        elif kind in ("many", "flag") or name in typed:
            _take(out, name, kind, typed, mistakes)
    if listed == "link_rules" and (level := one(typed, "grants.level")):
        out["grants"]["network"], _, out["grants"]["tier"] = level.partition("/")
    if listed == "tiers":
        out["benefits"] = tuple(_benefits(part["benefits"], typed, mistakes))
        out["requires"] = tuple(_requires(part["requires"], typed))
        out["upgrades"] = tuple(_upgrades(part["upgrades"], typed, mistakes))
    if listed == "link_rules" and not out["grants"]["tier"]:
        mistakes["grants.level"] = ("level", "")
    if listed and not any(out["names"].values()):
        mistakes["names.nb"] = ("name", "")
    return out, mistakes


def field_of(listed: str, index: int, part: Part, network: str, error: RulebookError) -> str:
    """The field of the form that a mistake in the document is about; "" when it is about another part."""
    path = error.field.removeprefix(f"{network}.")
    if listed:
        heads = (f"{listed}[{index}]", f"{listed}.{part['code']}")
        head = next((h for h in heads if path == h or path.startswith((f"{h}.", f"{h}["))), None)
        if head is None:
            whole = {"tiers.rank": ("tiers", "rank"), "link_rules": ("link_rules", "grants.level")}
            of, field = whole.get(path, ("", ""))
            return field if of == listed else ""
        path = path[len(head) :].lstrip(".")
    if path == "policy":
        return next((f for f in ("policy.grace_days", "policy.notice_days") if _get(part, f) < 0), "")
    if path.startswith("grants") and path != "grants.to":
        return "grants.level"
    field = re.split(r"\[", path)[0]
    first = field.split(".")[0]
    return field if field in FIELDS[listed] else first if first in ("requires", "benefits", "upgrades") else ""


def one(typed: Typed, name: str) -> str:
    """The one value of a field, without spaces around it."""
    return next(iter(typed.get(name) or []), "").strip()


def _take(out: Part, name: str, kind: Kind, typed: Typed, mistakes: Mistakes) -> None:
    old = _get(out, name)
    given = one(typed, name)
    if kind == "many":
        _set(out, name, in_order(old, typed.get(name, [])))
    elif kind == "flag":
        _set(out, name, bool(given))
    elif kind in ("number", "figure"):
        if given == _written(kind, old):
            return
        if given and not _NUMBER.fullmatch(given):
            mistakes[name] = ("int", given)
        else:
            _set(out, name, int(given or 0))
    elif kind == "day":
        try:
            _set(out, name, date.fromisoformat(given) if given else None)
        except ValueError:
            mistakes[name] = ("date", given)
    elif not _same(str(old or ""), given):
        if len(given) > LONGEST_TEXT:
            mistakes[name] = ("short", str(LONGEST_TEXT))
        _set(out, name, given.replace("\r\n", "\n"))


def _same(old: str, given: str) -> bool:
    """Is it the same text, however a browser sends line ends and spaces?"""
    return old.split() == given.split()


def in_order(old: Iterable[str], picked: Iterable[str]) -> tuple[str, ...]:
    """What was picked: first what was there before, in its order, then what is new."""
    wanted = list(dict.fromkeys(picked))
    kept = [each for each in old if each in wanted]
    return (*kept, *(each for each in wanted if each not in kept))


def _benefits(old: tuple[Part, ...], typed: Typed, mistakes: Mistakes) -> Iterable[Part]:
    """One row a benefit; a row that was emptied is gone. What was too much for the form stays."""
    rows = _rows(typed, "benefits", "nb")
    for n in range(rows):
        before = old[n] if n < len(old) else {}
        row = dict(before)
        for language in ("nb", "en"):
            given = one(typed, f"benefits.{n}.{language}")
            if not _same(before.get(language, ""), given):
                row[language] = given
                if len(given) > LONGEST_TEXT:
                    mistakes["benefits"] = ("short", str(LONGEST_TEXT))
        if (row == before and before) or any(row.values()):
            yield row
    yield from old[rows:]


def _requires(old: tuple[Part, ...], typed: Typed) -> Iterable[Part]:
    """The memberships a level requires: those of before unless taken out, then the new one."""
    rows = _rows(typed, "requires", "network")
    for n in range(rows):
        network = one(typed, f"requires.{n}.network")
        before = old[n] if n < len(old) and old[n]["network"] == network else {"tiers": ()}
        if not one(typed, f"requires.{n}.remove"):
            tiers = in_order(before["tiers"], typed.get(f"requires.{n}.tiers", []))
            yield before | {"network": network, "tiers": tiers, "on_loss": one(typed, f"requires.{n}.on_loss")}
    yield from old[rows:]
    if wanted := one(typed, "requires.new"):
        network, _, tier = wanted.partition("/")
        on_loss = one(typed, "requires.new.on_loss") or "end_with"
        yield {"network": network, "tiers": (tier,) if tier else (), "on_loss": on_loss}


def _upgrades(old: tuple[Part, ...], typed: Typed, mistakes: Mistakes) -> Iterable[Part]:
    """The events that change the level: those of before unless taken out, then the new one, if it leads somewhere."""
    rows = _rows(typed, "upgrades", "to")
    empty = {"event": "", "names": {"nb": "", "en": ""}, "to": "", "lock_in": "none", "lock_months": 0}
    events = [each["event"] for each in old]
    for place in [*(str(n) for n in range(rows)), *(["new"] if one(typed, "upgrades.new.to") else [])]:
        if one(typed, f"upgrades.{place}.remove"):
            continue
        before = old[int(place)] if place != "new" and int(place) < len(old) else empty
        row = _copy(before)
        for name, kind in UPGRADE.items():
            if f"upgrades.{place}.{name}" in typed:
                mine: Mistakes = {}
                _take(row, name, kind, {name: typed[f"upgrades.{place}.{name}"]}, mine)
                mistakes |= {f"upgrades.{place}.{field}": what for field, what in mine.items()}
        if not any(row["names"].values()):
            mistakes[f"upgrades.{place}.names.nb"] = ("name", "")
        row["event"] = row["event"] or code_of(row["names"], events).replace("-", "_")
        yield row
    yield from old[rows:]


def _rows(typed: Typed, name: str, field: str) -> int:
    """How many rows of a repeated field a form has, without a hole."""
    return next((n for n in range(MOST_ROWS) if f"{name}.{n}.{field}" not in typed), MOST_ROWS)


def _get(part: Part, name: str) -> Any:
    value: Any = part
    for step in name.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _set(part: Part, name: str, value: Any) -> None:
    *outer, last = name.split(".")
    for step in outer:
        part = part[step]
    part[last] = value


def _copy(value: Any) -> Any:
    """A deep copy of plain data."""
    if isinstance(value, dict):
        return {key: _copy(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return tuple(_copy(each) for each in value)
    return value
