"""Dunning in words: the steps of a rulebook, what is claimed and how it was reckoned, why nothing goes out."""

from collections.abc import Iterable, Sequence

from cluster_rules.dunning import DunningStep
from cluster_rules.late_interest import Claim, Line
from crm.i18n import N_, Translator
from crm.names import last_day

STEPS = {
    "reminder": N_("Reminder"),
    "collection_notice": N_("Collection notice"),
    "suspension": N_("Suspension"),
    "export": N_("To a collector"),
}
CLAIMS = {
    "reminder_fee": N_("Fee for the reminder"),
    "late_interest": N_("Late interest"),
    "compensation": N_("Standard compensation for late payment"),
}
HELD = {
    "paid": N_("What was billed is paid."),
    "disputed": N_("The payer disputes a card payment. Nothing is sent before the card provider has decided."),
    "paused": N_("Paused."),
    "decision": N_("Waits for your decision."),
    "over": N_("Every step of the rulebook is taken."),
    "early": N_("Nothing is due yet."),
}
BASIS_POINTS_OF_A_PERCENT = 100


def step_name(t: Translator, kind: str) -> str:
    """What a kind of step is called."""
    return t.gettext(STEPS[kind])


def steps(t: Translator, listed: Sequence[DunningStep], currency: str) -> str:
    """A whole ladder on one line."""
    return "; ".join(step(t, each, currency) for each in listed)


def step(t: Translator, each: DunningStep, currency: str) -> str:
    """Collection notice 30 days after the due date, with late interest."""
    name, days = step_name(t, each.kind), t.number(each.after_days)
    out = [t.gettext("%(step)s %(n)s days after the due date", step=name, n=days)]
    if each.fee:
        out.append(t.gettext("with a fee of %(amount)s", amount=t.money(each.fee, currency)))
    if each.interest:
        out.append(t.gettext("with late interest"))
    if each.compensation:
        out.append(t.gettext("with standard compensation from businesses"))
    if each.kind in ("suspension", "export"):
        out.append(t.gettext("by itself") if each.by == "rule" else t.gettext("when a person says so"))
    return ", ".join(out)


def claims(t: Translator, listed: Iterable[Claim], currency: str) -> list[str]:
    """Each claim on a line, and below it how it was reckoned."""
    out = []
    for claim in listed:
        amount = t.money(claim.amount, currency)
        out.append(t.gettext("%(what)s: %(amount)s", what=t.gettext(CLAIMS[claim.what]), amount=amount))
        out += [line(t, each, currency) for each in claim.lines]
        if claim.less:
            less = t.money(claim.less, currency)
            out.append(t.gettext("- %(less)s of it is covered by fees charged before", less=less))
    return out


def line(t: Translator, each: Line, currency: str) -> str:
    """How a part of the interest was reckoned, with its source."""
    return t.gettext(
        "- %(percent)s %% a year of %(principal)s for %(n)s days, %(first)s to %(last)s: %(amount)s (%(source)s)",
        percent=t.number(each.basis_points / BASIS_POINTS_OF_A_PERCENT),
        principal=t.money(each.principal, currency),
        n=t.number(each.days),
        first=t.date(each.start),
        last=last_day(t, each.end),
        amount=t.money(each.amount, currency),
        source=each.source,
    )
