"""From a SCIM body or a list of PATCH operations to what is wanted of a membership; what may not be written is refused.

RFC 7644 sections 3.5.1 and 3.5.2: read-only attributes in a whole resource are ignored, immutable ones must be as they
are, and an operation that would change either is 400 `mutability`.
"""

from typing import Any

import msgspec

from crm.actions.external_ids import LONGEST, OWN
from crm.api.scim_errors import ScimError
from crm.api.scim_schema import NAMES, SCHEMA, Attribute, Json

MOST_OPERATIONS = 100
MOST_NUMBERS = 10
MOST_CHARACTERS = 500


class Wanted(msgspec.Struct, frozen=True):
    """What can be written of a membership: the first three once, the others again."""

    network: str
    organisation: dict[str, str]
    identifiers: tuple[str, ...]
    tier: str
    external_id: str | None


def read(body: Json, new: bool = False) -> Wanted:
    """What a whole resource says. Names count in any case; what nobody may write is ignored.

    A new member has a number by which it can be known; one that is there already may have none.
    """
    given = {name.lower(): value for name, value in body.items() if value is not None}
    for name in body:
        if name.lower() not in NAMES and name.lower() not in ("schemas", "id", "meta"):
            raise ScimError(400, "invalidSyntax", f"There is no attribute {name[:60]!r}.")
    who = given.get("organisation")
    if not isinstance(who, dict):
        raise _wrong("organisation", "is needed, as an object")
    known = {name.lower(): value for name, value in who.items()}
    parts = {part.name: part for part in NAMES["organisation"].parts if part.mutability != "readOnly"}
    return Wanted(
        _text("network", given.get("network")),
        {
            name: _text(f"organisation.{name}", known.get(name))
            for name, part in parts.items()
            if part.required or known.get(name)
        },
        _numbers(given.get("identifiers"), least=1 if new else 0),
        _text("tier", given.get("tier")),
        _external(given.get("externalid")),
    )


def replaced(now: Wanted, body: Json) -> Wanted:
    """The whole of it anew."""
    new = read(body)
    for name in ("network", "organisation", "identifiers"):
        _unmoved(name, getattr(now, name), getattr(new, name))
    return new


def patched(now: Wanted, body: Json) -> Wanted:
    """After all operations, in their order; one that cannot be done, and none of them is."""
    given = {name.lower(): value for name, value in body.items()}
    operations = given.get("operations")
    if not isinstance(operations, list) or not operations or len(operations) > MOST_OPERATIONS:
        raise ScimError(400, "invalidSyntax", f"`Operations` is a list of 1 to {MOST_OPERATIONS}.")
    for each in operations:
        if not isinstance(each, dict):
            raise ScimError(400, "invalidSyntax", "An operation is an object.")
        now = _operated(now, {name.lower(): value for name, value in each.items()})
    return now


def _operated(now: Wanted, operation: Json) -> Wanted:
    verb = str(operation.get("op", "")).lower()
    if verb not in ("add", "replace", "remove"):
        raise ScimError(400, "invalidSyntax", "`op` is add, replace or remove.")
    path = operation.get("path")
    if path is None:
        if verb == "remove":
            raise ScimError(400, "noTarget", "What is to be removed?")
        value = operation.get("value")
        if not isinstance(value, dict):
            raise ScimError(400, "invalidValue", "Without a path, `value` is an object of attributes.")
        for name, each in value.items():
            if name.lower() not in ("schemas", "id", "meta"):
                now = _written(now, name, each)
        return now
    if not isinstance(path, str):
        raise ScimError(400, "invalidPath", "`path` is a text.")
    if verb != "remove" and "value" not in operation:
        raise ScimError(400, "invalidValue", "There is no value.")
    return _written(now, path, None if verb == "remove" else operation["value"])


def _written(now: Wanted, path: str, value: Any) -> Wanted:
    """One attribute with its new value; None takes it away."""
    plain = path.lower().removeprefix(SCHEMA.lower() + ":")
    name, dot, part = plain.partition(".")
    attribute = NAMES.get(name)
    if attribute is None and name in ("id", "meta", "schemas"):
        raise ScimError(400, "mutability", f"{path[:100]} is given by the service.")
    if attribute is None or (dot and part not in {each.name.lower() for each in attribute.parts}):
        raise ScimError(400, "invalidPath", f"There is no attribute {path[:100]!r}.")
    if name == "externalid":
        return msgspec.structs.replace(now, external_id=_external(value))
    if name == "tier" and value is not None:
        return msgspec.structs.replace(now, tier=_text("tier", value))
    return _same(now, attribute, part, value)


def _same(now: Wanted, attribute: Attribute, part: str, value: Any) -> Wanted:
    """What cannot be changed may be said as it is."""
    if attribute.mutability != "immutable" or value is None:
        raise ScimError(400, "mutability", f"{attribute.name} cannot be changed here.")
    stands = getattr(now, attribute.name)
    if part:
        stands = {name.lower(): each for name, each in stands.items()}.get(part)
    elif attribute.name == "identifiers":
        value = _numbers(value)
    _unmoved(attribute.name, stands, value)
    return now


def _unmoved(name: str, stands: Any, said: Any) -> None:
    alike = set(said) <= set(stands) if name == "identifiers" else said == stands
    if not alike:
        raise ScimError(400, "mutability", f"{name} cannot be changed here; it is {stands!r}.")


def _external(value: Any) -> str | None:
    if value is None or value == "":
        return None
    name = _text("externalId", value)
    if len(name) > LONGEST or name.startswith(OWN):
        raise _wrong("externalId", f"is a text of 1 to {LONGEST} characters that does not begin with {OWN!r}")
    return name


def _numbers(value: Any, least: int = 0) -> tuple[str, ...]:
    found = value if isinstance(value, list) else [] if value is None else [None]
    plain = [each.get("value") if isinstance(each, dict) else each for each in found]
    if not least <= len(plain) <= MOST_NUMBERS or not all(isinstance(each, str) and ":" in each for each in plain):
        raise _wrong("identifiers", f"is a list of {least} to {MOST_NUMBERS} texts like no-orgnr:923609016")
    return tuple(sorted(plain))


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > MOST_CHARACTERS:
        raise _wrong(name, f"is needed, as a text of at most {MOST_CHARACTERS} characters")
    return value.strip()


def _wrong(name: str, why: str) -> ScimError:
    return ScimError(400, "invalidValue", f"{name} {why}.")
