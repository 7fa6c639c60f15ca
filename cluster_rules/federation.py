"""Dual membership between networks that independent systems run: who may write what, and what it adds up to.

For each (agreement, home organisation) there are two registers, each written by one side only: the granting side's
*offer* and the receiving side's *decision*. Besides, each side has one *word* about the agreement itself. A message
is a register's full state with a version; merging is "the higher version". Nothing here knows the order, number
or fate of messages, nor the clock. Source: docs/federation.md (the protocol), properties F1-F8 in the tests.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from hashlib import sha256
from typing import Any, Literal

import msgspec

from cluster_rules.errors import RuleViolation
from cluster_rules.periods import Period

Side = Literal["granting", "receiving"]
Kind = Literal["offer", "decision", "granting_word", "receiving_word"]
Standing = Literal["draft", "proposed", "active", "suspended", "terminated"]
Result = Literal["applied", "same", "stale", "disputed", "not_owner", "inactive"]

OWNER: dict[str, Side] = {
    "offer": "granting",
    "decision": "receiving",
    "granting_word": "granting",
    "receiving_word": "receiving",
}
STATES: dict[str, tuple[str, ...]] = {
    "offer": ("offered", "withdrawn"),
    "decision": ("held", "accepted", "declined", "left"),
    "granting_word": ("signed", "suspended", "terminated"),
    "receiving_word": ("signed", "suspended", "terminated"),
}
WORDS = ("granting_word", "receiving_word")
AGREEMENT_KEY = "agreement"  # the key of the two words; organisations' keys are ids
PROTOCOL = "klynge-federation/1"
SYNCED = ("active", "suspended")
LEASE_DAYS = 45
HIGHEST_VERSION = 2**53 - 1  # what every JSON reader can tell apart

Name = tuple[str, str]  # (register, key): which register of an agreement


class Register(msgspec.Struct, frozen=True):
    """A register's full state, as it is stored by its owner, sent, and kept as a copy by the other side.

    `version` counts every change by the owner. `grant_no` counts offers anew: an offer after a withdrawn one has the
    next number, and a decision says which number it is about. `instance` is the system that wrote it.
    """

    agreement: str
    key: str
    register: Kind
    version: int
    grant_no: int
    instance: str
    state: str
    body: dict[str, Any] = {}

    @property
    def name(self) -> Name:
        """Which register it is."""
        return self.register, self.key

    @property
    def body_hash(self) -> str:
        """SHA-256, in hexadecimal, of everything it says (canonical JSON); version and instance are not part of it."""
        said = {
            "agreement": self.agreement,
            "body": self.body,
            "grant_no": self.grant_no,
            "key": self.key,
            "register": self.register,
            "state": self.state,
        }
        return sha256(canonical(said)).hexdigest()

    @property
    def shown(self) -> "Shown":
        """What an owner has to know of a copy of its register."""
        return Shown(self.register, self.key, self.version, self.grant_no, self.state, self.body_hash)


class Shown(msgspec.Struct, frozen=True):
    """A copy of a register as the other side has it, told to its owner."""

    register: Kind
    key: str
    version: int
    grant_no: int
    state: str
    body_hash: str


class Offered(msgspec.Struct, frozen=True, omit_defaults=False):
    """A stretch of days at a level of the receiving network; `source_tier` is the level it follows from."""

    tier: str
    starts_on: date
    ends_on: date | None = None
    source_tier: str = ""

    @property
    def period(self) -> Period:
        """The days, half-open."""
        return Period(self.starts_on, self.ends_on)


def canonical(value: Any) -> bytes:
    """JSON as it is hashed: keys in order, no spaces, UTF-8 (RFC 8785 for what registers hold: no fractions)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def receive(have: Register | None, message: Register, sender: Side, standing: Standing) -> Result:
    """What a message of an authenticated sender does to the copy of its register: only `applied` stores it.

    The sender must own the register, the agreement must be signed by both and not be over (a word about the agreement
    always counts), and the version be higher. The same once more is `same`; the same version saying something else is
    `disputed`. While suspended nothing is effective, but withdrawals and decisions still arrive: both sides stay the
    same, and nothing that ended meanwhile comes back to life (the model found this).
    """
    if OWNER[message.register] != sender:
        return "not_owner"
    if standing not in SYNCED and message.register not in WORDS:
        return "inactive"
    if have is None or message.version > have.version:
        return "applied"
    if message.version < have.version:
        return "stale"
    return "same" if message.body_hash == have.body_hash else "disputed"


def reasserted(own: Register | None, copy: Shown, agreement: str, instance: str) -> Register | None:
    """The owner's next version, when the other side has a newer or other copy than the owner knows of.

    That happens after the owner was restored from a backup: it says again what it holds to be true, above the
    copy's version. What it knows nothing of is withdrawn (an offer) or to be decided anew. An agreement that was
    terminated stays so. None when the copy is older or says the same.
    """
    if own is not None and (own.version > copy.version or (own.version, own.body_hash) == _said(copy)):
        return None
    if copy.version >= HIGHEST_VERSION:
        raise RuleViolation("version_too_high", "version", given=copy.version)
    state, body = (own.state, own.body) if own else _unknown(copy.register)
    if copy.register in WORDS and copy.state == "terminated":
        state = "terminated"
    grant_no = max(own.grant_no if own else 1, copy.grant_no)
    return Register(agreement, copy.key, copy.register, copy.version + 1, grant_no, instance, state, body)


