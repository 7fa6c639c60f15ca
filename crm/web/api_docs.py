"""/api/docs: the API reference for people, rendered from the OpenAPI document by our own templates, a page a group.

The document hangs on its own route (crm/api/docs.py); pages and API do not import each other.
"""

import json
import re
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.params import FromPath

from crm.i18n import N_, Translator, translator
from crm.web.language import language_of
from crm.web.rendering import page

DOCUMENT_ROUTE = "openapi_document"
ERROR_CODES_SHOWN = range(400, 500)
_REF = re.compile(r'"#/components/schemas/(\w+)"')
Json = dict[str, Any]
_COLOURS = {"GET": "info", "POST": "success", "DELETE": "danger"}
_WHERE = {"path": N_("in the path"), "query": N_("in the query"), "header": N_("in a header")}


class Field(msgspec.Struct, frozen=True):
    """One parameter or field: `kind` in words, `href` to its type when it has one of its own."""

    name: str
    kind: str
    href: str
    required: bool
    said: str
    where: str = ""


class Shown(msgspec.Struct, frozen=True):
    """One operation as the page shows it."""

    id: str
    method: str
    colour: str
    path: str
    summary: str
    description: str
    parameters: list[Field]
    body: Field | None
    sample: str
    answers: list[Field]


class Group(msgspec.Struct, frozen=True):
    """The operations of one tag."""

    id: str
    name: str
    description: str
    operations: list[Shown]


class Shape(msgspec.Struct, frozen=True):
    """One type of the document."""

    name: str
    said: str
    fields: list[Field]


@get("/api/docs", include_in_schema=False, sync_to_thread=False, opt={"public": True})
def show_reference(request: Request) -> Response[str]:
    """How to begin, and what there is; names of fields and types are what they are in every language."""
    document, t = _document(request), translator(language_of(request))
    homes = _homes(document)
    of_type = {name: group for group, names in reversed(homes.items()) for name in names}
    return page(
        request,
        "api/docs.html",
        groups=[_group(t, document, tag) for tag in document["tags"]],
        types=[(name, f"/api/docs/{of_type[name]}#type-{name}") for name in document["components"]["schemas"]],
        errors=[],
        problems=_problems(t, document),
        version=document["info"]["version"],
    )


@get("/api/docs/{group:str}", include_in_schema=False, sync_to_thread=False, opt={"public": True})
def show_group(request: Request, group: FromPath[str]) -> Response[str]:
    """One group of calls with every type that they speak of. An unknown group leads to the beginning."""
    document, t = _document(request), translator(language_of(request))
    tag = next((each for each in document["tags"] if _slug(each["name"]) == group), None)
    if tag is None:
        return Response("", status_code=303, headers={"location": "/api/docs"})
    schemas, shown = document["components"]["schemas"], _homes(document)[group]
    return page(
        request,
        "api/group.html",
        errors=[],
        groups=[(_slug(each["name"]), t.gettext(each["name"])) for each in document["tags"]],
        group=_group(t, document, tag),
        shapes=[_shape(t, name, schemas[name]) for name in schemas if name in shown],
    )


handlers = [show_reference, show_group]


def _document(request: Request) -> Json:
    found = request.app.get_handler_index_by_name(DOCUMENT_ROUTE)
    if found is None:
        raise LookupError(DOCUMENT_ROUTE)
    document: Json = found["handler"].opt["document"]()
    return document


def _slug(name: str) -> str:
    return name.lower().replace(" ", "-")


def _homes(document: Json) -> dict[str, set[str]]:
    """Group -> the types that its calls speak of, and those that these are made of; the last has what nobody names."""
    schemas = document["components"]["schemas"]
    calls = [call for item in document["paths"].values() for call in item.values()]
    within = {name: _named(schema) for name, schema in schemas.items()}
    out: dict[str, set[str]] = {}
    for tag in document["tags"]:
        waiting = _named([call for call in calls if tag["name"] in call["tags"]])
        found = out.setdefault(_slug(tag["name"]), set())
        while waiting:
            name = waiting.pop()
            found.add(name)
            waiting |= within[name] - found
    out[_slug(document["tags"][-1]["name"])] |= set(schemas) - set[str]().union(*out.values())
    return out


