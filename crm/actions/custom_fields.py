"""A network's custom fields: what it asks of its members, and what is answered for one of them."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

import msgspec

from crm import custom_values, forms
from crm.actor import Actor
from crm.context import Context
from crm.custom_values import CODE, KINDS, MOST_CHOICES, MOST_FIELDS, SEES, Choice, Definition
from crm.database import Connection
from crm.errors import Invalid, NotFound, Refused
from crm.i18n import LANGUAGES
from crm.store import audit, tags
from crm.store import custom_fields as store

NAME_MAX = 80


class FieldForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A field as somebody wants it; `names` by language (nb, en). `kind` and `code` cannot change later."""

    code: str
    names: dict[str, str]
    kind: str
    required: bool = False
    sees: str = "office"
    choices: list[Choice] = []


async def create(context: Context, actor: Actor, network: UUID, form: FieldForm) -> UUID:
    """A new field, after those there are. Invalid; Refused `field_code_known`, `fields_full`."""
    actor.must_manage(network)
    made = _checked(form, uuid4(), network)
    async with context.db.tx() as connection:
        if len(await store.of_network(connection, network)) >= MOST_FIELDS:
            raise Refused("fields_full", "code", limit=MOST_FIELDS)
        await store.add(connection, made, actor.name, context.clock.now())
        await audit.append(connection, actor, "custom_field_created", _told(made), network, None, made.id)
    return made.id


async def change(context: Context, actor: Actor, network: UUID, field: UUID, form: FieldForm) -> None:
    """Other words, answers, readers. NotFound; Invalid; Refused `field_kind_fixed`, `field_choice_used`."""
    async with context.db.tx() as connection:
        before = await _own(connection, actor, network, field)
        after = msgspec.structs.replace(_checked(form, before.id, network), place=before.place)
        if (after.code, after.kind) != (before.code, before.kind):
            raise Refused("field_kind_fixed", "kind" if after.code == before.code else "code")
        for choice in before.choices:
            used = 0 if after.choice(choice.code) else await store.answers_with(connection, field, choice.code)
            if used:
                raise Refused("field_choice_used", "choices", given=choice.code, count=used)
        if after != before:
            await store.change(connection, after)
            detail = {"before": _told(before), "after": _told(after)}
            await audit.append(connection, actor, "custom_field_changed", detail, network, None, field)


async def delete(context: Context, actor: Actor, network: UUID, field: UUID) -> None:
    """Out of sight; the answers are kept, so that it can come back. NotFound."""
    async with context.db.tx() as connection:
        before = await _own(connection, actor, network, field)
        await store.delete(connection, field, context.clock.now())
        await audit.append(connection, actor, "custom_field_deleted", _told(before), network, None, field)


async def restore(context: Context, actor: Actor, network: UUID, field: UUID) -> None:
    """A deleted field comes back with its answers. NotFound for one that is not deleted."""
    async with context.db.tx() as connection:
        before = await _own(connection, actor, network, field, deleted=True)
        await store.delete(connection, field, None)
        await audit.append(connection, actor, "custom_field_restored", _told(before), network, None, field)


async def order(context: Context, actor: Actor, network: UUID, ids: Sequence[UUID]) -> None:
    """The order on pages; fields that are not named stand behind. NotFound for another network's field."""
    actor.must_manage(network)
    async with context.db.tx() as connection:
        there = [each.id for each in await store.of_network(connection, network)]
        if unknown := next((each for each in ids if each not in there), None):
            raise NotFound("field_id", unknown)
        wanted = [*dict.fromkeys(ids), *(each for each in there if each not in ids)]
        if wanted != there:
            await store.order(connection, network, wanted)
            detail = {"order": [str(each) for each in wanted]}
            await audit.append(connection, actor, "custom_fields_ordered", detail, network)


