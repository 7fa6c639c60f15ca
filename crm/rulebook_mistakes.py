"""What is wrong with a rulebook's text, in the reader's language: the line, the field and why."""

import re

from cluster_rules.errors import RulebookError
from crm.catalogue import Catalogue
from crm.i18n import N_, Translator
from crm.words import refusal

# What the reader of structs (msgspec) and `crm/actions/rulebooks.py` say, and the sentence for it.
_WANTED = N_("%(a)s is wanted here, and there is %(b)s")
_SAID = (
    (r"Object contains unknown field `(?P<a>.*)`", N_("there is no field called %(a)s")),
    (r"Object missing required field `(?P<a>.*)`", N_("the field %(a)s is missing")),
    (r"Invalid enum value (?P<a>.*)", N_("%(a)s is not one of the words that can stand here")),
    (r"Expected `(?P<a>.*)`, got `(?P<b>.*)`", _WANTED),
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
    said = why(t, kept, error)
    return t.gettext("Line %(line)s, %(field)s: %(why)s", line=error.params["line"], field=error.field, why=said)


def why(t: Translator, kept: Catalogue | None, error: RulebookError) -> str:
    """What is wrong, without the place: for the field of a form."""
    if error.code == "rulebook_malformed":
        return _capital(_message(t, str(error.params["message"])))
    return refusal(t, kept, error.code, {k: v for k, v in error.params.items() if k != "line"})


def unfit(t: Translator, wanted: str, given: str) -> str:
    """A field of a form holds something else than `wanted`, a kind of value as the reader of texts names it."""
    if wanted == "name":
        return t.gettext("Write a name in at least one language.")
    if wanted == "short":
        return t.gettext("At most %(n)s characters.", n=given)
    if wanted == "level":
        return t.gettext("Choose a level.")
    return _capital(t.gettext(_WANTED, a=_type(t, wanted), b=f"“{given}”" if given else t.gettext("nothing")))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _message(t: Translator, said: str) -> str:
    for pattern, sentence in _SAID:
        if found := re.fullmatch(pattern, said):
            return t.gettext(sentence, **{name: _type(t, word) for name, word in found.groupdict().items()})
    return said


def _type(t: Translator, word: str) -> str:
    name = _TYPES.get(word.split(" | ")[0])
    return t.gettext(name) if name else word
