"""Saved views: keep a filtered member list under a name, for oneself or for everybody in the network's office."""

from urllib.parse import parse_qsl
from uuid import UUID, uuid4

import msgspec

from crm import forms
from crm.actor import Actor
from crm.context import Context
from crm.database import Connection
from crm.errors import Forbidden, Invalid, NotFound
from crm.store import audit
from crm.store import saved_views as store
from crm.store.saved_views import View

NAME_MAX = 80
QUERY_MAX = 4_000
MOST_VIEWS = 50  # of one person in a network


async def save(context: Context, actor: Actor, network: UUID, name: str, query: str, shared: bool) -> UUID:
    """A new view. Invalid; Forbidden to share without managing the network."""
    owner = _reader(actor, network)
    checked = _checked(actor, network, name, query, shared)
    async with context.db.tx() as connection:
        if await store.count(connection, network, owner) >= MOST_VIEWS:
            raise Invalid([("name", "too_many", {"limit": MOST_VIEWS})])
        view = View(uuid4(), network, owner, checked, query, shared)
        await store.save(connection, view, context.clock.now())
        await audit.append(connection, actor, "view_saved", _told(view), network, None, view.id)
    return view.id


async def change(context: Context, actor: Actor, network: UUID, view: UUID, name: str, shared: bool) -> None:
    """Another name; shared, or the reader's own. NotFound; Invalid; Forbidden."""
    async with context.db.tx() as connection:
        before = await _own(connection, actor, network, view)
        checked = _checked(actor, network, name, before.query, shared)
        after = msgspec.structs.replace(before, name=checked, shared=shared)
        if after != before:
            await store.save(connection, after, context.clock.now())
            detail = {"before": _told(before), "after": _told(after)}
            await audit.append(connection, actor, "view_changed", detail, network, None, view)


async def delete(context: Context, actor: Actor, network: UUID, view: UUID) -> None:
    """Away with it; it can come back. NotFound; Forbidden."""
    async with context.db.tx() as connection:
        before = await _own(connection, actor, network, view)
        gone = msgspec.structs.replace(before, deleted_at=context.clock.now())
        await store.save(connection, gone, context.clock.now())
        await audit.append(connection, actor, "view_deleted", _told(before), network, None, view)


async def restore(context: Context, actor: Actor, network: UUID, view: UUID) -> None:
    """A deleted view comes back. NotFound; Forbidden. Twice is harmless."""
    async with context.db.tx() as connection:
        before = await _own(connection, actor, network, view, deleted=True)
        if before.deleted_at:
            await store.save(connection, msgspec.structs.replace(before, deleted_at=None), context.clock.now())
            await audit.append(connection, actor, "view_restored", _told(before), network, None, view)


def _reader(actor: Actor, network: UUID) -> UUID:
    """Who it is, with any role in the network."""
    if network not in actor.sees or actor.id is None:
        raise NotFound("network", network)
    return actor.id


async def _own(connection: Connection, actor: Actor, network: UUID, view: UUID, deleted: bool = False) -> View:
    """One's own view, or a shared one of a network one manages. Somebody else's own is not found."""
    reader = _reader(actor, network)
    found = await store.lock(connection, network, view)
    if found.deleted_at and not deleted:
        raise NotFound("view", view)
    if found.owner_id == reader:
        return found
    if not found.shared:
        raise NotFound("view", view)
    actor.must_manage(network)
    return found


def _checked(actor: Actor, network: UUID, name: str, query: str, shared: bool) -> str:
    if shared and network not in actor.manages:
        raise Forbidden
    problems: forms.Problems = []
    tidy = " ".join(name.split())
    forms.text(problems, "name", tidy, NAME_MAX)
    if len(query) > QUERY_MAX or not query.isascii() or not query.isprintable() or _unreadable(query):
        problems.append(("query", "too_long", {"limit": QUERY_MAX, "length": len(query)}))
    if problems:
        raise Invalid(problems)
    return tidy


def _unreadable(query: str) -> bool:
    try:
        parse_qsl(query, max_num_fields=300)
    except ValueError:
        return True
    return False


def _told(view: View) -> dict[str, object]:
    return {"name": view.name, "query": view.query, "shared": view.shared}
