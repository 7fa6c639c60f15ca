"""The shapes of the protocol between systems, and their OpenAPI document: docs/federation.md, for machines."""

from functools import cache
from typing import Any

import msgspec

from cluster_rules.federation import Register, Shown
from crm.actions.federation_calls import Acceptance, Accepted, Invitation
from crm.api.problems import Problem

_REF = "#/components/schemas/{name}"
Json = dict[str, Any]


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What every question says of itself, so that it cannot stand for another one: it is what is signed."""

    agreement: str
    call: str


class Copies(Question, frozen=True, kw_only=True):
    """Registers of the asking side, and what it has of the other side's (`copies`)."""

    messages: list[Register] = []
    copies: list[Shown] = []


class Digest(Question, frozen=True, kw_only=True):
    """Nothing more to say: the digest is asked for."""


class Buckets(Question, frozen=True, kw_only=True):
    """Which buckets of the digest are wanted."""

    buckets: list[str]


class Heartbeat(Question, frozen=True, kw_only=True):
    """The hash of the asking side's digest."""

    digest: str


class Keys(Question, frozen=True, kw_only=True):
    """The secret that will sign what the asking side sends; the one before counts for two more days."""

    secret: str


class Token(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An invitation's token: the end of its link."""

    token: str


class Result(msgspec.Struct, frozen=True):
    """What came of a register: applied, same, stale, disputed, inactive, not_owner or refused (`reason`)."""

    register: str
    key: str
    result: str
    reason: str = ""
    held: Shown | None = None


class MessagesAnswer(msgspec.Struct, frozen=True):
    """One result for each message, and the registers that the answering side says anew because of the copies."""

    results: list[Result]
    registers: list[Register]


class DigestOf(msgspec.Struct, frozen=True):
    """The hash of the whole and of each bucket that is not empty."""

    hash: str
    buckets: dict[str, str]


class DigestAnswer(msgspec.Struct, frozen=True):
    """The digest of every register of the agreement."""

    digest: DigestOf


class Bucket(msgspec.Struct, frozen=True):
    """All registers of a bucket; nothing follows from what is missing when it is not `complete`."""

    complete: bool
    registers: list[Register]


class BucketsAnswer(msgspec.Struct, frozen=True):
    """By bucket, read at one moment."""

    buckets: dict[str, Bucket]


class HeartbeatAnswer(msgspec.Struct, frozen=True):
    """The hash of the answering side's digest, and how the agreement stands there."""

    digest: str
    standing: str


class KeysAnswer(msgspec.Struct, frozen=True):
    """Received; from now on either secret is accepted."""


class Discovery(msgspec.Struct, frozen=True):
    """Which system this is."""

    protocol: str
    instance: str
    api: str
    now: str
    most_registers: int


_OPEN = (
    ("get", "", "discover_system", "Which system is this?", None, Discovery),
    ("post", "/invitations/looks", "look_at_invitation", "What does an invitation say?", Token, Invitation),
    ("post", "/invitations/answers", "answer_invitation", "Propose terms, exchange secrets", Acceptance, Accepted),
)
_SIGNED = (
    ("messages", "send_registers", "Send registers, show copies", Copies, MessagesAnswer),
    ("digest", "ask_digest", "The digest of all registers", Digest, DigestAnswer),
    ("buckets", "ask_buckets", "The registers of some buckets", Buckets, BucketsAnswer),
    ("heartbeat", "send_heartbeat", "Alive, and the same?", Heartbeat, HeartbeatAnswer),
    ("keys", "replace_secret", "A new secret", Keys, KeysAnswer),
)


@cache
def document() -> Json:
    """The whole document."""
    types: list[Any] = [Problem]
    types += [t for *_, body, answer in (*_OPEN, *_SIGNED) for t in (body, answer) if t is not None]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    refs = dict(zip(map(str, types), schemas, strict=True))
    paths: Json = {}
    for method, path, name, said, body, answer in _OPEN:
        call = _operation(name, said, refs, body, answer) | {"security": []}
        paths[f"/api/v1/federation{path}"] = {method: call}
    for path, name, said, body, answer in _SIGNED:
        call = _operation(name, said, refs, body, answer)
        code = {"name": "code", "in": "path", "required": True, "schema": {"type": "string", "maxLength": 40}}
        call["parameters"] = [code, *({"$ref": f"#/components/parameters/{each}"} for each in _HEADERS)]
        paths[f"/api/v1/federation/agreements/{{code}}/{path}"] = {"post": call}
    found = {
        "openapi": "3.1.0",
        "info": {"title": "Klynge federation", "version": "1", "license": {"name": "MIT License", "identifier": "MIT"}},
        "servers": [{"url": "/", "description": "This server"}],
        "security": [{"signature": []}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(components.items())),
            "parameters": {name: _header(name, said) for name, said in _HEADERS.items()},
            "securitySchemes": {"signature": _SIGNATURE},
        },
    }
    plain: Json = msgspec.json.decode(msgspec.json.encode(found))
    return plain


_HEADERS = {
    "webhook-id": "The question's id; the answer carries the same.",
    "webhook-timestamp": "When it was sent, in seconds since 1970; five minutes either way are allowed.",
}
_SIGNATURE = {
    "type": "apiKey",
    "in": "header",
    "name": "webhook-signature",
    "description": "Standard Webhooks 1.0: `v1,` and the base64 of the HMAC-SHA256 of `id.timestamp.body`.",
}


def _operation(name: str, said: str, refs: Json, body: Any, answer: Any) -> Json:
    wrong = {"description": "Refused.", "content": {"application/problem+json": {"schema": refs[str(Problem)]}}}
    out: Json = {
        "operationId": name,
        "summary": said,
        "responses": {
            "200": {"description": "OK", "content": {"application/json": {"schema": refs[str(answer)]}}},
            "4XX": wrong,
        },
    }
    if body is not None:
        out["requestBody"] = {"required": True, "content": {"application/json": {"schema": refs[str(body)]}}}
    return out


def _header(name: str, said: str) -> Json:
    return {"name": name, "in": "header", "required": True, "description": said, "schema": {"type": "string"}}
