"""Compare the card provider's books with ours, day by day: repair what no event told of, name what differs (M12).

A difference is an open item until both agree or a person says what it is; it is never booked away.
"""

from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from cluster_rules.cards import PROVIDER
from crm import catalogue, forms
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.context import Context
from crm.desk import at as desk_at
from crm.errors import Invalid, NotFound
from crm.gateways.stripe import Accounts, BalanceLine, StripeCards
from crm.i18n import TIME_ZONE
from crm.store import audit, card_money, cards
from crm.store.cards import Difference, Held, Listed

LOOK_BACK_DAYS = 4  # each night: events may be days late

# Category of a line in the provider's books -> (phase of the fact it stands for, its sign, where to read it again).
LINES = {
    "charge": ("received", 1, "charge.updated"),
    "refund": ("refunded", -1, "refund.updated"),
    "dispute": ("opened", -1, "charge.dispute.updated"),
    "dispute_reversal": ("won", 1, "charge.dispute.updated"),
    "payout": ("paid_out", -1, "payout.updated"),
}
# Facts whose day is that of their line: only these can be missed in the provider's books of a day.
SAME_DAY = ("received", "refunded")


class Compared(msgspec.Struct, frozen=True):
    """One account over some days: lines read, facts booked now, differences found now, closed now."""

    account: str
    lines: int
    repaired: int
    found: int
    closed: int


class Books(msgspec.Struct, frozen=True):
    """What a host's people have to look at: open differences, those closed lately, and events nobody could read."""

    open: tuple[Listed, ...]
    closed: tuple[Listed, ...]
    held: tuple[Held, ...]

    @property
    def waiting(self) -> int:
        """How many things wait for a person."""
        return len(self.open) + len(self.held)


async def books(context: Context, actor: Actor, host: UUID) -> Books:
    """The card provider's books beside ours, at one host. Forbidden or NotFound as for its desk.

    What belongs to an account that several hosts share is shown at each of them.
    """
    async with context.db.tx() as connection:
        desk = await desk_at(connection, context, actor, host)
        code = await cards.host_code(connection, desk.host)
        account = code if code in context.settings.stripe_keys else ""
        found = await cards.differences(connection, desk.host, account)
        # What is older has been read again by the nightly comparison: it is booked, or a difference of its own.
        since = context.clock.now() - timedelta(days=LOOK_BACK_DAYS)
        held = await cards.held_events(connection, account, since)
    return Books(tuple(d for d in found if d.is_open), tuple(d for d in found if not d.is_open), tuple(held))


async def compare(context: Context, accounts: Accounts, first: date, last: date) -> list[Compared]:
    """Every account's books from `first` to `last` (both included, in Oslo). Unknown: the provider does not answer."""
    return [await _compare(context, accounts, account, first, last) for account in accounts]


async def nightly(context: Context, accounts: Accounts) -> list[Compared]:
    """The last days, but today."""
    yesterday = context.clock.today(TIME_ZONE) - timedelta(days=1)
    return await compare(context, accounts, yesterday - timedelta(days=LOOK_BACK_DAYS - 1), yesterday)


async def close(context: Context, actor: Actor, difference: UUID, note: str) -> None:
    """A person says what a difference is. Invalid without a word; NotFound; Forbidden at another host."""
    problems: forms.Problems = []
    forms.text(problems, "note", note, forms.NOTE_MAX, required=True)
    if problems:
        raise Invalid(problems)
    async with context.db.tx() as connection:
        known = await cards.difference_host(connection, difference)
        host, is_open = known or (None, False)
        if not is_open or not (host or actor.manages):
            raise NotFound("difference", difference)
        network = min(actor.manages) if host is None else (await desk_at(connection, context, actor, host)).networks[0]
        await cards.close_difference(connection, difference, note, actor.name, context.clock.now())
        await audit.append(connection, actor, "card_difference_closed", {"note": note}, network, None, difference)


async def _compare(context: Context, accounts: Accounts, account: str, first: date, last: date) -> Compared:
    taker = accounts.named(account)
    lines = [line async for line in taker.balance(_midnight(first), _midnight(last + timedelta(days=1)))]
    repaired = await _repair(context, taker, account, lines)
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        hosts = _hosts(kept, account, set(accounts))
        booked = await cards.booked(connection, PROVIDER, {line.source for line in lines})
        known = {(line.source, LINES[line.kind][0]) for line in lines if line.kind in LINES}
        ours = await cards.booked_between(connection, PROVIDER, hosts, first, last)
        found = [d for line in lines if (d := _differs(line, booked, hosts))]
        found += [each for each in ours if each.kind in SAME_DAY and (each.object_id, each.kind) not in known]
        made, closed = await cards.note_differences(connection, account, first, last, found, context.clock.now())
    return Compared(account, len(lines), repaired, made, closed)


async def _repair(context: Context, taker: StripeCards, account: str, lines: list[BalanceLine]) -> int:
    """Book what the books have and we have not, by reading its object as an event would have made us do."""
    async with context.db.tx() as connection:
        booked = await cards.booked(connection, PROVIDER, {line.source for line in lines})
    repaired = 0
    for line in reversed(lines):  # the oldest first: payments before their refunds
        phase, _, kind = LINES.get(line.kind, ("", 0, ""))
        if not kind or (line.source, phase) in booked:
            continue
        found = [each async for each in taker.about(kind, line.source)]
        async with context.db.tx() as connection:
            kept = await catalogue.load(connection)
            for each in found:
                repaired += await card_money.book_found(connection, kept, account, each, context.clock.now())
    return repaired


def _differs(line: BalanceLine, booked: dict[tuple[str, str], int], hosts: list[UUID]) -> Difference | None:
    phase, sign, _ = LINES.get(line.kind, (line.kind, 1, ""))
    ours = booked.get((line.source, phase))
    theirs = sign * line.amount
    if ours == theirs:
        return None
    host = hosts[0] if len(hosts) == 1 else None
    day = line.at.astimezone(TIME_ZONE).date()
    return Difference(phase, line.source or line.id, day, theirs, ours, line.currency, host)


def _hosts(kept: Catalogue, account: str, named: set[str]) -> list[UUID]:
    """Whose card payments the account takes."""
    codes = {n.host: n.host_id for n in kept.networks}
    return [codes[account]] if account in codes else [host for code, host in codes.items() if code not in named]


def _midnight(day: date, zone: ZoneInfo = TIME_ZONE) -> datetime:
    return datetime.combine(day, time.min, tzinfo=zone)
