"""Members as JSON-LD: schema.org's ProgramMembership of an Organization (or Person), with our own terms for the rest.

The document is one object with an `@graph`, written while members come; one that was cut off is no JSON.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import msgspec

MEDIA_TYPE = "application/ld+json"
TERMS = "urn:klynge:terms:1.0:"
CONTEXT = {
    "@vocab": "https://schema.org/",
    "klynge": TERMS,
    "url": {"@type": "@id"},
    "klynge:startsOn": {"@type": "Date"},
    "klynge:endsOn": {"@type": "Date"},
}
_OWN = {"tier": "tier", "status": "status", "origin": "origin", "starts_on": "startsOn", "ends_on": "endsOn",
        "version": "version", "agreement": "agreement"}  # fmt: skip
_SCHEMA = {"vat": "vatID", "lei": "leiCode"}  # what schema.org has a property for
Member = Mapping[str, Any]


async def as_json_ld(
    members: AsyncGenerator[Sequence[Member], None], names: Mapping[str, str]
) -> AsyncGenerator[bytes, None]:
    """The document; `names`: slug -> what the network is called."""
    yield b'{"@context":' + msgspec.json.encode(CONTEXT) + b',"@graph":['
    first = True
    async with aclosing(members):
        async for batch in members:
            for member in batch:
                yield (b"" if first else b",\n") + msgspec.json.encode(described(member, names))
                first = False
    yield b"]}\n"


def described(member: Member, names: Mapping[str, str]) -> dict[str, Any]:
    """One member; what is not known, or not disclosed, is left out."""
    network = member["network"]
    out: dict[str, Any] = {
        "@id": f"urn:uuid:{member['id']}",
        "@type": "ProgramMembership",
        "membershipNumber": member["id"],
        "programName": names.get(network, network),
        "hostingOrganization": {"@type": "Organization", "name": names.get(network, network), "identifier": network},
        "member": _who(member["organisation"], member.get("contact")),
    }
    return out | {f"klynge:{term}": member[name] for name, term in _OWN.items() if member.get(name) is not None}


def _who(who: Member, contact: Member | None) -> dict[str, Any]:
    out: dict[str, Any] = {
        "@id": f"urn:uuid:{who['id']}",
        "@type": "Person" if who.get("kind") == "person" else "Organization",
    }
    if "name" in who:
        out["name"] = who["name"]
    if who.get("website"):
        out["url"] = who["website"]
    if who.get("country"):
        out["address"] = {"@type": "PostalAddress", "addressCountry": who["country"]}
    if who.get("kind"):
        out["klynge:kind"] = who["kind"]
    if "identifiers" in who:
        pairs = [(each["scheme"], each["value"]) for each in who["identifiers"]]
        out["identifier"] = [{"@type": "PropertyValue", "propertyID": s, "value": v} for s, v in pairs]
        out |= {_SCHEMA[scheme]: value for scheme, value in pairs if scheme in _SCHEMA}
    if contact:
        out["contactPoint"] = {"@type": "ContactPoint", **contact}
    return out
