"""The OpenAPI 3.1 document, made from the same operations the routes are made from.

Litestar's own generator is not used: it documents errors as application/json in its own shape, forgets
`additionalProperties: false`, gives the errors' `extra` no items and knows no security or licence
(sync_security 5.2). tests/crm/api/test_openapi.py holds each of these.
"""

import re
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from crm import forms
from crm.api import feed_shapes, share_shapes
from crm.api.edge import IDEMPOTENCY_KEY_MAX
from crm.api.health import Health
from crm.api.operations import PREFIX, Operation
from crm.api.problems import MEDIA_TYPE, Problem
from crm.i18n import N_

Json = dict[str, Any]
VERSION = "1.0.0"  # of the API, not of the software
_REF = "#/components/schemas/{name}"
_JSON = "application/json"
UUID = {"type": "string", "format": "uuid"}
SLUG = {"type": "string", "pattern": "^[a-z0-9-]{1,60}$"}
_IN_PATH = {
    "slug": SLUG,
    "code": {"type": "string", "pattern": "^[a-z0-9-]{1,60}$"},
    "bucket": {"type": "string", "pattern": "^[0-9a-f]{2}$"},
    "number": {"type": "string", "pattern": "^[0-9]{9}$"},
}
_NAMED = (feed_shapes.Change, share_shapes.SharedChange)  # only named by others' schemas, as one of several
_TAGS = {
    "Networks": N_("Clusters and innovation networks, their levels, fees and link rules, and their members."),
    "Sync": N_("For systems of partners: the list, then its changes, then a proof that nothing is missing."),
    "Disclosures": N_("What an agreement discloses of one network's members to the other: terms, list, changes, log."),
    "Webhooks": N_("Being told instead of asking: signed messages that something is new."),
    "Partner writes": N_("What partners' systems write: their list, words on linked memberships, corrections."),
    "Notes, tasks and mailings": N_("What a network's own people keep about members, and mails to many of them."),
    "Documents": N_("Files about members and agreements, for who manages the network."),
    "Labels and activities": N_("What a network was awarded, and what it does with its members."),
    "Agreements": N_("Between networks here, and with networks that other systems run."),
    "Test data": N_("Made-up members to try a system with, and every kind of change when it is asked for."),
    "Applications": N_("From the wish to join to the decision."),
    "Organisations": N_("Legal entities and their units, and what they are members of."),
    "Memberships": N_("Changes, with everything that follows from them."),
    "Tags and fields": N_("A network's own words for its members, and its own questions to them."),
    "Places": N_("Limited places and their queues, for those who manage."),
    "Reviews": N_("Members that do not fit their level any more, for those who manage."),
    "Register": N_("Files of the register of legal entities, and what it says otherwise of members."),
    "Invoices": N_("Drafts and their lines."),
    "Imports": N_("Members by file: every row judged, all of it stored or nothing, taken back."),
    "Renewals": N_("The annual bill: previewed, confirmed, with progress and failures."),
    "Late payment": N_("What is due for invoices that are not paid, pauses, claims for a collector."),
    "Payments": N_("What came in, where it belongs, what is owed and what is left over."),
    "Financing": N_("What members give in kind, what an hour counts as, and a network's other income."),
    "Surveys": N_("What members were asked, and what they answered."),
    "Reports": N_("Figures with their definitions, and the rows behind each of them."),
    "Audit trail": N_("Who did what, by which way, what stood before; and the chain that nobody can rewrite unseen."),
    N_("Service"): N_("For whoever watches the service."),
}
_ABOUT = """The membership register of industry clusters.

Every call needs `Authorization: Bearer KEY`. Days are ISO 8601, and every `ends_on` is half-open: the first day
that does not count. Money is whole minor units with its currency. Errors are RFC 9457 `application/problem+json`;
`errors[].rule` is a stable code. Unknown fields and parameters are refused. A POST may carry an `Idempotency-Key`:
the same key with the same body gives the same answer for 30 days, with `Idempotent-Replayed: true`. Single
resources have an `ETag`; `If-Match` on a change is honoured. Callers must expect further fields in answers."""

_SHOWN = "^[^\\u0000-\\u0008\\u000b-\\u001f\\u007f\\u2028\\u2029]*"
_ANY_TEXT: Json = {"pattern": f"{_SHOWN}$"}
_SOME_TEXT: Json = {"pattern": f"{_SHOWN}[^\\s\\u0000-\\u001f\\u007f]{_SHOWN[1:]}$"}

