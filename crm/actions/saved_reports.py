"""Saved reports: kept under a title, shared, and sent by mail to people of the network; who has enough of it stops it.

A report with several networks goes only to people with a role in each of them, asked anew every time it is sent.
"""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID, uuid4

import msgspec

from cluster_rules.errors import RuleViolation
from crm import catalogue, forms
from crm.actor import Actor
from crm.catalogue import NetworkRow
from crm.context import Context
from crm.database import Connection
from crm.errors import Forbidden, Invalid, NotFound
from crm.store import audit, mail
from crm.store import saved_reports as store
from crm.store.mail import Outgoing, Recipient
from crm.store.saved_reports import Saved

TITLE_MAX = 80
MOST_SAVED = 50  # of one person in a network
MOST_READERS = 50
EVERY = ("never", "week", "month", "quarter")
FILES = ("xlsx", "pdf")
FROM_HOUR = 6  # of the network's own day
FILE_DAYS = 30  # that files of mails are kept once they were sent
KIND = "report_sent"


class Wanted(msgspec.Struct, frozen=True):
    """What is to be kept, and how."""

    report: str
    title: str
    question: Sequence[tuple[str, str]]
    shared: bool = False
    every: str = "never"
    file: str = "xlsx"
    readers: Sequence[UUID] = ()


class Change(msgspec.Struct, frozen=True):
    """How it is kept from now on."""

    title: str
    shared: bool = False
    every: str = "never"
    file: str = "xlsx"
    readers: Sequence[UUID] = ()


async def save(context: Context, actor: Actor, network: UUID, wanted: Wanted, networks: Sequence[UUID]) -> UUID:
    """A new one; `networks` are all it asks about. Invalid; Forbidden to share or send it without managing."""
    owner = _reader(actor, network)
    if not {*networks, network} <= actor.sees:
        raise NotFound("network", network)
    if (wanted.shared or set(wanted.readers) - {owner}) and network not in actor.manages:
        raise Forbidden
    title = _checked(wanted)
    async with context.db.tx() as connection:
        if await store.count(connection, network, owner) >= MOST_SAVED:
            raise Invalid([("title", "too_many", {"limit": MOST_SAVED})])
        await _may_read(connection, wanted.readers, networks)
        pairs = [[name, value] for name, value in wanted.question]
        made = Saved(
            uuid4(), network, owner, wanted.report, title, pairs, wanted.shared, wanted.every, wanted.file,
            # the one that is running now is not sent at once: the first comes when the next one begins
            period_start(wanted.every, context.clock.now().date()),
        )  # fmt: skip
        await store.save(connection, made)
        await store.set_readers(connection, made.id, wanted.readers)
        told = {"report": made.report, "title": title, "every": made.every, "readers": len(wanted.readers)}
        await audit.append(connection, actor, "report_saved", told, network, None, made.id)
    return made.id


async def change(context: Context, actor: Actor, network: UUID, wanted: UUID, form: Change) -> None:
    """Another title, timetable, file, readers, or shared or not; report and questions stay.

    One's own, or a shared one of a network one manages. NotFound; Forbidden; Invalid; RuleViolation `report_reader`.
    """
    title = _checked(form)
    async with context.db.tx() as connection:
        found = await _own(connection, actor, network, wanted)
        already = set(await store.readers(connection, wanted))
        if (form.shared and not found.shared) or set(form.readers) - already - {found.account_id}:
            actor.must_manage(network)
        await _may_read(connection, form.readers, await _asked_of(connection, found))
        begun = period_start(form.every, context.clock.now().date())
        changed = msgspec.structs.replace(
            found,
            title=title,
            shared=form.shared,
            every=form.every,
            file=form.file,
            sent_for=found.sent_for if form.every == found.every else begun,
        )
        await store.save(connection, changed)
        await store.set_readers(connection, wanted, form.readers)
        names = ("title", "shared", "every", "file")
        before, after = ({name: getattr(each, name) for name in names} for each in (found, changed))
        told = {name: [before[name], after[name]] for name in names if before[name] != after[name]}
        if told or already != set(form.readers):
            detail = {"report": found.report, "title": title, "changes": told, "readers": len(form.readers)}
            await audit.append(connection, actor, "report_changed", detail, network, None, wanted)


async def remove(context: Context, actor: Actor, network: UUID, wanted: UUID) -> None:
    """One's own, or a shared one of a network one manages. NotFound; Forbidden."""
    async with context.db.tx() as connection:
        found = await _own(connection, actor, network, wanted)
        await store.delete(connection, wanted)
        told = {"report": found.report, "title": found.title}
        await audit.append(connection, actor, "report_removed", told, network, None, wanted)


