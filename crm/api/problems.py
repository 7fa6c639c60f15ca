"""Every refusal as RFC 9457 problem+json: one shape, stable codes, a sentence in the caller's language.

`errors` names field and rule of each thing that is wrong; the `rule` is the stable code, the `message`
the sentence (crm/words.py). 4xx always has at least one; 5xx never says what broke, only a reference.
"""

from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from cluster_rules.errors import RuleViolation
from crm import words
from crm.api.language import translator_for
from crm.catalogue import Catalogue
from crm.errors import (
    Forbidden,
    Invalid,
    NotFound,
    ScopeMissing,
    TooMany,
    TooSlow,
    Unauthenticated,
    Unavailable,
    status_of,
)
from crm.forms import Problems
from crm.i18n import Translator

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "/problems/"


class FieldError(msgspec.Struct, frozen=True):
    """One thing that is wrong. `field` is a dotted path in the body, or a parameter's or header's name;
    `pointer` is the JSON Pointer when it is in the body, else empty."""

    field: str
    pointer: str
    rule: str
    message: str


class Problem(msgspec.Struct, frozen=True):
    """What went wrong. `type` is stable, `detail` is for people."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[FieldError]


class EdgeError(HTTPException):
    """Refused before any rule was asked: the request itself cannot be read, or is stale."""

    def __init__(self, status: int, field: str, code: str, **params: Any) -> None:
        super().__init__(detail=code, status_code=status)
        self.problems: Problems = [(field, code, params)]


def problem(request: Request, error: Exception, reference: str) -> Response[bytes]:
    """Any exception as an answer."""
    status, problems = _told(request, error)
    t = translator_for(request)
    kept: Catalogue | None = request.state.get("kept")
    fields: frozenset[str] = request.state.get("body_fields", frozenset())
    renames: dict[str, str] = request.state.get("renames", {})
    errors = [_field_error(t, kept, fields, renames.get(f, f), code, params) for f, code, params in problems]
    code = problems[0][1] if len(problems) == 1 else "invalid" if problems else "internal_error"
    body = Problem(
        type=f"{TYPE_PREFIX}{code}",
        title=code.replace("_", " ").capitalize(),
        status=status,
        detail=_detail(t, errors),
        instance=f"{request.url.path}#{reference}",
        errors=errors,
    )
    return Response(
        msgspec.json.encode(body),
        status_code=status,
        media_type=MEDIA_TYPE,
        headers={"cache-control": "no-store", "content-language": t.language, **_headers(error)},
    )


def _told(request: Request, error: Exception) -> tuple[int, Problems]:
    """The status and what is wrong, as (field, code, values)."""
    if isinstance(error, EdgeError):
        return error.status_code, error.problems
    if isinstance(error, Invalid):
        return 422, error.problems
    if isinstance(error, RuleViolation):
        return status_of(error), [(error.field or "body", error.code, error.params)]
    if isinstance(error, NotFound):
        return 404, [(error.noun, "not_found", {})]
    if isinstance(error, TooMany):
        return 429, [("authorization", "too_many_requests", {"seconds": error.seconds})]
    if isinstance(error, Unavailable):
        return 503, [("database", "unavailable", {})]
    if isinstance(error, TooSlow):
        return 503, [("database", "too_slow", {})]
    if isinstance(error, ScopeMissing):
        return 403, [("authorization", "scope_missing", {"scope": error.scope})]
    if isinstance(error, Unauthenticated | Forbidden):
        return status_of(error), [("authorization", _CODES[status_of(error)][1], {})]
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 405:
        allowed = (error.headers or {}).get("allow", "") if isinstance(error, HTTPException) else ""
        return 405, [("method", "method_not_allowed", {"allowed": allowed})]
    if status == 413:
        return 413, [("body", "body_too_large", {"limit": _room(request)})]
    if status >= 500:
        return status, []
    field, code = _CODES.get(status, ("body", "body_malformed"))
    return status, [(field, code, {"message": HTTPStatus(status).phrase} if code == "body_malformed" else {})]


def _room(request: Request) -> int:
    """How many bytes a body may have here."""
    handler = request.scope.get("route_handler")
    return (handler.resolve_request_max_body_size() if handler else request.app.request_max_body_size) or 0


_CODES = {
    401: ("authorization", "unauthenticated"),
    403: ("authorization", "forbidden"),
    404: ("path", "not_found"),
    415: ("content-type", "unsupported_media_type"),
    422: ("body", "type_wrong"),
}


def _field_error(
    t: Translator, kept: Catalogue | None, fields: frozenset[str], field: str, code: str, params: dict[str, Any]
) -> FieldError:
    in_body = field.split(".", 1)[0] in fields
    pointer = "#/" + field.replace("~", "~0").replace("/", "~1").replace(".", "/") if in_body else ""
    return FieldError(field, pointer, code, words.refusal(t, kept, code, params))


def _detail(t: Translator, errors: list[FieldError]) -> str:
    if not errors:
        return words.refusal(t, None, "internal_error", {})
    return " ".join(dict.fromkeys(e.message for e in errors))


def _headers(error: Exception) -> dict[str, str]:
    if isinstance(error, Unauthenticated):
        return {"www-authenticate": 'Bearer realm="Klynge"'}
    if isinstance(error, TooMany | Unavailable):
        return {"retry-after": str(error.seconds)}
    return dict(error.headers or {}) if isinstance(error, HTTPException) else {}
