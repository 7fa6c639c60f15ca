"""Positions on a feed as opaque signed text: bound to key and network, dead in another epoch (ADR 0020)."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from uuid import UUID

import msgspec

MAC_BYTES = 16
LONGEST = 120
_VERSION = "1"


class Position(msgspec.Struct, frozen=True, order=True):
    """After which entry: xid of the transaction, then its number. Positions of one epoch can be compared."""

    xid: int
    seq: int


START = Position(0, 0)
_TURNED = 0x52_65_68_65_61_72_73_61_6C  # "Rehearsal"


def rehearsal_scope(network: UUID) -> UUID:
    """Whose cursors and bell a network's made-up feed has: never those of its own feed. Twice gives the network."""
    return UUID(int=network.int ^ _TURNED)


class Seal(msgspec.Struct, frozen=True):
    """What a cursor is bound to, and the secret it is signed with."""

    secret: bytes
    epoch: str
    network: UUID
    key: UUID

    def write(self, position: Position) -> str:
        """The position as text; the same one always gives the same text."""
        said = f"{_VERSION}.{self.epoch}.{position.xid}.{position.seq}"
        return _text(self._mac(said) + said.encode())

    def read(self, cursor: str) -> Position | None:
        """Where it points; None when it is of another epoch. ValueError: not made for this network and key."""
        if len(cursor) > LONGEST:
            raise ValueError("too long")
        raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        mac, said = raw[:MAC_BYTES], raw[MAC_BYTES:].decode("ascii")
        if not hmac.compare_digest(mac, self._mac(said)) or _text(raw) != cursor:
            raise ValueError("not ours")
        _, epoch, xid, seq = said.split(".")
        return Position(int(xid), int(seq)) if epoch == self.epoch else None

    def _mac(self, said: str) -> bytes:
        bound = self.network.bytes + self.key.bytes + said.encode()
        return hmac.digest(self.secret, bound, "sha256")[:MAC_BYTES]


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def fingerprint(*parts: object) -> str:
    """A short hash of a few values, for an ETag."""
    return sha256("\n".join(map(str, parts)).encode()).hexdigest()[:24]
