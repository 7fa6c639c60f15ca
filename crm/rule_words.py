"""A link rule in one sentence, for people who decide whether to join: the API, the network's page, the wizard."""

from cluster_rules.networks import LinkRule
from crm.catalogue import Catalogue
from crm.i18n import N_, Translator
from crm.names import country_name, kind_name, network_name, tier_inside

_START = {
    "same_day": N_("from the same day"),
    "on_payment": N_("from the day the fee is paid"),
    "next_period": N_("from the next membership year"),
}
_GIVES = {
    "organisation": N_("%(who)s that are %(tiers)s in %(source)s are also %(tier)s in %(target)s, %(start)s%(fee)s."),
    "units": N_(
        "%(who)s that are %(tiers)s in %(source)s cover their units,"
        " which are %(tier)s in %(target)s, %(start)s%(fee)s."
    ),
    "parent": N_(
        "%(who)s that are %(tiers)s in %(source)s bring in the organisation they belong to,"
        " which is %(tier)s in %(target)s, %(start)s%(fee)s."
    ),
}


def link_rule(t: Translator, kept: Catalogue, source: str, rule: LinkRule) -> str:
    """Organisations of the kind company in Norway that are principal partner in A are also member in B, ..."""
    return t.gettext(
        _GIVES[rule.grants.to],
        who=_who(t, rule),
        tiers=either(t, [tier_inside(t, kept, source, code) for code in rule.when.tiers]),
        source=network_name(t, kept, source),
        tier=tier_inside(t, kept, rule.grants.network, rule.grants.tier),
        target=network_name(t, kept, rule.grants.network),
        start=t.gettext(_START[rule.policy.start]),
        fee=linked_fee(t, rule),
    )


def linked_fee(t: Translator, rule: LinkRule) -> str:
    """What the linked membership costs, as the end of a sentence."""
    if rule.fee.policy == "normal":
        return ""
    if rule.fee.policy == "waived":
        return t.gettext(", no fee")
    return t.gettext(", at %(percent)s of the fee", percent=t.percent(rule.fee.percent / 100))


def agreed_in(t: Translator, names: dict[str, str], code: str) -> str:
    """What a rule rests on: the agreement's name, or the network's own rules where nobody else is concerned."""
    return t.text(names) or code or t.gettext("the network's own rules")


def either(t: Translator, words: list[str]) -> str:
    """a, b or c."""
    if len(words) < 2:
        return "".join(words)
    return t.gettext("%(several)s or %(last)s", several=", ".join(words[:-1]), last=words[-1])


def _who(t: Translator, rule: LinkRule) -> str:
    when = rule.when
    out = t.gettext("Units inside organisations") if when.unit == "unit" else t.gettext("Organisations")
    if when.kinds:
        out += t.gettext(" of the kind %(kinds)s", kinds=either(t, [kind_name(t, k) for k in when.kinds]))
    if when.countries:
        out += t.gettext(" in %(countries)s", countries=either(t, [country_name(t, c) for c in when.countries]))
    if when.max_employees:
        least, most = t.number(when.min_employees), t.number(when.max_employees)
        out += t.gettext(" with %(least)s to %(most)s employees", least=least, most=most)
    elif when.min_employees:
        out += t.gettext(" with at least %(least)s employees", least=t.number(when.min_employees))
    return out
