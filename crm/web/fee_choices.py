"""What can be picked in the form of fees: treatments with their reasons, indexes, networks, kinds, days of the year."""

from typing import Any

from cluster_rules.networks import Rulebook
from cluster_rules.organisations import BASES
from cluster_rules.vat import REASONS
from crm.fee_table_words import PARENT
from crm.i18n import N_
from crm.rulebook_terms import VALUES
from crm.web import rulebook_choices as choices
from crm.web.fee_forms import SEVERAL
from crm.web.office import Office
from crm.web.rulebook_choices import Choice, Group

_SHAPES = {
    "amount": N_("an amount"),
    "percent": N_("a percentage"),
    "hours": N_("hours of work"),
}
_ASKED = {
    "kinds": N_("kind of organisation"),
    "countries": N_("country"),
    "parent": N_("owner company"),
    "roles": N_("role in the network"),
    "younger_than_years": N_("years since founding, under"),
}


def of(office: Office, book: Rulebook) -> dict[str, Any]:
    """Every list of the page, by the field it is for."""
    t = office.t
    sizes = VALUES["basis"]
    listed: dict[str, Any] = {
        field: choices.words(office, field) for field in ("basis", "proration", "charged", "scope", "hours_as")
    }
    return listed | {
        "vat": [each | {"reason": t.text(REASONS.get(each["value"], {}))} for each in choices.words(office, "vat")],
        "as": _named(office, _SHAPES),
        "off": _named(office, {name: _SHAPES[name] for name in ("percent", "amount")}),
        "index": [{"value": index.code, "label": t.text(index.names)} for index in book.indexes],
        "what": _named(office, {basis: sizes[basis] for basis in BASES} | _ASKED),
        "join": [{"value": "and", "label": t.gettext("and")}, {"value": "or", "label": t.gettext("or")}],
        "parent": _named(office, PARENT),
        "kinds": choices.kinds(office),
        "network": _networks(office),
        "several": SEVERAL,
        "months": choices.months(office),
        "days": choices.DAYS,
    }


def _named(office: Office, texts: dict[str, str]) -> list[Choice]:
    return [{"value": value, "label": office.t.gettext(text)} for value, text in texts.items()]


def _networks(office: Office) -> list[Group]:
    """Any level, and each one, of every other network that has rules."""
    out = []
    for network in office.kept.networks:
        if network.slug != office.network.slug and office.kept.rulebooks.of(network.slug):
            name = office.t.text(network.names)
            listed = [{"value": f"{network.slug}/", "label": office.t.gettext("%(network)s, any level", network=name)}]
            for level in choices.levels_of(office, network.slug):
                said = office.t.gettext("%(network)s, %(level)s", network=name, level=level["label"])
                listed.append({"value": f"{network.slug}/{level['value']}", "label": said})
            out.append({"label": name, "choices": listed})
    return out
