"""What we ask of other systems: send what has changed, compare digests, put right what differs.

No transaction is open while another system is asked. Everything it answers is taken in by the same rule as what it
sends by itself, and nothing is ever removed because an answer did not name it (F7).
"""

import secrets
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import structlog

from cluster_rules import federation, reconciliation
from cluster_rules.federation import Register, Shown
from cluster_rules.reconciliation import Digest
from crm import catalogue, faults
from crm.actor import SYSTEM, Actor
from crm.context import Context
from crm.errors import Refused
from crm.gateways import federation as peers
from crm.gateways.federation import Heard, PeerFailed
from crm.gateways.outgoing import Rules, rules_from
from crm.gateways.webhooks import new_secret
from crm.store import audit, families, federation_inbox, federation_news, federation_offers, federation_standing, jobs
from crm.store import federation as agreements
from crm.store import federation_links as links
from crm.store import federation_registers as registers
from crm.store.federation import Agreement

# Standard Webhooks' schedule; after that once a day, and people see that the other system is away.
WAITS = tuple(timedelta(seconds=s) for s in (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400))
CHECK_TASK = "check_federation"
VISIT_SECONDS = 600
TOLD_AFTER = 5  # failures in a row: several hours
NOT_YET = timedelta(minutes=1)
JITTER_PERCENT = 20
MOST_ROUNDS = 3  # the second is clean, unless something changed meanwhile (F6)
BUCKETS_AT_ONCE = 16
FAMILIES_AT_A_TIME = 200

log = structlog.get_logger()


class Reconciled(msgspec.Struct, frozen=True):
    """How a comparison went: both the same now, after how many rounds, and how many buckets differed at first."""

    matched: bool
    rounds: int
    differing: int


class _Peer(msgspec.Struct, frozen=True):
    """Whom to ask, as whom, and what the time is."""

    context: Context
    rules: Rules
    agreement: Agreement
    today: date
    now: datetime

    @property
    def code(self) -> str:
        return self.agreement.code

    async def ask(self, call: str, body: dict[str, Any]) -> Heard:
        """One question. PeerFailed; what the answer tells of clock and life is kept."""
        mine, theirs = self.agreement.keys(self.now), self.agreement.peer_keys(self.now)
        try:
            heard = await peers.ask(self.rules, self.agreement.peer_url, self.code, call, body, mine, theirs, self.now)
        except PeerFailed as failed:
            await self.failed(failed)
            raise
        async with self.context.db.tx() as connection:
            await agreements.change(connection, self.agreement.id, **agreements.heard(self.now, heard.skew_seconds))
        return heard

    async def failed(self, failed: PeerFailed) -> timedelta:
        """Remember it; how long to wait."""
        wait = wait_of(self.agreement.attempts, failed)
        async with self.context.db.tx() as connection:
            found = await agreements.one(connection, self.code)
            kept = agreements.failing(self.now, found, str(failed), self.now + wait)
            await agreements.change(connection, found.id, **kept)
            if kept["attempts"] == TOLD_AFTER:
                await federation_news.tell(connection, found, "unreachable")
        return wait


def wait_of(attempts: int, failed: PeerFailed) -> timedelta:
    """How long to wait after so many failures: what the other side asks for, or the schedule with some jitter."""
    if failed.status == peers.GONE:
        return WAITS[-1]
    wait = failed.retry_after or WAITS[min(attempts, len(WAITS) - 1)]
    return wait * (1 + secrets.randbelow(JITTER_PERCENT) / 100)


async def send(context: Context, agreement: UUID, rules: Rules | None = None) -> timedelta | None:
    """Send what waits; how long until the next try, None when all is sent."""
    async with context.db.tx() as connection:
        listed = await agreements.listed(connection)
    found = next((each for each in listed if each.id == agreement and each.peer_secret), None)
    if found is None:
        return None
    peer = await _peer(context, found, rules)
    if found.next_try_at and found.next_try_at > peer.now:
        return found.next_try_at - peer.now
    while True:
        async with context.db.tx() as connection:
            waiting = await registers.outgoing(connection, agreement, found.code)
        if not waiting:
            return None
        try:
            left = await _tell(peer, waiting, ())
        except PeerFailed as failed:
            log.warning("federation_unsent", agreement=found.code, why=str(failed))
            return wait_of(found.attempts, failed)
        if left:  # the other side is not that far yet: it has not signed, or has ended
            return NOT_YET


