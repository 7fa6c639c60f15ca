"""A network words the system's mails: around or whole, tried with samples, versions, back to standard."""

import httpx
import pytest

from crm import mail_samples
from crm.context import Context
from crm.i18n import LANGUAGES, translator
from crm.letters import Wording, compose
from crm.store import mail, mail_texts
from crm.store.mail import Outgoing, Recipient
from tests.crm.web.office import NORA, NORA_ONLY, count, send, sign_in, text

pytestmark = pytest.mark.anyio
PAGE = f"{NORA}/setup/mails/membership_approved/nb"
VALUES = mail_samples.sample(translator("nb"), "NORA")


async def queued(context: Context, language: str = "nb", network: str = "nora-industry-network") -> tuple[str, str]:
    """(subject, text) of such a mail as it is queued now."""
    wanted = await count(context, f"select id from network where slug = '{network}'")
    person = Recipient("kari@fjord.example", "Kari Nordby", language)
    async with context.db.tx() as connection:
        (made,) = await mail.queue(connection, [Outgoing("membership_approved", person, VALUES, wanted)])
        row = await connection.fetchrow("select subject, body_text from mail where id = $1", made)
    return row["subject"], row["body_text"]


async def test_paragraphs_around_the_standard_text_and_back(client: httpx.AsyncClient, context: Context) -> None:
    await sign_in(client, NORA_ONLY)
    standard = await queued(context)
    fields = {"mode": "around", "top": "Velkommen, {contact}!", "bottom": "Møt oss i Halden.", "subject": ""}
    looked = await send(client, PAGE, look="yes", **fields)
    assert looked.status_code == 200 or looked.status_code == 201
    assert "Velkommen, Kari Nordby!" in text(looked)
    assert await count(context, "select count(*) from mail_text") == 0
    assert (await send(client, PAGE, **fields)).status_code == 303
    subject, said = await queued(context)
    assert subject == standard[0]
    assert said.index("Hei Kari Nordby,") < said.index("Velkommen, Kari Nordby!") < said.index("Fjord & Data AS")
    assert said.rstrip().endswith("Møt oss i Halden.")
    assert "Velkommen, Kari" not in (await queued(context, "en"))[1], "the other language stays as it is"
    assert "Velkommen, Kari" not in (await queued(context, network="nora-startup"))[1], "and so do other networks"
    await send(client, PAGE, mode="standard")
    assert await queued(context) == standard
    page = text(await client.get(PAGE))
    assert "Version 2" in page and "Version 1" in page


async def test_a_whole_text_of_ones_own(client: httpx.AsyncClient, context: Context) -> None:
    await sign_in(client, NORA_ONLY)
    fields = {"mode": "whole", "subject": "{network}: velkommen", "text": "Hei {contact}, {organisation} er inne."}
    assert (await send(client, PAGE, **fields)).status_code == 303
    assert await queued(context) == ("NORA: velkommen", "Hei Kari Nordby, Fjord & Data AS er inne.\n")
    assert "A text of our own" in text(await client.get(f"{NORA}/setup/mails"))


@pytest.mark.parametrize(
    ("page", "fields", "said"),
    [
        (PAGE, {"mode": "whole", "text": "{password}"}, "There is no field {password}"),
        (PAGE, {"mode": "around", "top": "{oops"}, "Braces are for fields"),
        (PAGE, {"mode": "whole", "text": ""}, "This must be filled in."),
        (f"{NORA}/setup/mails/invitation/en", {"mode": "whole", "text": "Come."}, "of no use without {link}"),
    ],
)
async def test_what_cannot_be_sent_is_said(
    client: httpx.AsyncClient, context: Context, page: str, fields: dict[str, str], said: str
) -> None:
    await sign_in(client, NORA_ONLY)
    answer = await send(client, page, **fields)
    assert answer.status_code == 422 and said in text(answer)
    assert await count(context, "select count(*) from mail_text") == 0


async def test_mails_about_a_persons_own_account_are_not_a_networks(client: httpx.AsyncClient) -> None:
    await sign_in(client, NORA_ONLY)
    assert (await client.get(f"{NORA}/setup/mails/sign_in_link/nb")).status_code == 404
    assert (await client.get(f"{NORA}/setup/mails/membership_approved/fr")).status_code == 404


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", mail_samples.KINDS)
def test_every_mail_can_be_tried_with_all_its_fields(kind: str, language: str) -> None:
    values = mail_samples.sample(translator(language), "NORA")
    every = " ".join(f"{{{name}}}" for name in mail_samples.fields(kind))
    own = mail_texts.filled(Wording("whole", "x", text=every), kind, values)
    assert "{" not in compose(kind, language, values, own).text
    assert set(mail_samples.NEEDED.get(kind, ())) <= set(mail_samples.fields(kind))
