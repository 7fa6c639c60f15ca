"""Read a bank's file into the ledger: KIDs pay invoices, the rest waits in suspense, reversals take payments back.

A whole file is one transaction, its lines in an order of their own: the same file twice, overlapping files and lines
in another order give the same ledger (M14). Nothing is guessed: what a KID does not say, a person decides.
"""

import hashlib
from collections.abc import Sequence
from uuid import UUID

import msgspec

from cluster_rules import bank as rules
from cluster_rules import money_facts
from cluster_rules.errors import RuleViolation
from cluster_rules.ledger import Part, Place
from cluster_rules.money_facts import Received, Refunded
from crm import desk as desks
from crm import faults, forms
from crm.actor import Actor
from crm.context import Context
from crm.database import Connection
from crm.desk import Desk
from crm.errors import Invalid, NotFound, Refused
from crm.gateways import camt
from crm.gateways.camt import Line, Statement
from crm.store import audit, bank, ledger, payments, settlement
from crm.store.bank import Movement
from crm.store.ledger import Booked
from crm.store.payments import Billed, Told
from crm.store.settlement import Settled

BANK = "bank"  # the provider of payments that a bank's file told of
NAME_MAX = 200
LARGEST_FILE_BYTES = camt.LARGEST_FILE_BYTES


class Imported(msgspec.Struct, frozen=True):
    """What came of a file: lines in it, known before, and of the new ones what they were.

    `outgoing` lines are money the host paid itself: not ours. `waiting` are sums whose details the file has not.
    """

    file: UUID
    lines: int
    known: int
    matched: int
    suspense: int
    returned: int
    unknown_returns: int
    outgoing: int
    waiting: int
    settled: Settled


class _Work(msgspec.Struct):
    """What is gathered while a file is worked through."""

    stored: list[Movement]
    booked: list[Booked]
    matched: int = 0
    suspense: int = 0
    returned: int = 0
    unknown_returns: int = 0


async def import_file(context: Context, actor: Actor, host: UUID, name: str, content: bytes) -> Imported:
    """Book everything new in a camt.053 or camt.054 file of one of the host's accounts.

    RuleViolation of `gateways.camt`, or `bank_account_other` when the file is about an account of somebody else.
    """
    problems: forms.Problems = []
    forms.text(problems, "name", name, NAME_MAX)
    if problems:
        raise Invalid(problems)
    read = camt.read(content)
    async with context.db.tx() as connection:
        desk = await desks.at(connection, context, actor, host)
        await _own_account(connection, host, read)
        await bank.lock(connection, host)
        known = await bank.known(connection, host, [line.key for line in read.lines])
        new = [each for each in read.lines if each.key not in known]
        fresh = sorted(new, key=lambda each: (each.booked_on, each.key))
        outgoing = [each for each in fresh if rules.outcome(_rule_line(each)) == "outgoing"]
        billed = await bank.by_kid(connection, host, [each.reference for each in fresh if each.reference])
        await settlement.lock(connection, [b.organisation for b in billed.values()])
        work = _Work([], [])
        for line in (each for each in fresh if each.amount > 0):
            await _came_in(connection, desk, line, billed, work)
        back = [each for each in fresh if rules.outcome(_rule_line(each)) == "returned"]
        work.stored += [_stored(each, None, "reversal_unknown") for each in back]
        work.unknown_returns = len(back)
        digest = hashlib.sha256(content).hexdigest()
        counts = (len(read.lines), len(work.stored))
        file = await bank.add_file(connection, host, name, digest, read.standard, read.message, actor.name, counts)
        await bank.add_lines(connection, host, file, work.stored)
        await _found_later(connection, desk, work)
        faults.point("bank_posted")
        settled = await _settle(connection, desk, work.booked)
        imported = Imported(
            file,
            len(read.lines),
            len(known),
            work.matched,
            work.suspense,
            work.returned,
            work.unknown_returns,
            len(outgoing),
            read.waiting,
            settled,
        )
        detail = msgspec.to_builtins(imported) | {"name": name, "sha256": digest}
        await audit.append(connection, actor, "bank_file_imported", detail, desk.networks[0], None, file)
        return imported


async def host_of(context: Context, code: str, content: bytes) -> tuple[UUID, frozenset[UUID]]:
    """(host, its networks) by the host's code, or by the account a file is about. RuleViolation `host_unknown`."""
    accounts = {line.account for line in camt.read(content).lines} if not code else set()
    async with context.db.tx() as connection:
        found = await bank.hosts(connection, code)
        fitting = [host for host, own, _ in found if code or (accounts and all(_fits(a, own) for a in accounts))]
        if len(fitting) != 1:
            raise RuleViolation("host_unknown", "host", given=code or ", ".join(sorted(accounts)))
        return fitting[0], next(frozenset(networks) for host, _, networks in found if host == fitting[0])


