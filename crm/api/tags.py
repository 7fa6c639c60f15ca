"""A network's tags and those of a member, for programs that manage the network."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from crm.actions import tags as actions
from crm.actions.tags import TagForm
from crm.api.operations import Call, Nothing, Operation
from crm.api.shapes import Answer
from crm.errors import NotFound
from crm.i18n import N_
from crm.reads import tags as reads

TAG = N_("Tags and fields")
OF_NETWORK = "/networks/{slug}/tags"
ONE = "/networks/{slug}/tags/{tag_id}"
OF_MEMBER = "/memberships/{membership_id}/tags"


class Tag(Answer, frozen=True):
    """One word of a network's vocabulary; `members`: how many memberships have it."""

    id: UUID
    name: str
    colour: str
    icon: str
    members: int
    created_at: datetime


class Tags(Answer, frozen=True):
    """All of a network's, in the order of the alphabet."""

    items: list[Tag]


class MergeForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The tag that its members have instead."""

    into: UUID


class Merged(Answer, frozen=True):
    """`members`: how many have the other tag that did not have it before."""

    into: UUID
    members: int


class Deleted(Answer, frozen=True):
    """It can come back by the pages of the office."""

    id: UUID


class MemberTagsForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All tags a member shall have; the others are taken away."""

    tags: Annotated[list[UUID], Meta(max_length=actions.MOST_TAGS)]


class MemberTag(Answer, frozen=True):
    """A tag a member has."""

    id: UUID
    name: str


class MemberTags(Answer, frozen=True):
    """The tags a member has."""

    membership_id: UUID
    tags: list[MemberTag]


async def show(call: Call[Nothing, None]) -> Tags:
    async with call.context.db.reading(call.actor.manages) as connection:
        network = await call.managed(connection)
        return Tags([_tag(each) for each in await reads.of_network(connection, network.id)])


async def create(call: Call[Nothing, TagForm]) -> Tag:
    network = (await call.managed()).id
    return await _one(call, network, await actions.create(call.context, call.actor, network, call.body))


async def change(call: Call[Nothing, TagForm]) -> Tag:
    network, wanted = (await call.managed()).id, call.id("tag_id")
    await actions.change(call.context, call.actor, network, wanted, call.body)
    return await _one(call, network, wanted)


async def delete(call: Call[Nothing, Any]) -> Deleted:
    network, wanted = (await call.managed()).id, call.id("tag_id")
    await actions.delete(call.context, call.actor, network, wanted)
    return Deleted(wanted)


async def merge(call: Call[Nothing, MergeForm]) -> Merged:
    network = (await call.managed()).id
    moved = await actions.merge(call.context, call.actor, network, call.id("tag_id"), call.body.into)
    return Merged(call.body.into, moved)


async def of_member(call: Call[Nothing, None]) -> MemberTags:
    return await _of_member(call, call.id("membership_id"))


async def put(call: Call[Nothing, MemberTagsForm]) -> MemberTags:
    wanted = call.id("membership_id")
    await actions.put(call.context, call.actor, wanted, call.body.tags)
    return await _of_member(call, wanted)


async def _one(call: Call[Any, Any], network: UUID, tag: UUID) -> Tag:
    async with call.context.db.reading(call.actor.manages) as connection:
        found = await reads.one(connection, network, tag)
    if found is None:
        raise NotFound("tag_id", tag)
    return _tag(found)


async def _of_member(call: Call[Any, Any], membership: UUID) -> MemberTags:
    async with call.context.db.reading(call.actor.manages) as connection:
        network = await reads.network_of(connection, membership)
        if network is None or network not in call.actor.manages:
            raise NotFound("membership_id", membership)
        names = {each.id: each.name for each in await reads.of_network(connection, network)}
        has = await reads.of_membership(connection, membership)
    return MemberTags(membership, [MemberTag(each, names[each]) for each in has])


def _tag(tag: reads.Tag) -> Tag:
    return Tag(tag.id, tag.name, tag.colour, tag.icon, tag.members, tag.created_at)


_EXAMPLE = {"name": "Board", "colour": "accent", "icon": "star"}
_NOBODYS = "00000000-0000-4000-8000-000000000000"

operations = (
    Operation(
        id="list_tags",
        method="GET",
        path=OF_NETWORK,
        tag=TAG,
        summary=N_("Tags of a network"),
        description=N_("Only for keys that manage the network."),
        answer=Tags,
        run=show,
    ),
    Operation(
        id="create_tag",
        method="POST",
        path=OF_NETWORK,
        tag=TAG,
        summary=N_("Make a tag"),
        description=N_("Colours: neutral, accent, info, success, warning, danger. Names are unique, capitals aside."),
        body=TagForm,
        answer=Tag,
        status=201,
        example=_EXAMPLE,
        run=create,
    ),
    Operation(
        id="change_tag",
        method="POST",
        path=ONE,
        tag=TAG,
        summary=N_("Rename a tag"),
        body=TagForm,
        answer=Tag,
        example=_EXAMPLE,
        run=change,
    ),
    Operation(
        id="delete_tag",
        method="DELETE",
        path=ONE,
        tag=TAG,
        summary=N_("Delete a tag"),
        answer=Deleted,
        run=delete,
    ),
    Operation(
        id="merge_tag",
        method="POST",
        path=f"{ONE}/merger",
        tag=TAG,
        summary=N_("Merge a tag into another"),
        body=MergeForm,
        answer=Merged,
        example={"into": _NOBODYS},
        run=merge,
    ),
    Operation(
        id="show_member_tags",
        method="GET",
        path=OF_MEMBER,
        tag=TAG,
        summary=N_("Tags of a member"),
        answer=MemberTags,
        run=of_member,
    ),
    Operation(
        id="set_member_tags",
        method="POST",
        path=OF_MEMBER,
        tag=TAG,
        summary=N_("Set the tags of a member"),
        description=N_("All of them: what is not named is taken away. Sending the same again changes nothing."),
        body=MemberTagsForm,
        answer=MemberTags,
        example={"tags": []},
        run=put,
    ),
)
