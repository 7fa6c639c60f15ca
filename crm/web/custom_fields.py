"""A network's custom fields: the page where they are made, changed, put in order, deleted and brought back."""

import re
from collections import defaultdict
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from crm.actions import custom_fields as actions
from crm.actions.custom_fields import FieldForm
from crm.custom_values import KINDS, SEES, Choice
from crm.errors import Invalid, NotFound, status_of
from crm.reads import custom_fields as reads
from crm.web import custom_words
from crm.web.fields import fields_of, id_of
from crm.web.office import Office, routes, show
from crm.web.office_consequences import problems
from crm.web.session import NOT_KEPT

PATH = "/setup/fields"
_LINE = re.compile(r"\s*([a-z][a-z0-9_]*)\s*=\s*([^|]+?)\s*(?:\|\s*(.+?)\s*)?")
_PLACES = {"code": "code", "kind": "kind", "sees": "sees", "choices": "choices"} | {
    f"names.{language}": f"name_{language}" for language in ("nb", "en")
}


@get(PATH, include_in_schema=False)
async def show_fields(request: Request, office: NamedDependency[Office]) -> Response[str]:
    return await _page(request, office, {}, None)


@post(PATH, include_in_schema=False)
async def create(request: Request, office: NamedDependency[Office]) -> Response:
    typed = await fields_of(request)
    try:
        await actions.create(office.context, office.actor, office.network.id, _form(typed))
    except (RuleViolation, Invalid) as error:
        return await _page(request, office, typed, error)
    return _back(office)


@get(PATH + "/{field:str}", include_in_schema=False)
async def show_field(request: Request, office: NamedDependency[Office], field: FromPath[str]) -> Response[str]:
    return await _one(request, office, id_of("field", field), None, None)


@post(PATH + "/{field:str}", include_in_schema=False)
async def change(request: Request, office: NamedDependency[Office], field: FromPath[str]) -> Response:
    typed, wanted = await fields_of(request), id_of("field", field)
    try:
        await actions.change(office.context, office.actor, office.network.id, wanted, _form(typed))
    except (RuleViolation, Invalid) as error:
        return await _one(request, office, wanted, typed, error)
    return _back(office)


@post(PATH + "/{field:str}/move", include_in_schema=False)
async def move(request: Request, office: NamedDependency[Office], field: FromPath[str]) -> Response:
    """One place up or down."""
    typed, wanted = await fields_of(request), id_of("field", field)
    async with office.context.db.reading(office.actor.sees) as connection:
        ids = [each.id for each in await reads.of_network(connection, office.network.id)]
    if wanted not in ids:
        raise NotFound("field", field)
    place = ids.index(wanted)
    other = max(0, place - 1) if typed.get("to") == "up" else min(len(ids) - 1, place + 1)
    ids[place], ids[other] = ids[other], ids[place]
    await actions.order(office.context, office.actor, office.network.id, ids)
    return _back(office)


@post(PATH + "/{field:str}/delete", include_in_schema=False)
async def delete(office: NamedDependency[Office], field: FromPath[str]) -> Response:
    wanted = id_of("field", field)
    await actions.delete(office.context, office.actor, office.network.id, wanted)
    return _back(office, f"?deleted={wanted}")


@post(PATH + "/{field:str}/restore", include_in_schema=False)
async def restore(office: NamedDependency[Office], field: FromPath[str]) -> Response:
    await actions.restore(office.context, office.actor, office.network.id, id_of("field", field))
    return _back(office)


handlers = [routes(show_fields, create, show_field, change, move, delete, restore)]


def _form(typed: dict[str, str]) -> FieldForm:
    """What a form holds. Choices are lines: code = Norwegian | English; without a code one is made of the words."""
    names = {"nb": typed.get("name_nb", ""), "en": typed.get("name_en", "")}
    choices = [_choice(line) for line in typed.get("choices", "").splitlines() if line.strip()]
    code = typed.get("code", "").strip() or _code(names["en"] or names["nb"])
    kind = typed.get("kind", "")
    return FieldForm(
        code,
        names,
        kind,
        typed.get("required") == "yes",
        typed.get("sees", "office"),
        choices if kind in ("choice", "choices") else [],
    )


