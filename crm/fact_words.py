"""Facts about an organisation in words: what each is called, and its values as people write them."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from crm import names
from crm.i18n import N_, Translator

FACTS = {
    "country": N_("Country"),
    "kind": N_("Kind of organisation"),
    "municipality": N_("Municipality"),
    "county": N_("County"),
    "employees": N_("Employees"),
    "employees_as_of": N_("Employees counted on"),
    "founded_on": N_("Founded on"),
    "website": N_("Website"),
    "parent_id": N_("A unit of"),
}


def shown(t: Translator, facts: Mapping[str, Mapping[str, Any]], named: Mapping[UUID, str]) -> list[dict[str, str]]:
    """Code, label, old and new of every fact that changed; `named` has the names of organisations."""
    told = [name for name in FACTS if name in facts and not (name == "employees_as_of" and "employees" in facts)]
    return [
        {"fact": name, "label": t.gettext(FACTS[name])}
        | {which: value(t, name, facts[name][which], named) for which in ("old", "new")}
        for name in told
    ]


def value(t: Translator, name: str, given: Any, named: Mapping[UUID, str]) -> str:
    """One value; a dash for nothing."""
    if given in (None, ""):
        return "–"
    if name == "country":
        return names.country_name(t, given)
    if name == "kind":
        kind = names.kind_name(t, given)
        return kind[:1].upper() + kind[1:]
    if name == "employees":
        return t.number(given)
    if name in ("founded_on", "employees_as_of"):
        return t.date(given if isinstance(given, date) else date.fromisoformat(given))
    if name == "parent_id":
        return named.get(UUID(str(given)), str(given))
    return str(given)


def parents(facts: Mapping[str, Mapping[str, Any]]) -> set[UUID]:
    """The organisations whose names the facts need."""
    return {UUID(str(each)) for each in facts.get("parent_id", {}).values() if each}
