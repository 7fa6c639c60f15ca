"""Refusals under /scim as SCIM has them (RFC 7644 section 3.12, RFC 9865 section 2.1).

What the rest of the product refuses keeps its sentence; what SCIM itself says is in English, as its keywords are.
"""

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from crm.api.problems import Problem, problem
from crm.api.scim_schema import MESSAGES

PATHS = "/scim/"
MEDIA_TYPE = "application/scim+json"
_TAKEN = frozenset({"already_member", "application_open", "identifier_taken", "external_id_taken"})


class ScimError(HTTPException):
    """Refused with a keyword of SCIM; "" where it has none."""

    def __init__(self, status: int, keyword: str, detail: str) -> None:
        super().__init__(detail=detail, status_code=status)
        self.keyword = keyword


class Told(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """The body of an error."""

    schemas: tuple[str, ...]
    status: str
    detail: str
    scim_type: str = ""


def answered(request: Request, error: Exception, reference: str) -> Response[bytes]:
    """Any exception as the answer of the API it was met in: SCIM's, or the native one's."""
    return (_refused if request.url.path.startswith(PATHS) else problem)(request, error, reference)


def _refused(request: Request, error: Exception, reference: str) -> Response[bytes]:
    if isinstance(error, ScimError):
        return _answer(error.status_code, error.keyword, error.detail, {})
    plain = problem(request, error, reference)
    told = msgspec.json.decode(plain.content, type=Problem)
    # SCIM knows no 422: what a value may not be is 400, and what somebody else has already is 409.
    taken = bool({each.rule for each in told.errors} & _TAKEN)
    status = 409 if taken else 400 if told.status == 422 else told.status
    keyword = "uniqueness" if taken else "invalidValue" if told.status == 422 else ""
    if status == 400 and not keyword:
        keyword = "invalidSyntax"
    named = [f"{each.field}: {each.message}" for each in told.errors if told.status == 422]
    return _answer(status, keyword, " ".join(named) or told.detail, dict(plain.headers))


def _answer(status: int, keyword: str, detail: str, headers: dict[str, str]) -> Response[bytes]:
    body = msgspec.json.encode(Told((MESSAGES + "Error",), str(status), detail, keyword))
    kept = {name: value for name, value in headers.items() if name.lower() not in ("content-type", "content-length")}
    return Response(body, status_code=status, media_type=MEDIA_TYPE, headers={"cache-control": "no-store", **kept})
