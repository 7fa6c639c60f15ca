"""Codes that change every half minute (RFC 6238 over RFC 4226: SHA-1, six digits), as every app makes them."""

import base64
import hmac
import secrets
from hashlib import sha1
from urllib.parse import quote, urlencode

SECRET_BYTES = 20  # RFC 4226, section 4: 160 bits
STEP_SECONDS = 30
DIGITS = 6
STEPS_AROUND = 1  # a clock may be half a minute off, or the reader slow


def new_secret() -> bytes:
    """A secret for an app."""
    return secrets.token_bytes(SECRET_BYTES)


def code(secret: bytes, step: int) -> str:
    """The code of a step (half minutes since 1970)."""
    digest = hmac.new(secret, step.to_bytes(8, "big"), sha1).digest()
    at = digest[-1] & 0x0F
    number = int.from_bytes(digest[at : at + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def step_of(moment: float) -> int:
    """The step a moment (seconds since 1970) is in."""
    return int(moment) // STEP_SECONDS


def matching_step(secret: bytes, given: str, moment: float, after: int) -> int | None:
    """The step whose code this is, now or just before or after now; None for a wrong one.

    Steps up to `after` are spent: a code is good once (RFC 6238, section 5.2).
    """
    now, found = step_of(moment), None
    for step in range(now - STEPS_AROUND, now + STEPS_AROUND + 1):
        if hmac.compare_digest(code(secret, step).encode(), given.encode()) and step > after:
            found = step
    return found


def written(secret: bytes) -> str:
    """The secret as a person types it into an app: base 32 in groups of four."""
    text = base64.b32encode(secret).decode()
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def address(secret: bytes, issuer: str, account: str) -> str:
    """What a QR code tells the app: otpauth://totp/Issuer:account?secret=…"""
    label = quote(f"{issuer}:{account}", safe="@")
    return f"otpauth://totp/{label}?" + urlencode({"secret": base64.b32encode(secret).decode(), "issuer": issuer})