async def stop(context: Context, actor: Actor, network: UUID, wanted: UUID) -> None:
    """Who asks does not get it by mail any more. NotFound. Twice is harmless."""
    reader = _reader(actor, network)
    async with context.db.tx() as connection:
        found = await store.lock(connection, wanted)
        if found.network_id != network:
            raise NotFound("saved_report", wanted)
        await store.drop_reader(connection, wanted, reader)


# --- by mail


async def due(context: Context, networks: dict[UUID, NetworkRow]) -> list[Saved]:
    """Those whose next week, month or quarter has begun in their network, at six in its morning or later."""
    async with context.db.tx() as connection:
        listed = await store.scheduled(connection)
    return [each for each in listed if _is_due(each, context.clock.now(), networks[each.network_id])]


async def readers(context: Context, saved: Saved, networks: Sequence[UUID]) -> list[Recipient]:
    """Who gets it now: those asked for who still have a role in every network it is about."""
    async with context.db.tx() as connection:
        listed = await store.readers(connection, saved.id)
        allowed = await store.with_roles(connection, list(listed), networks)
    return [recipient for account, recipient in listed.items() if account in allowed]


async def deliver(
    context: Context, saved: Saved, network: NetworkRow, files: Sequence[tuple[Recipient, str, str, bytes]]
) -> int:
    """Queue the mails, each with its file (name, media type, content), once for a week, month or quarter; how many."""
    today = context.clock.today(network.zone)
    begun = period_start(saved.every, today)
    async with context.db.tx() as connection:
        found = await store.lock(connection, saved.id)
        if found.sent_for is not None and begun is not None and found.sent_for >= begun:
            return 0
        await store.save(connection, msgspec.structs.replace(found, sent_for=begun))
        for recipient, name, media_type, content in files:
            base = context.settings.base_url
            values = {
                "network": network.names.get(recipient.language, network.slug),
                "name": saved.title,
                "file": name,
                "link": f"{base}/n/{network.slug}/reports/saved",
            }
            made = Outgoing(KIND, recipient, values, network.id, id=uuid4())
            [sent] = await mail.queue(connection, [made])
            await store.keep_file(connection, sent, name, media_type, content)
    return len(files)


async def forget_files(context: Context) -> None:
    """Files of mails that were sent are kept for some weeks."""
    async with context.db.tx() as connection:
        await store.forget_files(connection, FILE_DAYS)


def period_start(every: str, today: date) -> date | None:
    """The first day of the week, month or quarter that has begun; None for never."""
    if every == "week":
        return date.fromordinal(today.toordinal() - today.weekday())
    if every == "month":
        return today.replace(day=1)
    return date(today.year, (today.month - 1) // 3 * 3 + 1, 1) if every == "quarter" else None


def _is_due(saved: Saved, now: datetime, network: NetworkRow) -> bool:
    local = now.astimezone(network.zone)
    begun = period_start(saved.every, local.date())
    late_enough = local.date() != begun or local.hour >= FROM_HOUR
    return begun is not None and late_enough and (saved.sent_for is None or saved.sent_for < begun)


def _reader(actor: Actor, network: UUID) -> UUID:
    if network not in actor.sees or actor.id is None:
        raise NotFound("network", network)
    return actor.id


async def _own(connection: Connection, actor: Actor, network: UUID, wanted: UUID) -> Saved:
    """One's own, or a shared one of a network one manages, locked."""
    if network not in actor.sees:
        raise NotFound("network", network)
    found = await store.lock(connection, wanted)
    if found.network_id != network or (found.account_id != actor.id and not found.shared):
        raise NotFound("saved_report", wanted)
    if found.account_id != actor.id:
        actor.must_manage(network)
    return found


async def _asked_of(connection: Connection, saved: Saved) -> list[UUID]:
    """Every network a saved report is about."""
    kept = await catalogue.load(connection)
    named = (kept.by_slug.get(value) for name, value in saved.question if name == "network")
    return [saved.network_id, *(each.id for each in named if each)]


def _checked(wanted: Wanted | Change) -> str:
    problems: forms.Problems = []
    title = " ".join(wanted.title.split())
    forms.text(problems, "title", title, TITLE_MAX)
    if wanted.every not in EVERY:
        problems.append(("every", "value_unknown", {"message": wanted.every[:60]}))
    if wanted.file not in FILES:
        problems.append(("file", "value_unknown", {"message": wanted.file[:60]}))
    if wanted.every != "never" and not wanted.readers:
        problems.append(("readers", "required", {}))  # a timetable that mails nobody
    if len(wanted.readers) > MOST_READERS:
        problems.append(("readers", "too_many", {"limit": MOST_READERS}))
    if problems:
        raise Invalid(problems)
    return title


async def _may_read(connection: Connection, accounts: Sequence[UUID], networks: Sequence[UUID]) -> None:
    """RuleViolation `report_reader`: somebody has no role in one of the networks."""
    if set(accounts) - await store.with_roles(connection, accounts, networks):
        raise RuleViolation("report_reader", "readers")
