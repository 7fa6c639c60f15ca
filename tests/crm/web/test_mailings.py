"""Mails to many over HTTP and by their job: who gets one and why not, once each; a newsletter ends by one click."""

import re
from typing import Any

import httpx
import pytest

from crm.actions import mailings as actions
from crm.actions.mailings import BATCH, MailingForm
from crm.actor import Actor
from crm.context import Context
from crm.errors import Invalid
from crm.gateways.mail import Message, compose
from tests.crm.web.office import NORA, NORA_ONLY, count, send, sign_in, text

pytestmark = pytest.mark.anyio
TEXTS = {
    "name": "Autumn",
    "purpose": "information",
    "contact_role": "primary",
    "subject.nb": "Høstmøte for {organisation}",
    "text.nb": "Kjære {contact}. Dere er {level} siden {joined}.",
    "subject.en": "",
    "text.en": "",
}


async def written(client: httpx.AsyncClient, **fields: str) -> str:
    """A draft; its address."""
    answer = await send(client, f"{NORA}/mailings/new", **{**TEXTS, **fields})
    assert answer.status_code == 303, text(answer)
    return answer.headers["location"]


async def agreed(context: Context, *, given: bool = True) -> None:
    """Every main contact of the network has said yes (or no) to its newsletter."""
    async with context.db.tx() as connection:
        await connection.execute(
            "insert into newsletter_choice (network_id, email, given, channel, actor, recorded_at)"
            " select distinct m.network_id, lower(c.email), $1::boolean, 'web', 'test', now() from contact c"
            " join membership m on m.organisation_id = c.organisation_id join network n on n.id = m.network_id"
            " where n.slug = 'nora-industry-network'",
            given,
        )


async def test_a_mailing_is_written_looked_at_sent_once_and_watched(
    client: httpx.AsyncClient, context: Context
) -> None:
    await sign_in(client, NORA_ONLY)
    at = await written(client)
    draft = await client.get(at)
    assert "Who gets it" in text(draft) and "NORA Industry Network: Høstmøte for" in text(draft)
    assert "Kjære" in text(draft) and "siden" in text(draft) and "{" not in text(draft).split("Who gets it")[0]
    seen = re.search(r'name="count" value="(\d+)"', draft.text)
    assert seen and int(seen[1]) > 3
    assert (await send(client, f"{at}/test")).headers["location"].endswith("done=tried")
    assert await count(context, "select count(*) from mail where kind = 'mailing' and recipient = $1", NORA_ONLY) == 1
    wrong = await send(client, f"{at}/send", count="1")
    assert wrong.status_code == 409 and "Look again before you send" in text(wrong)
    assert (await send(client, f"{at}/send", count=seen[1])).status_code == 303
    again = await send(client, f"{at}/send", count=seen[1])
    assert again.status_code == 409 and "sent already" in text(again)
    mailing = at.rsplit("/", 1)[1]
    for _ in range(2):  # the job may be run twice
        await actions.work(context, await count(context, "select id from mailing where id = $1", mailing))
    mails = "from mail l join mailing_recipient r on r.mail_id = l.id where r.mailing_id = $1"
    assert await count(context, f"select count(*) {mails}", mailing) == int(seen[1])
    assert await count(context, f"select count(distinct l.recipient) {mails}", mailing) == int(seen[1])
    assert await count(context, f"select count(*) {mails} and l.unsubscribe <> ''", mailing) == 0
    shown = text(await client.get(at))
    assert "How far it is" in shown and f"Recipients {seen[1]}" in shown
    organisation = await count(context, f"select l.organisation_id {mails} limit 1", mailing)
    changes = text(await client.get(f"{NORA}/members/{organisation}/changes?kind=mails"))
    assert "Mail waits to be sent: NORA Industry Network: Høstmøte" in changes and "mailing by Ingrid Vik" in changes
    await send(client, f"{at}/stop")
    assert await count(context, f"select count(*) {mails} and l.status = 'cancelled'", mailing) == int(seen[1])


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"text.nb": "Hei {first_name}"}, "There is no field {first_name}"),
        ({"text.nb": "Hei {first_name}"}, "{next_due}, {organisation}."),
        ({"subject.nb": "Hei {organisation"}, "Braces are for fields"),
        ({"subject.nb": "", "text.nb": ""}, "This must be filled in."),
        ({"name": ""}, "This must be filled in."),
        ({"purpose": "spam"}, "not one of those"),
        ({"selection": "all.99."}, "many"),
    ],
)
async def test_what_cannot_be_sent_is_said(client: httpx.AsyncClient, fields: dict[str, str], said: str) -> None:
    await sign_in(client, NORA_ONLY)
    answer = await send(client, f"{NORA}/mailings/new", **{**TEXTS, **fields})
    assert answer.status_code in (409, 422) and (said in text(answer) or fields.get("selection"))


