"""Custom fields on pages: what a field asks, what an answer says, and how it is typed into a form."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from crm.catalogue import Catalogue
from crm.custom_values import Definition
from crm.i18n import N_, Translator
from crm.reads.member_query import NONE
from crm.web import amounts
from crm.web.member_filters import Marks
from crm.web.office import Office

KINDS = {
    "text": N_("Text"),
    "number": N_("Number"),
    "money": N_("Amount"),
    "day": N_("Day"),
    "yes_no": N_("Yes or no"),
    "choice": N_("One of several"),
    "choices": N_("Some of several"),
}
SEES = {
    "office": N_("The office only"),
    "member": N_("The office and the member itself"),
    "directory": N_("Everybody, in the directory"),
}


def currency(office: Office) -> str:
    """The currency of the network's amounts."""
    books = office.kept.rulebooks.of(office.network.slug)
    return books[-1].currency if books else "NOK"


def choices(t: Translator, field: Definition) -> dict[str, str]:
    """The answers there are to choose from."""
    if field.kind == "yes_no":
        return {"yes": t.gettext("Yes"), "no": t.gettext("No")}
    return {each.code: t.text(each.names) for each in field.choices}


def answer(t: Translator, field: Definition, value: Any, money: str) -> str:
    """An answer as people read it; empty when there is none."""
    if value is None:
        return ""
    if field.kind == "yes_no":
        return t.gettext("Yes") if value else t.gettext("No")
    if field.kind == "money":
        return t.money(value, money)
    if field.kind == "number":
        return t.number(float(value)) if "." in value else t.number(int(value))
    if field.kind == "day":
        return t.date(date.fromisoformat(value))
    if field.kind in ("choice", "choices"):
        named = choices(t, field)
        return ", ".join(named.get(code, code) for code in ([value] if field.kind == "choice" else value))
    return str(value)


def answers(office: Office, fields: Sequence[Definition], values: Mapping[str, Any]) -> list[dict[str, str]]:
    """Every field that has an answer, in order."""
    money = currency(office)
    return [
        {"label": office.t.text(field.names), "value": answer(office.t, field, values[field.code], money)}
        for field in fields
        if field.code in values
    ]


def cell(field: Definition, value: Any, t: Translator, money: str) -> Any:
    """An answer for a file: figures as figures, days as days."""
    if value is None:
        return None
    if field.kind == "money":
        return amounts.decimal(value, money)
    if field.kind == "number":
        return Decimal(value)
    if field.kind == "day":
        return date.fromisoformat(value)
    return answer(t, field, value, money)


def typed(field: Definition, value: Any, language: str, money: str) -> Any:
    """An answer as it stands in a form: text, or the codes that are ticked."""
    if field.kind == "choices":
        return value or []
    if value is None:
        return ""
    if field.kind == "yes_no":
        return "yes" if value else "no"
    if field.kind == "money":
        return amounts.write(language, value, money)
    if field.kind == "number" and language == "nb":
        return str(value).replace(".", ",")
    return str(value)


def given(field: Definition, texts: Sequence[str], money: str) -> Any:
    """What a form holds, as a program would give it (crm/custom_values.py); what cannot be read stays text."""
    if field.kind == "choices":
        return [text for text in texts if text]
    text = texts[0].strip() if texts else ""
    if not text:
        return None
    if field.kind == "yes_no":
        return {"yes": True, "no": False}.get(text, text)
    if field.kind == "money":
        negative = text.startswith(("-", "\N{MINUS SIGN}"))
        amount = amounts.read(text.lstrip("-\N{MINUS SIGN}").strip(), money)
        return text if amount is None else -amount if negative else amount
    if field.kind == "number":
        plain = text.replace("\N{NO-BREAK SPACE}", "").replace(" ", "").replace(",", ".")
        try:
            return str(Decimal(plain))
        except InvalidOperation:
            return text
    return text


def shown(office: Office, fields: Sequence[Definition]) -> list[dict[str, Any]]:
    """The fields by name."""
    return [{"code": each.code, "name": office.t.text(each.names), "kind": each.kind} for each in fields]


def ranges(office: Office, known: Marks, said: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The fields one filters by a part of the text, or by the least and the most."""
    out = []
    for field in known.fields:
        if field.kind in ("text", "number", "money", "day"):
            put = said.get(field.code, {}).get("typed", {})
            out.append({"code": field.code, "name": office.t.text(field.names), "kind": field.kind, "typed": put})
    return out


def asked(office: Office, field: Definition, said: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is asked of a field, as (value that is taken away, words)."""
    t, name = office.t, office.t.text(field.names)
    if not said:
        return []
    if values := said.get("is"):
        named = choices(t, field) | {NONE: t.gettext("No answer")}
        return [(value, f"{name}: {named[value]}") for value in values]
    put = said["typed"]
    if "has" in said:
        return [("", f"{name}: {said['has']}")]
    if "from" in said and "to" in said:
        return [("", t.gettext("%(name)s: %(least)s to %(most)s", name=name, least=put["from"], most=put["to"]))]
    if "from" in said:
        return [("", t.gettext("%(name)s: from %(least)s", name=name, least=put["from"]))]
    return [("", t.gettext("%(name)s: up to %(most)s", name=name, most=put["to"]))]


def view(office: Office, field: Definition, value: Any) -> dict[str, Any]:
    """A field as a form asks it (`members.answer` of templates/macros/members.html)."""
    t = office.t
    return {
        "code": field.code,
        "name": t.text(field.names),
        "kind": field.kind,
        "required": field.required,
        "choices": [{"value": code, "label": name} for code, name in choices(t, field).items()],
        "value": typed(field, value, t.language, currency(office)),
        "hint": t.gettext("In %(currency)s", currency=currency(office)) if field.kind == "money" else "",
    }


def told(
    t: Translator, kept: Catalogue, rows: Sequence[tuple[UUID, UUID, Definition, Any]]
) -> list[tuple[UUID, str, dict[str, str]]]:
    """Answers for others than the office: (membership, network's slug, {label, value})."""
    out = []
    for membership, network, field, value in rows:
        slug = kept.by_id[network].slug
        books = kept.rulebooks.of(slug)
        said = answer(t, field, value, books[-1].currency if books else "NOK")
        out.append((membership, slug, {"label": t.text(field.names), "value": said}))
    return out
