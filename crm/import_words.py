"""Imports of members in the reader's language: states, verdicts, what is wrong with a row, why something stays."""

from collections.abc import Mapping
from typing import Any

from crm import words
from crm.i18n import N_, Translator
from crm.import_columns import FIELDS
from crm.import_rows import Problem

STATUSES = {
    "mapping": N_("Say what the columns are"),
    "checking": N_("Looking at every row"),
    "checked": N_("Waits for your word"),
    "loading": N_("Storing"),
    "done": N_("Stored"),
    "failed": N_("Came to nothing"),
    "undoing": N_("Being taken back"),
    "undone": N_("Taken back"),
    "dropped": N_("Dropped"),
}
VERDICTS = {
    "new": N_("New"),
    "change": N_("Changes"),
    "same": N_("Already there"),
    "left_out": N_("Left out"),
    "refused": N_("Refused"),
}
LEFT_OUT = {
    "status": N_("Not taken over: %(status)s in the old system"),
    "inherited": N_("Inherited in the old system: here it follows from the rules"),
}
STAYS = {
    "changed_since": N_("Stays: somebody has decided about the membership since"),
    "billed_since": N_("Stays: it has been billed"),
    "merged_since": N_("Stays: the organisation has been merged"),
    "paid_since": N_("The opening balance stays: something was booked on it"),
    "used_since": N_("The opening credit stays: it was used or paid back"),
    "known": N_("The organisation stays known by its numbers, without membership"),
}
SOURCES = {"plain": N_("A list of members"), "civicrm": "CiviCRM", "odoo": "Odoo"}


def problem(t: Translator, found: Problem) -> str:
    """What is wrong with a row, with the field it is about."""
    said = words.refusal(t, None, found.code, found.params)
    return f"{t.gettext(FIELDS[found.field])}: {said}" if found.field in FIELDS else said


def failure(t: Translator, problem: Mapping[str, Any] | None) -> str:
    """Why an import came to nothing; empty when it did not."""
    return words.refusal(t, None, problem["code"], problem["params"]) if problem else ""


def field(t: Translator, code: str) -> str:
    """A field's name."""
    return t.gettext(FIELDS[code]) if code in FIELDS else code


def left_out(t: Translator, why: str, status: str) -> str:
    """Why a row is not taken over."""
    return t.gettext(LEFT_OUT[why], status=status) if why in LEFT_OUT else ""
