"""Agreements with networks on other systems, as managers make and end them: invite, answer, sign, suspend, terminate.

The granting side invites; the invited side proposes what its levels are worth and signs; the granting side signs last.
Either may suspend and resume, or end it for good. Everything is a word in a register, so the other side hears of it.
"""

import re
from datetime import date, timedelta
from secrets import token_hex, token_urlsafe
from typing import Any, Literal
from uuid import UUID

import msgspec

from cluster_rules import federated_terms
from cluster_rules.errors import RuleViolation
from cluster_rules.federated_terms import Terms
from cluster_rules.matching import Identity
from crm import catalogue
from crm.actor import Actor
from crm.catalogue import Catalogue, NetworkRow
from crm.context import Context
from crm.database import Connection
from crm.errors import NotFound, Refused
from crm.gateways import federation as peers
from crm.gateways.federation import PeerFailed
from crm.gateways.outgoing import AddressRefused, Rules, check, rules_from
from crm.gateways.webhooks import new_secret
from crm.store import audit, federation_standing, organisations
from crm.store import federation as agreements
from crm.store import federation_facts as facts
from crm.store import federation_links as links
from crm.store import federation_registers as registers
from crm.store.federation import Agreement, PeerNetwork

INVITATION_DAYS = 7
PLACE = "/federation/invitations/"
_CODE_BYTES = 5
_LINK = re.compile(r"(https?://[^\s#?]{1,500}?)" + PLACE + r"([A-Za-z0-9_-]{20,100})")


class Invited(msgspec.Struct, frozen=True):
    """The link to hand over by a way of one's own; it is shown once."""

    code: str
    link: str


class Offer(msgspec.Struct, frozen=True):
    """An invitation as the invited side reads it from the other system."""

    code: str
    instance: str
    url: str
    network: PeerNetwork
    levels: tuple[tuple[str, dict[str, str]], ...]
    fields: tuple[str, ...]


async def invite(context: Context, actor: Actor, network: str) -> Invited:
    """A draft, and a link that one manager of another system's network may answer, once, within a week."""
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        own = _own(kept, actor, network)
        token, code = token_urlsafe(32), f"fed-{token_hex(_CODE_BYTES)}"
        made = await agreements.add(
            connection,
            {
                "code": code,
                "side": "granting",
                "network_id": own.id,
                "invite_hash": agreements.hash_of(token),
                "invite_expires_at": context.clock.now() + timedelta(days=INVITATION_DAYS),
                "created_by": actor.name,
            },
        )
        await audit.append(connection, actor, "federation_invited", {"agreement": code}, own.id, None, made)
    return Invited(code, f"{context.settings.base_url}{PLACE}{token}")


async def look(context: Context, actor: Actor, network: str, link: str, rules: Rules | None = None) -> Offer:
    """What an invitation's link leads to, read from the other system. Refused `invitation_link`, `peer_failed`."""
    async with context.db.tx() as connection:
        _own(await catalogue.load(connection), actor, network)
    url, token = _parts(link, rules or rules_from(context.settings))
    told = await _asked(context, rules, url, "/invitations/looks", {"token": token})
    try:
        levels = tuple((str(each["code"]), dict(each["names"])) for each in told["levels"])
        network_told = msgspec.convert(told["network"], PeerNetwork)
        return Offer(told["agreement"], told["instance"], url, network_told, levels, tuple(told["fields"]))
    except (KeyError, TypeError, msgspec.ValidationError) as error:
        raise Refused("peer_failed", "link", why=type(error).__name__) from error


async def answer(
    context: Context, actor: Actor, network: str, link: str, terms: Terms, rules: Rules | None = None
) -> str:
    """Propose terms and sign them; the agreement's code. Asked again with the same link it goes on where it stopped.

    RuleViolation about the terms; Refused `invitation_link`, `invitation_own`, `peer_failed`.
    """
    federated_terms.check(terms)
    offer = await look(context, actor, network, link, rules)
    url, token = _parts(link, rules or rules_from(context.settings))
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        own = _own(kept, actor, network)
        book, today = kept.book(own.slug, context.clock.today(own.zone)), context.clock.today(own.zone)
        for level in terms.levels:
            if book.tier(level.target) is None:
                raise RuleViolation("tier_unknown", "levels", tier=level.target, network=own.slug)
        system = await agreements.instance(connection)
        if system == offer.instance:
            raise Refused("invitation_own", "link")
        found = await agreements.find(connection, offer.code, lock=True)
        if found and (found.network_id != own.id or found.standing not in ("draft", "proposed")):
            raise NotFound("link", "")
        if found is None:
            await agreements.add(connection, _draft(own, offer, actor, url))
        found = await agreements.one(connection, offer.code)
    told = PeerNetwork(own.slug, own.names, own.short, own.host_name, own.website, own.time_zone)
    said = {"token": token, "instance": system, "url": context.settings.base_url, "secret": found.secret}
    body = said | {"network": msgspec.to_builtins(told), "terms": msgspec.to_builtins(terms)}
    heard = await _asked(context, rules, url, "/invitations/answers", body)
    async with context.db.tx() as connection:
        values = {"peer_secret": str(heard["secret"]), "terms": terms, "peer_network": offer.network}
        await agreements.change(connection, found.id, **values)
        found = await agreements.one(connection, offer.code, lock=True)
        await federation_standing.say(connection, found, "signed", actor.name, today)
        await federation_standing.turned(connection, actor, offer.code, today, context.clock.now())
        detail = {"agreement": offer.code, "with": url}
        await audit.append(connection, actor, "federation_answered", detail, own.id, None, found.id)
    return offer.code


