"""Are two systems' registers the same? 256 buckets tell; what differs is brought in line by the rules of messages.

A digest covers every register of an agreement, offers and decisions alike, so both sides have the same one when
nothing is under way. What a side lacks is never deleted by that: its owner says again what holds (docs/federation.md).
"""

from collections.abc import Iterable, Mapping
from hashlib import sha256

import msgspec

from cluster_rules.federation import OWNER, Name, Register, Side

BUCKETS = 256


class Digest(msgspec.Struct, frozen=True):
    """The hash of the whole, and of each bucket that is not empty (two hexadecimal digits)."""

    hash: str
    buckets: dict[str, str]


class Exchange(msgspec.Struct, frozen=True):
    """What to do about one bucket: apply these, look again at one's own, send these, show these copies."""

    apply: tuple[Register, ...]
    reassert: tuple[Register, ...]
    send: tuple[Register, ...]
    show: tuple[Register, ...]


def bucket_of(key: str) -> str:
    """The bucket of a register: the first byte of the SHA-256 of its key, as two hexadecimal digits."""
    return sha256(key.encode()).hexdigest()[:2]


def digest(registers: Iterable[Register]) -> Digest:
    """One line `register|key|version|body_hash` for each, sorted, with a line feed; hashed by bucket, then over all."""
    lines: dict[str, list[str]] = {}
    for each in registers:
        line = f"{each.register}|{each.key}|{each.version}|{each.body_hash}\n"
        lines.setdefault(bucket_of(each.key), []).append(line)
    buckets = {at: sha256("".join(sorted(held)).encode()).hexdigest() for at, held in sorted(lines.items())}
    whole = "".join(f"{at}|{hashed}\n" for at, hashed in buckets.items())
    return Digest(sha256(whole.encode()).hexdigest(), buckets)


def differing(mine: Digest, theirs: Digest) -> tuple[str, ...]:
    """The buckets that are not the same, in order; none when the digests are equal."""
    listed = sorted({*mine.buckets, *theirs.buckets})
    return tuple(at for at in listed if mine.buckets.get(at) != theirs.buckets.get(at))


def exchange(mine: Mapping[Name, Register], theirs: Mapping[Name, Register], side: Side, complete: bool) -> Exchange:
    """What follows from seeing the other side's registers of a bucket; `side` is mine.

    `complete` False: the list was cut. Then what is on it is taken in, and what is not on it is not taken for
    missing (F7): nothing is shown or sent because of it.
    """
    apply, again, send, show = [], [], [], []
    for name in sorted({*mine, *theirs}):
        have, there = mine.get(name), theirs.get(name)
        if have and there and (have.version, have.body_hash) == (there.version, there.body_hash):
            continue
        if there is None and not complete:
            continue
        own = OWNER[name[0]] == side
        if own and there and (have is None or have.version <= there.version):
            again.append(there)
        elif own and have:
            send.append(have)
        elif there and (have is None or have.version < there.version):
            apply.append(there)
        elif have:
            show.append(have)
    return Exchange(tuple(apply), tuple(again), tuple(send), tuple(show))