def _said(copy: Shown) -> tuple[int, str]:
    return copy.version, copy.body_hash


def _unknown(register: str) -> tuple[str, dict[str, Any]]:
    if register == "offer":
        return "withdrawn", {"reason": "unknown"}
    return ("held", {"reason": "restored"}) if register == "decision" else ("suspended", {"reason": "restored"})


def first(agreement: str, key: str, register: Kind, instance: str, state: str, body: dict[str, Any]) -> Register:
    """A register's first version."""
    return Register(agreement, key, register, 1, 1, instance, state, body)


def changed(own: Register, instance: str, state: str, body: dict[str, Any], grant_no: int | None = None) -> Register:
    """The owner's next version; the same register when it would say the same."""
    number = own.grant_no if grant_no is None else grant_no
    if (own.state, own.body, own.grant_no) == (state, body, number):
        return own
    return Register(own.agreement, own.key, own.register, own.version + 1, number, instance, state, body)


def offer(
    own: Register | None, agreement: str, key: str, instance: str, state: str, body: dict[str, Any]
) -> Register | None:
    """The granting side's register as it must be: offered, or withdrawn with the days that stay as they were.

    None when there is nothing to say: nothing was ever offered. After a withdrawal the next offer has the next
    number, and is decided anew.
    """
    if own is None:
        return None if state == "withdrawn" else first(agreement, key, "offer", instance, state, body)
    return changed(own, instance, state, body, own.grant_no + (state == "offered" and own.state == "withdrawn"))


def decision(own: Register | None, offered: Register, instance: str, state: str, body: dict[str, Any]) -> Register:
    """The receiving side's register: its decision about the offer as it has it now."""
    if own is None:
        made = first(offered.agreement, offered.key, "decision", instance, state, body)
        return msgspec.structs.replace(made, grant_no=offered.grant_no)
    return changed(own, instance, state, body, max(own.grant_no, offered.grant_no))


def offered(register: Register | None) -> tuple[Offered, ...]:
    """The stretches that are offered; none when it is withdrawn or was never offered."""
    return (stretches(register) or ()) if register and register.state == "offered" else ()


def stretches(register: Register) -> tuple[Offered, ...] | None:
    """The days an offer is or was about, whatever its state; None when it says nothing of them (erased, restored)."""
    if "periods" not in register.body:
        return None
    return msgspec.convert(register.body["periods"], tuple[Offered, ...])


def standing(granting: Register | None, receiving: Register | None) -> Standing:
    """The agreement's state from both words: active when both have signed the same terms and neither objects.

    terminated is final: either side's is enough. Where the terms differ, the newer one is proposed.
    """
    words = [w for w in (granting, receiving) if w]
    if any(w.state == "terminated" for w in words):
        return "terminated"
    if not words:
        return "draft"
    if granting is None or receiving is None or granting.body.get("terms") != receiving.body.get("terms"):
        return "proposed"
    return "suspended" if any(w.state == "suspended" for w in words) else "active"


def fresh(matched_on: date | None, applied_on: date, day: date, days: int = LEASE_DAYS) -> bool:
    """Does the lease of a link still run on `day`? Each successful comparison of digests renews all of them.

    Who is never heard of again ends as stale, not as a member for ever. `valid_until` is the first day it is not.
    """
    return day < valid_until(matched_on, applied_on, days)


def valid_until(matched_on: date | None, applied_on: date, days: int = LEASE_DAYS) -> date:
    """The first day without the lease."""
    return max(matched_on or applied_on, applied_on) + timedelta(days=days)


def effective(offer: Register | None, decision: Register | None, agreement: Standing, day: date, fresh: bool) -> str:
    """The level at which the organisation is a linked member on `day`; "" when it is not. Both sides ask this.

    Needs an offer that covers the day, the acceptance of that very offer, an active agreement and a fresh lease.
    """
    if agreement != "active" or not fresh or offer is None or decision is None:
        return ""
    if decision.state != "accepted" or decision.grant_no != offer.grant_no:
        return ""
    return next((o.tier for o in offered(offer) if o.period.covers(day)), "")


def by_name(registers: Iterable[Register]) -> dict[Name, Register]:
    """Registers by what they are called."""
    return {each.name: each for each in registers}


def words(registers: Mapping[Name, Register]) -> tuple[Register | None, Register | None]:
    """The granting and the receiving side's word about the agreement."""
    return registers.get(("granting_word", AGREEMENT_KEY)), registers.get(("receiving_word", AGREEMENT_KEY))


def allowed(body: Mapping[str, Any], fields: Iterable[str]) -> dict[str, Any]:
    """What of a profile may leave: the fields on the agreement's list, and no others (F9)."""
    listed = set(fields)
    return {name: value for name, value in body.items() if name in listed}
