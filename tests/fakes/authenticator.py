"""A security key in software: makes passkeys and answers challenges as a browser would hand them on (WebAuthn level 3).

Honest unless told otherwise: `origin`, `verified` (was the person asked for a finger or PIN) and `counts` can be set.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from secrets import token_bytes
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40
COORDINATE = 32


class Authenticator:
    """One key; `credential_id` and `user` are what it remembers of its one passkey."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.verified = True
        self.counts = 0
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.credential_id = token_bytes(16)
        self.user = b""
        self.party = ""

    def make(self, options: str) -> str:
        """A new passkey for what the page asks (JSON)."""
        asked = json.loads(options)
        self.user, self.party = _bytes(asked["user"]["id"]), asked["rp"]["id"]
        numbers = self.key.public_key().public_numbers()
        public = {
            1: 2,
            3: -7,
            -1: 1,
            -2: numbers.x.to_bytes(COORDINATE, "big"),
            -3: numbers.y.to_bytes(COORDINATE, "big"),
        }
        attested = bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + cbor2.dumps(public)
        data = self._data(ATTESTED) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        said = {
            "clientDataJSON": _text(self._client("webauthn.create", asked["challenge"])),
            "attestationObject": _text(attestation),
            "transports": ["internal"],
        }
        return self._credential(said)

    def sign(self, options: str) -> str:
        """The answer to a challenge (JSON)."""
        asked = json.loads(options)
        self.party = asked["rpId"]
        self.counts += 1
        client, data = self._client("webauthn.get", asked["challenge"]), self._data()
        signature = self.key.sign(data + sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        said = {
            "clientDataJSON": _text(client),
            "authenticatorData": _text(data),
            "signature": _text(signature),
            "userHandle": _text(self.user),
        }
        return self._credential(said)

    def _data(self, flags: int = 0) -> bytes:
        flags |= PRESENT | (VERIFIED if self.verified else 0)
        return sha256(self.party.encode()).digest() + bytes([flags]) + self.counts.to_bytes(4, "big")

    def _client(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}).encode()

    def _credential(self, said: dict[str, Any]) -> str:
        name = _text(self.credential_id)
        return json.dumps(
            {"id": name, "rawId": name, "type": "public-key", "clientExtensionResults": {}, "response": said}
        )


def _text(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