async def answer(context: Context, actor: Actor, membership: UUID, given: Mapping[str, Any]) -> None:
    """What is known of a member: code -> value (JSON), None takes an answer away; what is not named stays.

    NotFound; Invalid names each field that is wrong, as `values.<code>`.
    """
    async with context.db.tx() as connection:
        network, organisation = await tags.network_of(connection, membership)
        if network not in actor.sees:
            raise NotFound("membership_id", membership)
        actor.must_manage(network)
        fields = {each.code: each for each in await store.of_network(connection, network)}
        values = _values(fields, given)
        before = await store.answers(connection, membership, [fields[code].id for code in values])
        changes = {}
        for code, value in values.items():
            field = fields[code]
            if await store.put(connection, field, [membership], value, actor.name, context.clock.now()):
                changes[code] = {"before": before.get(field.id), "after": value}
        if changes:
            await audit.append(
                connection, actor, "member_answered", {"fields": changes}, network, organisation, membership
            )


def _values(fields: Mapping[str, Definition], given: Mapping[str, Any]) -> dict[str, Any]:
    problems: forms.Problems = []
    values = {}
    for code, value in given.items():
        if code in fields:
            values[code] = custom_values.stored(fields[code], value, problems, f"values.{code}")
        else:
            problems.append((f"values.{code[:40]}", "field_unknown_code", {"given": code[:40]}))
    if problems:
        raise Invalid(problems)
    return values


async def _own(connection: Connection, actor: Actor, network: UUID, field: UUID, deleted: bool = False) -> Definition:
    actor.must_manage(network)
    found = await store.lock(connection, field, deleted)
    if found.network_id != network:
        raise NotFound("field_id", field)
    return found


def _checked(form: FieldForm, own: UUID, network: UUID) -> Definition:
    problems: forms.Problems = []
    names = _names(problems, "names", form.names)
    if not CODE.fullmatch(form.code):
        problems.append(("code", "field_code_format", {}))
    for field, value, known in (("kind", form.kind, KINDS), ("sees", form.sees, SEES)):
        if value not in known:
            problems.append((field, "value_unknown", {"message": value[:40]}))
    choices = _choices(problems, form)
    if problems:
        raise Invalid(problems)
    return Definition(own, network, form.code, names, form.kind, form.required, form.sees, choices)  # type: ignore[arg-type]


def _choices(problems: forms.Problems, form: FieldForm) -> tuple[Choice, ...]:
    wanted = form.kind in ("choice", "choices")
    if wanted != bool(form.choices):
        problems.append(("choices", "field_choices_missing" if wanted else "field_choices_unneeded", {}))
    if len(form.choices) > MOST_CHOICES:
        problems.append(("choices", "too_many", {"limit": MOST_CHOICES}))
        return ()
    seen: set[str] = set()
    out = []
    for place, each in enumerate(form.choices):
        names = _names(problems, f"choices.{place}.names", each.names)
        if not CODE.fullmatch(each.code):
            problems.append((f"choices.{place}.code", "field_code_format", {}))
        if each.code in seen or each.code == "none":
            problems.append((f"choices.{place}.code", "duplicate_code", {"given": each.code}))
        seen.add(each.code)
        out.append(Choice(each.code, names))
    return tuple(out)


def _names(problems: forms.Problems, at: str, given: Mapping[str, str]) -> dict[str, str]:
    """By language; one that is left out is called as in the other."""
    if unknown := next((each for each in given if each not in LANGUAGES), None):
        problems.append((f"{at}.{unknown[:10]}", "value_unknown", {"message": unknown[:10]}))
    names = {each: " ".join(given.get(each, "").split()) for each in LANGUAGES}
    said = next((each for each in names.values() if each), "")
    for language, name in names.items():
        forms.text(problems, f"{at}.{language}", name or said, NAME_MAX)
    return {language: name or said for language, name in names.items()}


def _told(field: Definition) -> dict[str, Any]:
    said = msgspec.to_builtins(field)
    return {name: said[name] for name in ("code", "names", "kind", "required", "sees", "choices")}
