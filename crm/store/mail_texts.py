"""A network's own wording of the system's mails, as stored: versions, of which the newest holds."""

from collections.abc import Collection
from uuid import UUID, uuid4

from crm import mail_samples, merge_fields
from crm.actor import Actor
from crm.database import Connection
from crm.letters import Wording

_COLUMNS = "mode, subject, top, bottom, text"


async def holding(
    connection: Connection, wanted: Collection[tuple[UUID | None, str]]
) -> dict[tuple[UUID | None, str, str], Wording]:
    """(network, kind, language) -> the wording that holds, of these (network, kind); none where it is the standard."""
    kinds = {kind for _, kind in wanted if kind in mail_samples.KINDS}
    if not kinds:
        return {}
    rows = await connection.fetch(
        f"select distinct on (network_id, kind, language) network_id, kind, language, {_COLUMNS} from mail_text"
        " where network_id = any($1) and kind = any($2) order by network_id, kind, language, version desc",
        list({network for network, _ in wanted}),
        list(kinds),
    )
    return {
        (row["network_id"], row["kind"], row["language"]): Wording(*(row[n] for n in Wording.__struct_fields__))
        for row in rows
        if row["mode"] != "standard"
    }


def filled(own: Wording, kind: str, values: dict[str, object]) -> Wording:
    """The wording with its merge fields filled in."""
    told = mail_samples.texts(kind, values)
    subject, top, bottom, text = (
        merge_fields.filled(part, told) for part in (own.subject, own.top, own.bottom, own.text)
    )
    return Wording(own.mode, " ".join(subject.split()), top, bottom, text)


async def add(
    connection: Connection, network: UUID, kind: str, language: str, own: Wording, actor: Actor
) -> tuple[UUID, int]:
    """Store another version; (its id, its number)."""
    await connection.execute("select pg_advisory_xact_lock(hashtext($1))", f"mail_text:{network}:{kind}:{language}")
    version = await connection.fetchval(
        "select coalesce(max(version), 0) + 1 from mail_text where network_id = $1 and kind = $2 and language = $3",
        network,
        kind,
        language,
    )
    new = uuid4()
    await connection.execute(
        f"insert into mail_text (id, network_id, kind, language, version, {_COLUMNS}, actor, recorded_at)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, now())",
        new,
        network,
        kind,
        language,
        version,
        own.mode,
        own.subject,
        own.top,
        own.bottom,
        own.text,
        actor.name,
    )
    return new, version
