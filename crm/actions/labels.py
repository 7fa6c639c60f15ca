"""A network's labels and programmes: told, changed, withdrawn, brought back. Nothing that was told is written over."""

from datetime import date, timedelta
from uuid import UUID, uuid4

import msgspec

from crm import forms
from crm.actor import Actor
from crm.context import Context
from crm.errors import Invalid, NotFound, Refused
from crm.store import audit
from crm.store import labels as store
from crm.store.labels import FACTS, Words

KINDS = ("label", "programme")
MOST_LABELS = 100  # of a network
NAME_MAX = 100
EARLIEST, LATEST = date(1970, 1, 1), date(2099, 12, 31)


class LabelForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A label or programme as somebody tells of it; `last_on` is the last day it holds, None for no end."""

    name: str
    kind: str = "label"
    level: str = ""
    issuer: str = ""
    issued_on: date | None = None
    last_on: date | None = None
    note: str = ""


async def add(context: Context, actor: Actor, network: UUID, form: LabelForm) -> UUID:
    """A new one; its id. Forbidden; Invalid; Refused `labels_full`."""
    actor.must_manage(network)
    words, new = _checked(form), uuid4()
    async with context.db.tx() as connection:
        if await store.count(connection, network) >= MOST_LABELS:
            raise Refused("labels_full", "name", limit=MOST_LABELS)
        await FACTS.tell_anew(connection, actor, network, new, words, context.clock.now())
    return new


async def change(context: Context, actor: Actor, network: UUID, label: UUID, form: LabelForm) -> None:
    """It is otherwise than was told; what was told stays known. NotFound, also for a withdrawn one; Invalid."""
    actor.must_manage(network)
    words, now = _checked(form), context.clock.now()
    async with context.db.tx() as connection:
        before = await FACTS.lock(connection, network, label)
        if before.gone:
            raise NotFound("label", label)
        if before.words == words:
            return
        await FACTS.supersede(connection, before.row_id, actor.name, "", now)
        await FACTS.add(connection, network, label, words, actor.name, now)
        detail = {"title": words.name, "changes": audit.changes(before.words, words)}
        await audit.append(connection, actor, "label_changed", detail, network, None, label)


async def withdraw(context: Context, actor: Actor, network: UUID, label: UUID) -> None:
    """It was told by mistake. NotFound; twice is once."""
    actor.must_manage(network)
    async with context.db.tx() as connection:
        await FACTS.withdraw(connection, actor, network, label, context.clock.now())


async def restore(context: Context, actor: Actor, network: UUID, label: UUID) -> None:
    """What was withdrawn holds again from now on. NotFound; twice is once."""
    actor.must_manage(network)
    async with context.db.tx() as connection:
        await FACTS.restore(connection, actor, network, label, context.clock.now())


def _checked(form: LabelForm) -> Words:
    problems: forms.Problems = []
    said = {name: " ".join(getattr(form, name).split()) for name in ("name", "level", "issuer")}
    for name, text in said.items():
        forms.text(problems, name, text, NAME_MAX, required=name == "name")
    forms.text(problems, "note", form.note, forms.NOTE_MAX, required=False)
    if form.kind not in KINDS:
        problems.append(("kind", "value_unknown", {"message": form.kind[:40]}))
    if form.issued_on is None:
        problems.append(("issued_on", "required", {}))
    for field, day in (("issued_on", form.issued_on), ("last_on", form.last_on)):
        if day and not EARLIEST <= day <= LATEST:
            told = {"given": day.isoformat(), "earliest": EARLIEST.isoformat(), "latest": LATEST.isoformat()}
            problems.append((field, "date_out_of_range", told))
    if form.issued_on and form.last_on and form.last_on < form.issued_on:
        problems.append(("last_on", "label_days", {"issued": form.issued_on.isoformat()}))
    if problems or form.issued_on is None:
        raise Invalid(problems)
    ends = form.last_on + timedelta(days=1) if form.last_on else None
    return Words(form.kind, said["name"], said["level"], said["issuer"], form.issued_on, ends, form.note.strip())
