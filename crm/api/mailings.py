"""Mails to many members, for programs of the network's own office: made, looked at, sent, watched."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from crm.actions import mailings as actions
from crm.actions.mailings import MailingForm
from crm.api import edge, shapes
from crm.api.notes import TAG
from crm.api.operations import PREFIX, Call, Nothing, Operation
from crm.errors import NotFound
from crm.i18n import N_
from crm.reads import mailings as reads

MOST_MEMBERS = 2000  # named in one body
MOST_BYTES = 512 * 1024


class MailingBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mailing to these members (organisations); to none named: to everybody who is a member. Texts are {nb, en}."""

    name: str
    subject: dict[str, str]
    text: dict[str, str]
    members: Annotated[list[UUID], Meta(max_length=MOST_MEMBERS)] = []
    purpose: Literal["information", "newsletter"] = "information"
    contact_role: Literal["primary", "billing", "communication"] = "primary"


class SendBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`recipients`: how many the preview named; refused when others would get it by now."""

    recipients: int | None = None


class Mailing(shapes.Answer, frozen=True):
    """A mailing and how far it is; `left_out` is {reason: count}, from when it was sent."""

    id: UUID
    network: str
    name: str
    purpose: str
    contact_role: str
    status: str
    subject: dict[str, str]
    text: dict[str, str]
    left_out: dict[str, int]
    recipients: int
    sent: int
    failed: int
    made_by: str
    made_at: datetime
    sent_by: str
    sent_at: datetime | None


class LeftOut(shapes.Answer, frozen=True):
    """Somebody who gets nothing, and why: ended, no_contact, no_consent or same_address."""

    organisation_id: UUID
    reason: str


class Preview(shapes.Answer, frozen=True):
    """How many get it, who does not, and the mail as the first of them reads it."""

    recipients: int
    left_out: list[LeftOut]
    subject: str
    text: str


class MailingsQuery(msgspec.Struct, frozen=True):
    """One page."""

    limit: shapes.Limit = 100
    cursor: Annotated[str, Meta(max_length=36, description="From `next_cursor`; opaque.")] | None = None


async def make(call: Call[Nothing, MailingBody]) -> Mailing:
    body, network = call.body, await call.managed()
    async with call.reading() as connection:
        if body.members:
            known = await reads.of_members(connection, network.id, body.members)
            strangers = [each for each in body.members if each not in known]
            if strangers:
                raise NotFound("members", strangers[0])
            members = [known[each] for each in body.members]
        else:
            members = await reads.everybody(connection, network.id, call.context.clock.today(network.zone))
    form = MailingForm(body.name, body.subject, body.text, members, body.purpose, body.contact_role)
    return await _one(call, await actions.make(call.context, call.actor, network.id, form))


async def show(call: Call[Nothing, None]) -> Mailing:
    return await _one(call, call.id("mailing_id"))


async def preview(call: Call[Nothing, None]) -> Preview:
    looked = await actions.look(call.context, call.actor, call.id("mailing_id"))
    left_out = [LeftOut(each.organisation_id, each.reason) for each in looked.left_out]
    sample = looked.sample
    return Preview(len(looked.people), left_out, sample.subject if sample else "", sample.text if sample else "")


async def send(call: Call[Nothing, SendBody]) -> Mailing:
    await actions.send(call.context, call.actor, call.id("mailing_id"), call.body.recipients)
    return await _one(call, call.id("mailing_id"))


async def listing(call: Call[MailingsQuery, None]) -> shapes.Page[Mailing]:
    query, after = call.query, edge.cursor_id(call.query.cursor) or reads.FIRST
    async with call.reading() as connection:
        network = await call.managed(connection)
        found = await reads.page(connection, network.id, after, query.limit + 1)
    shown = found[: query.limit]
    cursor = str(shown[-1].id) if len(found) > len(shown) else None
    if cursor:
        asked = {"limit": query.limit, "cursor": cursor}
        call.headers["link"] = edge.next_link(f"{PREFIX}/networks/{network.slug}/mailings", asked)
    return shapes.Page([_shown(network.slug, each) for each in shown], cursor, cursor is not None)


async def _one(call: Call[Any, Any], wanted: UUID) -> Mailing:
    async with call.reading() as connection:
        kept = await call.kept(connection)
        found = await reads.one(connection, wanted)
    if found is None:
        raise NotFound("mailing_id", wanted)
    call.actor.must_manage(found.network_id)
    return _shown(kept.by_id[found.network_id].slug, found)


def _shown(slug: str, m: reads.Mailing) -> Mailing:
    what = (m.id, slug, m.name, m.purpose, m.contact_role, m.status, m.subject, m.text, m.left_out)
    return Mailing(*what, m.recipients, m.sent, m.failed, m.actor, m.created_at, m.begun_by, m.begun_at)


operations = (
    Operation(
        id="make_mailing",
        method="POST",
        path="/networks/{slug}/mailings",
        tag=TAG,
        summary=N_("Write a mail to many members"),
        description=N_(
            "A draft: nothing is sent yet. Merge fields in braces, such as {organisation}; an unknown one is refused "
            "by name. A newsletter goes only to those who agreed to it."
        ),
        body=MailingBody,
        max_body=MOST_BYTES,
        answer=Mailing,
        status=201,
        location="/mailings/{id}",
        missing=("members",),
        example={"name": "Autumn", "subject": {"en": "Autumn meeting"}, "text": {"en": "Dear {contact}, come."}},
        run=make,
    ),
    Operation(
        id="list_mailings",
        method="GET",
        path="/networks/{slug}/mailings",
        tag=TAG,
        summary=N_("Mails to many members"),
        query=MailingsQuery,
        answer=shapes.Page[Mailing],
        listing=True,
        run=listing,
    ),
    Operation(
        id="show_mailing",
        method="GET",
        path="/mailings/{mailing_id}",
        tag=TAG,
        summary=N_("One mailing, and how far it is"),
        answer=Mailing,
        run=show,
    ),
    Operation(
        id="preview_mailing",
        method="GET",
        path="/mailings/{mailing_id}/preview",
        tag=TAG,
        summary=N_("Who gets a mailing, who does not and why, and what it says"),
        answer=Preview,
        run=preview,
    ),
    Operation(
        id="send_mailing",
        method="POST",
        path="/mailings/{mailing_id}/sending",
        tag=TAG,
        summary=N_("Send a mailing, once to each"),
        body=SendBody,
        answer=Mailing,
        example={"recipients": 24},
        run=send,
    ),
)
