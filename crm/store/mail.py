"""Mails, written in the deciding transaction and sent by a job afterwards: both or neither."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from typing import Any
from uuid import UUID, uuid4

import msgspec

from cluster_rules.intents import CancelNotices, Notify
from crm import fact_words
from crm.catalogue import Catalogue
from crm.database import Connection
from crm.i18n import translator
from crm.letters import compose
from crm.store import jobs, mail_texts

NOTICES_LEAVE_AT = time(8, 0)  # in the network's time zone
SEND_TASK = "send_mail"
_QUEUE = """
insert into mail (id, network_id, organisation_id, kind, language, recipient, recipient_name, subject, body_text,
    body_html, send_after, unsubscribe, status, attempts, created_at)
select id, network, organisation, kind, language, recipient, name, subject, text, html, coalesce(after, now()),
    unsubscribe, 'queued', 0, now()
from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
    $10::text[], $11::timestamptz[], $12::text[]) with ordinality
    as m (id, network, organisation, kind, language, recipient, name, subject, text, html, after, unsubscribe, place)
order by place
"""
_BETWEEN = ("organisation_merged", "organisation_split")  # about one organisation and another


class Recipient(msgspec.Struct, frozen=True):
    """Who gets a mail, in which language."""

    email: str
    name: str
    language: str


class Outgoing(msgspec.Struct, frozen=True):
    """One mail to queue; `values` go to the template of `kind`. `id` where somebody else has made one for it.

    `unsubscribe`: an address that ends such mails with one click (RFC 8058).
    """

    kind: str
    recipient: Recipient
    values: dict[str, Any]
    network: UUID | None = None
    organisation: UUID | None = None
    send_after: datetime | None = None
    id: UUID | None = None
    unsubscribe: str = ""


async def queue(connection: Connection, mails: Sequence[Outgoing]) -> list[UUID]:
    """Compose and store mails, each with the job that sends it."""
    if not mails:
        return []
    rows: list[tuple[Any, ...]] = []
    worded = await mail_texts.holding(connection, {(m.network, m.kind) for m in mails if m.network})
    for mail in mails:
        values = {"recipient_name": mail.recipient.name, **mail.values}
        own = worded.get((mail.network, mail.kind, mail.recipient.language))
        own = own and mail_texts.filled(own, mail.kind, values)
        letter = compose(mail.kind, mail.recipient.language, values, own)
        rows.append(
            (
                mail.id or uuid4(),
                mail.network,
                mail.organisation,
                mail.kind,
                mail.recipient.language,
                mail.recipient.email,
                mail.recipient.name,
                letter.subject,
                letter.text,
                letter.html,
                mail.send_after,
                mail.unsubscribe,
            )
        )
    await connection.execute(_QUEUE, *map(list, zip(*rows, strict=True)))
    later = any(mail.send_after for mail in mails)
    await jobs.enqueue(
        connection,
        SEND_TASK,
        [({"mail": str(row[0])}, mail.send_after) for row, mail in zip(rows, mails, strict=True)],
        await connection.fetchval("select now()") if later else None,
    )
    return [row[0] for row in rows]


async def cancel(connection: Connection, catalogue: Catalogue, cancelled: Iterable[CancelNotices]) -> None:
    """Mails of this kind that wait for their day are not true any more; their jobs then find nothing to do."""
    for notice in cancelled:
        await connection.execute(
            "update mail set status = 'cancelled' where status = 'queued' and send_after > now()"
            " and organisation_id = $1 and network_id = $2 and kind = $3",
            notice.organisation,
            catalogue.network(notice.network).id,
            notice.kind,
        )


async def queue_notices(
    connection: Connection, catalogue: Catalogue, notices: Sequence[Notify], family: UUID
) -> list[UUID]:
    """Turn rules' notices into mails to the member's contact or the network's managers."""
    if not notices:
        return []
    organisations = {n.organisation for n in notices} | {family}
    organisations |= {o for n in notices for o in fact_words.parents(n.values.get("facts", {}))}
    organisations |= {UUID(n.values[part]) for n in notices if n.kind in _BETWEEN for part in ("one", "other")}
    names = dict(await connection.fetch("select id, name from organisation where id = any($1)", list(organisations)))
    contacts = await contacts_of(connection, list(organisations))
    managers = await managers_of(connection, [catalogue.network(n.network).id for n in notices])
    mails = []
    for notice in notices:
        network = catalogue.network(notice.network)
        member = contacts.get(notice.organisation) or contacts.get(family)
        to = managers.get(network.id, []) if notice.to == "managers" else [member] if member else []
        for recipient in to:
            values = _values(catalogue, notice, names, recipient.language)
            after = _moment(notice.not_before, catalogue, notice.network)
            mails.append(Outgoing(notice.kind, recipient, values, network.id, notice.organisation, after))
    return await queue(connection, mails)


