"""Load a folder of data files into an instance: networks, rulebooks, organisations, memberships.

All or nothing: one transaction, and a mistake in any row refuses the whole folder. Importing the
same folder twice changes nothing. Memberships of the past are recorded as decisions; everything
that follows from them (linked memberships too) is derived by the same rules as an approval.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from uuid import UUID

import msgspec

from cluster_rules import rulebooks
from cluster_rules.fees import Step
from cluster_rules.memberships import Decision
from cluster_rules.networks import Rulebook
from crm import catalogue, folder_checks
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.context import Context
from crm.database import Connection
from crm.folder import AgreementRow, Folder, FolderError, MembershipRow
from crm.store import audit, erasures, fact_imports, families, imports, known_names, shares
from crm.store import rulebooks as rulebook_store

Progress = Callable[[int, int], None]


class Imported(msgspec.Struct, frozen=True):
    """How much was new."""

    networks: int
    rulebooks: int
    organisations: int
    decisions: int


def _silent(_done: int, _of: int) -> None:
    """Nobody is told."""


async def load(context: Context, actor: Actor, folder: Folder, tell: Progress = _silent) -> Imported:
    """Store a folder. FolderError names file, row and field; then nothing at all is stored.

    `tell` hears how far it is: (families done, of how many).
    """
    async with context.db.tx() as connection:
        identified = [
            (row, folder_checks.identifiers_of(place, row)) for place, row in enumerate(folder.organisations, 2)
        ]
        known = await imports.known(connection, [found for _, found in identified])
        folder_checks.check(folder, known)
        owners = [(place, imports.id_of("organisation", r.key), i) for place, (r, i) in enumerate(identified, 2)]
        folder_checks.check_owners(owners, known)
        await imports.add_hosts(connection, folder.hosts)
        await imports.add_networks(connection, folder.networks)
        new_agreements = await imports.add_agreements(connection, folder.agreements)
        new_books = [b for b, body in folder.rulebooks if await imports.add_rulebook(connection, b, body, actor)]
        kept = await catalogue.load(connection)
        rulebooks.check_links(kept.rulebooks.versions)
        first_days = _first_days(folder.memberships)
        today = context.clock.now().date()
        new = await imports.add_organisations(
            connection, [(row, found, first_days.get(row.key, today)) for row, found in identified]
        )
        await _forgotten(connection, folder)
        await imports.add_contacts(connection, folder.contacts)
        _agreed(kept, folder)
        await fact_imports.add(connection, folder, {n.slug: n.id for n in kept.networks}, actor)
        await known_names.turn(connection, context.clock.now())
        decisions = _decisions(context, kept, folder)
        networks = {n.slug: n.id for n in kept.networks}
        added = await imports.add_decisions(connection, decisions, networks, actor)
        touched = await families.touched(
            connection, {d.organisation for d in decisions}, _reach(kept, new_books, new_agreements)
        )
        await imports.measure(connection)
        await rulebook_store.derive(connection, kept, touched, today, Step("imported"), tell)
        await imports.measure(connection)
        await _disclosed(context, connection, new_agreements, actor)
        counts = Imported(len(folder.networks), len(new_books), len(new), added)
        await audit.append(connection, actor, "imported", msgspec.to_builtins(counts))
        return counts


async def _forgotten(connection: Connection, folder: Folder) -> None:
    """Who was forgotten does not come back by a file (ADR 0033)."""
    blocked = await erasures.blocked(connection, (row.email for row in folder.contacts))
    for place, row in enumerate(folder.contacts, 2):
        if row.email in blocked:
            why = f"person_erased: {row.email} was forgotten, and has to agree anew (Setup, Personal data)"
            raise FolderError("contacts.csv", place, "email", why)


async def _disclosed(context: Context, connection: Connection, rows: list[AgreementRow], actor: Actor) -> None:
    """What new agreements disclose, from the first day of each; the members are told of as they are now."""
    for row in rows:
        for each in row.disclosures:
            found = await shares.find(connection, row.code, imports.id_of("network", each.network))
            if found is None:
                raise FolderError("agreements.toml", 0, "disclosures.network", f"no network {each.network}")
            terms = shares.Terms(
                row.starts_on, tuple(each.fields), tuple(each.tiers), each.only_linked, each.purpose,
                each.legal_basis, each.legal_words, each.persons_basis, each.retention_days,
            )  # fmt: skip
            await shares.add_terms(connection, found.id, 1, terms, "", actor.name)
    if rows:
        await shares.turn(connection, context.clock.now())


def _agreed(kept: Catalogue, folder: Folder) -> None:
    """An amount is agreed for a component that the network's rulebook of the day leaves to an agreement."""
    for place, row in enumerate(folder.agreed_fees, 2):
        book = kept.book(row.network, row.starts_on)
        codes = {c.code for tier in book.tiers for c in tier.fees if c.basis == "agreed"}
        if row.component not in codes:
            why = f"{row.network} has no component {row.component} that is agreed with each member"
            raise FolderError("agreed_fees.csv", place, "component", why)
        if row.currency != book.currency:
            raise FolderError("agreed_fees.csv", place, "currency", f"not {book.currency}")


def _first_days(rows: list[MembershipRow]) -> dict[str, date]:
    out: dict[str, date] = {}
    for row in rows:
        out[row.organisation_key] = min(row.starts_on, out.get(row.organisation_key, row.starts_on))
    return out


def _decisions(context: Context, kept: Catalogue, folder: Folder) -> list[Decision]:
    """Rows of one membership, in order: joining, tier_change where a row begins as another ends, ending."""
    for place, row in enumerate(folder.memberships, 2):
        if kept.book(row.network, row.starts_on).tier(row.tier) is None:
            raise FolderError("memberships.csv", place, "tier", f"{row.network} has no tier {row.tier}")
    steps = [
        step
        for rows in folder_checks.by_membership(folder.memberships).values()
        for step in _of_one_membership([row for _, row in rows])
    ]
    # All of it lies behind us: one microsecond each, up to now, in the order of the rows.
    begin = context.clock.now() - timedelta(microseconds=len(steps))
    return [_decision(*step, begin + timedelta(microseconds=n)) for n, step in enumerate(steps)]


def _of_one_membership(rows: list[MembershipRow]) -> list[tuple[MembershipRow, str, date]]:
    out: list[tuple[MembershipRow, str, date]] = []
    ends: date | None = None
    for row in rows:
        if out and ends is not None and ends < row.starts_on:
            out.append((row, "ending", ends))
        out.append((row, "tier_change" if out and ends == row.starts_on else "joining", row.starts_on))
        ends = row.ends_on
    if ends is not None:
        out.append((rows[-1], "ending", ends))
    return out


def _decision(row: MembershipRow, kind: str, on: date, recorded_at: datetime) -> Decision:
    key = f"{row.network}/{row.organisation_key}/{kind}/{on}"
    return Decision(
        id=imports.id_of("decision", key),
        organisation=imports.id_of("organisation", row.organisation_key),
        network=row.network,
        kind=kind,
        effective_on=on,
        recorded_at=recorded_at,
        tier=row.tier if kind in ("joining", "tier_change") else "",
        reason=row.note if kind != "ending" else "",
    )


def _reach(kept: Catalogue, books: list[Rulebook], agreements: list[AgreementRow]) -> set[UUID]:
    """The networks whose members stand under other rules now."""
    slugs = {b.network for b in books} | {slug for a in agreements for slug in (a.source, a.target)}
    return {kept.network(slug).id for slug in slugs}
