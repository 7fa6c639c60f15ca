"""A network's custom fields and a member's answers, for programs that manage the network."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from crm.actions import custom_fields as actions
from crm.actions.custom_fields import FieldForm
from crm.api.operations import Call, Nothing, Operation
from crm.api.shapes import Answer
from crm.api.tags import TAG, Deleted
from crm.custom_values import MOST_FIELDS, Choice, Definition
from crm.errors import NotFound
from crm.i18n import N_
from crm.reads import custom_fields as reads
from crm.reads import tags as tag_reads

OF_NETWORK = "/networks/{slug}/custom-fields"
ONE = "/networks/{slug}/custom-fields/{field_id}"
OF_MEMBER = "/memberships/{membership_id}/fields"


class CustomField(Answer, frozen=True):
    """A question of the network's own. `sees`: office, member (its own people too) or directory (everybody)."""

    id: UUID
    code: str
    names: dict[str, str]
    kind: str
    required: bool
    sees: str
    choices: list[Choice]


class CustomFields(Answer, frozen=True):
    """All of a network's, in their order."""

    items: list[CustomField]


class AnswersForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Answers by code; null takes one away, what is not named stays.

    text, day (2026-11-22) and choice (its code): text; number: a number or its text; money: minor units of the
    network's currency; yes_no: true or false; choices: a list of codes.
    """

    values: Annotated[dict[str, Any], Meta(max_length=MOST_FIELDS)]


class Answers(Answer, frozen=True):
    """What is known of a member, by the field's code; what has no answer is not there. Numbers are text, exact."""

    membership_id: UUID
    values: dict[str, Any]


async def show(call: Call[Nothing, None]) -> CustomFields:
    async with call.context.db.reading(call.actor.manages) as connection:
        network = await call.managed(connection)
        return CustomFields([_field(each) for each in await reads.of_network(connection, network.id)])


async def create(call: Call[Nothing, FieldForm]) -> CustomField:
    network = (await call.managed()).id
    return await _one(call, network, await actions.create(call.context, call.actor, network, call.body))


async def change(call: Call[Nothing, FieldForm]) -> CustomField:
    network, wanted = (await call.managed()).id, call.id("field_id")
    await actions.change(call.context, call.actor, network, wanted, call.body)
    return await _one(call, network, wanted)


async def delete(call: Call[Nothing, Any]) -> Deleted:
    network, wanted = (await call.managed()).id, call.id("field_id")
    await actions.delete(call.context, call.actor, network, wanted)
    return Deleted(wanted)


async def of_member(call: Call[Nothing, None]) -> Answers:
    return await _of_member(call, call.id("membership_id"))


async def put(call: Call[Nothing, AnswersForm]) -> Answers:
    wanted = call.id("membership_id")
    await actions.answer(call.context, call.actor, wanted, call.body.values)
    return await _of_member(call, wanted)


async def _one(call: Call[Any, Any], network: UUID, field: UUID) -> CustomField:
    async with call.context.db.reading(call.actor.manages) as connection:
        listed = await reads.of_network(connection, network)
    found = next((each for each in listed if each.id == field), None)
    if found is None:
        raise NotFound("field_id", field)
    return _field(found)


async def _of_member(call: Call[Any, Any], membership: UUID) -> Answers:
    async with call.context.db.reading(call.actor.manages) as connection:
        network = await tag_reads.network_of(connection, membership)
        if network is None or network not in call.actor.manages:
            raise NotFound("membership_id", membership)
        fields = await reads.of_network(connection, network)
        return Answers(membership, await reads.of_membership(connection, membership, fields))


def _field(field: Definition) -> CustomField:
    return CustomField(field.id, field.code, field.names, field.kind, field.required, field.sees, list(field.choices))


_EXAMPLE = {
    "code": "sector",
    "names": {"nb": "Sektor", "en": "Sector"},
    "kind": "choice",
    "choices": [{"code": "energy", "names": {"nb": "Energi", "en": "Energy"}}],
}

operations = (
    Operation(
        id="list_custom_fields",
        method="GET",
        path=OF_NETWORK,
        tag=TAG,
        summary=N_("Fields of a network's own"),
        description=N_("Only for keys that manage the network."),
        answer=CustomFields,
        run=show,
    ),
    Operation(
        id="create_custom_field",
        method="POST",
        path=OF_NETWORK,
        tag=TAG,
        summary=N_("Make a field"),
        description=N_("Kinds: text, number, money, day, yes_no, choice, choices. Kind and code never change."),
        body=FieldForm,
        answer=CustomField,
        status=201,
        example=_EXAMPLE,
        run=create,
    ),
    Operation(
        id="change_custom_field",
        method="POST",
        path=ONE,
        tag=TAG,
        summary=N_("Change a field"),
        description=N_("An answer that members gave cannot be taken out of the choices."),
        body=FieldForm,
        answer=CustomField,
        example=_EXAMPLE,
        run=change,
    ),
    Operation(
        id="delete_custom_field",
        method="DELETE",
        path=ONE,
        tag=TAG,
        summary=N_("Delete a field"),
        answer=Deleted,
        run=delete,
    ),
    Operation(
        id="show_member_fields",
        method="GET",
        path=OF_MEMBER,
        tag=TAG,
        summary=N_("A member's answers"),
        answer=Answers,
        run=of_member,
    ),
    Operation(
        id="set_member_fields",
        method="POST",
        path=OF_MEMBER,
        tag=TAG,
        summary=N_("Answer for a member"),
        description=N_("All answers that are sent are kept, or none: each that is wrong is named with its rule."),
        body=AnswersForm,
        answer=Answers,
        example={"values": {}},
        run=put,
    ),
)
