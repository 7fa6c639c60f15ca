"""Data to take along as one ZIP: all of it as JSON, each section as a table, and a text that says what is what."""

import csv
import io
import zipfile
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from litestar import Response

from crm.formulas import guarded
from crm.i18n import N_, Translator
from crm.web.session import NOT_KEPT

# What each section is, in the order of crm/reads/own_data.py.
SECTIONS = {
    "organisation": N_("The organisation itself"),
    "facts": N_("What is known of it, by day"),
    "numbers": N_("Its numbers in registers"),
    "names": N_("What it is and was called"),
    "contacts": N_("Who speaks for it"),
    "people": N_("Who signs in for it"),
    "invitations": N_("Invitations"),
    "memberships": N_("Its memberships"),
    "membership_periods": N_("When each stood, at which level"),
    "membership_reasons": N_("Why each stands: applications and link rules"),
    "decisions": N_("What was decided about memberships"),
    "applications": N_("Applications"),
    "application_steps": N_("What became of the applications"),
    "consents": N_("What was agreed to, by version of the text"),
    "billing": N_("Where invoices go"),
    "invoices": N_("Invoices and credit notes"),
    "ledger": N_("Bookings of invoices and payments"),
    "directory_entry": N_("The entry in the directory"),
    "directory_changes": N_("Changes of the entry"),
    "directory_people": N_("Who agreed to be named in the directory"),
    "told_to_partners": N_("What partner networks are told now"),
    "said_to_partners": N_("Consents and objections to that"),
    "mails": N_("Mails that were sent"),
    "events": N_("What was done, by day and kind"),
    "forgotten": N_("Receipts of people who were forgotten"),
    "account": N_("The account"),
    "roles": N_("Roles"),
    "sessions": N_("Where you are signed in"),
    "passkeys": N_("Passkeys, without what is secret"),
    "other_sign_ins": N_("Sign-in by another service"),
    "claims": N_("Access you asked for"),
    "contact_of": N_("Organisations the person speaks for"),
    "named_in_directory": N_("Consents to be named in the directory"),
    "shared_with": N_("Partner networks that are told of the person"),
    "deliveries": N_("Invoices that were sent to the address"),
    "mailings": N_("Mailings to many that went to the person"),
    "newsletters": N_("What was said to newsletters"),
    "surveys": N_("Surveys, and what was answered"),
    "in_kind": N_("What was given in kind"),
    "notes": N_("Notes about the person"),
    "notes_written": N_("Notes the person wrote"),
    "tasks": N_("Tasks of the person, or about the person"),
}


def answer(
    t: Translator, name: str, title: str, sections: Mapping[str, list[dict[str, Any]]], at: datetime
) -> Response[bytes]:
    """The ZIP as a download; `name` without its ending."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", _readme(t, title, sections, at))
        whole = {"about": title, "made_at": at.isoformat(), "sections": sections}
        archive.writestr("data.json", msgspec.json.format(msgspec.json.encode(whole), indent=2))
        for section, rows in sections.items():
            if rows:
                archive.writestr(f"{section}.csv", _table(rows))
    headers = {**NOT_KEPT, "content-disposition": f'attachment; filename="{name}.zip"'}
    return Response(written.getvalue(), media_type="application/zip", headers=headers)


def described(t: Translator, sections: Mapping[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """What is in it, for the page: each section with its words and how many rows."""
    return [
        {"name": name, "what": t.gettext(SECTIONS[name]), "rows": len(rows)} for name, rows in sections.items() if rows
    ]


def _readme(t: Translator, title: str, sections: Mapping[str, list[dict[str, Any]]], at: datetime) -> str:
    lines = [
        title,
        t.gettext("Made %(when)s.", when=t.datetime(at)),
        "",
        t.gettext("data.json has everything. Each section with rows is a CSV file, too (UTF-8, commas):"),
        "",
    ]
    for each in described(t, sections):
        lines.append(f"{each['name']}.csv  {each['what']} ({each['rows']})")
    lines += ["", t.gettext("Passwords, keys, links and what is about others are left out.")]
    return "\n".join(lines) + "\n"


def _table(rows: list[dict[str, Any]]) -> bytes:
    """As a CSV file that spreadsheets open; what is more than a value stands in its cell as JSON."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    written = io.StringIO()
    sheet = csv.writer(written)
    sheet.writerow(names)
    sheet.writerows([_cell(row.get(name)) for name in names] for row in rows)
    return written.getvalue().encode("utf-8-sig")


def _cell(value: Any) -> str | int | float:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return value
    return guarded(value if isinstance(value, str) else msgspec.json.encode(value).decode())