async def rotate(context: Context, actor: Actor, code: str, rules: Rules | None = None) -> None:
    """A new secret for what we send. Both sign until the other side has it, and two days more.

    Refused `peer_failed`. Asked again before the other side has answered, the same new secret is announced once more.
    """
    async with context.db.tx() as connection:
        found = await agreements.one(connection, code, lock=True)
        actor.must_manage(found.network_id)
        if not (found.old_secret and found.old_secret_until is None):
            new = {"secret": new_secret(), "old_secret": found.secret, "old_secret_until": None}
            await agreements.change(connection, found.id, **new)
            await audit.append(
                connection, actor, "federation_key", {"agreement": code}, found.network_id, None, found.id
            )
    try:
        await announce(context, code, rules)
    except PeerFailed as failed:
        raise Refused("peer_failed", "code", why=str(failed)[:300]) from failed


async def announce(context: Context, code: str, rules: Rules | None = None) -> None:
    """Tell the other side of a new secret that it does not know of yet."""
    async with context.db.tx() as connection:
        found = await agreements.one(connection, code)
    if not found.old_secret or found.old_secret_until is not None:
        return
    peer = await _peer(context, found, rules)
    await peer.ask("keys", {"secret": found.secret})
    async with context.db.tx() as connection:
        await agreements.change(connection, found.id, old_secret_until=peer.now + agreements.OVERLAP)


async def check(context: Context, code: str, rules: Rules | None = None) -> Reconciled:
    """A heartbeat that carries our digest: both sides learn that they are the same, or put right what differs."""
    async with context.db.tx() as connection:
        found = await agreements.one(connection, code)
    await announce(context, code, rules)
    peer = await _peer(context, found, rules)
    mine = await _digest(peer)
    heard = await peer.ask("heartbeat", {"digest": mine.hash})
    if heard.body.get("digest") == mine.hash:
        await _matched(peer, mine)
        return Reconciled(True, 1, 0)
    await send(context, found.id, rules)
    return await reconcile(context, code, rules)


async def compare(context: Context, code: str, rules: Rules | None = None) -> Reconciled:
    """The same on a person's word: send what waits, then compare. Refused `peer_failed`, `not_active`."""
    async with context.db.tx() as connection:
        found = await agreements.one(connection, code)
        if found.standing not in federation.SYNCED:
            raise Refused("not_active", "code")
        await agreements.change(connection, found.id, next_try_at=None)
    try:
        await send(context, found.id, rules)
        return await reconcile(context, code, rules)
    except PeerFailed as failed:
        raise Refused("peer_failed", "code", why=str(failed)[:300]) from failed


async def reconcile(context: Context, code: str, rules: Rules | None = None) -> Reconciled:
    """Compare digests, bucket by bucket where they differ, until they are the same. PeerFailed, NotFound."""
    async with context.db.tx() as connection:
        found = await agreements.one(connection, code)
    peer = await _peer(context, found, rules)
    first = 0
    for number in range(1, MOST_ROUNDS + 1):
        mine = await _digest(peer)
        heard = await peer.ask("digest", {})
        theirs = msgspec.convert(heard.body.get("digest"), Digest)
        differing = reconciliation.differing(mine, theirs)
        first = first or len(differing)
        if not differing:
            await _matched(peer, mine)
            return Reconciled(True, number, first)
        for at in range(0, len(differing), BUCKETS_AT_ONCE):
            await _put_right(peer, differing[at : at + BUCKETS_AT_ONCE])
    return Reconciled(False, MOST_ROUNDS, first)


async def sweep_outboxes(context: Context) -> int:
    """Start the jobs of what waits to be sent, also what a lost job has left; how many agreements."""
    async with context.db.tx() as connection:
        waiting = await registers.with_outbox(connection, context.clock.now())
        for agreement in waiting:
            await registers.start(connection, agreement)
    return len(waiting)


async def live(context: Context) -> list[str]:
    """The agreements that are compared from time to time."""
    async with context.db.tx() as connection:
        return [each.code for each in await agreements.listed(connection, federation.SYNCED)]


async def plan_visits(context: Context) -> None:
    """A job for each agreement, some minutes apart: partners are not all asked at the full hour."""
    listed, now = await live(context), context.clock.now()
    async with context.db.tx() as connection:
        jobs_of = [({"code": code}, now + timedelta(seconds=secrets.randbelow(VISIT_SECONDS))) for code in listed]
        await jobs.enqueue(connection, CHECK_TASK, jobs_of, now)
        await registers.forget(connection, now - timedelta(days=registers.INBOX_KEPT_DAYS))


async def visit(context: Context, code: str) -> None:
    """One comparison that nobody waits for."""
    try:
        found = await check(context, code)
    except PeerFailed as failed:
        log.warning("federation_failed", agreement=code, why=str(failed))
        return
    if found.differing:
        log.info("federation_compared", agreement=code, differing=found.differing, matched=found.matched)


