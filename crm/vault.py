"""Secrets at rest: sealed with the operator's keys (KLYNGE_DATA_KEYS), and bound to what they belong to (ADR 0050).

Stored is `sealed:<which key>:<Fernet token>`, and within the token what the secret is of: moved to another row, it
opens nothing. Without keys a secret is stored as it is; what was stored so is read with keys, too.
"""

from collections.abc import Sequence
from hashlib import sha256

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

MARK = "sealed:"
FINGERPRINT_LENGTH = 8  # hexadecimal digits that name a key without telling anything of it
_BETWEEN = b"\0"


class SealBroken(Exception):
    """A stored secret cannot be opened: its key is not there, or it was sealed for something else, or changed."""


def fingerprint(key: str) -> str:
    """What a key is called where it must not be shown."""
    return sha256(b"klynge data key " + key.encode()).hexdigest()[:FINGERPRINT_LENGTH]


def new_key() -> str:
    """A key for KLYNGE_DATA_KEYS."""
    return Fernet.generate_key().decode()


class Vault:
    """The keys: the first one seals, all of them open. Without any, secrets are stored as they are."""

    def __init__(self, keys: Sequence[str] = ()) -> None:
        self.known = tuple(map(fingerprint, keys))
        self._fernet = MultiFernet([Fernet(key) for key in keys]) if keys else None

    @property
    def seals_with(self) -> str:
        """The fingerprint of the first key; "" without keys."""
        return self.known[0] if self.known else ""

    def seal(self, of: str, secret: bytes) -> bytes:
        """A secret as it is stored for `of`, such as "webhook:<id>"."""
        if self._fernet is None:
            return secret
        token = self._fernet.encrypt(of.encode() + _BETWEEN + secret)
        return f"{MARK}{self.seals_with}:".encode() + token

    def open(self, of: str, stored: bytes) -> bytes:
        """The secret that is stored for `of`. SealBroken, which names `of` and the key, never the secret."""
        if not stored.startswith(MARK.encode()):
            return stored
        named, _, token = stored.removeprefix(MARK.encode()).partition(b":")
        try:
            opened = self._fernet.decrypt(token) if self._fernet else None
        except InvalidToken:
            opened = None
        if opened is None:
            raise SealBroken(f"the secret of {of}, sealed with key {named.decode(errors='replace')[:9]}, does not open")
        sealed_of, _, secret = opened.partition(_BETWEEN)
        if sealed_of != of.encode():
            raise SealBroken(f"the secret of {of} was sealed for something else")
        return secret

    def seal_text(self, of: str, secret: str) -> str:
        """The same for a column of text; nothing stays nothing."""
        return self.seal(of, secret.encode()).decode() if secret else ""

    def open_text(self, of: str, stored: str) -> str:
        """The same for a column of text. SealBroken."""
        return self.open(of, stored.encode()).decode() if stored else ""


CLEAR = Vault()
