"""An agreement's life on this side: our word about it, what both words add up to, and what that changes here.

The first time it is active, their network gets a place here (with a rulebook that follows from the terms), the local
agreement and the link rules that rest on it, and every membership is derived again, all in one transaction.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import msgspec

from cluster_rules import federated_terms, federation
from cluster_rules.federation import AGREEMENT_KEY, Register
from cluster_rules.fees import Step
from cluster_rules.networks import Rulebook
from crm import catalogue
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.database import Connection
from crm.store import agreements as local
from crm.store import audit, families, federation_facts, federation_links, federation_news, imports, rulebooks
from crm.store import federation as agreements
from crm.store import federation_registers as registers
from crm.store.federation import Agreement

SLUG_MAX = 60
LINKS_AT_A_TIME = 200


async def say(connection: Connection, agreement: Agreement, state: str, by: str, today: date) -> Register:
    """Our word about the agreement in its present terms; the same word once more changes nothing."""
    name = (agreement.word, AGREEMENT_KEY)
    own = await registers.locked(connection, agreement.id, agreement.code, name)
    system = await agreements.instance(connection)
    body: dict[str, Any] = {"by": by, "on": today.isoformat(), "terms": agreement.agreed.hash}
    if own and own.state == state and own.body.get("terms") == body["terms"]:
        return own
    if own is None:
        new = federation.first(agreement.code, AGREEMENT_KEY, agreement.word, system, state, body)
    else:
        new = federation.changed(own, system, state, body)
    await registers.write(connection, agreement.id, new, today)
    return new


async def turned(connection: Connection, actor: Actor, code: str, today: date, now: datetime) -> Agreement:
    """After either word has changed: what the agreement is now, and everything that follows from it here."""
    agreement = await agreements.one(connection, code, lock=True)
    held = await registers.of(connection, agreement.id, code, [AGREEMENT_KEY])
    standing = federation.standing(*federation.words(held))
    if agreement.standing == "terminated" or standing == agreement.standing:
        return agreement
    await catalogue.rule(connection)
    values: dict[str, Any] = {"standing": standing, "pauses": _pauses(agreement, standing, today)}
    if standing == "terminated":
        values["ended_on"] = today
    await agreements.change(connection, agreement.id, **values)
    agreement = await agreements.one(connection, code)
    if standing == "active" and agreement.mirror_id is None:
        await _activate(connection, actor, agreement, today)
        agreement = await agreements.one(connection, code)
    elif agreement.mirror_id is not None:
        await _follow(connection, agreement, today, now)
    if standing in ("active", "suspended", "terminated"):
        await federation_news.tell(connection, agreement, standing)
    detail = {"agreement": code, "standing": standing, "with": agreement.peer_url}
    await audit.append(connection, actor, "federation_turned", detail, agreement.network_id, None, agreement.id)
    return agreement


async def follow_one(
    connection: Connection, kept: Catalogue, agreement: Agreement, key: str, today: date, now: datetime
) -> None:
    """Have everything about one organisation say what the registers, the agreement and its lease say."""
    if agreement.side == "receiving":
        await federation_facts.bring(connection, kept, agreement, key, today, now)
    else:
        await federation_facts.pause(connection, kept, agreement, key, today, now)


def _pauses(agreement: Agreement, standing: str, today: date) -> list[list[str | None]]:
    """The days on which it was not in force: a new stretch begins, or the last one is over.

    Also while the two sides have signed different terms, which `standing` calls proposed.
    """
    out = [[start.isoformat(), end.isoformat() if end else None] for start, end in agreement.pauses]
    paused = bool(out) and out[-1][1] is None
    if standing in ("suspended", "proposed"):
        if agreement.mirror_id is not None and not paused:
            out.append([today.isoformat(), None])
    elif paused:
        out[-1][1] = today.isoformat()
    return [each for each in out if each[0] != each[1]]


async def _follow(connection: Connection, agreement: Agreement, today: date, now: datetime) -> None:
    """Suspended, resumed or over: for every organisation it reaches, and for the local agreement."""
    if agreement.standing == "terminated":
        stored = await local.find(connection, agreement.code, lock=True)
        if stored:
            await local.end(connection, stored.id, today)
    kept = await catalogue.load(connection)
    if agreement.side == "receiving":
        keys = [each.key for each in await federation_links.links(connection, agreement.id)]
    else:
        have = await registers.of(connection, agreement.id, agreement.code)
        keys = sorted({key for register, key in have if register == "offer"})
    for key in keys:
        await follow_one(connection, kept, agreement, key, today, now)
    if agreement.standing == "terminated":
        await _derive(connection, agreement, today)


async def _activate(connection: Connection, actor: Actor, agreement: Agreement, today: date) -> None:
    kept = await catalogue.load(connection)
    own = kept.by_id[agreement.network_id]
    await rulebooks.lock(connection, own.id)
    kept = await catalogue.load(connection)
    published = kept.rulebooks.of(own.slug)
    newest = published[-1]
    mirror, slug = await _mirror(connection, kept, agreement)
    peer, terms = agreement.peer_network, agreement.agreed
    names = peer.names if peer else {}
    if agreement.side == "granting":
        books = [federated_terms.granting_book(terms, slug, newest), _next(published, agreement, slug, names, today)]
        ends = (own.slug, slug)
    else:
        books = [federated_terms.receiving_book(terms, agreement.code, slug, newest, own.names)]
        ends = (slug, own.slug)
    for book in books:
        await imports.add_rulebook(connection, book, msgspec.to_builtins(book), actor)
    await connection.execute(
        "insert into agreement (id, code, source_network_id, target_network_id, names, starts_on, ends_on, on_end,"
        " notice_days, shared_fields, purpose, legal_basis) select $1, $2, s.id, t.id, $5, $6, null,"
        " 'end_links', 0, $7,"
        " $8, $9 from network s, network t where s.slug = $3 and t.slug = $4",
        agreement.id,
        agreement.code,
        *ends,
        names,
        terms.starts_on,
        list(terms.fields),
        {"en": terms.purpose},
        {"en": terms.legal_basis},
    )
    await agreements.change(connection, agreement.id, mirror_id=mirror)
    await _derive(connection, agreement, today)


async def _mirror(connection: Connection, kept: Catalogue, agreement: Agreement) -> tuple[UUID, str]:
    """Their network and its host get a place here; its names say where it is run, and so does a slug that is taken."""
    peer = agreement.peer_network
    if peer is None:
        raise ValueError(f"nobody has answered {agreement.code}")
    slug = (
        peer.slug
        if peer.slug not in kept.by_slug
        else f"{peer.slug[: SLUG_MAX - len(agreement.code) - 1]}-{agreement.code}"
    )
    host, network, where = uuid4(), uuid4(), urlsplit(agreement.peer_url).netloc
    await connection.execute(
        "insert into host (id, code, name, country, invoice_series) values ($1, $2, $3, 'NO', $2)",
        host,
        agreement.code,
        peer.host,
    )
    await connection.execute(
        "insert into network (id, slug, host_id, kind, names, short, summary, website, time_zone, instance)"
        " values ($1, $2, $3, 'network', $4, $5, '{}', $6, $7, $8)",
        network,
        slug,
        host,
        {language: f"{name} ({where})" for language, name in peer.names.items()},
        peer.short,
        peer.website,
        peer.time_zone,
        where,
    )
    return network, slug


def _next(
    published: Sequence[Rulebook], agreement: Agreement, mirror: str, names: dict[str, str], today: date
) -> Rulebook:
    """The next version of our rulebook, with the link rules that the terms ask for.

    Members whom the newest version never governs (it is for new ones only) stay under their older rules and fees: an
    agreement changes nothing but links.
    """
    newest = published[-1]
    kept_out = newest.effective_from_existing is None and len(published) > 1
    rules = federated_terms.granting_rules(agreement.agreed, agreement.code, mirror, names)
    return msgspec.structs.replace(
        newest,
        version=newest.version + 1,
        effective_from=max(today, newest.effective_from),
        effective_from_existing=None if kept_out else max(today, newest.effective_from_existing or today),
        link_rules=(*newest.link_rules, *rules),
    )


async def _derive(connection: Connection, agreement: Agreement, today: date) -> None:
    kept = await catalogue.load(connection)
    networks = [agreement.network_id, *([agreement.mirror_id] if agreement.mirror_id else [])]
    listed = await families.touched(connection, [], networks)
    reason = Step("agreement_changed", {"agreement": agreement.code})
    await rulebooks.derive(connection, kept, listed, today, reason, lambda _done, _of: None)
