"""Who is whom: a person's word that two are not the same, and what registers say about sub-units."""

from collections.abc import Mapping
from uuid import UUID

from crm import identifiers
from crm.actor import Actor
from crm.context import Context
from crm.errors import NotFound, Refused
from crm.store import audit, matching


async def keep_apart(context: Context, actor: Actor, one: UUID, other: UUID) -> None:
    """These two are not the same, and are not proposed again. Saying it twice is fine.

    NotFound when the actor manages no network that had to do with either.
    """
    async with context.db.tx() as connection:
        networks = await matching.networks_of(connection, [one, other], actor.manages)
        if not networks:
            raise NotFound("organisation", one)
        if await matching.keep_apart(connection, one, other, actor):
            for network in networks:
                detail = {"one": str(one), "other": str(other)}
                await audit.append(connection, actor, "organisations_kept_apart", detail, network, one)


async def know_main_units(context: Context, actor: Actor, units: Mapping[str, str]) -> int:
    """What the register says: sub-unit -> main unit, as organisation numbers; how many are new or other."""
    checked = {
        identifiers.normalise("no-orgnr", sub, "sub_unit"): identifiers.normalise("no-orgnr", main, "main_unit")
        for sub, main in units.items()
    }
    for sub, main in checked.items():
        if sub == main:
            raise Refused("sub_unit_itself", "main_unit", given=sub)
    async with context.db.tx() as connection:
        changed = await matching.know_main_units(connection, checked)
        if changed:
            await audit.append(connection, actor, "main_units_known", {"units": changed})
        return changed
