"""One thing done to many members: tags, an answer, who looks after them, one charge more; and taking it back.

A short run is done at once, in the transaction it comes with; a long one by a worker, some at a time, each batch in one
transaction: a worker that is killed goes on after its last whole batch, and each member is changed once. The same form
sent twice is the same run.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec

from cluster_rules.components import VatCode
from cluster_rules.errors import RuleViolation
from crm import catalogue, custom_values, forms
from crm.actor import Actor
from crm.context import Context
from crm.database import Connection
from crm.errors import Invalid, NotFound, Refused
from crm.i18n import LANGUAGES
from crm.store import audit, custom_fields, extra_charges, tags
from crm.store import bulk_runs as store
from crm.store.bulk_runs import Run, Settled
from crm.store.extra_charges import Extra

AT_ONCE = 200  # members of a run that is done while somebody waits
AT_A_TIME = 2_000
CHARGES_AT_A_TIME = 100
MOST_MEMBERS = 200_000
TEXT_MAX = 120
MOST_AMOUNT = 10**12
VAT_CODES: tuple[VatCode, ...] = ("standard", "exempt_3_13", "outside", "zero", "reverse_charge", "foreign")
UNDONE = {"tag": "untag", "untag": "tag", "field": "field", "responsible": "responsible"}


class Wanted(msgspec.Struct, frozen=True):
    """What shall be done: `tag` (tag, untag); `field`, `value` (field); `account` (responsible); `extra` (charge)."""

    what: str
    tag: UUID | None = None
    field: UUID | None = None
    value: Any = None
    account: UUID | None = None
    extra: Extra | None = None


class Bill(msgspec.Struct, frozen=True):
    """What a charge comes to: members charged, who pays, net and VAT in minor units, and who cannot be, by why."""

    members: int
    payers: int
    net: int
    vat: int
    currency: str
    problems: dict[str, int]


async def begin(
    context: Context, actor: Actor, network: UUID, wanted: Wanted, memberships: Sequence[UUID], token: UUID
) -> UUID:
    """Do it; the run. Invalid; Refused `tag_unknown`, `responsible_unknown`, `selection_empty`; NotFound, Forbidden."""
    actor.must_manage(network)
    now = context.clock.now()
    async with context.db.tx() as connection:
        if made := await store.of_token(connection, network, token):
            return made
        said = await _checked(connection, network, wanted)
        own = await _own(connection, network, memberships)
        run = await store.begin(connection, network, actor, wanted.what, said, own, token, now)
        await _go(context, connection, actor, network, run, wanted.what, said, len(own))
    return run


async def undo(context: Context, actor: Actor, run: UUID) -> UUID:
    """Take a run back, for whom nothing has changed since; the run that does. Twice is the same run.

    NotFound; Forbidden; Refused `bulk_running`, `bulk_not_undoable`.
    """
    async with context.db.tx() as connection:
        before = await store.lock(connection, run)
        if before.network_id not in actor.sees:
            raise NotFound("run", run)
        actor.must_manage(before.network_id)
        if done := await store.undone_by(connection, run):
            return done
        if before.what not in UNDONE or before.undoes_id:
            raise Refused("bulk_not_undoable", "run")
        if before.status != "done":
            raise Refused("bulk_running", "run")
        what, said = UNDONE[before.what], {**before.wanted, "undoes": str(run)}
        changed = await store.changed(connection, run)
        token = uuid5(NAMESPACE_URL, f"undo/{run}")
        now = context.clock.now()
        made = await store.begin(connection, before.network_id, actor, what, said, changed, token, now, run)
        await _go(context, connection, actor, before.network_id, made, what, said, len(changed))
    return made


async def settle(context: Context, run: UUID) -> None:
    """The job of a long run: batch by batch, until nothing of it is left."""
    going = True
    while going:
        async with context.db.tx() as connection:
            going = await _turn(context, connection, run)


async def bill(context: Context, actor: Actor, network: UUID, extra: Extra, memberships: Sequence[UUID]) -> Bill:
    """What charging these members would come to; nothing is stored. Invalid."""
    actor.must_manage(network)
    _extra(extra)
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        row = kept.by_id[network]
        day = context.clock.today(row.zone)
        book = kept.book(row.slug, day)
        lines, problems, families = [], {}, set()
        for payer in await extra_charges.payers(connection, await _own(connection, network, memberships), day):
            try:
                lines.append(extra_charges.line(extra, row, book, payer, network, day))
                families.add(payer.family)
            except RuleViolation as why:
                problems[why.code] = problems.get(why.code, 0) + 1
    net, vat = sum(each.net for each in lines), sum(each.vat for each in lines)
    return Bill(len(lines), len(families), net, vat, book.currency, problems)


async def _go(
    context: Context,
    connection: Connection,
    actor: Actor,
    network: UUID,
    run: UUID,
    what: str,
    said: Mapping[str, Any],
    members: int,
) -> None:
    """At once when it is short, else by a worker."""
    if members > AT_ONCE:
        await store.enqueue(connection, run, context.clock.now())
    else:
        while await _turn(context, connection, run):
            pass
    detail = {"what": what, "members": members, **said}
    await audit.append(connection, actor, "bulk_run_begun", detail, network, None, run)


async def _turn(context: Context, connection: Connection, wanted: UUID) -> bool:
    """The next batch of a run, or its end; False when it is over."""
    run = await store.lock(connection, wanted)
    if run.status == "done":
        return False
    limit = CHARGES_AT_A_TIME if run.what == "charge" else AT_A_TIME
    listed = await store.following(connection, wanted, limit)
    if not listed:
        await store.finish(connection, wanted, context.clock.now())
        return False
    settled = await _DEEDS[run.what](context, connection, run, listed)
    await store.settle(connection, wanted, settled)
    if run.total <= AT_ONCE:
        await _history(connection, run, settled)
    return True


async def _tag(context: Context, connection: Connection, run: Run, listed: Sequence[UUID]) -> list[Settled]:
    tag = UUID(run.wanted["tag"])
    if run.what == "tag":
        found = await tags.lock(connection, tag)
        if found.deleted_at:  # meanwhile
            return [Settled(each, "failed", None, _problem("tag_unknown")) for each in listed]
        changed = await tags.put(connection, run.network_id, tag, listed, run.actor, context.clock.now())
    else:
        changed = await tags.take(connection, tag, listed)
    return [Settled(each, "changed" if each in changed else "same") for each in listed]


async def _answer(context: Context, connection: Connection, run: Run, listed: Sequence[UUID]) -> list[Settled]:
    try:
        field = await custom_fields.lock(connection, UUID(run.wanted["field"]))
    except NotFound:  # deleted meanwhile
        return [Settled(each, "failed", None, _problem("field_unknown_code", given="")) for each in listed]
    now, value = context.clock.now(), run.wanted["value"]
    if run.undoes_id is None:
        changed = await custom_fields.put(connection, field, listed, value, run.actor, now)
        return _with_before(listed, changed)
    there = {each: (await custom_fields.answers(connection, each, [field.id])).get(field.id) for each in listed}
    back = await store.before(connection, run.undoes_id, listed)
    out = []
    for each in listed:
        if there[each] != value:
            out.append(Settled(each, "failed", None, _problem("bulk_changed_since")))
            continue
        await custom_fields.put(connection, field, [each], back.get(each), run.actor, now)
        out.append(Settled(each, "changed", {"value": value}))
    return out


async def _give(context: Context, connection: Connection, run: Run, listed: Sequence[UUID]) -> list[Settled]:
    now = context.clock.now()
    account = UUID(run.wanted["account"]) if run.wanted["account"] else None
    if run.undoes_id is None:
        changed = await tags.give(connection, run.network_id, listed, account, run.actor, now)
        return _with_before(listed, changed)
    back = await store.before(connection, run.undoes_id, listed)
    now_by = await tags.looked_after(connection, listed)
    since = {each for each in listed if now_by.get(each) != run.wanted["account"]}
    for before in set(map(str, back.values())):
        whose = [each for each in listed if str(back.get(each)) == before and each not in since]
        there = None if before == "None" else UUID(before)
        if there and await tags.may_look_after(connection, run.network_id, there) is None:
            there = None
        await tags.give(connection, run.network_id, whose, there, run.actor, now)
    return [
        Settled(each, "failed", None, _problem("bulk_changed_since"))
        if each in since
        else Settled(each, "changed", {"value": run.wanted["account"]})
        for each in listed
    ]


async def _charge(context: Context, connection: Connection, run: Run, listed: Sequence[UUID]) -> list[Settled]:
    kept = await catalogue.load(connection)
    network = kept.by_id[run.network_id]
    day = run.created_at.astimezone(network.zone).date()
    book = kept.book(network.slug, day)
    extra = msgspec.convert(run.wanted["extra"], Extra)
    out = []
    for payer in await extra_charges.payers(connection, listed, day):
        try:
            drawn = extra_charges.line(extra, network, book, payer, run.id, day)
        except RuleViolation as why:
            out.append(Settled(payer.membership, "failed", None, _problem(why.code, **why.params)))
            continue
        drafts = await extra_charges.charge(connection, kept, network, payer, drawn, run.id)
        out.append(Settled(payer.membership, "changed", {"invoice": [str(each) for each in drafts]}))
    return out


_DEEDS = {"tag": _tag, "untag": _tag, "field": _answer, "responsible": _give, "charge": _charge}


def _with_before(listed: Sequence[UUID], changed: Mapping[UUID, Any]) -> list[Settled]:
    return [
        Settled(each, "changed", {"value": changed[each]}) if each in changed else Settled(each, "same")
        for each in listed
    ]


def _problem(rule: str, **values: Any) -> dict[str, Any]:
    return {"rule": rule, "values": {name: str(value) for name, value in values.items()}}


async def _history(connection: Connection, run: Run, settled: Sequence[Settled]) -> None:
    """An entry for each member of a short run; those of a long one stand in its rows (ADR 0037)."""
    changed = [each for each in settled if each.outcome == "changed"]
    whose = await store.organisations(connection, [each.membership for each in changed])
    detail = {"run": str(run.id), **run.wanted}
    action = _ACTIONS[run.what]
    entries = [
        (action, run.network_id, whose[e.membership], e.membership, {**detail, **(e.before or {})}) for e in changed
    ]
    await audit.append_many(connection, run.by, entries)


_ACTIONS = {
    "tag": "member_tagged",
    "untag": "member_untagged",
    "field": "member_answered",
    "responsible": "member_given",
    "charge": "member_charged",
}


async def _own(connection: Connection, network: UUID, memberships: Sequence[UUID]) -> list[UUID]:
    """Those of the network; never another's, whatever was sent."""
    rows = await store.of_network(connection, network, memberships)
    if not rows:
        raise Refused("selection_empty", "selection")
    if len(rows) > MOST_MEMBERS:
        raise Invalid([("selection", "too_many", {"limit": MOST_MEMBERS})])
    return rows


