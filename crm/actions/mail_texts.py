"""The wording of the system's mails, by network and language: changed, tried with samples, back to standard."""

from typing import Literal
from uuid import UUID

import msgspec

from crm import catalogue, forms, mail_samples, merge_fields
from crm.actor import Actor
from crm.context import Context
from crm.errors import Invalid, NotFound
from crm.forms import Problems
from crm.i18n import LANGUAGES, translator
from crm.letters import Letter, Wording, compose
from crm.store import audit, mail_texts

SUBJECT_MAX, PARAGRAPH_MAX, TEXT_MAX = 200, 2000, 10_000


class TextForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A wording as it is asked for; `standard`: none of one's own."""

    mode: Literal["standard", "around", "whole"]
    subject: str = ""
    top: str = ""
    bottom: str = ""
    text: str = ""


async def change(context: Context, actor: Actor, network: UUID, kind: str, language: str, form: TextForm) -> int:
    """Word a mail otherwise from now on; the version's number. Mails that are queued already stay as they are.

    NotFound, Forbidden; Invalid names an unknown merge field, and one without which the mail is of no use.
    """
    actor.must_manage(network)
    own = _checked(kind, language, form)
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        _composed(kept.by_id[network].names.get(language, ""), kind, language, own)
        new, version = await mail_texts.add(connection, network, kind, language, own, actor)
        detail = {"title": f"{kind} ({language})", "version": version, "mode": own.mode}
        await audit.append(connection, actor, "mail_text_changed", detail, network, None, new)
    return version


def preview(network: str, kind: str, language: str, form: TextForm) -> Letter:
    """The mail with sample values. Invalid as `change`."""
    return _composed(network, kind, language, _checked(kind, language, form))


def _composed(network: str, kind: str, language: str, own: Wording) -> Letter:
    values = mail_samples.sample(translator(language), network)
    return compose(kind, language, values, mail_texts.filled(own, kind, values))


def _checked(kind: str, language: str, form: TextForm) -> Wording:
    if kind not in mail_samples.KINDS or language not in LANGUAGES:
        raise NotFound("mail", kind)
    if form.mode == "standard":
        return Wording("standard")
    problems: Problems = []
    told = {n: getattr(form, n).replace("\r\n", "\n").strip() for n in ("subject", "top", "bottom", "text")}
    own = Wording(form.mode, told["subject"])
    if form.mode == "whole":
        own = msgspec.structs.replace(own, text=told["text"])
        forms.text(problems, "text", own.text, TEXT_MAX)
    else:
        own = msgspec.structs.replace(own, top=told["top"], bottom=told["bottom"])
        forms.text(problems, "top", own.top, PARAGRAPH_MAX, required=False)
        forms.text(problems, "bottom", own.bottom, PARAGRAPH_MAX, required=False)
    forms.text(problems, "subject", own.subject, SUBJECT_MAX, required=False)
    for field in ("subject", "top", "bottom", "text"):
        merge_fields.check(problems, field, getattr(own, field), mail_samples.fields(kind))
    if form.mode == "whole" and not problems:
        missing = [name for name in mail_samples.NEEDED.get(kind, ()) if name not in merge_fields.used(own.text)]
        problems += [("text", "mail_field_missing", {"given": name}) for name in missing[:1]]
    if problems:
        raise Invalid(problems)
    return own
