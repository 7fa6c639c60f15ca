"""What can be picked in the forms of a draft: only levels, agreements, kinds and countries that exist."""

from typing import Any, get_args

from babel.dates import get_month_names

from cluster_rules.networks import Rulebook
from cluster_rules.organisations import Kind
from crm import names
from crm.catalogue import NetworkRow
from crm.forms import COUNTRIES
from crm.i18n import N_
from crm.rulebook_terms import VALUES
from crm.web.office import Office
from crm.web.rulebook_forms import ANY_LEVEL, Typed

Choice = dict[str, str]
Group = dict[str, Any]  # {label, choices}

_LOCKED = {
    "none": N_("may leave or go down at any time"),
    "event_end": N_("stays until what was awarded is over"),
    "months": N_("stays for some months"),
}
NEAR = ("NO", "SE", "DK", "FI", "IS")
DAYS = [str(n).zfill(2) for n in range(1, 32)]


def words(office: Office, field: str) -> list[Choice]:
    """The values a field can have, as the rules' page names them."""
    return [{"value": value, "label": office.t.gettext(text)} for value, text in VALUES[field].items()]


def own_levels(office: Office, book: Rulebook) -> list[Choice]:
    """The levels of the draft itself, the highest first."""
    tiers = sorted(book.tiers, key=lambda tier: -tier.rank)
    return [{"value": tier.code, "label": office.t.text(tier.names)} for tier in tiers]


def locks(office: Office) -> list[Choice]:
    """How long an event holds a member at the level it led to."""
    return [{"value": value, "label": office.t.gettext(text)} for value, text in _LOCKED.items()]


def levels_to_give(office: Office, book: Rulebook, typed: Typed) -> list[Group]:
    """Levels of the networks that an agreement leads to, and of this network itself (for units and parents)."""
    slug = office.network.slug
    agreed = {a.target for a in office.kept.rulebooks.agreements if a.source == slug}
    held = {value.partition("/")[0] for value in typed.get("grants.level", [])}
    others = [n for n in office.kept.networks if n.slug in agreed | held and n.slug != slug]
    groups = [_levels(office, network, book) for network in (*others, office.network)]
    for group in groups:
        for each in group["choices"]:  # the sentence goes on with the network; a closed list shows no heading
            each["label"] = office.t.gettext("%(level)s in %(network)s", level=each["label"], network=group["label"])
    offered = {each["value"] for group in groups for each in group["choices"]}
    strange = [value for value in typed.get("grants.level", []) if value and value not in offered]
    if strange:
        groups.append({"label": office.t.gettext("Not there any more"), "choices": with_held([], strange)})
    return groups


def levels_to_require(office: Office, book: Rulebook) -> list[Group]:
    """Any level, and each one, of every other network."""
    out = []
    for network in office.kept.networks:
        if network.slug != office.network.slug and office.kept.rulebooks.of(network.slug):
            group = _levels(office, network, book)
            anything = {"value": f"{network.slug}/{ANY_LEVEL}", "label": office.t.gettext("any level")}
            out.append(group | {"choices": [anything, *group["choices"]]})
    return out


def levels_of(office: Office, slug: str) -> list[Choice]:
    """The levels of another network's newest rules; none when there is no such network."""
    books = office.kept.rulebooks.of(slug)
    return own_levels(office, books[-1]) if books else []


def with_held(offered: list[Choice], held: list[str]) -> list[Choice]:
    """What is offered, and what stands there already: a form that is not touched changes nothing."""
    known = {each["value"] for each in offered}
    return [*offered, *({"value": value, "label": value} for value in held if value and value not in known)]


def agreements(office: Office, held: list[str]) -> list[Choice]:
    """The agreements this network has as the one whose members are given something, with whom."""
    offered = [
        {
            "value": each.code,
            "label": office.t.gettext(
                "%(agreement)s (with %(network)s)",
                agreement=office.t.text(each.names) or each.code,
                network=names.network_name(office.t, office.kept, each.target),
            ),
        }
        for each in office.kept.rulebooks.agreements
        if each.source == office.network.slug
    ]
    return with_held(offered, held)


def kinds(office: Office) -> list[Choice]:
    """All kinds of organisation."""
    return [{"value": kind, "label": office.kind(kind)} for kind in get_args(Kind)]


def countries(office: Office, picked: list[str]) -> tuple[list[Choice], list[Choice]]:
    """Those nearby and those picked, which stand open; and all the others by name."""
    near = [*NEAR, *(code for code in picked if code not in NEAR)]
    others = sorted(COUNTRIES - set(near), key=lambda code: office.country(code).casefold())
    open_ones, folded = ([{"value": c, "label": office.country(c)} for c in listed] for listed in (near, others))
    return open_ones, folded


def unknown(typed: Typed, known: list[str], name: str) -> str:
    """A country that no list offers and that did not stand there before; "" when all are good."""
    return next((code for code in typed.get(name, []) if code not in COUNTRIES and code not in known), "")


def months(office: Office) -> list[Choice]:
    """The months by name, with their numbers as the rules write them."""
    named = get_month_names("wide", locale="en_GB" if office.t.language == "en" else "nb_NO")
    return [{"value": str(n).zfill(2), "label": str(named[n])} for n in range(1, 13)]


def _levels(office: Office, network: NetworkRow, book: Rulebook) -> Group:
    own = network.slug == office.network.slug
    listed = own_levels(office, book) if own else levels_of(office, network.slug)
    return {
        "label": office.t.text(network.names),
        "choices": [each | {"value": f"{network.slug}/{each['value']}"} for each in listed],
    }