async def say(
    context: Context, actor: Actor, code: str, word: Literal["signed", "suspended", "terminated"], terms: str = ""
) -> Agreement:
    """Our word: sign the terms (`terms` is the hash of those that were read), resume, suspend, or end it for good.

    NotFound, Forbidden; Refused `agreement_over`, `other_terms`, `not_answered`.
    """
    async with context.db.tx() as connection:
        found, today = await _managed(connection, context, actor, code)
        if found.standing == "terminated":
            raise Refused("agreement_over", "word")
        if found.terms is None:
            if word != "terminated":
                raise Refused("not_answered", "word")
            await agreements.change(connection, found.id, standing="terminated", ended_on=today, invite_hash="")
        else:
            if word == "signed" and terms and terms != found.terms.hash:
                raise Refused("other_terms", "terms")
            await federation_standing.say(connection, found, word, actor.name, today)
            await federation_standing.turned(connection, actor, code, today, context.clock.now())
        detail = {"agreement": code, "word": word}
        await audit.append(connection, actor, "federation_word", detail, found.network_id, None, found.id)
        return await agreements.one(connection, code)


async def candidates(context: Context, actor: Actor, code: str, key: str) -> list[Identity]:
    """Organisations here that a held offer may be about. NotFound, Forbidden."""
    async with context.db.tx() as connection:
        found, _ = await _managed(connection, context, actor, code)
        offer = (await registers.of(connection, found.id, code, [key])).get(("offer", key))
        form = facts.form_of(offer) if offer else None
        return await facts.alike(connection, form) if form else []


async def point(context: Context, actor: Actor, code: str, key: str, organisation: UUID | None) -> None:
    """A person's word on whom a held offer is about; None: somebody new. NotFound, Refused `not_held`."""
    async with context.db.tx() as connection:
        found, today = await _managed(connection, context, actor, code)
        link = await links.link(connection, found.id, key)
        if link is None or found.side != "receiving":
            raise NotFound("key", key)
        if not link.held:
            raise Refused("nothing_held", "key")
        if organisation is None:
            offer = (await registers.of(connection, found.id, code, [key])).get(("offer", key))
            form = facts.form_of(offer) if offer else None
            if form is None:
                raise Refused("nothing_held", "key")
            organisation = await organisations.add(connection, form, today)
        elif await organisations.name(connection, organisation) is None:
            raise NotFound("organisation", organisation)
        if await links.taken(connection, found.id, key, organisation):
            raise Refused("already_linked", "organisation")
        await links.point(connection, found.id, key, organisation)
        kept = await catalogue.load(connection)
        await facts.bring(connection, kept, found, key, today, context.clock.now())
        detail = {"agreement": code, "key": key}
        await audit.append(connection, actor, "federation_pointed", detail, found.network_id, organisation, found.id)


def _own(kept: Catalogue, actor: Actor, slug: str) -> NetworkRow:
    """The network, when the actor manages it and it is run here."""
    if slug not in kept.by_slug or kept.by_slug[slug].instance:
        raise NotFound("network", slug)
    own = kept.by_slug[slug]
    actor.must_manage(own.id)
    return own


async def _managed(connection: Connection, context: Context, actor: Actor, code: str) -> tuple[Agreement, date]:
    found = await agreements.find(connection, code, lock=True)
    if found is None or found.network_id not in actor.sees:
        raise NotFound("code", code)
    actor.must_manage(found.network_id)
    kept = await catalogue.load(connection)
    return found, context.clock.today(kept.by_id[found.network_id].zone)


def _parts(link: str, rules: Rules) -> tuple[str, str]:
    found = _LINK.fullmatch(link.strip())
    if found is None:
        raise Refused("invitation_link", "link")
    try:
        check(rules, found[1])
    except AddressRefused as error:
        raise Refused(error.code, "link", given=error.given) from error
    return found[1], found[2]


async def _asked(context: Context, rules: Rules | None, url: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    try:
        return await peers.ask_openly(rules or rules_from(context.settings), url, path, body, context.clock.now())
    except PeerFailed as failed:
        raise Refused("peer_failed", "link", why=str(failed)[:300]) from failed


def _draft(own: NetworkRow, offer: Offer, actor: Actor, url: str) -> dict[str, Any]:
    return {
        "code": offer.code,
        "side": "receiving",
        "network_id": own.id,
        "peer_instance": offer.instance,
        "peer_url": url,
        "peer_network": offer.network,
        "secret": new_secret(),
        "created_by": actor.name,
    }
