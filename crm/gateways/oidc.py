"""Sign-in by an organisation's own service: OpenID Connect Core 1.0, code flow with PKCE (RFC 7636), as a client.

The service is the operator's choice (`KLYNGE_OIDC_*`). Its metadata and keys are read when somebody signs in and kept
for a while; its ID token is taken with asymmetric signatures only, for us, by it, now, and for this sign-in.
"""

from base64 import urlsafe_b64encode
from hashlib import sha256
from time import monotonic
from typing import Any
from urllib.parse import urlencode

import httpx
import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from crm.settings import Settings

ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"]
SCOPES = "openid email profile"
TIMEOUT_SECONDS = 10.0
ANSWER_BYTES = 256 * 1024
KEPT_SECONDS = 600.0
LEEWAY_SECONDS = 60
OLDEST_SECONDS = 600
CALLBACK = "/sign-in/oidc/callback"


class OidcError(Exception):
    """The service could not be asked, or said something that cannot be taken; the text is for the log."""


class Person(msgspec.Struct, frozen=True):
    """Who the service says it is."""

    issuer: str
    subject: str
    email: str
    email_verified: bool
    name: str


class _Metadata(msgspec.Struct, frozen=True):
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


_kept: dict[str, tuple[float, _Metadata]] = {}


async def address(settings: Settings, state: str, nonce: str, verifier: str) -> str:
    """Where to send the browser. OidcError."""
    metadata = await _metadata(settings)
    challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "response_type": "code",
        "client_id": settings.oidc_client_id,
        "redirect_uri": settings.base_url + CALLBACK,
        "scope": SCOPES,
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    glue = "&" if "?" in metadata.authorization_endpoint else "?"
    return f"{metadata.authorization_endpoint}{glue}{urlencode(asked)}"


async def person(settings: Settings, code: str, verifier: str, nonce: str, now: float) -> Person:
    """Who came back with this code. OidcError for whatever is wrong with what the service says."""
    metadata = await _metadata(settings)
    given = await _ask(
        settings,
        "POST",
        metadata.token_endpoint,
        data={
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": settings.base_url + CALLBACK,
            "code_verifier": verifier,
        },
        auth=httpx.BasicAuth(settings.oidc_client_id, settings.oidc_client_secret),
    )
    token = given.get("id_token")
    if not isinstance(token, str):
        raise OidcError("no ID token")
    keys = await _ask(settings, "GET", metadata.jwks_uri)
    return _checked(settings, token, keys, nonce, now)


def _checked(settings: Settings, token: str, keys: dict[str, Any], nonce: str, now: float) -> Person:
    """OpenID Connect Core, 3.1.3.7."""
    try:
        claims = jwt.decode(token, KeySet.import_key_set(keys), algorithms=ALGORITHMS).claims
        registry = jwt.JWTClaimsRegistry(
            now=int(now),
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": settings.oidc_issuer},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        registry.validate(claims)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise OidcError(f"ID token: {error!r}") from error
    audience = claims.get("aud")
    listed = audience if isinstance(audience, list) else [audience]
    if settings.oidc_client_id not in listed:
        raise OidcError("ID token: it is for somebody else")
    if (len(listed) > 1 or "azp" in claims) and claims.get("azp") != settings.oidc_client_id:
        raise OidcError("ID token: another party asked for it")
    if now - claims["iat"] > OLDEST_SECONDS:
        raise OidcError("ID token: it was made long ago")
    email, name = claims.get("email", ""), claims.get("name", "")
    if not isinstance(email, str) or not isinstance(name, str):
        raise OidcError("ID token: e-mail or name is no text")
    verified = claims.get("email_verified") is True
    return Person(settings.oidc_issuer, claims["sub"], email.strip().lower(), verified, " ".join(name.split()))


def forget() -> None:
    """Ask for the service's metadata anew."""
    _kept.clear()


async def _metadata(settings: Settings) -> _Metadata:
    """OpenID Connect Discovery 1.0, section 4; the issuer in it must be the one that was asked."""
    issuer = settings.oidc_issuer
    found = _kept.get(issuer)
    if found and found[0] > monotonic():
        return found[1]
    given = await _ask(settings, "GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    try:
        metadata = msgspec.convert(given, _Metadata)
    except msgspec.ValidationError as error:
        raise OidcError(f"metadata: {error}") from error
    if metadata.issuer != issuer:
        raise OidcError("metadata: of another issuer")
    for each in (metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri):
        if not each.startswith("https://") and not settings.development:
            raise OidcError("metadata: an address without TLS")
    _kept[issuer] = (monotonic() + KEPT_SECONDS, metadata)
    return metadata


async def _ask(settings: Settings, method: str, url: str, **parts: Any) -> dict[str, Any]:
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, follow_redirects=False, trust_env=False) as client:
            answer = await client.request(method, url, headers={"accept": "application/json"}, **parts)
        if answer.status_code != httpx.codes.OK or len(answer.content) > ANSWER_BYTES:
            raise OidcError(f"{url.split('?')[0]} answered {answer.status_code}")
        found = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise OidcError(f"{url.split('?')[0]}: {error!r}") from error
    if not isinstance(found, dict):
        raise OidcError(f"{url.split('?')[0]} answered no object")
    return found
