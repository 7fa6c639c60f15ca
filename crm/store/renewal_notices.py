"""Who was told ahead of a renewal, and who was not and why: once for a membership and period.

A row that says `told` is written in the transaction that queues its mail and never changes; the others are what the
last look found, and are looked at again.
"""

from collections.abc import Sequence
from datetime import date
from uuid import UUID, uuid4

import msgspec

from cluster_rules.renewals import Renewal
from crm.catalogue import Catalogue
from crm.database import Connection
from crm.store import mail, renewal_letters, renewals
from crm.store.mail import Outgoing, Recipient
from crm.store.renewal_facts import Told
from crm.store.renewal_kinds import Kind

_WITHOUT_TOLD = """
select w.id from unnest($1::uuid[]) with ordinality as w (id, place) where not exists (select from renewal_notice n
    where n.membership_id = w.id and n.state = 'told' and n.starts_on > $2) order by w.place
"""
_FORGET = "delete from renewal_notice where network_id = $1 and state <> 'told' and starts_on > $2"
_STORE = """
insert into renewal_notice (id, membership_id, organisation_id, network_id, starts_on, ends_on, tier, state, net, vat,
    currency, leave_by, problem, mail_id, looked_at)
select i.id, i.membership_id, i.organisation_id, i.network_id, i.starts_on, i.ends_on, i.tier, i.state, i.net, i.vat,
    i.currency, i.leave_by, i.problem::jsonb, i.mail_id, now()
from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::date[], $6::date[], $7::text[], $8::text[],
    $9::bigint[], $10::bigint[], $11::text[], $12::date[], $13::text[], $14::uuid[])
    as i (id, membership_id, organisation_id, network_id, starts_on, ends_on, tier, state, net, vat, currency, leave_by,
    problem, mail_id)
on conflict (membership_id, starts_on) do update set ends_on = excluded.ends_on, tier = excluded.tier,
    state = excluded.state, net = excluded.net, vat = excluded.vat, currency = excluded.currency,
    leave_by = excluded.leave_by, problem = excluded.problem, mail_id = excluded.mail_id,
    looked_at = excluded.looked_at
where renewal_notice.state <> 'told' returning membership_id
"""


class Notice(msgspec.Struct, frozen=True):
    """What came of one membership; `state` is told, no_address or why it owes nothing. `letter` is there when told."""

    row: Told
    renewal: Renewal
    state: str
    organisation: str
    letter: Outgoing | None = None


async def untold(connection: Connection, memberships: Sequence[UUID], on: date) -> list[UUID]:
    """Those of these memberships that were not told yet of a period that begins after `on`, in the order given."""
    return [row["id"] for row in await connection.fetch(_WITHOUT_TOLD, list(memberships), on)]


async def forget(connection: Connection, network: UUID, on: date) -> None:
    """What the last look found about who was not told is looked at anew."""
    await connection.execute(_FORGET, network, on)


async def composed(
    connection: Connection, kept: Catalogue, members: Sequence[tuple[Told, Kind]], on: date
) -> list[Notice]:
    """Who of these members is told what, and who is not; those with no period ahead, or billed for it, are left out."""
    listed = [(row, kind) for row, kind in members if kind.renewal and kind.renewal.state != "billed"]
    ids = [row.organisation_id for row, _ in listed]
    contacts = await mail.contacts_of(connection, [*ids, *(row.family_id for row, _ in listed)])
    names = dict(await connection.fetch("select id, name from organisation where id = any($1)", ids))
    return [_notice(kept, row, kind, names[row.organisation_id], on, _recipient(contacts, row)) for row, kind in listed]


def _recipient(contacts: dict[UUID, Recipient], row: Told) -> Recipient | None:
    return contacts.get(row.organisation_id) or contacts.get(row.family_id)


def _notice(kept: Catalogue, row: Told, kind: Kind, name: str, on: date, recipient: Recipient | None) -> Notice:
    found = kind.renewal
    assert found and found.leave_by
    if found.state != "due":
        return Notice(row, found, found.state, name)
    if recipient is None:
        return Notice(row, found, "no_address", name)
    told = renewal_letters.letter(kept, found, on, recipient, name, row.organisation_id, uuid4())
    return Notice(row, found, "told", name, told)


async def store(connection: Connection, notices: Sequence[Notice]) -> list[Notice]:
    """Store what came of these members and queue the mails; those that were told by this very call."""
    if not notices:
        return []
    columns = zip(*(_columns(each) for each in notices), strict=True)
    rows = await connection.fetch(_STORE, *(list(column) for column in columns))
    fresh = {row["membership_id"] for row in rows}
    told = [each for each in notices if each.letter and each.row.membership_id in fresh]
    await mail.queue(connection, [each.letter for each in told if each.letter])
    return told


def _columns(notice: Notice) -> tuple[object, ...]:
    row, found = notice.row, notice.renewal
    problem = msgspec.json.encode(renewals.told(found.problem)).decode() if found.problem else None
    return (
        uuid4(),
        row.membership_id,
        row.organisation_id,
        row.network_id,
        found.year.start,
        found.year.end,
        found.tier,
        notice.state,
        found.net,
        sum(charge.line.vat for charge in found.charges),
        found.currency,
        found.leave_by,
        problem,
        notice.letter.id if notice.letter else None,
    )
