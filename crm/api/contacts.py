"""Who speaks for a member, for programs that manage a network of it. Forgetting a person is for people alone."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from crm import forms
from crm.actions import contacts as actions
from crm.api.operations import Call, Nothing, Operation
from crm.api.shapes import Answer
from crm.errors import NotFound
from crm.i18n import N_
from crm.reads import contacts as reads

TAG = N_("Organisations")
OF_MEMBER = "/organisations/{organisation_id}/contacts"
ONE = "/organisations/{organisation_id}/contacts/{contact_id}"


class ContactPerson(Answer, frozen=True):
    """A person who speaks for an organisation; `main`: who its mails go to."""

    id: UUID
    name: str
    email: str
    role: str
    language: str
    main: bool
    communication: bool
    created_at: datetime


class ContactPersons(Answer, frozen=True):
    """All of an organisation's: the main one first, then the newest."""

    items: list[ContactPerson]


class ContactPersonForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole of what is told of a person. The first one is the main one; another becomes it by `main`."""

    name: Annotated[str, Meta(max_length=forms.NAME_MAX)]
    email: Annotated[str, Meta(max_length=254)]
    role: Annotated[str, Meta(max_length=forms.SHORT_MAX)] = ""
    language: Literal["nb", "en"] = "nb"
    main: bool = False
    communication: bool = False


async def show(call: Call[Nothing, None]) -> ContactPersons:
    wanted = call.id("organisation_id")
    await actions.must_know(call.context, call.actor, wanted)
    async with call.context.db.reading(call.actor.manages) as connection:
        found = await reads.of_organisation(connection, wanted)
    return ContactPersons([_person(each) for each in found])


async def add(call: Call[Nothing, ContactPersonForm]) -> ContactPerson:
    wanted = call.id("organisation_id")
    return await _one(call, wanted, await actions.add(call.context, call.actor, wanted, _told(call.body)))


async def change(call: Call[Nothing, ContactPersonForm]) -> ContactPerson:
    wanted, contact = call.id("organisation_id"), call.id("contact_id")
    await actions.change(call.context, call.actor, wanted, contact, _told(call.body))
    return await _one(call, wanted, contact)


def _told(form: ContactPersonForm) -> actions.Person:
    return actions.Person(**msgspec.structs.asdict(form))


async def _one(call: Call[Any, Any], organisation: UUID, contact: UUID) -> ContactPerson:
    async with call.context.db.reading(call.actor.manages) as connection:
        found = await reads.one(connection, organisation, contact)
    if found is None:
        raise NotFound("contact_id", contact)
    return _person(found)


def _person(found: reads.Contact) -> ContactPerson:
    return ContactPerson(**msgspec.structs.asdict(found))


_EXAMPLE = {"name": "Kari Nordmann", "email": "kari@fjellheim.example", "role": "CEO", "main": True}

operations = (
    Operation(
        id="list_contacts",
        method="GET",
        path=OF_MEMBER,
        tag=TAG,
        summary=N_("Contact persons of a member"),
        description=N_("Only for keys that manage a network it is a member of."),
        answer=ContactPersons,
        run=show,
    ),
    Operation(
        id="add_contact",
        method="POST",
        path=OF_MEMBER,
        tag=TAG,
        summary=N_("Add a contact person"),
        body=ContactPersonForm,
        answer=ContactPerson,
        status=201,
        example=_EXAMPLE,
        run=add,
    ),
    Operation(
        id="change_contact",
        method="POST",
        path=ONE,
        tag=TAG,
        summary=N_("Change a contact person"),
        description=N_("All of it: what is left out is as for a new one. A main one stays it until another one is."),
        body=ContactPersonForm,
        answer=ContactPerson,
        example=_EXAMPLE,
        run=change,
    ),
)
