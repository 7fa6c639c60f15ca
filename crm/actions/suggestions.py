"""A partner suggests a correction of what is told of an organisation; its home network accepts it or not.

The home network owns identity and shared profile (sync_security.md 2.5): where the partner has the member by a link,
the network that the link comes from; of an own member the network it has been in longest. Only fields that the partner
may see: of a linked member those that the agreement discloses of it today (ADR 0023).
"""

from collections.abc import Collection
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from cluster_rules.organisations import Kind
from crm import catalogue, forms
from crm.actor import Actor
from crm.context import Context
from crm.database import Connection
from crm.errors import Forbidden, Invalid, NotFound, Refused
from crm.store import audit, member_identities, suggestions

SCOPE = "profiles"


class Values(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What it should say; what is left out is not suggested."""

    name: str | UnsetType = UNSET
    country: str | UnsetType = UNSET
    kind: Kind | UnsetType = UNSET
    municipality: str | UnsetType = UNSET
    county: str | UnsetType = UNSET
    employees: int | UnsetType = UNSET
    founded_on: date | UnsetType = UNSET
    website: str | UnsetType = UNSET


async def suggest(context: Context, actor: Actor, slug: str, organisation: UUID, values: Values, reason: str) -> UUID:
    """Suggest values to the home network; the id. The same again, while it is open, is the same suggestion.

    NotFound `slug`, `organisation_id`; ScopeMissing; Invalid: a value, or `field_not_shared`; RuleViolation
    `suggestion_empty`, `suggestion_same`.
    """
    wanted = _checked(values, reason)
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        if slug not in kept.by_slug:
            raise NotFound("slug", slug)
        network = kept.by_slug[slug].id
        actor.must_write(network, SCOPE)
        owner, agreement, shared = await _owner(connection, network, organisation)
        hidden: forms.Problems = [(f"values.{name}", "field_not_shared", {}) for name in wanted if name not in shared]
        if hidden:
            raise Invalid(hidden)
        now = await suggestions.values(connection, organisation)
        told = {name: {"then": now[name], "wanted": value} for name, value in wanted.items() if value != now[name]}
        if not told:
            raise Refused("suggestion_same", "values")
        made, new = await suggestions.add(
            connection, (network, owner), organisation, agreement, told, reason.strip(), actor
        )
        if new:
            detail = {"fields": sorted(told), "reason": reason.strip()}
            for each in sorted({network, owner}):
                await audit.append(connection, actor, "suggestion_made", detail, each, organisation, made)
        return made


async def withdraw(context: Context, actor: Actor, wanted: UUID) -> None:
    """Not suggested any more, by who suggested it. Refused `suggestion_closed` once it is answered."""
    async with context.db.tx() as connection:
        found = await suggestions.lock(connection, wanted)
        if found.network_id not in actor.sees:
            if found.owner_network_id in actor.sees:
                raise Forbidden
            raise NotFound("suggestion_id", wanted)
        actor.must_write(found.network_id, SCOPE)
        if found.status != "open":
            raise Refused("suggestion_closed", "suggestion_id")
        await suggestions.close(connection, wanted, "withdrawn", found.fields, "", actor)


async def _owner(connection: Connection, network: UUID, organisation: UUID) -> tuple[UUID, str, Collection[str]]:
    """(home network, agreement, fields that may be suggested) of a member of `network`. NotFound."""
    rows = await suggestions.standing(connection, network, organisation)
    if not rows:
        raise NotFound("organisation_id", organisation)
    if rows[0]["kind"] == "direct":
        homes = await member_identities.homes(connection, [organisation])
        return homes.get(organisation, network), "", suggestions.FIELDS
    home, code = rows[0]["source_network_id"], rows[0]["agreement"]
    return home, code, await suggestions.disclosed(connection, code, home, network, organisation)


def _checked(values: Values, reason: str) -> dict[str, Any]:
    """The values as JSON has them. Invalid names all that is wrong."""
    told = {
        n: v.strip() if isinstance(v, str) else v for n, v in msgspec.structs.asdict(values).items() if v is not UNSET
    }
    problems: forms.Problems = []
    if "name" in told:
        told["name"] = " ".join(told["name"].split())
        forms.text(problems, "values.name", told["name"], forms.NAME_MAX)
    try:
        forms.facts({n: v for n, v in told.items() if n != "name"}, reason)
    except Invalid as invalid:
        problems += [(f if f == "reason" else f"values.{f}", code, params) for f, code, params in invalid.problems]
    if problems:
        raise Invalid(problems)
    if not told:
        raise Refused("suggestion_empty", "values")
    wanted: dict[str, Any] = msgspec.to_builtins(told)
    return wanted
