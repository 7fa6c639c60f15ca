"""What our SCIM service says of itself: one resource type, `Membership`, its attributes, and what can be asked of it.

The attribute table here is the only one: the schema that clients read, what they may ask for by name, and what
they may write are all made from it (RFC 7643 sections 2, 5, 6 and 7; RFC 9865 section 4 for pagination).
"""

from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from cluster_rules.organisations import KINDS

Json = dict[str, Any]
SCHEMA = "urn:klynge:scim:schemas:1.0:Membership"
CORE = "urn:ietf:params:scim:schemas:core:2.0:"
MESSAGES = "urn:ietf:params:scim:api:messages:2.0:"
RESOURCE = "Membership"
ENDPOINT = "/Memberships"
MOST_ON_A_PAGE = 1000
DEFAULT_ON_A_PAGE = 100
Mutability = Literal["readOnly", "readWrite", "immutable"]


class Attribute(msgspec.Struct, frozen=True):
    """One attribute, as RFC 7643 section 7 describes it. `canonical` are values that are offered."""

    name: str
    description: str
    type: str = "string"
    many: bool = False
    required: bool = False
    exact: bool = True
    mutability: Mutability = "readOnly"
    returned: Literal["default", "always"] = "default"
    unique: bool = False
    canonical: tuple[str, ...] = ()
    parts: tuple["Attribute", ...] = ()


_ORGANISATION = (
    Attribute("id", "The organisation's id in Klynge; the same in every network."),
    Attribute("name", "Its name.", required=True, exact=False, mutability="immutable"),
    Attribute("kind", "What it is.", required=True, mutability="immutable", canonical=KINDS),
    Attribute("country", "Where it is registered (ISO 3166, two letters).", required=True, mutability="immutable",
              canonical=("NO", "SE", "DK", "FI", "IS")),
    Attribute("website", "Its web address.", type="reference", exact=False, mutability="immutable"),
)  # fmt: skip


def attributes(networks: Iterable[str] = (), tiers: Iterable[str] = ()) -> tuple[Attribute, ...]:
    """Everything a Membership has beside what all resources have, with the networks and levels a key may name."""
    return (
        Attribute("externalId", "What your own system calls the organisation.", mutability="readWrite"),
        Attribute("network", "The network, by its short name.", required=True, mutability="immutable",
                  canonical=tuple(networks)),
        Attribute("tier", "The level, by its code in the network's rulebook.", required=True, mutability="readWrite",
                  canonical=tuple(tiers)),
        Attribute("organisation", "Who is a member.", type="complex", required=True, mutability="immutable",
                  parts=_ORGANISATION),
        Attribute("identifiers", "Strong identifiers, `scheme:value`: no-orgnr, vat, lei, ror or pic.", many=True,
                  required=True, mutability="immutable"),
        Attribute("status", "Whether the membership counts today.", canonical=("active", "suspended")),
        Attribute("origin", "By an own decision, by a link rule, or both.", canonical=("direct", "linked", "both")),
        Attribute("startsOn", "The first day of the membership as it stands, unbroken (ISO 8601)."),
        Attribute("endsOn", "The first day that does not count any more; absent while no end is known (ISO 8601)."),
        Attribute("agreement", "The agreement under which another network discloses the member."),
        Attribute("contact", "Who speaks for it, where the agreement discloses that.", type="complex", parts=(
            Attribute("name", "The person's name.", exact=False),
            Attribute("email", "The person's address.", exact=False),
        )),
    )  # fmt: skip


ATTRIBUTES = attributes()
NAMES = {each.name.lower(): each for each in ATTRIBUTES}


def schemas(networks: Iterable[str], tiers: Iterable[str]) -> list[Json]:
    """All schemas, in the form of `GET /Schemas`: ours, and those of what the service says of itself."""
    own = _schema(SCHEMA, RESOURCE, "A member of a network.", attributes(networks, tiers))
    return [own, *(_schema(CORE + name, name, said, found) for name, said, found in _CORE_SCHEMAS)]


def resource_type(base: str) -> Json:
    """The one type of resource there is."""
    return {
        "schemas": [CORE + "ResourceType"],
        "id": RESOURCE,
        "name": RESOURCE,
        "endpoint": ENDPOINT,
        "description": "A member of a network: today's list, as /api/v1/networks/{slug}/members gives it.",
        "schema": SCHEMA,
        "meta": {"resourceType": "ResourceType", "location": f"{base}/ResourceTypes/{RESOURCE}"},
    }


def service(base: str) -> Json:
    """What is supported, and what is not."""
    return {
        "schemas": [CORE + "ServiceProviderConfig"],
        "documentationUri": base.partition("/scim/")[0] + "/api/docs",
        "patch": {"supported": True},
        "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": True, "maxResults": MOST_ON_A_PAGE},
        "changePassword": {"supported": False},
        "sort": {"supported": False},
        "etag": {"supported": True},
        "pagination": {
            "cursor": True,
            "index": True,
            "defaultPaginationMethod": "index",
            "defaultPageSize": DEFAULT_ON_A_PAGE,
            "maxPageSize": MOST_ON_A_PAGE,
        },
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "Bearer key",
                "description": "A key of a network, as for /api/v1, in the Authorization header.",
                "specUri": "https://www.rfc-editor.org/info/rfc6750",
                "primary": True,
            }
        ],
        "meta": {"resourceType": "ServiceProviderConfig", "location": f"{base}/ServiceProviderConfig"},
    }


