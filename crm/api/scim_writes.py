"""SCIM, writing: what a network's own system may do with its key, as a row of a pushed list (crm/actions/member_lists).

POST makes a membership, PUT and PATCH change its level and what it is called outside, DELETE gives notice by the
rulebook. Everything else about a member is decided elsewhere and refused here (`mutability`).
"""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, Response

from cluster_rules import endings
from crm import catalogue
from crm import listed as rows
from crm.actions import external_ids, member_lists
from crm.api import edge, scim_patches, scim_resources
from crm.api.scim_asked import Asked, answer, asked, body_of
from crm.api.scim_errors import ScimError
from crm.api.scim_patches import Wanted
from crm.api.scim_schema import MESSAGES, SCHEMA, Json
from crm.database import Connection
from crm.errors import Invalid
from crm.listed import Listed
from crm.reads import scim as reads
from crm.reads.scim import Row, Verdict


async def create(request: Request) -> Response[bytes]:
    """POST: a new membership, from today. Who is a member already is a conflict, and so is whoever is not certain."""
    who = await _writer(request)
    given = scim_patches.read(await body_of(request, SCHEMA), new=True)
    async with who.context.db.tx() as connection:
        verdict = await _push(request, connection, who, given.network, _row(given))
        if verdict.verdict in ("updated", "unchanged"):
            raise ScimError(409, "uniqueness", f"It is a member already: {verdict.membership_id}.")
    _certain(verdict)
    row = await _one(who, verdict.membership_id)
    return _shown(who, row, 201)


async def replace(request: Request) -> Response[bytes]:
    """PUT: the whole of it; what is not given is taken away."""
    who = await _writer(request)
    given = await body_of(request, SCHEMA)
    row = await _current(request, who)
    return _shown(who, await _change(request, who, row, scim_patches.replaced(_whole(row), given)))


async def change(request: Request) -> Response[bytes]:
    """PATCH: some of it."""
    who = await _writer(request)
    given = await body_of(request, MESSAGES + "PatchOp")
    row = await _current(request, who)
    return _shown(who, await _change(request, who, row, scim_patches.patched(_whole(row), given)))


async def end(request: Request) -> Response[bytes]:
    """DELETE: notice is given. 204 when nothing is left of the membership, 202 and the resource while it runs on."""
    who = await _writer(request)
    row = await _current(request, who)
    member = msgspec.json.decode(row.body)
    if member["origin"] == "linked":
        raise ScimError(403, "", "It is a member by a link rule: it ends where that began.")
    async with who.context.db.tx() as connection:
        kept = await catalogue.load(connection)
        network = kept.network(member["network"])
        today = who.context.clock.today(network.zone)
        since = date.fromisoformat(member["starts_on"])
        last = endings.earliest(kept.book(network.slug, today), since, today)
        if member["ends_on"] is None or date.fromisoformat(member["ends_on"]) > last:
            wanted = msgspec.structs.replace(_as_it_is(row, member), ends_on=last)
            await _named(who, row, wanted.external_id)
            _certain(await _push(request, connection, who, network.slug, wanted))
    async with who.reading() as connection:
        left = await reads.one(connection, await who.scope(), row.membership_id)
    return Response(b"", status_code=204) if left is None else _shown(who, left, 202)


# --- one row of a list


async def _push(request: Request, connection: Connection, who: Asked, slug: str, row: Listed) -> Verdict:
    """What became of the row. Invalid: it was refused, and then nothing of it is stored."""
    request.state.kept = await catalogue.load(connection)
    if slug not in request.state.kept.by_slug:
        raise ScimError(400, "invalidValue", f"network: there is no network {slug[:60]!r}.")
    run = await member_lists.begin(who.context, who.actor, slug, [rows.check(row)], member_lists.Options())
    verdict = await reads.verdict(connection, run)
    if verdict.problems:
        raise Invalid([(each["field"], each["rule"], each["values"]) for each in verdict.problems])
    return verdict


def _certain(verdict: Verdict) -> None:
    """It is not certain whom the row means: it is kept, and waits for a person of the network."""
    if verdict.verdict == "held":
        raise ScimError(409, "", "It is not certain whom this means. It is kept, and waits for a manager's word.")


def _row(given: Wanted) -> Listed:
    numbers = [dict(zip(("scheme", "value"), each.split(":", 1), strict=True)) for each in given.identifiers]
    said = {
        "external_id": given.external_id or external_ids.OWN + given.identifiers[0],
        "tier": given.tier,
        "identifiers": numbers,
        "origin": "direct",
        **given.organisation,
    }
    try:
        return msgspec.convert(said, Listed)
    except msgspec.ValidationError as error:
        raise ScimError(400, "invalidValue", str(error)) from error


def _as_it_is(row: Row, member: Mapping[str, Any]) -> Listed:
    """The row that says what is so already; names that a system does not give are made up."""
    who = member["organisation"]
    return Listed(
        external_id=row.external_id or external_ids.OWN + str(row.membership_id),
        name=who["name"],
        country=who["country"],
        tier=member["tier"],
        identifiers=msgspec.convert(who["identifiers"], list[rows.IdentifierForm]),
        origin="direct",
    )


async def _change(request: Request, who: Asked, row: Row, wanted: Wanted) -> Row:
    """The level and the outside name; both or neither."""
    now = _whole(row)
    async with who.context.db.tx() as connection:
        if wanted.external_id != now.external_id:
            await external_ids.tell(who.context, who.actor, row.scope, row.organisation_id, wanted.external_id)
        if wanted.tier != now.tier:
            member = msgspec.json.decode(row.body)
            as_it_is = _as_it_is(msgspec.structs.replace(row, external_id=wanted.external_id), member)
            await _named(who, row, as_it_is.external_id)
            pushed = msgspec.structs.replace(as_it_is, tier=wanted.tier)
            _certain(await _push(request, connection, who, now.network, pushed))
    return await _one(who, row.membership_id)


async def _named(who: Asked, row: Row, name: str) -> None:
    """So that the row means this organisation and no other, it has a name first."""
    if name.startswith(external_ids.OWN):
        await external_ids.tell(who.context, who.actor, row.scope, row.organisation_id, name)


# --- what is there


async def _writer(request: Request) -> Asked:
    who = await asked(request)
    if who.agreement:
        raise ScimError(403, "", "Members of another network are read here; their own network writes them.")
    return who


async def _current(request: Request, who: Asked) -> Row:
    """The resource as it is, if it is the version that is meant."""
    row = await who.one(edge.identity(request.path_params["id"], "id"))
    wanted = request.headers.get("if-match")
    if wanted is not None and not scim_resources.names(wanted, scim_resources.version(row)):
        raise ScimError(412, "", "It has changed since; read it again.")
    return row


async def _one(who: Asked, membership: UUID | None) -> Row:
    if membership is None:
        raise ScimError(409, "", "All places of the level are taken; it waits for one.")
    return await who.one(membership)


def _whole(row: Row) -> Wanted:
    return scim_patches.read(scim_resources.shown("", row))


def _shown(who: Asked, row: Row, status: int = 200) -> Response[bytes]:
    body: Json = scim_resources.shown(who.base, row)
    where = scim_resources.location(who.base, row) if status == 201 else ""
    return answer(body, status, scim_resources.version(row), where)