async def returned(context: Context, actor: Actor, line: UUID, payment: UUID) -> Settled:
    """A person says which payment a reversal takes back."""
    async with context.db.tx() as connection:
        found = await bank.line(connection, line)
        if found is None:
            raise NotFound("bank_line", line)
        host, movement = found
        desk = await desks.at(connection, context, actor, host)
        if movement.problem != "reversal_unknown":
            raise Refused("return_placed", "id")
        owner, currency, *_ = await payments.payment(connection, payment)
        if owner != host:
            raise NotFound("payment", payment)
        if currency != movement.currency:
            raise RuleViolation("currency_mixed", "payment", left=currency, right=movement.currency)
        stands = await ledger.held(connection, payment)
        if sum(held for _, held in stands if held > 0) < -movement.amount:
            raise RuleViolation("refund_exceeds", "payment", amount=-movement.amount, left=sum(h for _, h in stands))
        await settlement.lock(connection, [item.organisation for item, _ in stands if item.organisation])
        booked = await _book_return(connection, desk, movement, payment)
        await bank.returned(connection, host, movement.key, payment)
        settled = await _settle(connection, desk, [booked])
        detail = {"line": str(line), "payment": str(payment), "reopened": [str(i) for i in settled.reopened]}
        await audit.append(connection, actor, "bank_return_placed", detail, desk.networks[0], None, payment)
        return settled


async def _own_account(connection: Connection, host: UUID, read: Statement) -> None:
    own = await bank.accounts(connection, host)
    for line in read.lines:
        if own and not _fits(line.account, own):
            raise RuleViolation("bank_account_other", "file", account=line.account)


def _fits(account: str, own: Sequence[str]) -> bool:
    """A domestic number is the end of its IBAN."""
    return any(each.endswith(account) or account.endswith(each) for each in own)


async def _came_in(connection: Connection, desk: Desk, line: Line, billed: dict[str, Billed], work: _Work) -> None:
    """Money in: on the invoice its KID names; without one, or in another currency, in suspense."""
    about = billed.get(line.reference) if rules.outcome(_rule_line(line)) == "invoice" else None
    fits = about is not None and about.currency == line.currency
    fact = Received(
        host=desk.host,
        currency=line.currency,
        on=line.booked_on,
        provider=BANK,
        object=_object(desk, line.key),
        rail="bank",
        amount=line.amount,
        parts=(Part(line.amount, Place(about.organisation, about.id)),) if about and fits else (),
    )
    told = Told(line.reference, line.text, line.payer_name, line.payer_account)
    work.booked.append(await payments.receive(connection, fact, told, desk.actor.name))
    work.matched += fits
    work.suspense += not fits
    work.stored.append(_stored(line, money_facts.payment_id(BANK, fact.object), ""))


async def _found_later(connection: Connection, desk: Desk, work: _Work) -> None:
    """Look for the payments of all reversals that wait, whether from this file or an earlier one."""
    for movement in await bank.unknown_returns(connection, desk.host):
        kids, payers = [movement.reference], [movement.payer_account]
        found = await bank.earlier(connection, desk.host, [movement.original_reference], kids, payers)
        payment = rules.taken_back(_rule_line(movement), found)
        if payment is None:
            continue
        stands = await ledger.held(connection, payment.payment)
        await settlement.lock(connection, [item.organisation for item, _ in stands if item.organisation])
        work.booked.append(await _book_return(connection, desk, movement, payment.payment))
        await bank.returned(connection, desk.host, movement.key, payment.payment)
        work.returned += 1
        work.unknown_returns -= 1


async def _book_return(connection: Connection, desk: Desk, movement: Movement, payment: UUID) -> Booked:
    fact = Refunded(
        host=desk.host,
        currency=movement.currency,
        on=movement.booked_on,
        provider=BANK,
        object=_object(desk, movement.key),
        rail="bank",
        payment=payment,
        amount=-movement.amount,
    )
    return await ledger.post(connection, fact, desk.actor.name)


async def _settle(connection: Connection, desk: Desk, booked: Sequence[Booked]) -> Settled:
    joined = Booked("booked", tuple(posting for each in booked for posting in each.postings))
    now = desk.context.clock.now()
    return await settlement.settle(connection, desk.kept, joined, desk.actor, now, desk.today)


def _object(desk: Desk, key: str) -> str:
    """A movement's name in the ledger: two hosts never share one."""
    return f"{desk.host}:{key}"


def _rule_line(line: Line | Movement) -> rules.Movement:
    return rules.Movement(
        line.amount, line.currency, line.reference, line.original_reference, line.payer_account, line.reversal
    )


def _stored(line: Line, payment: UUID | None, problem: str) -> Movement:
    return Movement(
        line.key,
        line.account,
        line.amount,
        line.currency,
        line.booked_on,
        line.reference,
        line.text,
        line.servicer_reference,
        line.original_reference,
        line.payer_name,
        line.payer_account,
        line.reversal,
        payment,
        problem,
    )
