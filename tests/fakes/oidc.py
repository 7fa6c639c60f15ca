"""A small OpenID Connect provider on loopback: discovery, keys, codes with PKCE, tokens; honest unless told otherwise.

Who asks is let in at once as `person`. `fault` makes it do one thing wrong; each must be refused by who asked.
"""

import json
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qs, urlencode

from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

CLIENT, SECRET = "klynge", "a-secret-of-the-client"
MINUTES = 60


@cache
def _keys() -> tuple[RSAKey, RSAKey]:
    """Its own key and a stranger's, by the same name; made once, for they take a while."""
    named = {"kid": "one", "use": "sig", "alg": "RS256"}
    return RSAKey.generate_key(2048, named), RSAKey.generate_key(2048, named)


class Provider:
    """The service as an ASGI application; `now` gives the seconds since 1970 that its tokens are made at."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.issuer = ""
        self.fault = ""
        self.person: dict[str, Any] = {"sub": "248289761001", "email": "", "email_verified": True, "name": "Oda Idc"}
        self.key, self.other_key = _keys()
        self.codes: dict[str, dict[str, str]] = {}

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        query = {name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()}
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        status, answer, extra = self._answer(scope["method"], scope["path"], query, form, headers)
        told = [(b"content-type", b"application/json"), *extra]
        await send({"type": "http.response.start", "status": status, "headers": told})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    def _answer(
        self, method: str, path: str, query: dict[str, str], form: dict[str, str], headers: dict[str, str]
    ) -> tuple[int, Any, list[tuple[bytes, bytes]]]:
        if (method, path) == ("GET", "/.well-known/openid-configuration"):
            wrong = "https://elsewhere.example" if self.fault == "metadata of another issuer" else self.issuer
            places = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
            return 200, {"issuer": wrong} | {name: f"{self.issuer}/{place}" for name, place in places.items()}, []
        if (method, path) == ("GET", "/keys"):
            return 200, KeySet([self.key]).as_dict(private=False), []
        if (method, path) == ("GET", "/authorize"):
            return self._authorize(query)
        if (method, path) == ("POST", "/token"):
            return self._token(form, headers)
        return 404, {}, []

    def _authorize(self, asked: dict[str, str]) -> tuple[int, Any, list[tuple[bytes, bytes]]]:
        if asked.get("client_id") != CLIENT or asked.get("code_challenge_method") != "S256":
            return 400, {"error": "invalid_request"}, []
        code = token_urlsafe(16)
        self.codes[code] = asked
        back = asked["redirect_uri"] + "?" + urlencode({"code": code, "state": asked["state"]})
        return 302, {}, [(b"location", back.encode())]

    def _token(self, form: dict[str, str], headers: dict[str, str]) -> tuple[int, Any, list[tuple[bytes, bytes]]]:
        login = b64decode(headers.get("authorization", "Basic ").partition(" ")[2]).decode()
        asked = self.codes.pop(form.get("code", ""), None)  # a code is good once
        challenge = urlsafe_b64encode(sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
        if login != f"{CLIENT}:{SECRET}" or asked is None or asked["code_challenge"] != challenge:
            return 400, {"error": "invalid_grant"}, []
        if asked["redirect_uri"] != form.get("redirect_uri"):
            return 400, {"error": "invalid_grant"}, []
        if self.fault == "server error":
            return 500, {}, []
        token = self._id_token(asked["nonce"])
        return 200, {"access_token": "x", "token_type": "Bearer", **({"id_token": token} if token else {})}, []

    def _id_token(self, nonce: str) -> str:
        now = int(self.now())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 5 * MINUTES,
            "nonce": nonce,
            **self.person,
        }
        wrong: dict[str, dict[str, Any]] = {
            "wrong issuer": {"iss": "https://elsewhere.example"},
            "wrong nonce": {"nonce": "another"},
            "wrong audience": {"aud": "somebody-else"},
            "several audiences": {"aud": [CLIENT, "somebody-else"]},
            "other party": {"azp": "somebody-else"},
            "expired": {"iat": now - 10 * MINUTES, "exp": now - 5 * MINUTES},
            "made long ago": {"iat": now - 60 * MINUTES},
            "not yet": {"iat": now + 60 * MINUTES},
            "no subject": {"sub": None},
        }
        claims.update(wrong.get(self.fault, {}))
        claims = {name: value for name, value in claims.items() if value is not None}
        if self.fault == "no token":
            return ""
        if self.fault == "no nonce":
            del claims["nonce"]
        if self.fault == "alg none":
            parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)]
            return ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."
        if self.fault == "signed with the public key":  # HS256 with what everybody can fetch
            return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(self.key.as_pem(private=False)))
        key = self.other_key if self.fault == "another key" else self.key
        token = jwt.encode({"alg": "RS256", "kid": "one"}, claims, key)
        if self.fault == "changed":
            head, body, signature = token.split(".")
            return ".".join((head, body[:-4] + ("AAAA" if body[-4:] != "AAAA" else "BBBB"), signature))
        return token