def listed(resources: list[Any], total: int, start: int = 1, **more: Any) -> Json:
    """A ListResponse."""
    return {
        "schemas": [MESSAGES + "ListResponse"],
        "totalResults": total,
        "startIndex": start,
        "itemsPerPage": len(resources),
        **more,
        "Resources": resources,
    }


def _schema(urn: str, name: str, said: str, found: Iterable[Attribute]) -> Json:
    return {
        "schemas": [CORE + "Schema"],
        "id": urn,
        "name": name,
        "description": said,
        "attributes": [_told(each) for each in found],
        "meta": {"resourceType": "Schema", "location": f"Schemas/{urn}"},
    }


def _told(attribute: Attribute) -> Json:
    out: Json = {
        "name": attribute.name,
        "type": attribute.type,
        "multiValued": attribute.many,
        "description": attribute.description,
        "required": attribute.required,
        "mutability": attribute.mutability,
        "returned": attribute.returned,
    }
    if attribute.type in ("string", "reference"):
        out |= {"caseExact": attribute.exact, "uniqueness": "server" if attribute.unique else "none"}
    if attribute.type == "reference":
        out["referenceTypes"] = ["external"]
    if attribute.canonical:
        out["canonicalValues"] = list(attribute.canonical)
    if attribute.parts:
        out["subAttributes"] = [_told(each) for each in attribute.parts]
    return out


def _flag(name: str, *more: Attribute) -> Attribute:
    parts = (Attribute("supported", "Is it supported?", "boolean", required=True), *more)
    return Attribute(name, f"Whether there is {name}.", "complex", required=True, parts=parts)


_CORE_SCHEMAS: tuple[tuple[str, str, tuple[Attribute, ...]], ...] = (
    (
        "ServiceProviderConfig",
        "What the service supports.",
        (
            Attribute("documentationUri", "For people.", "reference"),
            _flag("patch"),
            _flag("bulk", Attribute("maxOperations", "At most so many.", "integer", required=True),
                  Attribute("maxPayloadSize", "At most so many bytes.", "integer", required=True)),
            _flag("filter", Attribute("maxResults", "At most so many.", "integer", required=True)),
            _flag("changePassword"),
            _flag("sort"),
            _flag("etag"),
            Attribute("pagination", "How lists are paged (RFC 9865).", "complex", parts=(
                Attribute("cursor", "By cursor?", "boolean", required=True),
                Attribute("index", "By index?", "boolean", required=True),
                Attribute("defaultPaginationMethod", "Which, when nothing is said."),
                Attribute("defaultPageSize", "How many, when nothing is said.", "integer"),
                Attribute("maxPageSize", "How many at most.", "integer"),
            )),
            Attribute("authenticationSchemes", "How to sign in.", "complex", many=True, required=True, parts=(
                Attribute("type", "Which scheme.", required=True),
                Attribute("name", "Its name.", required=True),
                Attribute("description", "In words.", required=True),
                Attribute("specUri", "Its specification.", "reference"),
                Attribute("documentationUri", "For people.", "reference"),
                Attribute("primary", "The one to take.", "boolean"),
            )),
        ),
    ),
    (
        "ResourceType",
        "A type of resource.",
        (
            Attribute("name", "Its name.", required=True),
            Attribute("description", "In words."),
            Attribute("endpoint", "Where its resources are.", "reference", required=True),
            Attribute("schema", "Its schema.", "reference", required=True),
            Attribute("schemaExtensions", "What may be added to it: nothing.", "complex", many=True, parts=(
                Attribute("schema", "The extension's schema.", "reference", required=True),
                Attribute("required", "Must it be there?", "boolean", required=True),
            )),
        ),
    ),
    (
        "Schema",
        "The attributes of a type of resource.",
        (
            Attribute("name", "Its name.", required=True),
            Attribute("description", "In words."),
            Attribute("attributes", "What there is, each with its characteristics.", "complex", many=True,
                      required=True, parts=(
                Attribute("name", "Its name.", required=True),
                Attribute("type", "Its type.", required=True),
                Attribute("multiValued", "A list?", "boolean", required=True),
                Attribute("description", "In words."),
                Attribute("required", "Must it be there?", "boolean", required=True),
                Attribute("canonicalValues", "Values that are offered.", many=True),
                Attribute("caseExact", "Do upper and lower case differ?", "boolean"),
                Attribute("mutability", "Who may write it.", required=True),
                Attribute("returned", "When it is in an answer.", required=True),
                Attribute("uniqueness", "Is a value there only once?"),
                Attribute("referenceTypes", "What a reference points to.", many=True),
            )),
        ),
    ),
)  # fmt: skip
