"""Where an organisation's invoices go: e-mail or e-invoice address, reference, language, postal address."""

import re
from uuid import UUID

import msgspec

from crm import forms
from crm.actor import Actor
from crm.context import Context
from crm.database import Connection
from crm.errors import Forbidden, Invalid, NotFound
from crm.store import audit, billing
from crm.store.billing import Details

PEPPOL_ID = re.compile(r"[0-9]{4}:[A-Za-z0-9._-]{1,50}")

__all__ = ["Details", "change", "show"]


async def show(context: Context, actor: Actor, organisation: UUID) -> tuple[str, Details]:
    """(name, details) of who may be billed here; empty where nothing is known. NotFound and Forbidden as `change`."""
    async with context.db.tx() as connection:
        await _own(connection, actor, organisation)
        return await billing.known(connection, organisation)


async def change(context: Context, actor: Actor, organisation: UUID, wanted: Details) -> Details:
    """Replace what was known. Invalid names every wrong field; NotFound and Forbidden as for its memberships."""
    wanted = Details(**{name: value.strip() for name, value in msgspec.structs.asdict(wanted).items()})
    _check(wanted)
    async with context.db.tx() as connection:
        networks = await _own(connection, actor, organisation)
        _, before = await billing.known(connection, organisation)
        await billing.store(connection, organisation, wanted)
        told = {"email": before.email or wanted.email, "changes": audit.changes(before, wanted)}
        network = next(iter(sorted(networks & actor.manages, key=str)), None)  # None: it says so itself
        await audit.append(connection, actor, "billing_changed", told, network, organisation, organisation)
    return wanted


async def _own(connection: Connection, actor: Actor, organisation: UUID) -> frozenset[UUID]:
    """The networks it or a unit of it is or was a member of, if the actor manages one of them or runs it."""
    networks = await billing.networks_of(connection, organisation)
    if organisation in actor.runs:
        return networks
    if not networks & actor.manages:
        raise Forbidden if networks & actor.sees else NotFound("organisation_id", organisation)
    return networks


def _check(wanted: Details) -> None:
    problems: forms.Problems = []
    if wanted.email:
        forms.email(problems, "email", wanted.email)
    for field, most in (
        ("name", forms.NAME_MAX),
        ("buyer_reference", forms.SHORT_MAX),
        ("street", forms.NAME_MAX),
        ("postal_code", forms.SHORT_MAX),
        ("city", forms.SHORT_MAX),
    ):
        forms.text(problems, field, getattr(wanted, field), most, required=False)
    if wanted.peppol_id and not PEPPOL_ID.fullmatch(wanted.peppol_id):
        problems.append(("peppol_id", "peppol_id_format", {}))
    if problems:
        raise Invalid(problems)
