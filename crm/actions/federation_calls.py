"""What other systems ask of us (docs/federation.md): each question is signed, about one agreement, and answered signed.

Each register is taken in in a transaction of its own: one that cannot be taken holds up no other (F15).
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import msgspec

from cluster_rules import federated_terms, federation, reconciliation
from cluster_rules.errors import RuleViolation
from cluster_rules.federated_terms import Terms
from cluster_rules.federation import Register, Shown
from crm import catalogue, faults
from crm.catalogue import Catalogue
from crm.context import Context
from crm.errors import NotFound, Unauthenticated
from crm.gateways import federation as peers
from crm.gateways import outgoing
from crm.gateways.webhooks import SECRET_BYTES, new_secret
from crm.store import audit, federation_inbox, federation_news, limits
from crm.store import federation as agreements
from crm.store import federation_registers as registers
from crm.store.federation import Agreement, PeerNetwork

MOST_TAKEN = 500  # registers in one message
MOST_IN_BUCKET = 2000
SECRET_LENGTH_MAX = 120
TRIES, TRIES_SECONDS = 30, 600  # looks at invitations from one place


class Messages(msgspec.Struct, frozen=True):
    """Registers of theirs, and what they have of ours."""

    messages: list[Register] = []
    copies: list[Shown] = []


class Invitation(msgspec.Struct, frozen=True):
    """What an invitation says: who invites, and which levels members may have there. `terms` as far as proposed."""

    agreement: str
    instance: str
    url: str
    network: PeerNetwork
    levels: list[dict[str, Any]]
    fields: list[str]
    expires_at: datetime


class Acceptance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the invited side answers: who it is, what it proposes, and the secret that signs what it will send."""

    token: str
    instance: str
    url: str
    network: PeerNetwork
    terms: Terms
    secret: str


class Accepted(msgspec.Struct, frozen=True):
    """The inviting side's answer: the agreement's code, and the secret that signs what it will send."""

    agreement: str
    instance: str
    secret: str


async def discover(context: Context) -> dict[str, Any]:
    """What anybody may know of this system: that it speaks the protocol, as whom, and what its clock says."""
    async with context.db.tx() as connection:
        name = await agreements.instance(connection)
    now = context.clock.now()
    return {
        "protocol": federation.PROTOCOL,
        "instance": name,
        "api": context.settings.base_url + peers.PATH,
        "now": now.isoformat(timespec="seconds"),
        "most_registers": MOST_TAKEN,
    }


async def opened(context: Context, code: str, call: str, headers: Mapping[str, str], body: bytes) -> Agreement:
    """The agreement that a question is about, when the other system has signed it. Unauthenticated.

    An agreement that is not there and one that somebody else asks about are answered alike.
    """
    async with context.db.tx() as connection:
        found = await agreements.find(connection, code)
    now = context.clock.now()
    if found is None or not peers.genuine(found.peer_keys(now), headers, body, now):
        raise Unauthenticated
    said = msgspec.json.decode(body, type=dict[str, Any])
    if (said.get("agreement"), said.get("call")) != (code, call):
        raise Unauthenticated
    async with context.db.tx() as connection:
        await agreements.change(connection, found.id, heard_at=now, next_try_at=None)
    return found


def signed(context: Context, agreement: Agreement, message: str, answer: bytes) -> dict[str, str]:
    """The headers of the answer to a question."""
    now = context.clock.now()
    return peers.headers_of(agreement.keys(now), message, now, answer)


async def messages(context: Context, agreement: Agreement, message: str, said: Messages) -> dict[str, Any]:
    """Take registers in, one at a time; what they have of ours may make us say again what holds."""
    if len(said.messages) + len(said.copies) > MOST_TAKEN:
        raise RuleViolation("too_many_registers", "messages", limit=MOST_TAKEN)
    today, now = await _today(context, agreement), context.clock.now()
    results, again = [], []
    for each in said.messages:
        async with context.db.tx() as connection:
            taken = await federation_inbox.take(connection, agreement.code, each, message, today, now)
            faults.point("federation_taken")
        results.append(msgspec.to_builtins(taken))
    for copy in said.copies:
        async with context.db.tx() as connection:
            actor = agreement.actor
            register = await federation_inbox.reassert(connection, agreement.code, copy, actor, today, now)
        if register:
            again.append(msgspec.to_builtins(register))
    return {"results": results, "registers": again}


async def digest(context: Context, agreement: Agreement) -> dict[str, Any]:
    """The digest of everything we have of this agreement."""
    async with context.db.tx() as connection:
        found = reconciliation.digest(await registers.shown(connection, agreement.id))
    return {"digest": msgspec.to_builtins(found)}


async def buckets(context: Context, agreement: Agreement, wanted: list[str]) -> dict[str, Any]:
    """All registers of some buckets, read at one moment; `complete` says that none is missing."""
    out: dict[str, Any] = {}
    async with context.db.tx(isolation="repeatable_read", readonly=True) as connection:
        for at in sorted(set(wanted))[: reconciliation.BUCKETS]:
            found = list((await registers.bucket(connection, agreement.id, agreement.code, at)).values())
            told = msgspec.to_builtins(found[:MOST_IN_BUCKET])
            out[at] = {"complete": len(found) <= MOST_IN_BUCKET, "registers": told}
    return {"buckets": out}