def _choice(line: str) -> Choice:
    found = _LINE.fullmatch(line)
    code, nb, en = found.groups() if found else (None, *(part.strip() for part in (line + "|").split("|")[:2]))
    return Choice(code or _code(en or nb or ""), {"nb": nb or "", "en": en or nb or ""})


def _code(words: str) -> str:
    """A code made of a name: small letters, digits and _."""
    plain = words.lower().translate(str.maketrans({"æ": "ae", "ø": "o", "å": "a"}))
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_").lstrip("0123456789_")[:40]


def _back(office: Office, query: str = "") -> Redirect:
    return Redirect(f"{office.base}{PATH}{query}", status_code=303, headers=NOT_KEPT)


def _choices(office: Office) -> dict[str, Any]:
    t = office.t
    return {
        "kinds": [{"value": each, "label": t.gettext(custom_words.KINDS[each])} for each in KINDS],
        "readers": [{"value": each, "label": t.gettext(custom_words.SEES[each])} for each in SEES],
        "kind_words": {each: t.gettext(custom_words.KINDS[each]) for each in KINDS},
        "reader_words": {each: t.gettext(custom_words.SEES[each]) for each in SEES},
    }


async def _page(
    request: Request, office: Office, typed: dict[str, str], error: RuleViolation | Invalid | None
) -> Response[str]:
    async with office.context.db.reading(office.actor.sees) as connection:
        listed = await reads.counted(connection, office.network.id)
        gone = _id(request.query_params.get("deleted", ""))
        deleted = await reads.deleted(connection, office.network.id, gone) if gone else {}
    shown = {
        "rows": [
            {"field": each.definition, "name": office.t.text(each.definition.names), "answers": each.answers}
            for each in listed
        ],
        "typed": defaultdict(str, typed),
        "deleted": {"id": gone, "name": office.t.text(deleted)} if deleted else None,
        "errors": _problems(office, error),
        **_choices(office),
    }
    code = status_of(error) if error else 200
    at = f"{office.base}{PATH}"
    return await show(request, office, "office/custom_fields.html", "members", at, status_code=code, **shown)


async def _one(
    request: Request,
    office: Office,
    wanted: UUID,
    typed: dict[str, str] | None,
    error: RuleViolation | Invalid | None,
) -> Response[str]:
    async with office.context.db.reading(office.actor.sees) as connection:
        listed = await reads.of_network(connection, office.network.id)
    field = next((each for each in listed if each.id == wanted), None)
    if field is None:
        raise NotFound("field", wanted)
    said = {
        "code": field.code,
        "name_nb": field.names.get("nb", ""),
        "name_en": field.names.get("en", ""),
        "kind": field.kind,
        "sees": field.sees,
        "required": "yes" if field.required else "",
        "choices": "\n".join(f"{c.code} = {c.names.get('nb', '')} | {c.names.get('en', '')}" for c in field.choices),
    }
    shown = {
        "field": field,
        "name": office.t.text(field.names),
        "typed": defaultdict(str, said if typed is None else typed),
        "errors": _problems(office, error),
        **_choices(office),
    }
    code = status_of(error) if error else 200
    at = f"{office.base}{PATH}/{wanted}"
    return await show(request, office, "office/custom_field.html", "members", at, status_code=code, **shown)


def _problems(office: Office, error: RuleViolation | Invalid | None) -> list[dict[str, str]]:
    """What is wrong, at the fields of the page: what is wrong with a choice is wrong with the lines of choices."""
    if error is None:
        return []
    listed = error.problems if isinstance(error, Invalid) else [(error.field, error.code, error.params)]
    places = _PLACES | {field: "choices" for field, _, _ in listed if field.startswith("choices.")}
    return problems(office, error, places)


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
