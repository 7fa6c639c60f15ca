"""Agreements with networks on other systems, for those who manage one of ours: invite, answer, sign, end, compare."""

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from cluster_rules.federated_terms import FIELDS, Terms
from cluster_rules.federation import AGREEMENT_KEY
from cluster_rules.networks import LinkFee
from crm.actions import federation as actions
from crm.actions import federation_exchange as exchange
from crm.api import shapes
from crm.api.operations import Call, Nothing, Operation
from crm.errors import NotFound
from crm.i18n import N_
from crm.reads import federation as reads

TAG = N_("Agreements")
LIST = "/networks/{slug}/federated-agreements"
ONE = LIST + "/{code}"
MOST_SHOWN = 1000
_CODE = re.compile("fed-[0-9a-f]{10}")
Standing = Literal["draft", "proposed", "active", "suspended", "terminated"]
Link = Annotated[str, Meta(max_length=700, description="The invitation's link, as the other side's manager sent it.")]


class InvitationForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing to say: the terms are proposed by whoever is invited."""


class LevelForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Members at `source` of the inviting network get `target` in this one."""

    source: Annotated[str, Meta(max_length=60)]
    target: Annotated[str, Meta(max_length=60)]


class AnswerForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The answer to an invitation: the terms that this network proposes and signs."""

    link: Link
    levels: Annotated[list[LevelForm], Meta(min_length=1, max_length=20)]
    starts_on: date | None = None
    acceptance: Literal["automatic", "target_decides"] = "automatic"
    fields: list[str] = msgspec.field(default_factory=lambda: list(FIELDS))
    fee: Literal["waived", "normal"] = "waived"
    purpose: Annotated[str, Meta(max_length=500)] = ""
    legal_basis: Annotated[str, Meta(max_length=500)] = ""
    lease_days: Annotated[int, Meta(ge=1, le=366)] = 45


class WordForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """signed (`terms`: the hash of what was read) also resumes; terminated is for good."""

    word: Literal["signed", "suspended", "terminated"]
    terms: Annotated[str, Meta(max_length=64)] = ""


class IdentityForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom a held offer is about: an organisation known here, or null for somebody new."""

    organisation_id: UUID | None


class InvitationLink(shapes.Answer, frozen=True):
    """To be handed to the other network's manager; it is shown once, and one system may answer it within a week."""

    agreement: str
    link: str


class AnsweredInvitation(shapes.Answer, frozen=True):
    """The agreement that was proposed and signed here."""

    agreement: str


class FederatedAgreement(shapes.Answer, frozen=True):
    """An agreement with another system. `waiting`: registers it has not confirmed; `refused`, `held`, `disputed`: for a
    person; `matched_at`: when both were last found the same; `terms`: the hash to sign."""

    code: str
    side: Literal["granting", "receiving"]
    standing: Standing
    with_network: str
    with_system: str
    terms: str
    signed_here: bool
    signed_there: bool
    offered: int
    waiting: int
    refused: int
    held: int
    disputed: int
    reasserted: int
    heard_at: datetime | None
    matched_at: datetime | None
    failure: str


class FederatedMembership(shapes.Answer, frozen=True):
    """An organisation under the agreement. `tier` is the level at which it is a linked member today (empty: it is not);
    `offer` and `decision` with their versions are the two registers."""

    key: str
    organisation_id: UUID | None
    name: str
    tier: str
    offer: str
    offer_version: int
    decision: str
    decision_version: int
    grant_no: int
    held: str
    stale: bool
    waiting: bool
    refused: str


class Comparison(shapes.Answer, frozen=True):
    """Both sides the same now (`matched`), after so many rounds; `differing` buckets at first."""

    matched: bool
    rounds: int
    differing: int


async def show(call: Call[Nothing, None]) -> shapes.Page[FederatedAgreement]:
    async with call.reading() as connection:
        network = await call.managed(connection)
        rows = await reads.of_network(connection, network.id)
    return shapes.Page([_agreement(call, row) for row in rows], None, False)


async def members(call: Call[Nothing, None]) -> shapes.Page[FederatedMembership]:
    async with call.reading() as connection:
        network = await call.managed(connection)
        found = next((r for r in await reads.of_network(connection, network.id) if r.code == call.text("code")), None)
        if found is None:
            raise NotFound("code", call.text("code"))
        rows = await reads.linked(connection, found, call.context.clock.today(network.zone), MOST_SHOWN)
    return shapes.Page([_membership(row) for row in rows], None, False)


async def invite(call: Call[Nothing, InvitationForm]) -> InvitationLink:
    made = await actions.invite(call.context, call.actor, call.slug())
    return InvitationLink(made.code, made.link)


async def say(call: Call[Nothing, WordForm]) -> FederatedAgreement:
    await actions.say(call.context, call.actor, _code(call), call.body.word, call.body.terms)
    return await _one(call)


async def point(call: Call[Nothing, IdentityForm]) -> FederatedAgreement:
    await actions.point(call.context, call.actor, _code(call), call.text("key"), call.body.organisation_id)
    return await _one(call)


async def _managed(call: Call[Nothing, Any]) -> None:
    """Before another system is asked: may this key?"""
    network = await call.managed()
    call.actor.must_manage(network.id)
    if "code" in call.operation.parameters:
        await _one(call)


