"""Registers of the other side, taken in one at a time: pushed, pulled or shown, always by the same rule.

A record that cannot be taken is refused with its reason and remembered, and holds up no other (F15). What a side is
shown of its own register is never taken; at most it is a reason to say again what holds.
"""

from datetime import date, datetime
from typing import Any

import asyncpg
import msgspec

from cluster_rules import federated_terms, federation, mirrors
from cluster_rules.errors import RuleViolation
from cluster_rules.federation import HIGHEST_VERSION, OWNER, STATES, Register, Shown
from crm import catalogue, forms
from crm.actor import Actor
from crm.database import Connection
from crm.errors import Invalid
from crm.store import audit, federation_facts, federation_news, federation_standing
from crm.store import federation as agreements
from crm.store import federation_registers as registers
from crm.store.federation import Agreement

KEY_MAX = 64
BODY_MAX_BYTES = 32 * 1024
OFFER_FIELDS = frozenset({"periods", "profile", "unit", "reason"})


class Taken(msgspec.Struct, frozen=True):
    """What came of a register that was shown to us; `held` is what we have of it now."""

    register: str
    key: str
    result: str
    reason: str = ""
    held: Shown | None = None


async def take(
    connection: Connection, code: str, register: Register, message: str, today: date, now: datetime
) -> Taken:
    """One register of theirs, and everything that follows from it here; refused, nothing is changed by it."""
    agreement = await agreements.one(connection, code, lock=True)
    try:
        async with connection.transaction():
            result, reason = await _take(connection, agreement, register, today, now)
    except (RuleViolation, Invalid, msgspec.ValidationError) as error:
        result, reason = "refused", _reason(error)
    except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, KeyError, TypeError) as error:
        result, reason = "refused", type(error).__name__
    await registers.received(connection, agreement.id, message, [(register, result, reason)])
    held = await registers.locked(connection, agreement.id, code, register.name)
    return Taken(register.register, register.key, result, reason, held.shown if held else None)


async def reassert(
    connection: Connection, code: str, copy: Shown, actor: Actor, today: date, now: datetime
) -> Register | None:
    """The other side has this of a register of ours: when that is newer or other, say again what holds, above it.

    Our state as it is now; a person is told, since it means that one side was restored from a backup.
    """
    agreement = await agreements.one(connection, code, lock=True)
    if OWNER[copy.register] != agreement.side:
        return None
    await federation_facts.hold(connection, agreement, copy.key)
    own = await registers.locked(connection, agreement.id, code, (copy.register, copy.key))
    again = federation.reasserted(own, copy, code, await agreements.instance(connection))
    if again is None:
        return None
    await registers.write(connection, agreement.id, again, today)
    await agreements.change(connection, agreement.id, reasserted=agreement.reasserted + 1)
    if not await _lately(connection, agreement):
        await federation_news.tell(connection, agreement, "restored")
    detail = {"agreement": code, "register": copy.register, "key": copy.key, "version": again.version}
    if again.register in federation.WORDS:
        await federation_standing.turned(connection, actor, code, today, now)
    elif again.register == "decision" and agreement.mirror_id:
        kept = await catalogue.load(connection)
        await federation_facts.bring(connection, kept, agreement, copy.key, today, now)
    await audit.append(connection, actor, "federation_reasserted", detail, agreement.network_id, None, agreement.id)
    return await registers.locked(connection, agreement.id, code, again.name)


async def _lately(connection: Connection, agreement: Agreement) -> bool:
    """Was this said in the last day? One backup that was put back is one mail, not one for each register."""
    return await connection.fetchval(
        "select exists (select from audit where action = 'federation_reasserted' and subject_id = $1"
        " and recorded_at > now() - interval '1 day')",
        agreement.id,
    )


async def _take(
    connection: Connection, agreement: Agreement, register: Register, today: date, now: datetime
) -> tuple[str, str]:
    check(agreement, register)
    await federation_facts.hold(connection, agreement, register.key)
    have = await registers.locked(connection, agreement.id, agreement.code, register.name)
    result = federation.receive(have, register, agreement.other, agreement.standing)
    if result == "disputed":
        await registers.dispute(connection, agreement.id, register.name)
    if result != "applied":
        return result, ""
    await registers.keep(connection, agreement.id, register, False, today)
    if register.register in federation.WORDS:
        await federation_standing.turned(connection, agreement.actor, agreement.code, today, now)
        return result, ""
    kept = await catalogue.load(connection)
    if register.register == "offer":
        await federation_facts.bring(connection, kept, agreement, register.key, today, now)
    else:
        await federation_facts.heed(connection, kept, agreement, register.key, today)
    return result, ""


def check(agreement: Agreement, register: Register) -> None:
    """What a register may say. RuleViolation, Invalid or ValidationError name what is wrong with it."""
    raw = federation.canonical(register.body)
    if len(raw) > BODY_MAX_BYTES or b"\\u0000" in raw or not 1 <= len(register.key) <= KEY_MAX:
        raise RuleViolation("register_malformed", "body")
    if register.instance != agreement.peer_instance and OWNER[register.register] == agreement.other:
        raise RuleViolation("instance_unknown", "instance", given=register.instance)
    if register.state not in STATES[register.register]:
        raise RuleViolation("register_malformed", "state", given=register.state)
    if not (1 <= register.version <= HIGHEST_VERSION and 1 <= register.grant_no <= HIGHEST_VERSION):
        raise RuleViolation("register_malformed", "version", given=register.version)
    if register.register == "offer":
        _check_offer(agreement, register)
    elif register.register in federation.WORDS and not isinstance(register.body.get("terms"), str):
        raise RuleViolation("register_malformed", "body.terms")


def _check_offer(agreement: Agreement, offer: Register) -> None:
    """Only what was agreed: fields on the list, levels in the terms, days that do not overlap."""
    terms, profile = agreement.agreed, offer.body.get("profile", {})
    beyond = sorted({*offer.body} - OFFER_FIELDS) + sorted({*_mapping(profile)} - {*terms.fields})
    if beyond:
        raise RuleViolation("field_not_agreed", "body", given=", ".join(beyond)[:200])
    stretches = federation.stretches(offer) or ()
    wrong = federated_terms.covered(terms, stretches)
    if wrong:
        raise RuleViolation("level_not_agreed", "body.periods", given=wrong.source_tier, tier=wrong.tier)
    mirrors.told(stretches)
    if offer.state == "offered":
        form = federation_facts.form_of(offer)
        if form is None:
            raise RuleViolation("register_malformed", "body.profile")
        forms.organisation(form)


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RuleViolation("register_malformed", "body.profile")
    return value


def _reason(error: Exception) -> str:
    if isinstance(error, RuleViolation):
        return f"{error.code} {error.field}"
    if isinstance(error, Invalid):
        return ", ".join(f"{code} {field}" for field, code, _ in error.problems)
    return str(error)
