"""Receiving side: which organisation an offer's key stands for here, and what our decision register says of it.

What people here answer on the link rule is our decision; the register follows in the transaction of the answer.
"""

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import msgspec

from cluster_rules import federation, mirrors
from cluster_rules.federation import Register
from cluster_rules.memberships import Facts
from crm.catalogue import Catalogue, NetworkRow
from crm.database import Connection
from crm.store import federation as agreements
from crm.store import federation_registers as registers
from crm.store.federation import Agreement


class Link(msgspec.Struct, frozen=True):
    """Which organisation a key stands for; None while a person must say (`held` is why)."""

    key: str
    organisation_id: UUID | None
    held: str
    stale: bool


async def link(connection: Connection, agreement: UUID, key: str) -> Link | None:
    """Whom a key stands for here; None when nothing was offered under it."""
    row = await connection.fetchrow(
        "select key, organisation_id, held, stale from federated_link where agreement_id = $1 and key = $2",
        agreement,
        key,
    )
    return Link(**dict(row)) if row else None


async def links(connection: Connection, agreement: UUID) -> list[Link]:
    """All of them."""
    rows = await connection.fetch(
        "select key, organisation_id, held, stale from federated_link where agreement_id = $1 order by key", agreement
    )
    return [Link(**dict(row)) for row in rows]


async def point(connection: Connection, agreement: UUID, key: str, organisation: UUID | None, held: str = "") -> None:
    """A key stands for an organisation, or a person has to say for which."""
    await connection.execute(
        "insert into federated_link (id, agreement_id, key, organisation_id, held, stale, made_at)"
        " values ($1, $2, $3, $4, $5, false, now()) on conflict (agreement_id, key) do update"
        " set organisation_id = excluded.organisation_id, held = excluded.held",
        uuid4(),
        agreement,
        key,
        organisation,
        held,
    )


async def applied_on(connection: Connection, agreement: UUID, key: str) -> date | None:
    """The day an offer was last applied; its lease runs from there, or from the last comparison."""
    return await connection.fetchval(
        "select applied_on from federated_register where agreement_id = $1 and key = $2 and register = 'offer'",
        agreement,
        key,
    )


async def set_stale(connection: Connection, agreement: UUID, key: str, stale: bool) -> None:
    """A link's lease ran out, or runs again."""
    await connection.execute(
        "update federated_link set stale = $3 where agreement_id = $1 and key = $2", agreement, key, stale
    )


async def decide(
    connection: Connection, kept: Catalogue, agreement: Agreement, key: str, facts: Facts, today: date
) -> None:
    """Receiving side: our decision register says what the answers on the link rule say."""
    found = await link(connection, agreement.id, key)
    mirror = mirror_of(kept, agreement)
    offer = await registers.locked(connection, agreement.id, agreement.code, ("offer", key))
    if offer is None or offer.state != "offered" or mirror is None or found is None or not found.organisation_id:
        return
    own = await registers.locked(connection, agreement.id, agreement.code, ("decision", key))
    rules = mirrors.federated(kept.rulebooks, mirror.slug, agreement.code)
    said = [
        a
        for a in facts.answers
        if (a.organisation, a.source) == (found.organisation_id, mirror.slug) and a.rule in rules
    ]
    state, reason = mirrors.word(said, own, agreement.agreed.acceptance == "automatic", today)
    await decide_as(connection, agreement, offer, state, reason, today)


async def answered(
    connection: Connection, kept: Catalogue, organisation: UUID, source: str, facts: Facts, today: date
) -> None:
    """Somebody here has accepted or declined a link: where it comes from another system, that is our decision."""
    network = kept.by_slug[source]
    if not network.instance:
        return
    rows = await connection.fetch(
        "select a.code, l.key from federated_link l join federated_agreement a on a.id = l.agreement_id"
        " where a.mirror_id = $1 and a.side = 'receiving' and l.organisation_id = $2",
        network.id,
        organisation,
    )
    for row in rows:
        agreement = await agreements.one(connection, row["code"])
        await decide(connection, kept, agreement, row["key"], facts, today)


def mirror_of(kept: Catalogue, agreement: Agreement) -> NetworkRow | None:
    """Their network as it stands here; None before the agreement was ever active."""
    return kept.by_id.get(agreement.mirror_id) if agreement.mirror_id else None


async def taken(connection: Connection, agreement: UUID, key: str, organisation: UUID) -> bool:
    """Does another offer under this agreement stand for the same organisation already?"""
    return await connection.fetchval(
        "select exists (select from federated_link l join federated_register r on r.agreement_id = l.agreement_id"
        " and r.key = l.key and r.register = 'offer' and r.state = 'offered'"
        " where l.agreement_id = $1 and l.organisation_id = $2 and l.key <> $3)",
        agreement,
        organisation,
        key,
    )


async def decide_as(
    connection: Connection, agreement: Agreement, offer: Register, state: str, reason: str, today: date
) -> None:
    """The register says this about the offer as we have it; the same once more changes nothing."""
    own = await registers.locked(connection, agreement.id, agreement.code, ("decision", offer.key))
    system = await agreements.instance(connection)
    body: dict[str, Any] = {"reason": reason} if reason else {}
    new = federation.decision(own, offer, system, state, body)
    if new != own:
        await registers.write(connection, agreement.id, new, today)
