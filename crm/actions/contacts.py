"""Contact persons of members, written down by who manages a network of theirs. Forgetting: crm/actions/erasures.py."""

from uuid import UUID

import msgspec

from crm import forms
from crm.actor import Actor
from crm.context import Context
from crm.database import Connection
from crm.errors import Forbidden, Invalid, NotFound
from crm.forms import Problems
from crm.store import audit, billing, contacts, erasures
from crm.store.contacts import Person

__all__ = ["Person", "add", "change", "must_know"]


async def add(context: Context, actor: Actor, organisation: UUID, person: Person) -> UUID:
    """A new contact person; the first one is the main one. NotFound, Forbidden, Invalid, Refused `person_erased`."""
    person = _checked(person)
    async with context.db.tx() as connection:
        network = await _network(connection, actor, organisation)
        await erasures.must_not_be_blocked(connection, person.email, "email")
        await _once(connection, organisation, person, None)
        if await contacts.alone(connection, organisation):
            person = msgspec.structs.replace(person, main=True)
        new = await contacts.put(connection, organisation, None, person)
        detail = {"email": person.email, "who": person.name}
        await audit.append(connection, actor, "contact_added", detail, network, organisation, new)
    return new


async def change(context: Context, actor: Actor, organisation: UUID, wanted: UUID, person: Person) -> None:
    """Tell something else of a contact person. A main one stays it until another one is: `main` false is not heard."""
    person = _checked(person)
    async with context.db.tx() as connection:
        network = await _network(connection, actor, organisation)
        before = await contacts.get(connection, organisation, wanted)
        if before is None:
            raise NotFound("contact", wanted)
        if person.email.lower() != before.email.lower():
            await erasures.must_not_be_blocked(connection, person.email, "email")
        await _once(connection, organisation, person, wanted)
        if before.main or await contacts.alone(connection, organisation, wanted):
            person = msgspec.structs.replace(person, main=True)
        if person == before:
            return
        await contacts.put(connection, organisation, wanted, person)
        detail = {"email": before.email, "who": person.name, "changes": audit.changes(before, person)}
        await audit.append(connection, actor, "contact_changed", detail, network, organisation, wanted)


async def must_know(context: Context, actor: Actor, organisation: UUID) -> None:
    """The actor manages a network of the organisation. NotFound, Forbidden."""
    async with context.db.tx() as connection:
        await _network(connection, actor, organisation)


async def _network(connection: Connection, actor: Actor, organisation: UUID) -> UUID:
    """The network in whose name it is done: the first of the member's that the actor manages."""
    networks = await billing.networks_of(connection, organisation)
    if not networks & actor.manages:
        raise Forbidden if networks & actor.sees else NotFound("organisation_id", organisation)
    return sorted(networks & actor.manages, key=str)[0]


async def _once(connection: Connection, organisation: UUID, person: Person, besides: UUID | None) -> None:
    if await contacts.known(connection, organisation, person.email, besides):
        raise Invalid([("email", "contact_known", {})])


def _checked(person: Person) -> Person:
    told = msgspec.structs.replace(
        person,
        name=" ".join(person.name.split()),
        email=person.email.strip().lower(),
        role=" ".join(person.role.split()),
    )
    problems: Problems = []
    forms.text(problems, "name", told.name, forms.NAME_MAX)
    forms.email(problems, "email", told.email)
    forms.text(problems, "role", told.role, forms.SHORT_MAX, required=False)
    if problems:
        raise Invalid(problems)
    return told
