"""The fees of a level as the fields of a form, and back; what the form has no field for stays as it is.

`applied(language, places, fees, shown(language, places, fees))` is `fees`; `places` are the decimals of their money. A
fee is known by its place in the document, so that it may be moved and renamed; its code never changes, because what
was billed is known by it.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from itertools import pairwise

import msgspec

from cluster_rules.components import Band, Case, Discount, FeeComponent, Fits
from cluster_rules.organisations import BASES
from crm.i18n import N_
from crm.web import figures
from crm.web.fee_rows import (
    NUMBER_MISSING,
    Fields,
    Mistakes,
    Reading,
    conditions_read,
    conditions_shown,
    count,
    decimals,
    price_read,
    price_shown,
)
from crm.web.rulebook_forms import MOST_ROWS, Part, Typed, code_of

SEVERAL = "*"  # a discount for members of so many of several networks: written in the text
LISTED = "fees"
_PRICED = ("amount", "basis_points", "index", "floor", "cap", "hours")
_CHOICES = ("vat", "proration", "charged", "scope", "hours_as")
_TEXTS = ("size_currency", "account", "source")
_DAYS = ("reference", "free_after")

NAME_MISSING = N_("Write a name in at least one language.")
FIRST_FROM_0 = N_("The first band begins at 0.")
HOLE = N_("There is a hole above this row: nobody from %(least)s to under %(below)s is in a band.")
OVERLAP = N_("This band overlaps the one above, which ends at %(below)s.")
END_MISSING = N_("Only the last band is without an end.")
LAST_HAS_END = N_("The last band has no end: leave this empty, or add a band.")
NOT_MORE = N_("A band ends above where it begins.")
NO_BANDS = N_("Write at least one band.")
NO_CASES = N_("Write at least one case; the last one asks nothing.")
PERCENT_WRONG = N_("A percentage is from 1 to 100.")
NETWORK_MISSING = N_("Choose a network.")
DAY_WRONG = N_("Choose both a day and a month, or neither.")
DATE_WRONG = N_("“%(given)s” is not a day.")


class Applied(msgspec.Struct, frozen=True):
    """The fees as typed; what is wrong by field; and which row of the form each part of the document came from."""

    fees: tuple[Part, ...]
    mistakes: Mistakes
    places: dict[str, str]


def plain(data: object) -> Part:
    """A struct as the parts of a document are: plain data with days."""
    return msgspec.to_builtins(data, builtin_types=(date,))


NEW = plain(FeeComponent("", {"nb": "", "en": ""}))
NOTHING = plain(Fits())
_BAND, _CASE = plain(Band()), plain(Case())
_DISCOUNT = plain(Discount({"nb": "", "en": ""}))


# --- from the document to the form


def shown(language: str, places: int, fees: Iterable[Part]) -> Fields:
    """Every field of every fee."""
    out: Fields = {}
    for n, fee in enumerate(fees):
        out |= {f"{LISTED}.{n}.was": [str(n)]} | _fee_shown(language, places, f"{LISTED}.{n}", fee)
    return out


def _fee_shown(language: str, places: int, at: str, fee: Part) -> Fields:
    out: Fields = {f"{at}.{name}": [str(fee[name])] for name in ("basis", *_CHOICES, *_TEXTS)}
    out |= {f"{at}.names.{each}": [fee["names"].get(each, "")] for each in ("nb", "en")}
    out |= {f"{at}.example": ["yes"] if fee["example"] else []}
    out[f"{at}.hour_value"] = [
        figures.write(language, fee["hour_value"], places, padded=True) if fee["hour_value"] else ""
    ]
    for name in _DAYS:
        month, _, day = fee[name].partition("-")
        out |= {f"{at}.{name}.month": [month], f"{at}.{name}.day": [day]}
    agreed = fee["basis"] == "agreed" and fee["cap"]
    out[f"{at}.cap"] = [figures.write(language, fee["cap"], places, padded=True) if agreed else ""]
    out |= price_shown(language, places, f"{at}.price", fee)
    if fee["basis"] not in ("fixed", "agreed"):
        out[f"{at}.price.amount"] = [""]
    for n, band in enumerate(fee["bands"][:MOST_ROWS]):
        row = f"{at}.bands.{n}"
        out |= {f"{row}.was": [str(n)]} | _ends_shown(language, row, fee["basis"], band)
        out |= price_shown(language, places, row, band)
    for n, case in enumerate(fee["cases"][:MOST_ROWS]):
        row = f"{at}.cases.{n}"
        out |= {f"{row}.was": [str(n)]} | price_shown(language, places, row, case)
        out |= conditions_shown(language, f"{row}.when", case["when"])
    for n, less in enumerate(fee["discounts"][:MOST_ROWS]):
        out |= {f"{at}.discounts.{n}.was": [str(n)]} | _discount_shown(language, places, f"{at}.discounts.{n}", less)
    return out


def _ends_shown(language: str, row: str, basis: str, band: Part) -> Fields:
    return {
        f"{row}.{end}": ["" if value is None else figures.write(language, value, decimals(basis), basis != "fte")]
        for end, value in (("from", band["from"]), ("below", band["below"]))
    }


def _discount_shown(language: str, places: int, row: str, less: Part) -> Fields:
    network = SEVERAL if less["networks"] else f"{less['network']}/{','.join(less['tiers'])}"
    out: Fields = {f"{row}.names.{each}": [less["names"].get(each, "")] for each in ("nb", "en")}
    out |= {
        f"{row}.when": [less["when"]],
        f"{row}.network": [network if less["when"] == "member_of" else ""],
        f"{row}.as": ["amount" if less["amount"] else "percent"],
        f"{row}.percent": [str(less["percent"]) if less["percent"] else ""],
        f"{row}.amount": [figures.write(language, less["amount"], places, padded=True) if less["amount"] else ""],
    }
    out |= {f"{row}.{name}": [str(less[name]) if less[name] else ""] for name in ("years", "months")}
    out |= {f"{row}.{name}": [less[name].isoformat() if less[name] else ""] for name in ("from", "until")}
    fits = [less["fits"]] if less["fits"] != NOTHING else []
    return out | conditions_shown(language, f"{row}.fits", fits)


def begun(language: str, places: int, typed: Typed) -> Fields:
    """The fields with what a new row begins with: a fee as most are, a band where the one above it ends."""
    out = {name: list(values) for name, values in typed.items()}
    for n in range(count(typed, LISTED)):
        at = f"{LISTED}.{n}"
        if f"{at}.basis" not in out:
            out |= _fee_shown(language, places, at, NEW) | {f"{at}.price.amount": [""], f"{at}.was": [""]}
        for k in range(1, count(typed, f"{at}.bands")):
            out.setdefault(f"{at}.bands.{k}.from", out.get(f"{at}.bands.{k - 1}.below", [""]))
    return out


# --- from the form to the document


def applied(language: str, places: int, fees: tuple[Part, ...], typed: Typed) -> Applied:
    """The fees with what was typed. `fees` is left alone."""
    read = Reading(language, places, typed)
    out: list[Part] = []
    places: dict[str, str] = {}
    for at, was in read.rows(LISTED):
        old = fees[was] if was is not None and was < len(fees) else NEW
        made = _fee_read(read, at, old, places, str(len(out)))
        places[str(len(out))] = at
        out.append(made)
    taken = [fee["code"] for fee in fees]
    for fee in out:
        if not fee["code"]:
            fee["code"] = code_of(fee["names"], taken)
            taken.append(fee["code"])
    return Applied((*out, *fees[MOST_ROWS:]), read.mistakes, places)


def _fee_read(read: Reading, at: str, old: Part, places: dict[str, str], number: str) -> Part:
    fee = old | {"names": _names(read, at, old["names"])}
    fee |= {name: read.one(f"{at}.{name}") or old[name] for name in _CHOICES}
    fee |= {name: read.text(f"{at}.{name}", old[name]) for name in _TEXTS}
    fee |= {name: _day(read, f"{at}.{name}") for name in _DAYS}
    fee["example"] = bool(read.one(f"{at}.example"))
    fee["hour_value"] = read.number(f"{at}.hour_value", read.places)
    fee["basis"] = basis = read.one(f"{at}.basis") or old["basis"]
    if basis != old["basis"]:
        fee |= {name: NEW[name] for name in (*_PRICED, "bands", "cases")}
    if basis == "fixed":
        fee |= price_read(read, f"{at}.price", 0)
    elif basis == "agreed":
        fee["cap"] = read.number(f"{at}.cap", read.places)
    elif basis == "cases":
        fee["cases"] = _cases(read, at, old["cases"], places, number)
    elif basis in BASES:
        fee["bands"] = _bands(read, at, basis, old["bands"], places, number)
    fee["discounts"] = tuple(_discounts(read, at, old["discounts"], places, number))
    return fee


def _names(read: Reading, at: str, old: Mapping[str, str]) -> dict[str, str]:
    out = dict(old)
    for each in ("nb", "en"):
        given = read.text(f"{at}.names.{each}", old.get(each, ""))
        if given or each in old:
            out[each] = given
    if not any(out.values()):
        read.wrong(f"{at}.names.nb", NAME_MISSING)
    return out


def _day(read: Reading, name: str) -> str:
    month, day = read.one(f"{name}.month"), read.one(f"{name}.day")
    if bool(month) != bool(day):
        read.wrong(f"{name}.day", DAY_WRONG)
    return f"{month}-{day}" if month and day else ""


def _bands(
    read: Reading, at: str, basis: str, old: tuple[Part, ...], places: dict[str, str], number: str
) -> tuple[Part, ...]:
    """The bands in the order of where they begin; a row that says nothing is none. Holes and overlaps are named."""
    rows: list[tuple[str, Part]] = []
    for row, was in read.rows(f"{at}.bands"):
        if not any(read.one(f"{row}.{name}") for name in ("from", "below", "amount", "percent", "hours")):
            continue
        before = old[was] if was is not None and was < len(old) else _BAND
        least = read.number(f"{row}.from", decimals(basis), empty=0)
        below = read.number(f"{row}.below", decimals(basis), empty=None)
        rows.append((row, before | {"from": least, "below": below} | price_read(read, row, None)))
    rows.sort(key=lambda each: each[1]["from"])
    for n, (row, _) in enumerate(rows):
        places[f"{number}.bands.{n}"] = row
    _check_bands(read, at, basis, rows)
    return (*(band for _, band in rows), *old[MOST_ROWS:])


def _check_bands(read: Reading, at: str, basis: str, rows: list[tuple[str, Part]]) -> None:
    def say(value: int) -> str:
        return figures.write(read.language, value, decimals(basis))

    if not rows:
        read.wrong(f"{at}.bands", NO_BANDS)
        return
    for row, band in rows:
        if band["below"] is not None and band["below"] <= band["from"]:
            read.wrong(f"{row}.below", NOT_MORE)
    if rows[0][1]["from"]:
        read.wrong(f"{rows[0][0]}.from", FIRST_FROM_0)
    for (above, left), (row, right) in pairwise(rows):
        if left["below"] is None:
            read.wrong(f"{above}.below", END_MISSING)
        elif left["below"] < right["from"]:
            read.wrong(f"{row}.from", HOLE, least=say(left["below"]), below=say(right["from"]))
        elif left["below"] > right["from"]:
            read.wrong(f"{row}.from", OVERLAP, below=say(left["below"]))
    if rows[-1][1]["below"] is not None:
        read.wrong(f"{rows[-1][0]}.below", LAST_HAS_END)


def _cases(read: Reading, at: str, old: tuple[Part, ...], places: dict[str, str], number: str) -> tuple[Part, ...]:
    out: list[Part] = []
    for row, was in read.rows(f"{at}.cases"):
        before = old[was] if was is not None and was < len(old) else _CASE
        when = conditions_read(read, f"{row}.when", before["when"], NOTHING)
        if not when and not any(read.one(f"{row}.{name}") for name in ("amount", "percent", "hours")):
            continue
        places[f"{number}.cases.{len(out)}"] = row
        out.append(before | {"when": when} | price_read(read, row, None))
    if not out:
        read.wrong(f"{at}.cases", NO_CASES)
    return (*out, *old[MOST_ROWS:])


def _discounts(read: Reading, at: str, old: tuple[Part, ...], places: dict[str, str], number: str) -> Iterable[Part]:
    for n, (row, was) in enumerate(read.rows(f"{at}.discounts")):
        places[f"{number}.discounts.{n}"] = row
        yield _discount(read, row, old[was] if was is not None and was < len(old) else _DISCOUNT)
    yield from old[MOST_ROWS:]


def _discount(read: Reading, row: str, old: Part) -> Part:
    less = old | {"names": _names(read, row, old["names"]), "when": read.one(f"{row}.when") or old["when"]}
    chosen = read.one(f"{row}.network")
    if less["when"] == "fits":
        less |= {"network": "", "networks": (), "tiers": (), "at_least": 1}
    elif chosen != SEVERAL:
        network, _, tiers = chosen.partition("/")
        less |= {"network": network, "networks": (), "at_least": 1, "tiers": tuple(filter(None, tiers.split(",")))}
        if not network:
            read.wrong(f"{row}.network", NETWORK_MISSING)
    if read.one(f"{row}.as") == "amount":
        less |= {"percent": 0, "amount": read.needed(f"{row}.amount", read.places)}
        if not less["amount"]:
            read.wrong(f"{row}.amount", NUMBER_MISSING)
    else:
        less |= {"amount": 0, "percent": read.needed(f"{row}.percent")}
        if not 1 <= less["percent"] <= 100:
            read.wrong(f"{row}.percent", PERCENT_WRONG)
    less |= {name: read.number(f"{row}.{name}") for name in ("years", "months")}
    less |= {name: _date(read, f"{row}.{name}") for name in ("from", "until")}
    fits = conditions_read(read, f"{row}.fits", (old["fits"],), NOTHING)
    return less | {"fits": fits[0] if fits else NOTHING}


def _date(read: Reading, name: str) -> date | None:
    given = read.one(name)
    try:
        return date.fromisoformat(given) if given else None
    except ValueError:
        read.wrong(name, DATE_WRONG, given=given[:40])
        return None
