"""What a row of a members' file says beside the membership: people, billing, outside numbers, tags and notes."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from crm.actor import Actor
from crm.database import Connection
from crm.import_verdicts import BILLING, Judged
from crm.store import ids

Made = dict[int, dict[str, Any]]
NACE = "NACE "  # begins the tag that says an industry code
_CONTACTS = """
insert into contact (id, organisation_id, name, email, role, language, main, created_at)
select c.id, c.organisation_id, c.name, c.email, c.role, 'nb',
    not exists (select from contact k where k.organisation_id = c.organisation_id), now()
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[]) as c (id, organisation_id, name, email, role)
"""
_BILLING = """
insert into billing (organisation_id, email, buyer_reference, street, postal_code, city, updated_at)
select *, now() from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
on conflict (organisation_id) do update set email = coalesce(nullif(excluded.email, ''), billing.email),
    buyer_reference = coalesce(nullif(excluded.buyer_reference, ''), billing.buyer_reference),
    street = coalesce(nullif(excluded.street, ''), billing.street),
    postal_code = coalesce(nullif(excluded.postal_code, ''), billing.postal_code),
    city = coalesce(nullif(excluded.city, ''), billing.city), updated_at = now()
"""
_EXTERNAL = """
insert into external_ref (id, network_id, external_id, organisation_id, recorded_at)
select id, $1, external_id, organisation_id, now()
from unnest($2::uuid[], $3::text[], $4::uuid[]) as e (id, external_id, organisation_id)
on conflict (network_id, external_id) do nothing returning id
"""
_TAGS = """
insert into tag (id, network_id, name, created_at, created_by)
select gen_random_uuid(), $1, name, now(), $3 from unnest($2::text[]) as name
on conflict (network_id, lower(name)) where deleted_at is null do nothing
"""
_TAGGED = """
insert into membership_tag (id, membership_id, tag_id, network_id, added_at, added_by)
select w.id, w.membership_id, t.id, $1, now(), $5
from unnest($2::uuid[], $3::uuid[], $4::text[]) as w (id, membership_id, name)
join tag t on t.network_id = $1 and lower(t.name) = lower(w.name) and t.deleted_at is null
on conflict (membership_id, tag_id) do nothing returning id
"""
_NOTES = """
insert into note (id, network_id, organisation_id, kind, text, on_date, contact_ids, pinned, actor, author_id, channel,
    created_at)
select id, $1, organisation_id, 'note', text, $2, '{}', false, $3, $4, $5, now()
from unnest($6::uuid[], $7::uuid[], $8::text[]) as n (id, organisation_id, text)
"""


async def contacts(connection: Connection, judged: Sequence[Judged], whose: dict[int, UUID], made: Made) -> None:
    """People who are not known with their organisation yet; the first of an organisation is its main one."""
    told = [each for each in judged if each.member.contact_email]
    new = [e.member for e in told if e.known is None or e.member.contact_email not in e.known.emails]
    if not new:
        return
    made_ids = ids.together(len(new))
    await connection.execute(
        _CONTACTS,
        made_ids,
        [whose[m.row] for m in new],
        [m.contact_name or m.contact_email.partition("@")[0] for m in new],
        [m.contact_email for m in new],
        [m.contact_role for m in new],
    )
    for member, contact in zip(new, made_ids, strict=True):
        made[member.row]["contact"] = str(contact)


async def billing(connection: Connection, judged: Sequence[Judged], whose: dict[int, UUID], made: Made) -> None:
    """Where invoices go; what is stored and not told otherwise stays."""
    wanted = []
    for each in judged:
        told = {field: getattr(each.member, field) for field in BILLING}
        changes = {d.field for d in each.differences} & set(BILLING)
        if each.known and changes:
            made[each.member.row]["billing"] = {field: each.known.billing.get(field, "") for field in changes}
            wanted.append((whose[each.member.row], *(told[f] if f in changes else "" for f in BILLING)))
        elif each.known is None and any(told.values()):
            wanted.append((whose[each.member.row], *told.values()))
    if wanted:
        await connection.execute(_BILLING, *(list(column) for column in zip(*wanted, strict=True)))


async def external(
    connection: Connection, network: UUID, judged: Sequence[Judged], whose: dict[int, UUID], made: Made
) -> None:
    """The numbers of the network's old system: by them a later file finds its members again."""
    told = [e.member for e in judged if e.member.external_id]
    if not told:
        return
    drawn = ids.together(len(told))
    rows = await connection.fetch(
        _EXTERNAL, network, drawn, [m.external_id for m in told], [whose[m.row] for m in told]
    )
    new = {row["id"] for row in rows}
    for member, ref in zip(told, drawn, strict=True):
        if ref in new:
            made[member.row]["external"] = str(ref)


