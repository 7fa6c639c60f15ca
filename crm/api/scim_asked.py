"""One request to the SCIM service: who asks, for which networks, and what came with it."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, Response

from crm import catalogue
from crm.actions import days
from crm.actions import shares as share_log
from crm.actor import Actor
from crm.api.keys import door_of
from crm.api.scim_errors import MEDIA_TYPE, ScimError
from crm.api.scim_schema import Json
from crm.catalogue import NetworkRow
from crm.context import Context
from crm.database import Connection
from crm.errors import NotFound
from crm.reads import scim as reads
from crm.reads import shares
from crm.reads.scim import Row, Scope

_TAKEN = ("application/scim+json", "application/json")


class Asked(msgspec.Struct, frozen=True):
    """`agreement`: the one whose disclosed members the address is of; "" stands for the key's own networks."""

    context: Context
    actor: Actor
    agreement: str

    @property
    def base(self) -> str:
        """The address of the service."""
        return f"{self.context.settings.base_url}/scim/v2" + (f"/agreements/{self.agreement}" if self.agreement else "")

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """What this key may see."""
        async with self.context.db.reading(self.actor.sees) as connection:
            yield connection

    async def networks(self) -> list[NetworkRow]:
        """The key's own."""
        async with self.context.db.tx() as connection:
            kept = await catalogue.load(connection)
        return [n for n in kept.networks if n.id in self.actor.sees]

    async def scope(self) -> Scope:
        """Whose members are read, their day turned first. NotFound."""
        now = self.context.clock.now()
        if self.agreement:
            return await self._shared(now)
        async with self.reading() as connection:
            waiting = set(await reads.unturned(connection, now))
        for network in sorted(waiting & self.actor.sees):
            await days.turn_feed(self.context, network)
        return Scope(tuple(sorted(self.actor.sees)))

    async def _shared(self, now: datetime) -> Scope:
        """What is disclosed to the key's own networks under the agreement (or by them, for who manages both)."""
        for _ in range(2):
            async with self.reading() as connection:
                found = await shares.find(connection, self.actor.sees, self.agreement)
                mine = [each for each in found if each.to_network_id in self.actor.sees]
                heads = [await shares.head(connection, each.id, now) for each in mine]
            waiting = {each.network for each in heads if each and not each.of_today}
            if not waiting:
                break
            for network in sorted(waiting):
                await days.turn_feed(self.context, network)
        if not mine:
            raise NotFound("agreement", self.agreement)
        return Scope(tuple(sorted(each.id for each in mine)), shared=True)

    async def disclosed(self, scope: Scope, rows: Sequence[Row], kind: str = "scim") -> None:
        """Keep that these members of another network are being given; before the answer is sent."""
        if not scope.shared:
            return
        now = self.context.clock.now()
        for disclosure, count in Counter(row.scope for row in rows).items():
            async with self.reading() as connection:
                head = await shares.head(connection, disclosure, now)
            place = f"{head.position.xid}.{head.position.seq}" if head else ""
            await share_log.log_reading(self.context, self.actor, disclosure, kind, ("", place), count)

    async def one(self, membership: UUID) -> Row:
        """The member with this id. NotFound."""
        scope = await self.scope()
        async with self.reading() as connection:
            row = await reads.one(connection, scope, membership)
        if row is None:
            raise NotFound("id", membership)
        await self.disclosed(scope, [row])
        return row

    async def offered(self) -> tuple[list[str], list[str]]:
        """The networks and the levels this key may name."""
        found = await self.networks()
        async with self.context.db.tx() as connection:
            kept = await catalogue.load(connection)
        today = {each.slug: self.context.clock.today(each.zone) for each in found}
        tiers = {tier.code for each in found for tier in kept.book(each.slug, today[each.slug]).tiers}
        return [each.slug for each in found], sorted(tiers)


async def asked(request: Request) -> Asked:
    """Who asks, and for what. Unauthenticated."""
    context: Context = request.app.state.context
    actor = await door_of(request).open(request, context)
    return Asked(context, actor, request.path_params.get("agreement", ""))


async def body_of(request: Request, schema: str) -> Json:
    """The JSON object that came, of this schema."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in _TAKEN:
        raise ScimError(415, "", f"A body is {' or '.join(_TAKEN)}.")
    try:
        given: Any = msgspec.json.decode(await request.body())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ScimError(400, "invalidSyntax", f"The body cannot be read: {str(error)[:120]}") from error
    if not isinstance(given, dict):
        raise ScimError(400, "invalidSyntax", "A body is one JSON object.")
    found = given.get("schemas")
    if not isinstance(found, list) or schema.lower() not in [str(each).lower() for each in found]:
        raise ScimError(400, "invalidSyntax", f"`schemas` names {schema}.")
    return given


def answer(body: Json, status: int = 200, etag: str = "", location: str = "") -> Response[bytes]:
    """A body as SCIM."""
    headers = {"cache-control": "private, no-cache", "vary": "Authorization"}
    headers |= {"etag": etag} if etag else {}
    headers |= {"location": location} if location else {}
    return Response(msgspec.json.encode(body), status_code=status, media_type=MEDIA_TYPE, headers=headers)