async def test_a_newsletter_goes_to_who_agreed_and_one_click_ends_it(
    client: httpx.AsyncClient, context: Context
) -> None:
    await sign_in(client, NORA_ONLY)
    await agreed(context, given=False)
    at = await written(client, purpose="newsletter")
    page = text(await client.get(at))
    assert "Nobody would get it." in page and "Has not agreed to the newsletter, or ended it" in page
    assert (await send(client, f"{at}/send", count="0")).status_code == 409
    await agreed(context)
    seen = re.search(r'name="count" value="(\d+)"', (await client.get(at)).text)
    assert seen
    await send(client, f"{at}/send", count=seen[1])
    mailing = await count(context, "select id from mailing where id = $1", at.rsplit("/", 1)[1])
    await actions.work(context, mailing)
    link = await count(
        context,
        "select l.unsubscribe from mail l join mailing_recipient r on r.mail_id = l.id where r.mailing_id = $1 limit 1",
        mailing,
    )
    path = link.removeprefix("http://klynge.test")
    client.cookies.clear()
    client.cookies.set("lang", "en")
    asked = await client.get(path)
    assert asked.status_code == 200 and "End the newsletter of NORA Industry Network?" in text(asked)
    ended = await client.post(path, content="List-Unsubscribe=One-Click", headers={"content-type": "text/plain"})
    assert ended.status_code == 200 and "The newsletter has ended" in text(ended)
    assert (await client.post(path)).status_code == 200
    assert (await client.get("/unsubscribe/nobody")).status_code == 404
    await sign_in(client, NORA_ONLY)
    left = re.search(
        r'name="count" value="(\d+)"', (await client.get(await written(client, purpose="newsletter"))).text
    )
    assert left and int(left[1]) == int(seen[1]) - 1


async def test_a_killed_job_goes_on_and_nobody_gets_two(
    context: Context, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = await count(context, "select id from network where slug = 'nora-industry-network'")
    async with context.db.tx() as connection:
        members = [r["id"] for r in await connection.fetch("select id from membership where network_id = $1", network)]
    form = MailingForm("Once", {"nb": "Hei"}, {"nb": "Hei"}, members)
    wanted = await actions.make(context, actor, network, form)
    expected = await actions.send(context, actor, wanted)
    monkeypatch.setattr(actions, "BATCH", 3)
    assert BATCH > 3
    real, calls = actions.mailings.queued, 0

    async def dies(*given: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise ConnectionError("killed between the mails and the note that they are written")
        await real(*given)

    monkeypatch.setattr(actions.mailings, "queued", dies)
    with pytest.raises(ConnectionError):
        await actions.work(context, wanted)
    mails = "select count(*) from mail where kind = 'mailing'"
    assert await count(context, mails) == 3, "what was not noted was not written either"
    await actions.work(context, wanted)
    assert await count(context, mails) == expected
    assert await count(context, "select count(distinct recipient) from mail where kind = 'mailing'") == expected
    assert await count(context, "select status from mailing where id = $1", wanted) == "sent"


async def test_a_template_begins_another_mailing(client: httpx.AsyncClient, context: Context) -> None:
    await sign_in(client, NORA_ONLY)
    at = await written(client)
    await send(client, f"{at}/template")
    template = await count(context, "select id from mail_template")
    assert "Høstmøte for {organisation}" in (await client.get(f"{NORA}/mailings/new?template={template}")).text
    await send(client, f"{at}/text", **{**TEXTS, "subject.nb": "Nytt emne"})
    assert "Nytt emne" in text(await client.get(at))
    await send(client, f"{NORA}/mail-templates/{template}/delete")
    assert await count(context, "select count(*) from mail_template") == 0


async def test_two_main_contacts_with_one_address_get_one_mail(context: Context, actor: Actor) -> None:
    network = await count(context, "select id from network where slug = 'nora-industry-network'")
    async with context.db.tx() as connection:
        await connection.execute("update contact set email = 'same@firm.example'")
        members = [r["id"] for r in await connection.fetch("select id from membership where network_id = $1", network)]
    wanted = await actions.make(context, actor, network, MailingForm("x", {"en": "Hi"}, {"en": "Hi"}, members))
    looked = await actions.look(context, actor, wanted)
    assert [each.email for each in looked.people] == ["same@firm.example"]
    assert "same_address" in {each.reason for each in looked.left_out}


async def test_unknown_fields_are_named(context: Context, actor: Actor) -> None:
    network = await count(context, "select id from network where slug = 'nora-industry-network'")
    with pytest.raises(Invalid) as refused:
        await actions.make(context, actor, network, MailingForm("x", {"nb": "{hello}"}, {"nb": "{link:bank}"}))
    assert [(f, c, p["given"]) for f, c, p in refused.value.problems] == [
        ("subject.nb", "mail_field_unknown", "hello"),
        ("text.nb", "mail_field_unknown", "link:bank"),
    ]


def test_the_header_of_rfc_8058() -> None:
    address = "https://klynge.example/unsubscribe/abc"
    message = Message(id=None, recipient="a@b.example", recipient_name="", language="nb", subject="s", text="t",
                      unsubscribe=address)  # type: ignore[arg-type]  # fmt: skip
    mail = compose(message, "Klynge <post@klynge.example>", "<1@klynge.example>")
    assert mail["List-Unsubscribe"] == f"<{address}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