async def tags(
    connection: Connection,
    network: UUID,
    actor: Actor,
    judged: Sequence[Judged],
    whose: dict[int, UUID],
    held: dict[UUID, UUID],
    made: Made,
) -> None:
    """Tags of members; words the network has not used before become part of its vocabulary."""
    wanted = [
        (each.member.row, held[whose[each.member.row]], tag)
        for each in judged
        if whose[each.member.row] in held
        for tag in (*each.member.tags, *([NACE + each.member.nace] if each.member.nace else []))
    ]
    if not wanted:
        return
    words = list({tag.lower(): tag for _, _, tag in wanted}.values())
    await connection.execute(_TAGS, network, words, actor.name)
    drawn = ids.together(len(wanted))
    rows = await connection.fetch(
        _TAGGED, network, drawn, [m for _, m, _ in wanted], [tag for _, _, tag in wanted], actor.name
    )
    new = {row["id"] for row in rows}
    for (row, _, _), tagged in zip(wanted, drawn, strict=True):
        if tagged in new:
            made[row].setdefault("tags", []).append(str(tagged))


async def notes(
    connection: Connection,
    network: UUID,
    actor: Actor,
    today: date,
    judged: Sequence[Judged],
    whose: dict[int, UUID],
    made: Made,
) -> None:
    """A note of the office about the member."""
    told = [each.member for each in judged if each.member.note]
    if not told:
        return
    drawn = ids.together(len(told))
    await connection.execute(
        _NOTES,
        network,
        today,
        actor.name,
        actor.id,
        actor.channel,
        drawn,
        [whose[m.row] for m in told],
        [m.note for m in told],
    )
    for member, note in zip(told, drawn, strict=True):
        made[member.row]["note"] = str(note)


async def memberships(connection: Connection, network: UUID, organisations: Sequence[UUID]) -> dict[UUID, UUID]:
    """{organisation: membership} of this network."""
    rows = await connection.fetch(
        "select organisation_id, id from membership where network_id = $1 and organisation_id = any($2)",
        network,
        list(organisations),
    )
    return dict(rows)


async def take_back(connection: Connection, made: Sequence[dict[str, Any]]) -> None:
    """People, outside numbers, tags and notes that rows made are gone; billing details are what they were."""

    def told(what: str) -> list[UUID]:
        return [UUID(each[what]) for each in made if each.get(what)]

    await connection.execute("delete from contact where id = any($1)", told("contact"))
    await connection.execute("delete from external_ref where id = any($1)", told("external"))
    await connection.execute("delete from note where id = any($1)", told("note"))
    tagged = [UUID(tag) for each in made for tag in each.get("tags", ())]
    await connection.execute("delete from membership_tag where id = any($1)", tagged)


async def billing_back(connection: Connection, organisation: UUID, before: dict[str, str]) -> None:
    """Billing details that a row changed are what they were."""
    columns = {"billing_email": "email", "billing_reference": "buyer_reference"}
    for field, value in before.items():
        await connection.execute(
            f"update billing set {columns.get(field, field)} = $2, updated_at = now() where organisation_id = $1",
            organisation,
            value,
        )