async def answer(call: Call[Nothing, AnswerForm], _: Any) -> AnsweredInvitation:
    form, slug = call.body, call.slug()
    kept = await call.kept()
    own = kept.network(slug)
    offer = await actions.look(call.context, call.actor, slug, form.link)
    names = dict(offer.levels)
    levels = [
        {
            "source": each.source,
            "target": each.target,
            "source_names": names.get(each.source, {}),
            "target_names": dict(kept.tier_names(slug, each.target)),
        }
        for each in form.levels
    ]
    terms = msgspec.convert(
        {
            "levels": levels,
            "starts_on": form.starts_on or call.context.clock.today(own.zone),
            "fields": form.fields,
            "acceptance": form.acceptance,
            "fee": msgspec.to_builtins(LinkFee(policy=form.fee)),
            "purpose": form.purpose,
            "legal_basis": form.legal_basis,
            "lease_days": form.lease_days,
        },
        Terms,
    )
    return AnsweredInvitation(await actions.answer(call.context, call.actor, slug, form.link, terms))


async def compare(call: Call[Nothing, None], _: Any) -> Comparison:
    found = await exchange.compare(call.context, _code(call))
    return Comparison(found.matched, found.rounds, found.differing)


async def rotate(call: Call[Nothing, None], _: Any) -> FederatedAgreement:
    await exchange.rotate(call.context, call.actor, _code(call))
    return await _one(call)


def _code(call: Call[Any, Any]) -> str:
    code = call.text("code")
    if not _CODE.fullmatch(code):
        raise NotFound("code", code)
    return code


async def _one(call: Call[Any, Any]) -> FederatedAgreement:
    async with call.reading() as connection:
        network = await call.managed(connection)
        rows = await reads.of_network(connection, network.id)
    found = next((row for row in rows if row.code == _code(call)), None)
    if found is None:
        raise NotFound("code", call.text("code"))
    return _agreement(call, found)


def _agreement(call: Call[Any, Any], row: reads.Listed) -> FederatedAgreement:
    hashed = row.terms.hash if row.terms else ""
    other = "receiving" if row.side == "granting" else "granting"

    def signed(side: str) -> bool:
        word = row.words.get(f"{side}_word")
        return bool(word and word.key == AGREEMENT_KEY and word.state == "signed" and word.body.get("terms") == hashed)

    return FederatedAgreement(
        code=row.code,
        side=row.side,  # type: ignore[arg-type]
        standing=row.standing,  # type: ignore[arg-type]
        with_network=call.t.text(row.peer_network.get("names", {})) if row.peer_network else "",
        with_system=row.peer_url,
        terms=hashed,
        signed_here=signed(row.side),
        signed_there=signed(other),
        offered=row.offered,
        waiting=row.waiting,
        refused=row.refused,
        held=row.held,
        disputed=row.disputed,
        reasserted=row.reasserted,
        heard_at=row.heard_at,
        matched_at=row.matched_at,
        failure=row.failure,
    )


def _membership(row: reads.Linked) -> FederatedMembership:
    offer, said = row.offer, row.decision
    return FederatedMembership(
        key=row.key,
        organisation_id=row.organisation_id,
        name=row.name,
        tier=row.effective,
        offer=offer.state if offer else "",
        offer_version=offer.version if offer else 0,
        decision=said.state if said else "",
        decision_version=said.version if said else 0,
        grant_no=offer.grant_no if offer else 0,
        held=row.held,
        stale=row.stale,
        waiting=row.waiting,
        refused=row.refused,
    )


operations = (
    Operation(
        id="list_federated_agreements",
        method="GET",
        path=LIST,
        tag=TAG,
        summary=N_("A network's agreements with networks on other systems"),
        answer=shapes.Page[FederatedAgreement],
        run=show,
    ),
    Operation(
        id="invite_to_federation",
        method="POST",
        path=LIST,
        tag=TAG,
        summary=N_("Invite a network on another system to an agreement"),
        description=N_("The link is for that network's manager. This network's members will be offered there."),
        body=InvitationForm,
        answer=InvitationLink,
        status=201,
        example={},
        run=invite,
    ),
    Operation(
        id="answer_federation_invitation",
        method="POST",
        path=LIST + "/answers",
        tag=TAG,
        summary=N_("Answer another network's invitation with terms, signed"),
        description=N_("Asks the other system. The inviting network's manager signs last; then it is active."),
        body=AnswerForm,
        answer=AnsweredInvitation,
        status=201,
        example={
            "link": "http://127.0.0.1:8001/federation/invitations/0123456789abcdefghij",
            "levels": [{"source": "principal", "target": "member"}],
        },
        run=_managed,
        after=answer,
    ),
    Operation(
        id="list_federated_memberships",
        method="GET",
        path=ONE + "/memberships",
        tag=TAG,
        summary=N_("The organisations that an agreement with another system reaches"),
        description=N_("Those that need a person come first; at most 1,000."),
        answer=shapes.Page[FederatedMembership],
        run=members,
    ),
    Operation(
        id="say_federation_word",
        method="POST",
        path=ONE + "/words",
        tag=TAG,
        summary=N_("Sign, suspend, resume or terminate an agreement with another system"),
        body=WordForm,
        answer=FederatedAgreement,
        example={"word": "suspended"},
        run=say,
    ),
    Operation(
        id="point_federated_membership",
        method="POST",
        path=ONE + "/memberships/{key}/identity",
        tag=TAG,
        summary=N_("Say whom a held offer is about"),
        body=IdentityForm,
        answer=FederatedAgreement,
        example={"organisation_id": None},
        missing=("organisation",),
        run=point,
    ),
    Operation(
        id="compare_with_system",
        method="POST",
        path=ONE + "/comparisons",
        tag=TAG,
        summary=N_("Compare with the other system, and put right what differs"),
        answer=Comparison,
        run=_managed,
        after=compare,
    ),
    Operation(
        id="rotate_federation_secret",
        method="POST",
        path=ONE + "/secrets",
        tag=TAG,
        summary=N_("Replace the secret that signs what is sent to the other system"),
        description=N_("The one before counts for two more days."),
        answer=FederatedAgreement,
        run=_managed,
        after=rotate,
    ),
)