async def heartbeat(context: Context, agreement: Agreement, theirs: str) -> dict[str, Any]:
    """Our digest in short; when it is theirs, both know it, and every lease begins anew here too."""
    async with context.db.tx() as connection:
        mine = reconciliation.digest(await registers.shown(connection, agreement.id)).hash
    if mine == theirs:
        today = await _today(context, agreement)
        async with context.db.tx() as connection:
            values = {"matched_on": today, "matched_at": context.clock.now()}
            await agreements.change(connection, agreement.id, **values)
    return {"digest": mine, "standing": agreement.standing}


async def keys(context: Context, agreement: Agreement, secret: str) -> dict[str, Any]:
    """A new secret for what they send; the one before counts for two more days. The same again changes nothing."""
    check_secret(secret)
    async with context.db.tx() as connection:
        found = await agreements.one(connection, agreement.code, lock=True)
        if secret != found.peer_secret:
            until = context.clock.now() + agreements.OVERLAP
            values = {"peer_secret": secret, "old_peer_secret": found.peer_secret, "old_peer_secret_until": until}
            await agreements.change(connection, found.id, **values)
            detail = {"agreement": found.code}
            await audit.append(connection, found.actor, "federation_key", detail, found.network_id, None, found.id)
    return {}


async def look(context: Context, place: str, token: str) -> Invitation:
    """What an invitation says, to whoever has its link. NotFound when it is none or has expired; TooMany."""
    async with context.db.tx() as connection:
        await limits.hit(connection, f"federation {limits.site_of(place)}", TRIES, TRIES_SECONDS)
        found = await _invited(connection, context, token)
        kept = await catalogue.load(connection)
        own = kept.by_id[found.network_id]
        book = kept.book(own.slug, context.clock.today(own.zone))
        network = network_of(kept, found)
        levels = [{"code": t.code, "names": dict(t.names)} for t in book.tiers]
        name = await agreements.instance(connection)
        expires = found.invite_expires_at or context.clock.now()
    url = context.settings.base_url
    return Invitation(found.code, name, url, network, levels, list(federated_terms.FIELDS), expires)


async def accept(context: Context, said: Acceptance) -> Accepted:
    """The invited side proposes the terms, and secrets are exchanged. The same system may ask again and hears the same.

    NotFound for a token that is none, has expired or was used by another system; RuleViolation about the terms.
    """
    check_secret(said.secret)
    federated_terms.check(said.terms)
    try:
        outgoing.check(outgoing.rules_from(context.settings), said.url)
    except outgoing.AddressRefused as error:
        raise RuleViolation(error.code, "url", given=error.given) from error
    async with context.db.tx() as connection:
        found = await _invited(connection, context, said.token, lock=True)
        if found.peer_instance not in ("", said.instance) or found.standing not in ("draft", "proposed"):
            raise NotFound("token", "")
        kept = await catalogue.load(connection)
        own = kept.by_id[found.network_id]
        book = kept.book(own.slug, context.clock.today(own.zone))
        for level in said.terms.levels:
            if book.tier(level.source) is None:
                raise RuleViolation("tier_unknown", "terms.levels", tier=level.source, network=own.slug)
        values: dict[str, Any] = {
            "peer_instance": said.instance,
            "peer_url": said.url.rstrip("/"),
            "peer_network": said.network,
            "peer_secret": said.secret,
            "terms": said.terms,
            "secret": found.secret or new_secret(),
        }
        await agreements.change(connection, found.id, **values)
        if found.standing == "draft" and not found.peer_instance:
            await federation_news.tell(connection, await agreements.one(connection, found.code), "answered")
        detail = {"agreement": found.code, "with": said.url}
        actor = msgspec.structs.replace(found, peer_network=said.network, peer_url=said.url).actor
        await audit.append(connection, actor, "federation_answered", detail, found.network_id, None, found.id)
        return Accepted(found.code, await agreements.instance(connection), values["secret"])


def network_of(kept: Catalogue, agreement: Agreement) -> PeerNetwork:
    """Our network as we tell of it."""
    own = kept.by_id[agreement.network_id]
    return PeerNetwork(own.slug, own.names, own.short, own.host_name, own.website, own.time_zone)


def check_secret(secret: str) -> None:
    """RuleViolation `secret_wrong` unless it is one as Standard Webhooks writes it, and long enough."""
    try:
        strong = len(secret) <= SECRET_LENGTH_MAX and len(peers.secret_of(secret)) >= SECRET_BYTES
    except ValueError:
        strong = False
    if not strong:
        raise RuleViolation("secret_wrong", "secret")


async def _invited(connection: Any, context: Context, token: str, lock: bool = False) -> Agreement:
    found = await agreements.invited(connection, token, lock)
    if found is None or not found.invite_expires_at or found.invite_expires_at <= context.clock.now():
        raise NotFound("token", "")
    return found


async def _today(context: Context, agreement: Agreement) -> date:
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
    return context.clock.today(kept.by_id[agreement.network_id].zone)
