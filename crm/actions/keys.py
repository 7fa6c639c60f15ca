"""Make, check and revoke the keys that programs use: `kly_<prefix>_<secret>`.

The prefix is shown in lists and logs; the secret is shown once, when the key is made.
"""

import hmac
import secrets
from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from crm import catalogue, forms
from crm.actor import SYSTEM, Actor
from crm.context import Context
from crm.errors import Invalid, NotFound, Unauthenticated
from crm.store import audit, keys
from crm.store.keys import Key

BRAND = "kly"
SECRET_BYTES = 32
PREFIX_LENGTH = 10
_PREFIX_LETTERS = "23456789abcdefghjkmnpqrstvwxyz"  # none that read alike
LONGEST_KEY = 100
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
    actor.must_manage(network)
    async with context.db.tx() as connection:
        key = await keys.get(connection, prefix)
        if key.role != "partner" or key.networks != [network]:
            raise NotFound("key", prefix)
        await revoke(context, prefix, actor)


async def revoke(context: Context, prefix: str, actor: Actor = SYSTEM) -> None:
    """The key opens nothing any more. Revoking twice changes nothing; NotFound."""
    async with context.db.tx() as connection:
        key = await keys.get(connection, prefix)
        if await keys.revoke(connection, prefix):
            await audit.append(connection, actor, "key_revoked", {"prefix": prefix, "name": key.name}, subject=key.id)


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
        fits = hmac.compare_digest(keys.secret_hash(secret), key.secret_hash if key else _NOBODY)
        if key is None or not fits or not secret or key.revoked_at is not None:
            raise Unauthenticated
        await keys.mark_used(connection, key.id)
    return key


def actor_of(key: Key) -> Actor:
    """Who acts with this key: a manager decides about its networks, a partner reads its own and writes its scopes."""
    networks = frozenset(key.networks)
    manages = networks if key.role == "manager" else frozenset()
    return Actor(
        f"{key.name} ({key.prefix})", "api", manages=manages, reads=networks, id=key.id, scopes=frozenset(key.scopes)
    )