async def _checked(connection: Connection, network: UUID, wanted: Wanted) -> dict[str, Any]:
    """What is stored of it, with the words of now for the history."""
    if wanted.what in ("tag", "untag"):
        found = next((t for t in [await _tag_of(connection, wanted.tag)] if t and t.network_id == network), None)
        if found is None or found.deleted_at:
            raise Refused("tag_unknown", "tag")
        return {"tag": str(found.id), "name": found.name}
    if wanted.what == "field":
        fields = {each.id: each for each in await custom_fields.of_network(connection, network)}
        if wanted.field is None or wanted.field not in fields:
            raise Refused("field_unknown_code", "field", given="")
        field, problems = fields[wanted.field], []
        value = custom_values.stored(field, wanted.value, problems, "value")
        if problems:
            raise Invalid(problems)
        return {"field": str(field.id), "code": field.code, "value": value}
    if wanted.what == "responsible":
        name = await tags.may_look_after(connection, network, wanted.account) if wanted.account else ""
        if name is None:
            raise Refused("responsible_unknown", "account")
        return {"account": str(wanted.account) if wanted.account else None, "name": name}
    if wanted.what == "charge" and wanted.extra:
        return {"extra": msgspec.to_builtins(_extra(wanted.extra))}
    raise Invalid([("what", "value_unknown", {"message": wanted.what[:20]})])


async def _tag_of(connection: Connection, tag: UUID | None) -> tags.Tag | None:
    try:
        return await tags.lock(connection, tag) if tag else None
    except NotFound:
        return None


def _extra(extra: Extra) -> Extra:
    problems: forms.Problems = []
    names = {each: " ".join(extra.names.get(each, "").split()) for each in LANGUAGES}
    for language, name in names.items():
        forms.text(problems, f"name_{language}", name, TEXT_MAX)
    if not 0 < extra.amount <= MOST_AMOUNT:
        problems.append(("amount", "field_money", {}))
    if extra.vat_code not in VAT_CODES:
        problems.append(("vat_code", "value_unknown", {"message": str(extra.vat_code)[:20]}))
    if problems:
        raise Invalid(problems)
    return msgspec.structs.replace(extra, names=names)


__all__ = ["AT_ONCE", "VAT_CODES", "Bill", "Extra", "Wanted", "begin", "bill", "settle", "undo"]
