"""What the network says of one member in its own words: tags, answers to its fields, who looks after it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from crm.actions import custom_fields, tags
from crm.errors import Invalid, status_of
from crm.reads import custom_fields as field_reads
from crm.reads import tags as tag_reads
from crm.web import custom_words, member_filters
from crm.web import office_member as member_page
from crm.web.fields import fields_of, id_of
from crm.web.office import Office, routes, show
from crm.web.office_consequences import problems
from crm.web.office_member import Found
from crm.web.session import NOT_KEPT

PATH = "/members/{member:str}/marks"


@get(PATH, include_in_schema=False)
async def show_marks(request: Request, office: NamedDependency[Office], member: FromPath[str]) -> Response[str]:
    return await _page(request, office, await member_page.find(office, id_of("member", member)), None, None)


@post(PATH, include_in_schema=False)
async def save(request: Request, office: NamedDependency[Office], member: FromPath[str]) -> Response:
    """All of it is kept, or nothing: tags, answers and who looks after it."""
    found = await member_page.find(office, id_of("member", member))
    form, typed = await request.form(), await fields_of(request)
    texts = {
        name: [value for value in form.getall(name, []) if isinstance(value, str)]
        for name in form
        if name.startswith("f.")
    }
    ticked = [value for value in form.getall("tag", []) if isinstance(value, str)]
    membership, money = found.membership.id, custom_words.currency(office)
    async with office.context.db.reading(office.actor.sees) as connection:
        fields = await field_reads.of_network(connection, office.network.id)
    given = {each.code: custom_words.given(each, texts.get(f"f.{each.code}", []), money) for each in fields}
    try:
        async with office.context.db.tx():
            await tags.put(office.context, office.actor, membership, [id_of("tag", each) for each in ticked])
            await custom_fields.answer(office.context, office.actor, membership, given)
            chosen = typed.get("responsible", "")
            await tags.give(office.context, office.actor, membership, UUID(chosen) if chosen else None)
    except (RuleViolation, Invalid) as error:
        return await _page(request, office, found, (ticked, given, typed), error)
    except ValueError:
        return await _page(request, office, found, None, None)
    where = f"{office.base}/members/{found.organisation.id}"
    return Redirect(where, status_code=303, headers=NOT_KEPT)


handlers = [routes(show_marks, save)]


async def of_member(office: Office, membership: UUID) -> dict[str, Any]:
    """For a member's own page: tags, answers in words, who looks after it."""
    async with office.context.db.reading(office.actor.sees) as connection:
        known = await member_filters.marks(connection, office)
        has = await tag_reads.of_membership(connection, membership)
        values = await field_reads.of_membership(connection, membership, known.fields)
        person = known.person(await tag_reads.responsible(connection, membership))
    return {
        "tags": [tag for each in has if (tag := known.tag(each))],
        "answers": custom_words.answers(office, known.fields, values),
        "responsible": person.name if person else "",
        "asked": bool(known.tags or known.fields),
    }


async def _page(
    request: Request,
    office: Office,
    found: Found,
    sent: tuple[list[str], Mapping[str, Any], Mapping[str, str]] | None,
    error: RuleViolation | Invalid | None,
) -> Response[str]:
    membership = found.membership.id
    async with office.context.db.reading(office.actor.sees) as connection:
        known = await member_filters.marks(connection, office)
        has = [str(each) for each in await tag_reads.of_membership(connection, membership)]
        values = await field_reads.of_membership(connection, membership, known.fields)
        responsible = str(await tag_reads.responsible(connection, membership) or "")
    views = [custom_words.view(office, each, values.get(each.code)) for each in known.fields]
    if sent:
        has, given, typed = sent
        responsible = typed.get("responsible", "")
        for view in views:
            view["value"] = _as_typed(view, given.get(view["code"]), typed)
    places = {f"values.{each.code}": f"f.{each.code}" for each in known.fields} | {"responsible": "responsible"}
    shown = {
        "found": found,
        "known": known,
        "has": has,
        "views": views,
        "people": [{"value": str(each.account), "label": each.name} for each in known.people],
        "responsible": responsible,
        "errors": problems(office, error, places) if error else [],
    }
    code = status_of(error) if error else 200
    at = f"{office.base}/members/{found.organisation.id}/marks"
    return await show(request, office, "office/member_marks.html", "members", at, status_code=code, **shown)


def _as_typed(view: Mapping[str, Any], given: Any, typed: Mapping[str, str]) -> Any:
    """What stood in the form, for an answer that was wrong."""
    return given if view["kind"] == "choices" else typed.get(f"f.{view['code']}", "")