async def turn(context: Context, code: str) -> None:
    """What a new day brings: what is over is withdrawn, other names go out, who was not heard of too long ends."""
    async with context.db.tx() as connection:
        found = await agreements.one(connection, code)
        kept = await catalogue.load(connection)
        members = await families.touched(connection, [], [found.network_id]) if found.side == "granting" else []
        linked = await links.links(connection, found.id)
    peer = await _peer(context, found, None)
    for at in range(0, len(members), FAMILIES_AT_A_TIME):
        async with context.db.tx() as connection:
            some = members[at : at + FAMILIES_AT_A_TIME]
            await families.lock_many(connection, some)
            await federation_offers.sweep(connection, kept, found, some, peer.today)
    for link in linked if found.side == "receiving" else ():
        await _lease(peer, link.key, link.stale)


async def _lease(peer: _Peer, key: str, stale: bool) -> None:
    """A link whose lease ran out ends as stale; one that was renewed goes on."""
    async with peer.context.db.tx() as connection:
        found = await agreements.one(connection, peer.code, lock=True)
        applied = await links.applied_on(connection, found.id, key)
        now_stale = applied is not None and not federation.fresh(
            found.matched_on, applied, peer.today, found.agreed.lease_days
        )
        if now_stale == stale:
            return
        await links.set_stale(connection, found.id, key, now_stale)
        kept = await catalogue.load(connection)
        await federation_standing.follow_one(connection, kept, found, key, peer.today, peer.now)
        detail = {"agreement": peer.code, "key": key, "stale": now_stale}
        await audit.append(connection, SYSTEM, "federation_lease", detail, found.network_id, None, found.id)


async def _peer(context: Context, agreement: Agreement, rules: Rules | None) -> _Peer:
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
    today = context.clock.today(kept.by_id[agreement.network_id].zone)
    return _Peer(context, rules or rules_from(context.settings), agreement, today, context.clock.now())


async def _digest(peer: _Peer) -> Digest:
    async with peer.context.db.tx() as connection:
        return reconciliation.digest(await registers.shown(connection, peer.agreement.id))


async def _matched(peer: _Peer, mine: Digest) -> None:
    """Both are the same: every lease begins anew, unless something of ours has changed while we asked."""
    async with peer.context.db.tx() as connection:
        again = reconciliation.digest(await registers.shown(connection, peer.agreement.id))
        if again.hash != mine.hash:
            return
        await agreements.change(connection, peer.agreement.id, matched_on=peer.today, matched_at=peer.now)
        linked = await links.links(connection, peer.agreement.id)
    for link in linked:
        if link.stale:
            await _lease(peer, link.key, True)


async def _put_right(peer: _Peer, buckets: tuple[str, ...]) -> None:
    heard = await peer.ask("buckets", {"buckets": list(buckets)})
    for at in buckets:
        told = heard.body.get("buckets", {}).get(at, {})
        theirs = federation.by_name(msgspec.convert(told.get("registers", []), list[Register]))
        async with peer.context.db.tx() as connection:
            mine = await registers.bucket(connection, peer.agreement.id, peer.code, at)
        found = reconciliation.exchange(mine, theirs, peer.agreement.side, complete=told.get("complete") is True)
        for each in found.apply:
            await _take(peer, each, f"bucket {at}")
        for each in found.reassert:
            await _reassert(peer, each.shown)
        if found.send or found.show:
            await _tell(peer, list(found.send), found.show)


async def _tell(peer: _Peer, messages: list[Register], copies: tuple[Register, ...]) -> int:
    """Send registers of ours and show copies of theirs; what is answered is taken in. How many must come again."""
    body = {"messages": msgspec.to_builtins(messages), "copies": msgspec.to_builtins([c.shown for c in copies])}
    heard = await peer.ask("messages", body)
    faults.point("federation_sent")
    sent = {each.name: each for each in messages}
    left = 0
    for each in heard.body.get("results", ()):
        name, result = (each.get("register"), each.get("key")), each.get("result")
        mine = sent.get(name)
        if mine is None:
            continue
        if result == "inactive":
            left += 1
            continue
        async with peer.context.db.tx() as connection:
            if result in ("refused", "not_owner"):
                await registers.refuse(connection, peer.agreement.id, *mine.name, str(each.get("reason", "")))
            else:
                await registers.arrived(connection, peer.agreement.id, [mine])
        if result in ("stale", "disputed") and each.get("held"):
            await _reassert(peer, msgspec.convert(each["held"], Shown))
    for register in msgspec.convert(heard.body.get("registers", []), list[Register]):
        await _take(peer, register, "answer")
    return left


async def _take(peer: _Peer, register: Register, message: str) -> None:
    async with peer.context.db.tx() as connection:
        await federation_inbox.take(connection, peer.code, register, message, peer.today, peer.now)


async def _reassert(peer: _Peer, copy: Shown) -> None:
    actor: Actor = peer.agreement.actor
    async with peer.context.db.tx() as connection:
        await federation_inbox.reassert(connection, peer.code, copy, actor, peer.today, peer.now)
