"""What a browser's passkeys are asked and what they answer (WebAuthn level 3), checked by py_webauthn.

A passkey is bound to a name: our own (`KLYNGE_BASE_URL`). Browsers make none for a bare address, so on a developer's
127.0.0.1 the name is `localhost`.
"""

import json
from ipaddress import ip_address
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
import webauthn
from webauthn.helpers import base64url_to_bytes, exceptions, parse_authentication_credential_json
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

NAME = "Klynge"
LONGEST_ANSWER = 20_000  # characters of JSON; ours have about a thousand
TRANSPORTS = frozenset({"usb", "nfc", "ble", "smart-card", "hybrid", "internal"})


class NotAPasskey(ValueError):
    """The answer is not what was asked for; the message says why, for the log."""


class Party(msgspec.Struct, frozen=True):
    """Who asks: the name passkeys are bound to, and the one address their answers may come from."""

    id: str
    origin: str


class Registered(msgspec.Struct, frozen=True):
    """What is stored of a new passkey."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: list[str]


class Answer(msgspec.Struct, frozen=True):
    """Which passkey somebody shows, and whose it says it is; nothing of it is checked yet."""

    credential_id: bytes
    user_handle: bytes


def party(base_url: str) -> Party:
    """Ourselves, as browsers see us."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    try:
        name = "localhost" if ip_address(host).is_loopback else host
    except ValueError:
        name = host
    port = f":{parts.port}" if parts.port else ""
    return Party(name, f"{parts.scheme}://{name}{port}")


def ask_new(own: Party, account: UUID, email: str, name: str, have: list[bytes]) -> tuple[bytes, str]:
    """The challenge, and what the browser is asked (JSON): a passkey for this account, none of those it has."""
    options = webauthn.generate_registration_options(
        rp_id=own.id,
        rp_name=NAME,
        user_id=account.bytes,
        user_name=email,
        user_display_name=name,
        exclude_credentials=[PublicKeyCredentialDescriptor(id=each) for each in have],
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
    )
    return options.challenge, webauthn.options_to_json(options)


def check_new(own: Party, challenge: bytes, answer: str) -> Registered:
    """The new passkey. NotAPasskey."""
    given = _read(answer)
    try:
        found = webauthn.verify_registration_response(
            credential=given,
            expected_challenge=challenge,
            expected_rp_id=own.id,
            expected_origin=own.origin,
            require_user_verification=True,
        )
    except (exceptions.WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise NotAPasskey(str(error)) from error
    named = given.get("response", {}).get("transports", [])
    transports = [each for each in named if each in TRANSPORTS] if isinstance(named, list) else []
    return Registered(found.credential_id, found.credential_public_key, found.sign_count, transports)


def ask_any(own: Party) -> tuple[bytes, str]:
    """The challenge, and what the browser is asked (JSON): any passkey of ours, whoever it belongs to."""
    options = webauthn.generate_authentication_options(
        rp_id=own.id, user_verification=UserVerificationRequirement.REQUIRED
    )
    return options.challenge, webauthn.options_to_json(options)


def read_answer(answer: str) -> Answer:
    """Which passkey it is. NotAPasskey."""
    try:
        found = parse_authentication_credential_json(_read(answer))
    except (exceptions.WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise NotAPasskey(str(error)) from error
    return Answer(base64url_to_bytes(found.id), found.response.user_handle or b"")


def check_answer(own: Party, challenge: bytes, answer: str, public_key: bytes, sign_count: int) -> int:
    """The passkey's counter now. NotAPasskey: another challenge, place, key, or a counter that went back (a copy)."""
    try:
        found = webauthn.verify_authentication_response(
            credential=_read(answer),
            expected_challenge=challenge,
            expected_rp_id=own.id,
            expected_origin=own.origin,
            credential_public_key=public_key,
            credential_current_sign_count=sign_count,
            require_user_verification=True,
        )
    except (exceptions.WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise NotAPasskey(str(error)) from error
    return found.new_sign_count


def _read(answer: str) -> dict:
    if len(answer) > LONGEST_ANSWER:
        raise NotAPasskey("too long")
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError) as error:
        raise NotAPasskey(str(error)) from error
    if not isinstance(found, dict):
        raise NotAPasskey("not an object")
    return found
