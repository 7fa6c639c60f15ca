"""What a network's own system calls an organisation: told, told otherwise, or taken back."""

from uuid import UUID

from crm.actor import Actor
from crm.context import Context
from crm.errors import Refused
from crm.store import audit, external_refs, member_identities

SCOPE = "members"
LONGEST = 100
OWN = "scim:"  # begins the names that we make up ourselves where a system gives none; never shown


async def tell(context: Context, actor: Actor, network: UUID, organisation: UUID, name: str | None) -> None:
    """From now on it is called so there, and nothing else (None: it has no name there).

    ScopeMissing, NotFound; Refused `external_id_taken` when the name leads to somebody else.
    """
    async with context.db.tx() as connection:
        actor.must_write(network, SCOPE)
        await member_identities.lock(connection)
        if name is not None:
            known = await member_identities.called(connection, network, [name])
            if known.get(name, organisation) != organisation:
                raise Refused("external_id_taken", "externalId")
        if await external_refs.rename(connection, network, organisation, name):
            detail = {"name": name or ""}
            await audit.append(connection, actor, "external_id_told", detail, network, organisation)
