"""Why a link rule gave a membership, or did not, in the reader's language: which predicate stood in the way (AC-2b)."""

from datetime import date

from cluster_rules.networks import LinkRule
from cluster_rules.outcomes import RuleOutcome
from cluster_rules.predicates import FailedPredicate
from crm.catalogue import Catalogue
from crm.i18n import N_, Translator
from crm.names import country_name, kind_name, network_name, tier_inside
from crm.rule_words import either
from crm.sentences import COUNTED, HELD_BACK, SHAPES, UNCOVERED


def sentence(t: Translator, kept: Catalogue, outcome: RuleOutcome) -> str:
    """Whether a link rule gave a membership, and if not, which predicate stood in the way (AC-2b)."""
    rule = _newest_rule(kept, outcome.network, outcome.rule)
    named = t.text(rule.names) if rule else outcome.rule
    target = network_name(t, kept, outcome.target)
    if outcome.fired:
        return t.gettext("%(rule)s: gives linked membership in %(network)s.", rule=named, network=target)
    if not outcome.failed:
        return t.gettext(HELD_BACK[outcome.held_back], rule=named, network=target)
    reasons = "; ".join(_failed(t, kept, outcome, each) for each in outcome.failed)
    return t.gettext("%(rule)s: does not apply. %(reasons)s.", rule=named, reasons=reasons[:1].upper() + reasons[1:])


def _newest_rule(kept: Catalogue, network: str, code: str) -> LinkRule | None:
    return next((rule for b in reversed(kept.rulebooks.of(network)) if (rule := b.link_rule(code))), None)


def _failed(t: Translator, kept: Catalogue, outcome: RuleOutcome, failed: FailedPredicate) -> str:
    if failed.predicate == "agreement":
        agreement = kept.rulebooks.agreement(failed.wanted[0])
        named = t.text(agreement.names) if agreement else failed.wanted[0]
        day = t.date(date.fromisoformat(failed.actual))
        return t.gettext(
            "the agreement it rests on (%(agreement)s) is not in force on %(day)s", agreement=named, day=day
        )
    if failed.predicate == "membership":
        network = network_name(t, kept, failed.wanted[0])
        return t.gettext("it is not a member of %(network)s on this day", network=network)
    if failed.predicate == "own_membership":
        network = network_name(t, kept, failed.wanted[0])
        return t.gettext(
            "its membership in %(network)s is linked, and the rule looks at own memberships", network=network
        )
    if failed.predicate == "covers":
        return t.gettext(UNCOVERED[failed.wanted[0]])
    if failed.predicate == "employees":
        return _failed_size(t, failed)

    def say(code: str) -> str:
        if failed.predicate == "tiers":
            return tier_inside(t, kept, outcome.network, code)
        if failed.predicate == "kinds":
            return kind_name(t, code)
        return country_name(t, code) if failed.predicate == "countries" else t.gettext(SHAPES[code])

    return t.gettext(
        COUNTED[failed.predicate], wanted=either(t, [say(w) for w in failed.wanted]), actual=say(failed.actual)
    )


def _failed_size(t: Translator, failed: FailedPredicate) -> str:
    least, most = failed.wanted
    if failed.actual == "None":
        return t.gettext("the rule looks at the number of employees, and it is not known")
    actual = t.number(int(failed.actual))
    if not most:
        text = N_("the rule wants at least %(least)s employees, and it has %(actual)s")
        return t.gettext(text, least=t.number(int(least)), actual=actual)
    text = N_("the rule wants %(least)s to %(most)s employees, and it has %(actual)s")
    return t.gettext(text, least=t.number(int(least)), most=t.number(int(most)), actual=actual)
