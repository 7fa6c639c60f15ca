"""A network's own wording of the system's mails, for programs that manage it."""

from datetime import datetime

from crm import mail_samples
from crm.actions import mail_texts as actions
from crm.actions.mail_texts import TextForm
from crm.api.operations import Call, Nothing, Operation
from crm.api.shapes import Answer
from crm.i18n import LANGUAGES, N_
from crm.reads import mail_texts as reads

TAG = N_("Notes, tasks and mailings")
OF_NETWORK = "/networks/{slug}/mail-texts"
ONE = "/networks/{slug}/mail-texts/{kind}/{language}"


class MailText(Answer, frozen=True):
    """How one mail is worded in one language; `version` 0: nobody has worded it. `fields` may stand in its texts."""

    kind: str
    language: str
    version: int
    mode: str
    subject: str
    top: str
    bottom: str
    text: str
    fields: list[str]
    changed_at: datetime | None


class MailTexts(Answer, frozen=True):
    """Every mail a network may word, in each language."""

    items: list[MailText]


async def show(call: Call[Nothing, None]) -> MailTexts:
    async with call.context.db.reading(call.actor.manages) as connection:
        network = await call.managed(connection)
        known = await reads.of_network(connection, network.id)
    pairs = [(kind, language) for kind in mail_samples.KINDS for language in LANGUAGES]
    return MailTexts([_text(kind, language, known.get((kind, language))) for kind, language in pairs])


async def change(call: Call[Nothing, TextForm]) -> MailText:
    network, kind, language = await call.managed(), call.text("kind"), call.text("language")
    await actions.change(call.context, call.actor, network.id, kind, language, call.body)
    async with call.context.db.reading(call.actor.manages) as connection:
        held = await reads.versions(connection, network.id, kind, language)
    return _text(kind, language, held[0])


def _text(kind: str, language: str, found: reads.Version | None) -> MailText:
    fields = sorted(mail_samples.fields(kind))
    if found is None:
        return MailText(kind, language, 0, "standard", "", "", "", "", fields, None)
    words = (found.mode, found.subject, found.top, found.bottom, found.text)
    return MailText(kind, language, found.version, *words, fields, found.recorded_at)


operations = (
    Operation(
        id="list_mail_texts",
        method="GET",
        path=OF_NETWORK,
        tag=TAG,
        summary=N_("Wordings of mails"),
        description=N_("Only for keys that manage the network."),
        answer=MailTexts,
        run=show,
    ),
    Operation(
        id="change_mail_text",
        method="POST",
        path=ONE,
        tag=TAG,
        summary=N_("Word a mail otherwise"),
        description=N_("A new version; `standard` goes back. Mails that are queued already stay as they are."),
        body=TextForm,
        answer=MailText,
        example={"mode": "around", "top": "Welcome from all of us."},
        run=change,
    ),
)
