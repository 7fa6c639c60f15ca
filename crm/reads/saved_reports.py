"""The saved reports of a network that a person sees: their own, and those that are shared."""

from datetime import date
from uuid import UUID

import msgspec

from crm.database import Connection


class Saved(msgspec.Struct, frozen=True):
    """A saved report, whose it is, and who gets it by mail."""

    id: UUID
    report: str
    title: str
    question: list[list[str]]
    shared: bool
    every: str
    file: str
    sent_for: date | None
    owner: UUID
    owner_name: str
    readers: list[UUID]


class Shared(msgspec.Struct, frozen=True):
    """A shared one, with addresses of its people instead of their accounts."""

    id: UUID
    report: str
    title: str
    question: list[list[str]]
    every: str
    file: str
    sent_for: date | None
    owner_email: str
    reader_emails: list[str]


async def shared(connection: Connection, network: UUID) -> list[Shared]:
    """Those everybody in the office sees, by title."""
    rows = await connection.fetch(
        "select s.id, s.report, s.title, s.question, s.every, s.file, s.sent_for, coalesce(a.email, '') as owner_email,"
        " coalesce((select array_agg(x.email order by x.email) from saved_report_reader r join account x"
        " on x.id = r.account_id where r.saved_id = s.id), '{}') as reader_emails"
        " from saved_report s left join account a on a.id = s.account_id"
        " where s.network_id = $1 and s.shared order by s.title, s.id",
        network,
    )
    return [Shared(**dict(row)) for row in rows]


async def seen(connection: Connection, network: UUID, account: UUID) -> list[Saved]:
    """Own ones, shared ones, and those one gets by mail, by title."""
    rows = await connection.fetch(
        "select s.id, s.report, s.title, s.question, s.shared, s.every, s.file, s.sent_for, s.account_id as owner,"
        " coalesce(a.name, '') as owner_name,"
        " coalesce((select array_agg(r.account_id) from saved_report_reader r where r.saved_id = s.id), '{}')"
        " as readers"
        " from saved_report s left join account a on a.id = s.account_id"
        " where s.network_id = $1 and (s.shared or s.account_id = $2 or exists (select from saved_report_reader r"
        " where r.saved_id = s.id and r.account_id = $2)) order by s.title, s.id",
        network,
        account,
    )
    return [Saved(**dict(row)) for row in rows]
