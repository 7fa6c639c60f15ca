"""Make, check and revoke the keys that programs use: `kly_<prefix>_<secret>`.

The prefix is shown in lists and logs; the secret is shown once, when the key is made.
"""

import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec

from crm import catalogue, forms
from crm.actor import SYSTEM, Actor
from crm.context import Context
from crm.database import Connection
from crm.errors import Invalid, NotFound, Refused, Unauthenticated
from crm.store import audit, keys
from crm.store.keys import Key

BRAND = "kly"
SECRET_BYTES = 32
PREFIX_LENGTH = 10
_PREFIX_LETTERS = "23456789abcdefghjkmnpqrstvwxyz"  # none that read alike
LONGEST_KEY = 100
LONGEST_OVERLAP_HOURS = 720
_NOBODY = keys.secret_hash("")


async def create(
    context: Context,
    name: str,
    role: Literal["manager", "partner"],
    network: str | None,
    actor: Actor = SYSTEM,
    scopes: Sequence[str] = (),
) -> tuple[Key, str]:
    """A new key and, this one time, its whole text. `scopes`: what a partner's key may write (crm/store/keys.py).

    A manager's key without a network is for all of them. Invalid when the name cannot be shown, a partner's key
    has no network, or a scope is unknown or given to a manager's key; RuleViolation `network_unknown`.
    """
    problems: forms.Problems = []
    forms.text(problems, "name", name, forms.NAME_MAX)
    if role == "partner" and network is None:
        problems.append(("network", "required", {}))
    unknown = sorted({*scopes} - {*keys.SCOPES})
    if unknown or (scopes and role != "partner"):
        known = ", ".join(keys.SCOPES) if role == "partner" else "-"
        problems.append(("scopes", "scope_unknown", {"given": ", ".join(unknown or scopes), "known": known}))
    if problems:
        raise Invalid(problems)
    prefix = "".join(secrets.choice(_PREFIX_LETTERS) for _ in range(PREFIX_LENGTH))
    secret = secrets.token_urlsafe(SECRET_BYTES)
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        row = kept.network(network) if network else None
        made = await keys.add(connection, prefix, secret, name.strip(), role, row.id if row else None, scopes)
        detail = {"prefix": prefix, "name": made.name, "role": role, **({"scopes": made.scopes} if scopes else {})}
        await audit.append(connection, actor, "key_created", detail, row.id if row else None, subject=made.id)
    return made, f"{BRAND}_{prefix}_{secret}"


async def listed(context: Context) -> list[keys.Listed]:
    """Every key that is not revoked, for the operator; a secret that has ended is not told."""
    now = context.clock.now()
    async with context.db.tx() as connection:
        found = await keys.all_open(connection)
    ended = [each.old_secret_until is not None and each.old_secret_until <= now for each in found]
    return [
        msgspec.structs.replace(each, old_secret_until=None) if over else each
        for each, over in zip(found, ended, strict=True)
    ]


async def create_own(context: Context, actor: Actor, slug: str, name: str, scopes: Sequence[str]) -> tuple[Key, str]:
    """A partner's key of a network that the actor manages. NotFound; Invalid as `create`."""
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        if slug not in kept.by_slug:
            raise NotFound("network", slug)
        actor.must_manage(kept.by_slug[slug].id)
        return await create(context, name, "partner", slug, actor, scopes)


async def revoke_own(context: Context, actor: Actor, network: UUID, prefix: str) -> None:
    """A partner's key of this network opens nothing any more. NotFound for any other key."""
    async with context.db.tx() as connection:
        await _own(connection, actor, network, prefix)
        await revoke(context, prefix, actor)


async def rotate_own(
    context: Context, actor: Actor, network: UUID, prefix: str, hours: int
) -> tuple[Key, str, datetime]:
    """Another secret for a partner's key of this network, as `rotate`. NotFound for any other key."""
    async with context.db.tx() as connection:
        await _own(connection, actor, network, prefix)
        return await rotate(context, prefix, hours, actor)


async def _own(connection: Connection, actor: Actor, network: UUID, prefix: str) -> None:
    """Is it a partner's key of a network that the actor manages? NotFound, Forbidden."""
    actor.must_manage(network)
    key = await keys.get(connection, prefix)
    if key.role != "partner" or key.network_id != network:
        raise NotFound("key", prefix)


async def rotate(context: Context, prefix: str, hours: int, actor: Actor = SYSTEM) -> tuple[Key, str, datetime]:
    """Another secret for the key: (key, its whole text this one time, when the old one ends).

    For so many hours (0 to 720) the old secret opens, too; cursors, webhooks and scopes stay, since it is the same
    key. Invalid `number_out_of_range`; NotFound; Refused `key_revoked`.
    """
    if not 0 <= hours <= LONGEST_OVERLAP_HOURS:
        raise Invalid([("hours", "number_out_of_range", {"least": 0, "most": LONGEST_OVERLAP_HOURS})])
    until = context.clock.now() + timedelta(hours=hours)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    async with context.db.tx() as connection:
        key = await keys.get(connection, prefix)
        if key.revoked_at is not None:
            raise Refused("key_revoked", "key")
        await keys.rotate(connection, key.id, secret, until)
        detail = {"prefix": prefix, "name": key.name, "old_until": until.isoformat()}
        await audit.append(connection, actor, "key_secret_changed", detail, key.network_id, subject=key.id)
    return key, f"{BRAND}_{prefix}_{secret}", until


async def revoke(context: Context, prefix: str, actor: Actor = SYSTEM) -> None:
    """The key opens nothing any more. Revoking twice changes nothing; NotFound."""
    async with context.db.tx() as connection:
        key = await keys.get(connection, prefix)
        if await keys.revoke(connection, prefix):
            detail = {"prefix": prefix, "name": key.name}
            await audit.append(connection, actor, "key_revoked", detail, key.network_id, subject=key.id)


async def open_with(context: Context, text: str) -> Key:
    """The key somebody shows, when it is one of ours and not revoked. Unauthenticated otherwise.

    An unknown prefix is compared too, so that it takes as long as a wrong secret.
    """
    brand, _, rest = text.partition("_")
    prefix, _, secret = rest.partition("_")
    if brand != BRAND or len(text) > LONGEST_KEY or not text.isascii() or not text.isprintable():
        raise Unauthenticated
    async with context.db.tx() as connection:
        key = await keys.find(connection, prefix)
        shown = keys.secret_hash(secret)
        fits = hmac.compare_digest(shown, key.secret_hash if key else _NOBODY)
        before = hmac.compare_digest(shown, (key.old_secret_hash if key else None) or _NOBODY)
        old = not fits and before and key is not None and _until(key) > context.clock.now()
        if key is None or not (fits or old) or not secret or key.revoked_at is not None:
            raise Unauthenticated
        await keys.mark_used(connection, key.id, old)
    return key


def _until(key: Key) -> datetime:
    return key.old_secret_until or key.created_at


def actor_of(key: Key) -> Actor:
    """Who acts with this key: a manager decides about its networks, a partner reads its own and writes its scopes."""
    networks = frozenset(key.networks)
    manages = networks if key.role == "manager" else frozenset()
    return Actor(
        f"{key.name} ({key.prefix})", "api", manages=manages, reads=networks, id=key.id, scopes=frozenset(key.scopes)
    )
