"""Forget a person: a contact, as the organisation's administrator or a manager of its network says; oneself (GDPR 17).

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
        who = await _contact(connection, actor, organisation, contact)
        stays = await erasures.kept(connection, who)
        return Looked(who.name, who.email, await erasures.found(connection, who), tuple(stays))


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
            _, each_done = await _forget(connection, context, who, "", HIMSELF)
            done = {kind: done.get(kind, 0) + each_done.get(kind, 0) for kind in {*done, *each_done}}
        who = Person(account, None, found.name, found.email)
        now = context.clock.now()
        rest = await erasures.blank(connection, who, now)
        stays = await erasures.kept(connection, who)
        await erasures.remove_account(connection, account)
        told = {**rest, "contacts": done.get("contacts", 0), "roles": len(held)}
        told = {kind: count for kind, count in told.items() if count}
        new = await erasures.receipt(connection, who, told, stays, "", HIMSELF, now)
        by = Actor(HIMSELF, "web")
        await audit.append(connection, by, "person_erased", {"about": "account", "done": told}, None, None, new)
    return new


async def _forget(
    connection: Connection, context: Context, who: Person, reason: str, by: str
) -> tuple[UUID, dict[str, int]]:
    now = context.clock.now()
    stays = await erasures.kept(connection, who)
    done = await erasures.blank(connection, who, now) | {"contacts": 1}
    await erasures.remove_contact(connection, who)
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
