"""Forget a person: a contact or an account, by who decides about its people, or oneself (GDPR 17). And back again.

What goes, goes in one transaction, and partners are told with it; what the law wants kept is named on the receipt.
Organisations are never forgotten: they are no persons, and their history is others' history, too.
"""

from uuid import UUID

import msgspec

from crm import forms, roles
from crm.actor import Actor
from crm.context import Context
from crm.database import Connection
from crm.errors import Forbidden, Invalid, NotFound, Refused
from crm.store import accounts, audit, erasures, people
from crm.store.accounts import Held
from crm.store.erasures import Kept, Person

HIMSELF = "the person"  # by whom, on the receipt of one's own account: the name is gone


class Looked(msgspec.Struct, frozen=True):
    """Who would be forgotten, where they stand (rows by kind), and what stays."""

    name: str
    email: str
    done: dict[str, int]
    kept: tuple[Kept, ...]


async def look(context: Context, actor: Actor, organisation: UUID, contact: UUID) -> Looked:
    """What forgetting a contact would do; nothing is stored. NotFound, Forbidden."""
    async with context.db.tx() as connection:
        return await _looked(connection, await _contact(connection, actor, organisation, contact), {"contacts": 1})


async def look_account(context: Context, actor: Actor, account: UUID) -> Looked:
    """What forgetting an account would do; nothing is stored. NotFound, Forbidden."""
    async with context.db.tx() as connection:
        who, held = await _account(connection, actor, account)
        contacts = len(await erasures.contacts_of(connection, who.email))
        return await _looked(connection, who, {"roles": len(held), "contacts": contacts})


async def erase_contact(context: Context, actor: Actor, organisation: UUID, contact: UUID, reason: str = "") -> UUID:
    """Forget a contact of an organisation; the receipt's id. NotFound (also the second time), Forbidden, Invalid."""
    problems: forms.Problems = []
    forms.text(problems, "reason", reason, forms.NOTE_MAX, required=False)
    if problems:
        raise Invalid(problems)
    async with context.db.tx() as connection:
        who = await _contact(connection, actor, organisation, contact)
        new, done = await _forget(connection, context, who, reason.strip(), actor.name)
        detail = {"about": "contact", "done": done}
        await audit.append(connection, actor, "person_erased", detail, None, organisation, new)
    return new


async def erase_account(context: Context, account: UUID) -> UUID:
    """Forget oneself: the account with every way to sign in, its roles, and the same address as a contact.

    The receipt's id. NotFound; Refused `last_manager` where nobody else would decide about a host or a network.
    """
    async with context.db.tx() as connection:
        return await _erase_account(connection, context, account, "", Actor(HIMSELF, "web"))


async def erase_person(context: Context, actor: Actor, account: UUID, reason: str = "") -> UUID:
    """The same for somebody else, by who decides about every place in which they have a role, and with a reason.

    NotFound, Forbidden; Invalid; Refused `last_manager`.
    """
    problems: forms.Problems = []
    forms.text(problems, "reason", reason, forms.NOTE_MAX)
    if problems:
        raise Invalid(problems)
    async with context.db.tx() as connection:
        await _account(connection, actor, account)
        return await _erase_account(connection, context, account, reason.strip(), actor)


async def let_return(context: Context, actor: Actor, email: str, note: str) -> int:
    """Somebody who was forgotten has agreed anew to be stored, and `note` says how; of how many receipts that is said.

    0: there was nobody of that address, or it was said before. Invalid; Forbidden for who manages nothing.
    """
    problems: forms.Problems = []
    forms.email(problems, "email", email)
    forms.text(problems, "note", note, forms.NOTE_MAX)
    if problems:
        raise Invalid(problems)
    if not actor.manages:
        raise Forbidden
    async with context.db.tx() as connection:
        now = context.clock.now()
        done = await erasures.returned(connection, email, "told", note.strip(), actor.name, now)
        if done:
            await audit.append(connection, actor, "person_returned", {"receipts": done})
    return done


async def _erase_account(connection: Connection, context: Context, account: UUID, reason: str, by: Actor) -> UUID:
    found = await accounts.get(connection, account)
    if found is None:
        raise NotFound("account", account)
    held = await accounts.held(connection, account)
    for each in held:
        kind = roles.PLACES[each.role]
        await accounts.take_role(connection, account, kind, each.place)
        if kind != "organisation" and not await people.somebody_runs(connection, kind, each.place):
            raise Refused("last_manager", "account")
    done: dict[str, int] = {}
    for who in await erasures.contacts_of(connection, found.email):
        _, each_done = await _forget(connection, context, who, reason, by.name)
        done = {kind: done.get(kind, 0) + each_done.get(kind, 0) for kind in {*done, *each_done}}
    who = Person(account, None, found.name, found.email)
    now = context.clock.now()
    rest = await erasures.blank(connection, [who], now)
    stays = await erasures.kept(connection, who)
    await erasures.remove_account(connection, account)
    told = {**rest, "contacts": done.get("contacts", 0), "roles": len(held)}
    told = {kind: count for kind, count in told.items() if count}
    new = await erasures.receipt(connection, who, told, stays, reason, by.name, now)
    await audit.append(connection, by, "person_erased", {"about": "account", "done": told}, None, None, new)
    return new


async def _looked(connection: Connection, who: Person, first: dict[str, int]) -> Looked:
    stays = await erasures.kept(connection, who)
    found = {**first, **await erasures.found(connection, who)}
    return Looked(who.name, who.email, {kind: count for kind, count in found.items() if count}, tuple(stays))


async def _forget(
    connection: Connection, context: Context, who: Person, reason: str, by: str
) -> tuple[UUID, dict[str, int]]:
    now = context.clock.now()
    stays = await erasures.kept(connection, who)
    done = await erasures.blank(connection, [who], now) | {"contacts": 1}
    await erasures.remove_contacts(connection, [who])
    return await erasures.receipt(connection, who, done, stays, reason, by, now), done


async def _contact(connection: Connection, actor: Actor, organisation: UUID, wanted: UUID) -> Person:
    if organisation not in actor.runs:
        networks = await people.networks_of(connection, organisation)
        if not networks & actor.manages:
            if organisation in actor.acts_for or networks & actor.sees:
                raise Forbidden
            raise NotFound("organisation", organisation)
    who = await erasures.contact(connection, organisation, wanted)
    if who is None:
        raise NotFound("contact", wanted)
    return who


async def _account(connection: Connection, actor: Actor, wanted: UUID) -> tuple[Person, list[Held]]:
    """An account, all of whose places the actor decides about. NotFound where they may not know of it."""
    found = await accounts.get(connection, wanted)
    held = await accounts.held(connection, wanted) if found else []
    if found is None or not held:
        raise NotFound("person", wanted)
    decided = [await _decides(connection, actor, each) for each in held]
    if all(decided):
        return Person(wanted, None, found.name, found.email), held
    raise Forbidden if any(decided) else NotFound("person", wanted)


async def _decides(connection: Connection, actor: Actor, held: Held) -> bool:
    kind = roles.PLACES[held.role]
    if kind == "network":
        return held.place in actor.manages
    if kind == "host":
        return held.place in actor.hosts
    return held.place in actor.runs or bool(await people.networks_of(connection, held.place) & actor.manages)
