"""What agreements disclose, for those who manage: the terms, the log of what was given, who sees what of a member."""

from datetime import date
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from crm import forms
from crm.actions import shares as actions
from crm.api import feed_scopes, shapes
from crm.api.operations import Call, Operation
from crm.api.problems import EdgeError
from crm.api.share_shapes import (
    Basis,
    ChoiceMade,
    DisclosureReading,
    DisclosureSeen,
    DisclosureTerms,
    DisclosureVersion,
    Field,
    PersonsBasis,
    SaidChoice,
    TermsOutcome,
)
from crm.api.shares import ONE, Cursor, Direction, Slug, bytes_of, link_next, text_of
from crm.catalogue import Catalogue
from crm.errors import NotFound
from crm.i18n import N_
from crm.reads import organisations
from crm.reads import shares as reads
from crm.store.shares import Terms

TAG = N_("Disclosures")
SEEN = "/organisations/{organisation_id}/disclosures"
Reason = Annotated[str, Meta(max_length=forms.NOTE_MAX)]
Words = dict[Literal["nb", "en"], Annotated[str, Meta(max_length=forms.NOTE_MAX)]]


class LogQuery(Direction, frozen=True):
    """A page of the log, the newest first."""

    limit: shapes.Limit = 100
    cursor: Cursor | None = None


class TermsForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """New terms from a day on, in place of those before; `fields` [] discloses nothing, `tiers` [] is every level."""

    network: Slug
    starts_on: date
    fields: Annotated[list[Field], Meta(max_length=20)]
    purpose: Words
    legal_basis: Basis
    retention_days: Annotated[int, Meta(ge=0, le=actions.RETENTION_DAYS_MAX)]
    tiers: Annotated[list[Annotated[str, Meta(max_length=60)]], Meta(max_length=50)] = []
    only_linked: bool = False
    legal_words: Words = {}
    persons_basis: PersonsBasis = ""
    reason: Reason = ""


class ChoiceForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a member says to being disclosed; `contact`: to the name and address of its contact being."""

    agreement: Slug
    network: Slug
    choice: Literal["consents", "objects", "erased"]
    contact: bool = False
    reason: Reason = ""


class ChoiceOf(msgspec.Struct, frozen=True):
    """Which word is taken back."""

    agreement: Slug
    network: Slug
    contact: bool = False


async def list_terms(call: Call[Direction, None]) -> shapes.Page[DisclosureTerms]:
    found = await feed_scopes.direction(call)
    async with call.reading() as connection:
        kept = await call.kept(connection)
        rows = await reads.terms(connection, found.id)
    network, to_network = kept.by_id[found.network_id].slug, kept.by_id[found.to_network_id].slug
    items = [
        DisclosureTerms(
            in_force=row.version == found.in_force,
            network=network,
            to_network=to_network,
            **msgspec.structs.asdict(row),
        )
        for row in rows
    ]
    return shapes.Page(items, None, False)


async def set_terms(call: Call[Any, TermsForm]) -> TermsOutcome:
    wanted, body = _wanted(call.body), call.body
    made = await actions.set_terms(call.context, call.actor, call.code(), body.network, wanted, body.reason)
    return TermsOutcome(**msgspec.structs.asdict(made))


async def preview(call: Call[Any, TermsForm]) -> TermsOutcome:
    wanted, body = _wanted(call.body), call.body
    made = await actions.preview(call.context, call.actor, call.code(), body.network, wanted, body.reason)
    return TermsOutcome(**msgspec.structs.asdict(made))


def _wanted(body: TermsForm) -> Terms:
    return Terms(
        body.starts_on,
        tuple(body.fields),
        tuple(body.tiers),
        body.only_linked,
        dict(body.purpose),
        body.legal_basis,
        dict(body.legal_words),
        body.persons_basis,
        body.retention_days,
    )


async def list_readings(call: Call[LogQuery, None]) -> shapes.Page[DisclosureReading]:
    found, before = await feed_scopes.direction(call), _before(call.query)
    async with call.reading() as connection:
        rows = await reads.readings(connection, found.id, before, call.query.limit + 1)
    items = [
        DisclosureReading(**{name: getattr(row, name) for name in DisclosureReading.__struct_fields__}) for row in rows
    ]
    return _page(call, items, [row.row_id for row in rows])


async def list_versions(call: Call[LogQuery, None]) -> shapes.Page[DisclosureVersion]:
    found, before = await feed_scopes.direction(call), _before(call.query)
    async with call.reading() as connection:
        rows = await reads.versions(connection, found.id, before, call.query.limit + 1)
    items = [
        DisclosureVersion(
            row.membership_id, row.organisation_id, row.name, row.version, row.op, row.reason,  # type: ignore[arg-type]
            row.terms_version, row.body_hash, row.recorded_at,
        )
        for row in rows
    ]  # fmt: skip
    return _page(call, items, [row.row_id for row in rows])


def _before(query: LogQuery) -> int | None:
    if query.cursor is None:
        return None
    try:
        found = int(bytes_of(query.cursor).decode("ascii"))
    except ValueError as error:
        raise EdgeError(422, "cursor", "cursor_invalid") from error
    if not 0 <= found < 2**63:
        raise EdgeError(422, "cursor", "cursor_invalid")
    return found


def _page(call: Call[LogQuery, None], items: list[Any], rows: list[int]) -> shapes.Page[Any]:
    limit = call.query.limit
    cursor = text_of(str(rows[limit - 1]).encode()) if len(rows) > limit else None
    link_next(call, cursor, {"limit": str(limit)})
    return shapes.Page(items[:limit], cursor, cursor is not None)


# --- who sees what about a member


async def list_seen(call: Call[Any, None]) -> shapes.Page[DisclosureSeen]:
    wanted = call.id("organisation_id")
    async with call.reading() as connection:
        kept = await call.kept(connection)
        if not await organisations.names(connection, [wanted]):
            raise NotFound("organisation_id", wanted)
        rows = await reads.of_organisation(connection, wanted)
    return shapes.Page([_seen(call, kept, row) for row in rows], None, False)


def _seen(call: Call[Any, None], kept: Catalogue, row: reads.Seen) -> DisclosureSeen:
    return DisclosureSeen(
        agreement=row.agreement,
        agreement_name=call.t.text(row.agreement_names),
        network=kept.by_id[row.network_id].slug,
        to_network=kept.by_id[row.to_network_id].slug,
        values=row.values,
        purpose=call.t.text(row.purpose) if row.purpose else "",
        legal_basis=row.legal_basis,
        legal_words=call.t.text(row.legal_words) if row.legal_words else "",
        persons_basis=row.persons_basis,
        retention_days=row.retention_days,
        since=row.since,
        fetched_at=row.fetched_at,
        choices=[SaidChoice(each.about, each.choice, each.on) for each in row.choices],  # type: ignore[arg-type]
    )


async def choose(call: Call[Any, ChoiceForm]) -> ChoiceMade:
    body = call.body
    return ChoiceMade(
        await actions.choose(
            call.context,
            call.actor,
            body.agreement,
            body.network,
            call.id("organisation_id"),
            body.choice,
            body.contact,
            body.reason,
        )
    )


async def take_back(call: Call[ChoiceOf, Any]) -> ChoiceMade:
    said, wanted = call.query, call.id("organisation_id")
    found = await actions.take_back(call.context, call.actor, said.agreement, said.network, wanted, said.contact)
    return ChoiceMade(found)


_EXAMPLE = {
    "network": "nora-industry-network",
    "starts_on": "2026-12-01",
    "fields": ["name", "country", "tier"],
    "tiers": ["principal"],
    "purpose": {"en": "To receive them as members.", "nb": "Å ta imot dem som medlemmer."},
    "legal_basis": "legitimate_interest",
    "retention_days": 30,
}
_CHOICE = {"agreement": "nora-claire-2021", "network": "nora-industry-network", "choice": "objects"}

operations = (
    Operation(
        id="list_disclosure_terms",
        method="GET",
        path=f"{ONE}/terms",
        tag=TAG,
        summary=N_("What an agreement may disclose, version by version"),
        query=Direction,
        answer=shapes.Page[DisclosureTerms],
        listing=True,
        run=list_terms,
    ),
    Operation(
        id="set_disclosure_terms",
        method="POST",
        path=f"{ONE}/terms",
        tag=TAG,
        summary=N_("New terms for what an agreement discloses"),
        description=N_(
            "For keys that manage the network whose members they are. From the first day of the terms, everybody "
            "disclosed is told of or told to be gone as they say, in one transaction. The same terms change nothing."
        ),
        body=TermsForm,
        answer=TermsOutcome,
        status=201,
        example=_EXAMPLE,
        run=set_terms,
    ),
    Operation(
        id="preview_disclosure_terms",
        method="POST",
        path=f"{ONE}/terms/preview",
        tag=TAG,
        summary=N_("What new terms would do"),
        description=N_("Computed by doing it and taking it back; nothing is stored."),
        body=TermsForm,
        answer=TermsOutcome,
        example=_EXAMPLE,
        run=preview,
    ),
    Operation(
        id="list_disclosure_readings",
        method="GET",
        path=f"{ONE}/readings",
        tag=TAG,
        summary=N_("Disclosure log: what was given to the other network, and when"),
        description=N_("One entry for each answer to a key of the other network that had members in it."),
        query=LogQuery,
        answer=shapes.Page[DisclosureReading],
        listing=True,
        run=list_readings,
    ),
    Operation(
        id="list_disclosure_versions",
        method="GET",
        path=f"{ONE}/versions",
        tag=TAG,
        summary=N_("Disclosure log: from when what was to be had"),
        query=LogQuery,
        answer=shapes.Page[DisclosureVersion],
        listing=True,
        run=list_versions,
    ),
    Operation(
        id="list_disclosures_of_organisation",
        method="GET",
        path=SEEN,
        tag=TAG,
        summary=N_("Which partners see what about a member, since when"),
        description=N_("As far as this key may know: agreements of networks it sees."),
        answer=shapes.Page[DisclosureSeen],
        listing=True,
        run=list_seen,
    ),
    Operation(
        id="choose_disclosure",
        method="POST",
        path=f"{SEEN}/choices",
        tag=TAG,
        summary=N_("A member consents or objects to being disclosed, or is erased"),
        description=N_(
            "An objection needs a legal basis that can be objected to; a consent is what the basis consent rests on. "
            "For a contact both are open."
        ),
        body=ChoiceForm,
        answer=ChoiceMade,
        missing=("code", "contact"),
        example=_CHOICE,
        run=choose,
    ),
    Operation(
        id="take_back_disclosure_choice",
        method="DELETE",
        path=f"{SEEN}/choices",
        tag=TAG,
        summary=N_("What a member said to being disclosed holds no more"),
        query=ChoiceOf,
        answer=ChoiceMade,
        missing=("code", "contact"),
        run=take_back,
    ),
)