# What the forms check beyond their types, so that a client can check it too (crm/forms.py is what counts).
_LIMITS: dict[tuple[str, str], Json] = {
    ("OrganisationForm", "name"): {"minLength": 1, "maxLength": forms.NAME_MAX, **_SOME_TEXT},
    ("OrganisationForm", "country"): {"pattern": "^[A-Z]{2}$", "description": "ISO 3166 alpha-2."},
    ("OrganisationForm", "website"): {"maxLength": forms.URL_MAX},
    ("OrganisationForm", "identifiers"): {"maxItems": forms.IDENTIFIERS_MAX},
    ("ContactForm", "name"): {"minLength": 1, "maxLength": forms.NAME_MAX, **_SOME_TEXT},
    ("ContactForm", "email"): {"minLength": 3, "maxLength": forms.EMAIL_MAX, "format": "email"},
    ("ContactForm", "role"): {"maxLength": forms.SHORT_MAX, **_ANY_TEXT},
    ("ApplicationForm", "network"): SLUG,
    ("ApplicationForm", "billing_reference"): {"maxLength": forms.SHORT_MAX, **_ANY_TEXT},
    ("ConsentsForm", "terms_version"): {"minimum": 1},
    ("QuestionForm", "question"): _SOME_TEXT,
    ("DeclineForm", "reason"): _SOME_TEXT,
    ("EndingForm", "reason"): _ANY_TEXT,
    ("SuspensionForm", "reason"): _ANY_TEXT,
}
_ERRORS = {
    400: N_("The request cannot be read."),
    401: N_("No valid key."),
    403: N_("The key may see this, but not do that."),
    404: N_("Nothing there, or nothing this key may see."),
    409: N_("It does not fit what is stored."),
    410: N_("The cursor is too old; begin again with the list."),
    412: N_("It has changed since it was read."),
    413: N_("The body is too large."),
    415: N_("The body is not sent as application/json."),
    422: N_("A field or parameter is wrong, or a rule says no."),
}


def document(operations: Sequence[Operation]) -> Json:
    """The whole document."""
    types = [t for o in operations for t in (o.answer, o.body) if t is not None] + [Problem, Health, *_NAMED]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    refs = dict(zip([str(t) for t in types], schemas, strict=True))
    for (name, field), limits in _LIMITS.items():
        components[name]["properties"][field].update(limits)
    paths: Json = {}
    for operation in operations:
        paths.setdefault(PREFIX + operation.path, {})[operation.method.lower()] = _operation(operation, refs)
    paths["/healthz"] = {"get": _health("check_health", N_("Is it alive?"), refs)}
    paths["/readyz"] = {"get": _health("check_readiness", N_("Can it answer?"), refs)}
    found = {
        "openapi": "3.1.0",
        "info": {
            "title": "Klynge",
            "version": VERSION,
            "summary": "Membership of industry clusters and innovation networks.",
            "description": _ABOUT,
            "license": {"name": "MIT License", "identifier": "MIT"},
        },
        "servers": [{"url": "/", "description": "This server"}],
        "security": [{"key": []}],
        "tags": [{"name": name, "description": said} for name, said in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(components.items())),
            "responses": {f"Problem{status}": _problem(said) for status, said in _ERRORS.items()}
            | {"Problem": _problem("Something else went wrong.")},
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "A key made with `crm key create`."}
            },
        },
    }
    # msgspec calls the pages of a list Page_Member_; people would say MemberPage.
    renamed: Json = msgspec.json.decode(re.sub(rb'\bPage_(\w+?)_(?=")', rb"\1Page", msgspec.json.encode(found)))
    return renamed


def _operation(operation: Operation, refs: Json) -> Json:
    out: Json = {"operationId": operation.id, "tags": [operation.tag], "summary": operation.summary}
    if operation.description:
        out["description"] = operation.description
    out["parameters"] = [*_in_path(operation), *_in_query(operation), *_in_headers(operation)]
    if operation.body is not None:
        content = {"schema": refs[str(operation.body)]}
        if operation.example is not None:
            content["example"] = operation.example
        others = {media: {"schema": {"type": "string"}} for media in operation.takes}
        others |= {"multipart/form-data": {"schema": _as_form(operation)}} if operation.form_file else {}
        out["requestBody"] = {"required": True, "content": {_JSON: content, **others}}
    out["responses"] = {
        str(operation.status): _success(operation, refs),
        **({"304": {"description": "Not changed since.", "headers": _etag()}} if operation.has_tag else {}),
        **{str(s): {"$ref": f"#/components/responses/Problem{s}"} for s in _statuses(operation)},
        "default": {"$ref": "#/components/responses/Problem"},
    }
    return out


def _statuses(operation: Operation) -> Iterable[int]:
    yield from (400, 401)
    if operation.method != "GET" or operation.parameters:
        yield from (403, 404)
    if operation.method != "GET" or operation.path.endswith("/consequences"):
        yield 409
    if operation.method != "GET":
        yield from (412, 413)
    if operation.body is not None:
        yield 415
    yield from (*operation.refusals, 422)


