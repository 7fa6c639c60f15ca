"""A member as SCIM shows it: the native member's fields under SCIM's names, whole or as far as they are asked for."""

from collections.abc import Iterable
from typing import Any

import msgspec

from crm import cursors
from crm.api.scim_schema import ENDPOINT, NAMES, RESOURCE, SCHEMA, Json
from crm.reads.scim import Row

_ALWAYS = frozenset({"schemas", "id"})
_ORGANISATION = ("id", "name", "kind", "country", "website")
_PARTS = {
    "organisation": frozenset(_ORGANISATION),
    "contact": frozenset({"name", "email"}),
    "meta": frozenset({"resourcetype", "location", "version"}),
}


class Selection(msgspec.Struct, frozen=True):
    """Attributes that are asked for, or asked to be left out: name -> which parts of it (none named: all of it)."""

    only: dict[str, frozenset[str]] = {}
    without: dict[str, frozenset[str]] = {}

    @classmethod
    def of(cls, only: Iterable[Any], without: Iterable[Any]) -> "Selection":
        """From names in any case, with or without the schema before them. ValueError: there is no such attribute."""
        return cls(_parted(only), _parted(without))

    def take(self, resource: Json) -> Json:
        """What is left of the resource."""
        if not self.only and not self.without:
            return resource
        out = {}
        for name, value in resource.items():
            key = name.lower()
            if key in _ALWAYS:
                out[name] = value
            elif self.only and key in self.only:
                out[name] = _inside(value, self.only[key], keep=True)
            elif not self.only and (key not in self.without or self.without[key]):
                out[name] = _inside(value, self.without.get(key, frozenset()), keep=False)
        return out


def shown(base: str, row: Row, selection: Selection | None = None) -> Json:
    """The resource. What is null there, or not disclosed, is absent (RFC 7643 section 2.5)."""
    member = msgspec.json.decode(row.body)
    who = member["organisation"]
    resource = {
        "schemas": [SCHEMA],
        "id": member["id"],
        "externalId": row.external_id,
        "network": member["network"],
        "tier": member.get("tier"),
        "organisation": {name: who[name] for name in _ORGANISATION if who.get(name)},
        "identifiers": _numbers(who),
        "status": member.get("status"),
        "origin": member.get("origin"),
        "startsOn": member.get("starts_on"),
        "endsOn": member.get("ends_on"),
        "agreement": member.get("agreement"),
        "contact": member.get("contact"),
        "meta": {"resourceType": RESOURCE, "location": location(base, row), "version": version(row)},
    }
    resource = {name: value for name, value in resource.items() if value is not None}
    return selection.take(resource) if selection else resource


def location(base: str, row: Row) -> str:
    """Where the resource is."""
    return f"{base}{ENDPOINT}/{row.membership_id}"


def version(row: Row) -> str:
    """Its ETag: the member's version, and what it is called outside."""
    mark = f"-{cursors.fingerprint(row.external_id)[:8]}" if row.external_id is not None else ""
    return f'W/"{row.version}{mark}"'


def names(header: str, tag: str) -> bool:
    """Does an If-Match or If-None-Match name this version? W/ makes no difference."""
    wanted = [each.strip().removeprefix("W/") for each in header.split(",")]
    return tag.removeprefix("W/") in wanted or "*" in wanted


def _numbers(who: Json) -> list[str] | None:
    """None: they are not disclosed."""
    if "identifiers" not in who:
        return None
    return [f"{each['scheme']}:{each['value']}" for each in who["identifiers"]]


def _inside(value: Any, parts: frozenset[str], keep: bool) -> Any:
    if not parts or not isinstance(value, dict):
        return value
    return {name: each for name, each in value.items() if (name.lower() in parts) == keep}


def _parted(given: Iterable[Any]) -> dict[str, frozenset[str]]:
    out: dict[str, frozenset[str]] = {}
    for each in given:
        if not isinstance(each, str):
            raise ValueError("attributes are given by their names")
        path = each.strip().lower().removeprefix(SCHEMA.lower() + ":")
        name, dot, part = path.partition(".")
        known = name in NAMES or name in ("id", "schemas", "meta")
        if not known or (dot and part not in _PARTS.get(name, ())):
            raise ValueError(f"there is no attribute {each.strip()[:100]!r}")
        whole = name in out and not out[name]
        out[name] = frozenset() if whole or not dot else out.get(name, frozenset()) | {part}
    return out