def _named(part: Any) -> set[str]:
    """The types that a part of the document refers to."""
    return set(_REF.findall(json.dumps(part)))


def _group(t: Translator, document: Json, tag: Json) -> Group:
    name, said = tag["name"], tag["description"]
    shown = [
        _operation(t, path, method.upper(), call)
        for path, item in document["paths"].items()
        for method, call in item.items()
        if name in call["tags"]
    ]
    return Group(_slug(name), t.gettext(name), t.gettext(said), shown)


def _operation(t: Translator, path: str, method: str, call: Json) -> Shown:
    body = call.get("requestBody", {}).get("content", {}).get("application/json")
    summary, description = call["summary"], call.get("description", "")
    return Shown(
        id=call["operationId"],
        method=method,
        colour=_COLOURS[method],
        path=path,
        summary=t.gettext(summary),
        description=t.gettext(description) if description else "",
        parameters=[_parameter(t, each) for each in call["parameters"]],
        body=_field(t, "", body["schema"], True) if body else None,
        sample=_sample(path, method, body, call.get("security") == []),
        answers=[_answer(t, status, each) for status, each in call["responses"].items() if status.startswith("2")],
    )


def _parameter(t: Translator, parameter: Json) -> Field:
    field = _field(t, parameter["name"], parameter["schema"], parameter["required"])
    said = parameter.get("description", "") or field.said
    where = _WHERE[parameter["in"]]
    return msgspec.structs.replace(field, said=said, where=t.gettext(where))


def _answer(t: Translator, status: str, answer: Json) -> Field:
    content = answer["content"]
    media = "application/json" if "application/json" in content else next(iter(content))
    found = _field(t, status, content[media]["schema"], True)
    return found if media == "application/json" else msgspec.structs.replace(found, kind=media)


def _sample(path: str, method: str, body: Json | None, opened: bool) -> str:
    """The call with curl; KLYNGE and KEY are the reader's to set."""
    lines = [f"curl{'' if method == 'GET' else f' -X {method}'} $KLYNGE{path}"]
    if not opened:
        lines.append('-H "Authorization: Bearer $KEY"')
    if body:
        lines.append("-H 'Content-Type: application/json'")
        lines.append(f"-d '{json.dumps(body.get('example', {}), indent=2, ensure_ascii=False)}'")
    return " \\\n  ".join(lines)


def _shape(t: Translator, name: str, schema: Json) -> Shape:
    required = schema.get("required", [])
    fields = [_field(t, each, inner, each in required) for each, inner in schema.get("properties", {}).items()]
    return Shape(name, schema.get("description", ""), fields)


def _field(t: Translator, name: str, schema: Json, required: bool) -> Field:
    kind, href = _kind(t, schema)
    return Field(name, kind, href, required, schema.get("description", ""))


def _kind(t: Translator, schema: Json) -> tuple[str, str]:
    """A schema in words, and the type it leads to."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return name, f"#type-{name}"
    if "anyOf" in schema:
        kinds = [_kind(t, each) for each in schema["anyOf"] if each != {"type": "null"}]
        href = next((href for _, href in kinds if href), "")
        return t.gettext("%(kind)s or null", kind=" | ".join(kind for kind, _ in kinds)), href
    if schema.get("type") == "array":
        kind, href = _kind(t, schema["items"])
        return t.gettext("list of %(kind)s", kind=kind), href
    if "enum" in schema:
        return " | ".join(str(each) for each in schema["enum"]), ""
    return schema.get("format") or schema.get("type") or t.gettext("anything"), ""


def _problems(t: Translator, document: Json) -> list[tuple[str, str]]:
    """What each status means."""
    listed = document["components"]["responses"]
    said = {status: listed.get(f"Problem{status}", {}).get("description") for status in ERROR_CODES_SHOWN}
    return [(str(status), t.gettext(words)) for status, words in said.items() if words]
