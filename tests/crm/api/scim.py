"""What the SCIM tests share: asking, and what a filter means, told apart from the SQL that answers it."""

from typing import Any

import httpx

from crm.scim_filter import All, Any_, Compare, Not, Present, Tree, Within

V2 = "/scim/v2"
SCHEMA = "urn:klynge:scim:schemas:1.0:Membership"
Json = dict[str, Any]
ANY_CASE = {"organisation.name", "organisation.website"}


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def error_of(answer: httpx.Response, status: int, keyword: str | None = None) -> str:
    """The sentence of an error, after checking its form."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/scim+json")
    body = answer.json()
    assert body["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert body["status"] == str(status)
    assert body["detail"]
    assert body.get("scimType") == keyword
    return body["detail"]


def native(resource: Json) -> Json:
    """A SCIM resource as the native list has the same member: nothing is lost on the way."""
    who = resource["organisation"]
    numbers = [each.split(":", 1) for each in resource["identifiers"]]
    return {
        "ends_on": resource.get("endsOn"),
        "id": resource["id"],
        "network": resource["network"],
        "organisation": {
            **{name: who[name] for name in ("country", "id", "kind", "name")},
            "identifiers": [{"scheme": scheme, "value": value} for scheme, value in numbers],
            "website": who.get("website", ""),
        },
        "origin": resource["origin"],
        "starts_on": resource["startsOn"],
        "status": resource["status"],
        "tier": resource["tier"],
        "version": int(resource["meta"]["version"][3:].rstrip('"').partition("-")[0]),
    }


def fits(tree: Tree, resource: Json) -> bool:
    """Does a resource fit the filter? What RFC 7644 says, in Python."""
    match tree:
        case All(inner):
            return all(fits(each, resource) for each in inner)
        case Any_(inner):
            return any(fits(each, resource) for each in inner)
        case Not(inner):
            return not fits(inner, resource)
        case Within(_, inner):
            return any(fits(inner, {"value": each}) for each in resource["identifiers"])
        case Present(path):
            return bool(values(path, resource))
        case Compare(path, op, value):
            found = values(path, resource)
            if value is None:
                return (not found) if op == "eq" else bool(found)
            if path in ANY_CASE:
                found, value = [each.lower() for each in found], value.lower()
            if op == "ne":
                return value not in found
            return any(compared(op, each, value) for each in found)
    raise AssertionError(tree)


def compared(op: str, left: str, right: str) -> bool:
    return {
        "eq": left == right,
        "co": right in left,
        "sw": left.startswith(right),
        "ew": left.endswith(right),
        "gt": left > right,
        "ge": left >= right,
        "lt": left < right,
        "le": left <= right,
    }[op]


def values(path: str, resource: Json) -> list[Any]:
    """What an attribute holds, as a list."""
    place: Any = resource
    for step in path.removesuffix(".value").split(".") if path != "value" else ["value"]:
        place = {name.lower(): value for name, value in place.items()}.get(step)
        if place is None:
            return []
    return place if isinstance(place, list) else [place]
