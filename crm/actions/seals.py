"""Secrets at rest: how they are kept, and sealing all of them with the key that seals now (ADR 0050)."""

from uuid import UUID

import msgspec

from crm.actor import Actor
from crm.context import Context
from crm.database import Connection, vault_of
from crm.errors import Refused
from crm.gateways.webhooks import new_secret
from crm.store import audit, factors, federation, seals, webhooks

AT_A_TIME = 500
FIRST = UUID(int=0)


class Kept(msgspec.Struct, frozen=True):
    """How many secrets are kept how: with the key that seals now, with older ones, in clear, with keys we lack."""

    sealed: int = 0
    older: int = 0
    clear: int = 0
    lost: int = 0
    key: str = ""


class Sealed(msgspec.Struct, frozen=True):
    """Secrets sealed anew by kind (apps, webhooks, agreements), and what could not be opened, in words."""

    done: dict[str, int]
    broken: tuple[str, ...]


async def kept(context: Context) -> Kept:
    """How the stored secrets are kept."""
    async with context.db.tx() as connection:
        vault, found = vault_of(connection), await seals.counts(connection)
    out = {"sealed": 0, "older": 0, "clear": 0, "lost": 0}
    for by, count in ((by, count) for counts in found.values() for by, count in counts.items()):
        if by == "":
            out["clear"] += count
        elif by == vault.seals_with:
            out["sealed"] += count
        else:
            out["older" if by in vault.known else "lost"] += count
    return Kept(**out, key=vault.seals_with)


async def seal(context: Context, actor: Actor) -> Sealed:
    """Seal every secret with the first key, some at a time; those that are so already stay. Refused `data_key_missing`.

    Whoever is stopped in the middle goes on by starting again.
    """
    done: dict[str, int] = {}
    broken: list[str] = []
    for place in seals.PLACES:
        done[place.name] = 0
        last: UUID | None = FIRST
        while last is not None:
            async with context.db.tx() as connection:
                if not vault_of(connection).seals_with:
                    raise Refused("data_key_missing", "KLYNGE_DATA_KEYS")
                last, new, failed = await seals.seal_some(connection, place, last, AT_A_TIME)
            done[place.name] += new
            broken += failed
    async with context.db.tx() as connection:
        detail = {"secrets": sum(done.values()), "key": vault_of(connection).seals_with}
        if detail["secrets"]:
            await audit.append(connection, actor, "secrets_sealed", detail)
    return Sealed(done, tuple(broken))


async def forget_lost(context: Context, actor: Actor) -> dict[str, int]:
    """Give up the secrets whose key is lost, by kind.

    Whose app it was makes a new one at the next sign-in; a webhook is paused with a new secret, which its owner must be
    given; what an agreement's other side signs is not taken any more, until both agree anew.
    """
    done: dict[str, int] = {}
    async with context.db.tx() as connection:
        for place, key in await seals.lost(connection):
            await _forget(connection, context, actor, place.name, key)
            done[place.name] = done.get(place.name, 0) + 1
        if done:
            await audit.append(connection, actor, "secrets_forgotten", {"secrets": sum(done.values())})
    return done


async def _forget(connection: Connection, context: Context, actor: Actor, kind: str, key: UUID) -> None:
    now = context.clock.now()
    if kind == seals.APPS:
        await factors.remove_authenticator(connection, key)
        await audit.append(connection, actor, "second_factor_removed", {}, subject=key)
    elif kind == seals.WEBHOOKS:
        await webhooks.rotate(connection, key, new_secret(), now)
        await webhooks.forget_old_secrets(connection, now)
        await webhooks.set_status(connection, key, "disabled", now, "paused")
    else:
        nothing = dict.fromkeys(seals.BY_NAME[kind].columns, "")
        await federation.change(connection, key, **nothing | {"secret": new_secret()})