async def contacts_of(connection: Connection, organisations: Sequence[UUID]) -> dict[UUID, Recipient]:
    """The contact of each organisation that has one: its main one, or the newest."""
    rows = await connection.fetch(
        "select distinct on (organisation_id) organisation_id, email, name, language from contact"
        " where organisation_id = any($1) order by organisation_id, main desc, created_at desc",
        list(organisations),
    )
    return {r["organisation_id"]: Recipient(r["email"], r["name"], r["language"]) for r in rows}


async def managers_of(connection: Connection, networks: Sequence[UUID]) -> dict[UUID, list[Recipient]]:
    """The managers of each network, as recipients."""
    rows = await connection.fetch(
        "select r.network_id, a.email, a.name, a.language from role r join account a on a.id = r.account_id"
        " where r.network_id = any($1) and r.role = 'manager' order by a.email",
        list(networks),
    )
    out: dict[UUID, list[Recipient]] = {}
    for row in rows:
        out.setdefault(row["network_id"], []).append(Recipient(row["email"], row["name"], row["language"]))
    return out


def _moment(day: date | None, catalogue: Catalogue, network: str) -> datetime | None:
    return datetime.combine(day, NOTICES_LEAVE_AT, catalogue.network(network).zone) if day else None


def _values(catalogue: Catalogue, notice: Notify, names: dict[UUID, str], language: str) -> dict[str, Any]:
    """A notice's data in words of the reader: names instead of codes, dates written out."""
    t = translator(language)

    def named(slug: str) -> str:
        return t.text(catalogue.network(slug).names)

    def day(value: str | None) -> str:
        return t.date(date.fromisoformat(value)) if value else ""

    given = notice.values
    out: dict[str, Any] = {
        "organisation": names[notice.organisation],
        "network": named(notice.network),
        "to": notice.to,
        "tier": t.text(catalogue.tier_names(notice.network, given["tier"])) if given.get("tier") else "",
        "on": day(given.get("on")),
        "starts_on": day(given.get("starts_on")),
        "ends_on": day(given.get("ends_on")),
        "reason": given.get("reason", ""),
        "event": t.text(given["event"]) if given.get("event") else "",
        "locked_until": day(given.get("locked_until")),
        "number": t.number(given["number"]) if given.get("number") else "",
        "source": named(given["source"]) if given.get("source") else "",
        "linked": [],
        "facts": fact_words.shown(t, given.get("facts", {}), names),
        "taken_back": given.get("taken_back", False),
        "one": names[UUID(given["one"])] if given.get("one") else given.get("former", ""),
        "other": names[UUID(given["other"])] if given.get("other") else given.get("name", ""),
    }
    for link in given.get("linked", []):
        tier = t.text(catalogue.tier_names(link["network"], link["tier"]))
        out["linked"].append({"network": named(link["network"]), "tier": tier, "starts_on": day(link["starts_on"])})
    return out
