"""What is wrong with a rulebook's text, in the reader's language: the line, the field and why."""

import re

from cluster_rules.errors import RulebookError
from crm.catalogue import Catalogue
from crm.i18n import N_, Translator
from crm.words import refusal

# What the reader of structs (msgspec) and `crm/actions/rulebooks.py` say, and the sentence for it.
_SAID = (
    (r"Object contains unknown field `(?P<a>.*)`", N_("there is no field called %(a)s")),
    (r"Object missing required field `(?P<a>.*)`", N_("the field %(a)s is missing")),
    (r"Invalid enum value (?P<a>.*)", N_("%(a)s is not one of the words that can stand here")),
    (r"Expected `(?P<a>.*)`, got `(?P<b>.*)`", N_("%(a)s is wanted here, and there is %(b)s")),
    (r"this is a rulebook of (?P<a>.*), not of (?P<b>.*)", N_("this is a rulebook of %(a)s, not of %(b)s")),
    (r"the next version is (?P<a>.*), not (?P<b>.*)", N_("the next version is %(a)s, not %(b)s")),
    (
        r"there is no agreement (?P<a>.*) from (?P<b>.*) to (?P<c>.*)",
        N_("there is no agreement %(a)s from %(b)s to %(c)s"),
    ),
)
_TYPES = {
    "int": N_("a whole number"),
    "str": N_("a text in quotes"),
    "array": N_("a list"),
    "object": N_("a table"),
    "date": N_("a date"),
    "bool": N_("true or false"),
}


def mistake(t: Translator, kept: Catalogue, error: RulebookError) -> str:
    """Line 12, tiers[0].rank: a whole number is wanted here, and there is a text in quotes."""
    params = dict(error.params)
    if error.code == "rulebook_malformed":
        why = _message(t, str(params["message"]))
        why = why[:1].upper() + why[1:]
    else:
        why = refusal(t, kept, error.code, params)
    return t.gettext("Line %(line)s, %(field)s: %(why)s", line=params["line"], field=error.field, why=why)


def _message(t: Translator, said: str) -> str:
    for pattern, sentence in _SAID:
        if found := re.fullmatch(pattern, said):
            return t.gettext(sentence, **{name: _type(t, word) for name, word in found.groupdict().items()})
    return said


def _type(t: Translator, word: str) -> str:
    name = _TYPES.get(word.split(" | ")[0])
    return t.gettext(name) if name else word
