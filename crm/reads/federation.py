"""Agreements with networks on other systems, as managers see them: how they stand, what is under way, what differs."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from cluster_rules import federation
from cluster_rules.federated_terms import Terms
from cluster_rules.federation import Register
from crm.database import Connection

_COUNTS = """
select a.id, a.code, a.side, a.network_id, a.mirror_id, a.standing, a.terms, a.peer_url, a.peer_network,
    a.invite_expires_at, a.ended_on, a.matched_on, a.matched_at, a.heard_at, a.failing_since, a.failure, a.next_try_at,
    a.skew_seconds, a.reasserted, a.created_at, a.created_by,
    (select count(*) from federated_outbox o where o.agreement_id = a.id and o.refused = '') as waiting,
    (select count(*) from federated_outbox o where o.agreement_id = a.id and o.refused <> '') as refused,
    (select count(*) from federated_link l where l.agreement_id = a.id and l.held <> '') as held,
    (select count(*) from federated_register r where r.agreement_id = a.id and r.disputed) as disputed,
    (select count(*) from federated_register r where r.agreement_id = a.id and r.register = 'offer'
        and r.state = 'offered') as offered
from federated_agreement a where a.network_id = $1 order by a.standing = 'terminated', a.created_at, a.id
"""
_LINKS = """
select k.key, o.id as organisation_id, coalesce(o.name, offer.body -> 'profile' ->> 'name', '') as name, l.held,
    coalesce(l.stale, false) as stale, x.refused, coalesce(x.refused = '', false) as waiting,
    offer.version as offer_version, offer.grant_no as offer_grant, offer.state as offer_state, offer.body as offer_body,
    offer.instance as offer_instance, offer.applied_on, offer.disputed as offer_disputed,
    said.version as said_version, said.grant_no as said_grant, said.state as said_state, said.body as said_body,
    said.instance as said_instance, said.disputed as said_disputed
from (select distinct key from federated_register where agreement_id = $1 and register in ('offer', 'decision')) k
left join federated_register offer on offer.agreement_id = $1 and offer.key = k.key and offer.register = 'offer'
left join federated_register said on said.agreement_id = $1 and said.key = k.key and said.register = 'decision'
left join federated_link l on l.agreement_id = $1 and l.key = k.key
left join federated_outbox x on x.agreement_id = $1 and x.key = k.key
left join organisation o on o.id = coalesce(l.organisation_id, case when $2 = 'granting' then k.key::uuid end)
order by coalesce(l.held, '') = '', coalesce(x.refused, '') = '', name, k.key limit $3
"""


class Listed(msgspec.Struct, frozen=True):
    """An agreement with its figures. `waiting`: registers not confirmed yet; `refused`: that the other side refused."""

    id: UUID
    code: str
    side: str
    network_id: UUID
    mirror_id: UUID | None
    standing: str
    terms: Terms | None
    peer_url: str
    peer_network: dict[str, Any]
    invite_expires_at: datetime | None
    ended_on: date | None
    matched_on: date | None
    matched_at: datetime | None
    heard_at: datetime | None
    failing_since: datetime | None
    failure: str
    next_try_at: datetime | None
    skew_seconds: int | None
    reasserted: int
    created_at: datetime
    created_by: str
    waiting: int
    refused: int
    held: int
    disputed: int
    offered: int
    words: dict[str, Register] = {}


class Linked(msgspec.Struct, frozen=True):
    """One organisation under an agreement: both registers as they are here, and what they add up to today.

    `effective` is the level at which it is a linked member ("" = it is not); `refused`: why the other side does not
    take our register; `waiting`: it has not confirmed it yet.
    """

    key: str
    organisation_id: UUID | None
    name: str
    offer: Register | None
    decision: Register | None
    effective: str
    held: str
    stale: bool
    refused: str
    waiting: bool
    disputed: bool


async def of_network(connection: Connection, network: UUID) -> list[Listed]:
    """Those of a network, the ended ones last."""
    out = []
    for row in await connection.fetch(_COUNTS, network):
        rows = await connection.fetch(
            "select key, register, version, grant_no, instance, state, body from federated_register"
            " where agreement_id = $1 and key = $2",
            row["id"],
            federation.AGREEMENT_KEY,
        )
        words = {each["register"]: Register(row["code"], **dict(each)) for each in rows}
        terms = msgspec.convert(row["terms"], Terms) if row["terms"] else None
        out.append(Listed(**dict(row) | {"terms": terms, "words": words}))
    return out


async def linked(connection: Connection, agreement: Listed, day: date, limit: int) -> list[Linked]:
    """The organisations it reaches, those that need a person first; `day` is today in the network's time zone."""
    rows = await connection.fetch(_LINKS, agreement.id, agreement.side, limit)
    return [_linked(agreement, row, day) for row in rows]


def _linked(agreement: Listed, row: Any, day: date) -> Linked:
    offer, said = _register(agreement.code, row, "offer"), _register(agreement.code, row, "decision")
    days = agreement.terms.lease_days if agreement.terms else federation.LEASE_DAYS
    fresh = offer is not None and federation.fresh(agreement.matched_on, row["applied_on"], day, days)
    standing: Any = agreement.standing
    return Linked(
        row["key"],
        row["organisation_id"],
        row["name"],
        offer,
        said,
        federation.effective(offer, said, standing, day, fresh),
        row["held"] or "",
        row["stale"],
        row["refused"] or "",
        row["waiting"],
        bool(row["offer_disputed"] or row["said_disputed"]),
    )


def _register(code: str, row: Any, kind: Any) -> Register | None:
    name = "said" if kind == "decision" else kind
    if row[f"{name}_version"] is None:
        return None
    told = (row[f"{name}_{part}"] for part in ("version", "grant", "instance", "state", "body"))
    return Register(code, row["key"], kind, *told)
