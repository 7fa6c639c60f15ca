"""A network's tags: its vocabulary, and which of them a member has; and who looks after a member."""

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

import msgspec

from crm import forms
from crm.actor import Actor
from crm.context import Context
from crm.database import Connection
from crm.errors import Invalid, NotFound, Refused
from crm.store import audit
from crm.store import tags as store
from crm.store.tags import Tag

MOST_TAGS = 200  # of a network
NAME_MAX = 60
Colour = Literal["neutral", "accent", "info", "success", "warning", "danger"]
COLOURS: tuple[Colour, ...] = Colour.__args__  # type: ignore[attr-defined]
ICONS = ("tag", "star", "flag", "bookmark", "alert-triangle", "circle-check", "clock", "users")


class TagForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tag as somebody wants it."""

    name: str
    colour: str = "neutral"
    icon: str = "tag"


async def create(context: Context, actor: Actor, network: UUID, form: TagForm) -> UUID:
    """A new tag. Invalid; Refused `tag_known`, `tags_full`."""
    actor.must_manage(network)
    checked = _checked(form)
    async with context.db.tx() as connection:
        if await store.count(connection, network) >= MOST_TAGS:
            raise Refused("tags_full", "name", limit=MOST_TAGS)
        tag = store.new(network, checked.name, checked.colour, checked.icon)
        await store.add(connection, tag, actor.name, context.clock.now())
        await audit.append(connection, actor, "tag_created", _told(tag), network, None, tag.id)
    return tag.id


async def change(context: Context, actor: Actor, network: UUID, tag: UUID, form: TagForm) -> None:
    """Another name, colour or icon. NotFound; Invalid; Refused `tag_known`."""
    checked = _checked(form)
    async with context.db.tx() as connection:
        before = await _own(connection, actor, network, tag)
        after = msgspec.structs.replace(before, name=checked.name, colour=checked.colour, icon=checked.icon)
        if after == before:
            return
        await store.change(connection, after)
        detail = {"before": _told(before), "after": _told(after)}
        await audit.append(connection, actor, "tag_changed", detail, network, None, tag)


async def delete(context: Context, actor: Actor, network: UUID, tag: UUID) -> None:
    """Out of the vocabulary; who had it is kept, so that it can come back. NotFound."""
    async with context.db.tx() as connection:
        before = await _own(connection, actor, network, tag)
        await store.change(connection, msgspec.structs.replace(before, deleted_at=context.clock.now()))
        await audit.append(connection, actor, "tag_deleted", _told(before), network, None, tag)


async def restore(context: Context, actor: Actor, network: UUID, tag: UUID) -> None:
    """A deleted tag comes back, with everybody who had it. NotFound; Refused `tag_known`. Twice is harmless."""
    async with context.db.tx() as connection:
        before = await _own(connection, actor, network, tag, deleted=True)
        if before.deleted_at is None:
            return
        await store.change(connection, msgspec.structs.replace(before, deleted_at=None))
        await audit.append(connection, actor, "tag_restored", _told(before), network, None, tag)


async def merge(context: Context, actor: Actor, network: UUID, tag: UUID, into: UUID) -> int:
    """Who has the one tag has the other instead, and the one is gone; how many are new to it.

    NotFound; Refused `tag_same`.
    """
    if tag == into:
        raise Refused("tag_same", "into")
    async with context.db.tx() as connection:
        first, second = sorted((tag, into))
        found = {each: await _own(connection, actor, network, each) for each in (first, second)}
        moved = await store.move(connection, tag, into)
        gone = msgspec.structs.replace(found[tag], deleted_at=context.clock.now(), merged_into_id=into)
        await store.change(connection, gone)
        detail = {"from": found[tag].name, "into": found[into].name, "members": moved}
        await audit.append(connection, actor, "tags_merged", detail, network, None, into)
        return moved


async def put(context: Context, actor: Actor, membership: UUID, tags: Sequence[UUID]) -> None:
    """A member has these tags and no others. NotFound; Refused `tag_unknown`."""
    now = context.clock.now()
    async with context.db.tx() as connection:
        network, organisation = await store.network_of(connection, membership)
        _must_manage(actor, network, "membership_id", membership)
        before = await store.of_membership(connection, membership)
        wanted = {}
        for each in dict.fromkeys(tags):
            wanted[each] = await _named(connection, network, each)
        added, removed = [t for t in wanted if t not in before], [t for t in before if t not in wanted]
        for tag in added:
            await store.put(connection, network, tag, [membership], actor.name, now)
        for tag in removed:
            await store.take(connection, tag, [membership])
        if added or removed:
            detail = {"added": [wanted[t] for t in added], "removed": [before[t] for t in removed]}
            await audit.append(connection, actor, "member_tagged", detail, network, organisation, membership)


async def give(context: Context, actor: Actor, membership: UUID, account: UUID | None) -> None:
    """Somebody of the office (None: nobody) looks after a member. NotFound; Refused `responsible_unknown`."""
    async with context.db.tx() as connection:
        network, organisation = await store.network_of(connection, membership)
        _must_manage(actor, network, "membership_id", membership)
        name = await store.may_look_after(connection, network, account) if account else ""
        if name is None:
            raise Refused("responsible_unknown", "responsible")
        changed = await store.give(connection, network, [membership], account, actor.name, context.clock.now())
        if changed:
            detail = {"before": changed[membership], "after": str(account) if account else None, "name": name}
            await audit.append(connection, actor, "member_given", detail, network, organisation, membership)


async def _named(connection: Connection, network: UUID, tag: UUID) -> str:
    try:
        found = await store.lock(connection, tag)
    except NotFound:
        raise Refused("tag_unknown", "tags") from None
    if found.network_id != network or found.deleted_at:
        raise Refused("tag_unknown", "tags")
    return found.name


async def _own(connection: Connection, actor: Actor, network: UUID, tag: UUID, deleted: bool = False) -> Tag:
    """The network's own tag; another network's is not found."""
    actor.must_manage(network)
    found = await store.lock(connection, tag)
    if found.network_id != network or (found.deleted_at and not deleted) or found.merged_into_id:
        raise NotFound("tag_id", tag)
    return found


def _must_manage(actor: Actor, network: UUID, noun: str, wanted: UUID) -> None:
    if network not in actor.sees:
        raise NotFound(noun, wanted)
    actor.must_manage(network)


def _checked(form: TagForm) -> TagForm:
    problems: forms.Problems = []
    name = " ".join(form.name.split())
    forms.text(problems, "name", name, NAME_MAX)
    for field, value, known in (("colour", form.colour, COLOURS), ("icon", form.icon, ICONS)):
        if value not in known:
            problems.append((field, "value_unknown", {"message": value[:40]}))
    if problems:
        raise Invalid(problems)
    return msgspec.structs.replace(form, name=name)


def _told(tag: Tag) -> dict[str, str]:
    return {"name": tag.name, "colour": tag.colour, "icon": tag.icon}