def _success(operation: Operation, refs: Json) -> Json:
    out: Json = {
        "description": HTTPStatus(operation.status).phrase,
        "content": {_JSON: {"schema": refs[str(operation.answer)]}},
    }
    headers: Json = {}
    if operation.file:
        out["content"] = _file(operation.file)
    if operation.files:
        out["content"] = {media: {"schema": {"type": "string", "format": "binary"}} for media in operation.files}
    if operation.streams:
        out["content"] |= {name: shape for media in operation.streams for name, shape in _file(media).items()}
        headers["Klynge-As-Of-Cursor"] = _header("With a stream: where to go on with the changes.")
    if operation.has_tag:
        headers |= _etag()
    if operation.listing:
        headers["Link"] = _header('The next page, `rel="next"`; absent on the last one.')
    if operation.location:
        headers["Location"] = _header("Where it is now.")
    if operation.method == "POST":
        headers["Idempotent-Replayed"] = _header("`true` when this is the answer to a former request.")
    return out | ({"headers": headers} if headers else {})


def _file(media: str) -> Json:
    """What is sent piece by piece: one JSON document, or text that has no schema."""
    name = media.partition(";")[0]
    return {name: {"schema": {"type": "object" if name.endswith("+json") else "string"}}}


def _etag() -> Json:
    return {"ETag": _header("The version, for If-None-Match and If-Match.")}


def _header(said: str) -> Json:
    return {"description": said, "schema": {"type": "string"}}


def _in_path(operation: Operation) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, "schema": dict(_IN_PATH.get(name, UUID))}
        for name in operation.parameters
    ]


def _in_query(operation: Operation) -> list[Json]:
    _, components = msgspec.json.schema_components([operation.query], ref_template=_REF)
    shape = components[operation.query.__name__]
    required = shape.get("required", [])
    return [_parameter(name, schema, name in required) for name, schema in shape["properties"].items()]


def _as_form(operation: Operation) -> Json:
    """The body as a form: its file is called `file` and has its name with it."""
    _, components = msgspec.json.schema_components([operation.body], ref_template=_REF)
    assert operation.body is not None
    shape = components[operation.body.__name__]
    fields = {n: _plain(each) for n, each in shape["properties"].items() if n not in ("name", operation.form_file)}
    fields["file"] = {"type": "string", "format": "binary"}
    return {"type": "object", "properties": fields, "required": ["file"], "additionalProperties": False}


def _plain(schema: Json) -> Json:
    """Without null, which has no place in an address or a form: what may be left out is just that."""
    schema = dict(schema)
    if schema.get("default", 0) is None:
        del schema["default"]
    if options := schema.pop("anyOf", None):
        schema |= next(dict(o) for o in options if o != {"type": "null"})
    if None in schema.get("enum", ()):
        schema["enum"] = [each for each in schema["enum"] if each is not None]
    return schema


def _parameter(name: str, schema: Json, required: bool) -> Json:
    """A parameter that may be left out is just that."""
    said = {"description": schema["description"]} if "description" in schema else {}
    schema = _plain({key: value for key, value in schema.items() if key != "description"})
    said = {"description": schema.pop("description")} if "description" in schema else said
    return {"name": name, "in": "query", "required": required, "schema": schema, **said}


def _in_headers(operation: Operation) -> list[Json]:
    out = [_sent("Accept-Language", "Language of sentences: en or nb.", {"type": "string", "examples": ["nb"]})]
    if operation.method == "POST":
        pattern = f"^[!-~]([ -~]{{0,{IDEMPOTENCY_KEY_MAX - 2}}}[!-~])?$"
        out.append(_sent("Idempotency-Key", "Makes repeating harmless.", {"type": "string", "pattern": pattern}))
    if operation.precondition:
        tag = {"type": "string", "pattern": '^(\\*|(W/)?"[!#-~]*")$', "examples": ['"5f0c8d1e9b7a4c3d2e1f0a9b"']}
        out.append(_sent("If-Match", "The ETag the change is meant for; 412 when it is not the newest.", tag))
    if operation.has_tag:
        out.append(_sent("If-None-Match", "The ETag you have; 304 when it is the newest.", {"type": "string"}))
    return out


def _sent(name: str, said: str, schema: Json) -> Json:
    return {"name": name, "in": "header", "required": False, "description": said, "schema": schema}


def _problem(said: str) -> Json:
    return {"description": said, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}


def _health(name: str, summary: str, refs: Json) -> Json:
    return {
        "operationId": name,
        "tags": ["Service"],
        "summary": summary,
        "security": [],
        "parameters": [],
        "responses": {
            "200": {"description": "OK", "content": {_JSON: {"schema": refs[str(Health)]}}},
            "default": {"$ref": "#/components/responses/Problem"},
        },
    }
