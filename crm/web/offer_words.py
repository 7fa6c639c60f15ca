"""Prices, linked memberships and terms in words, for the public pages and the sign-up.

Everything here is computed from the rulebook by crm/reads/offers.py; nothing is written by hand for a network.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from babel.dates import format_skeleton

from cluster_rules.fees import FeeLine
from cluster_rules.money import digits
from cluster_rules.networks import Agreement, LinkRule, Notice, Rulebook, When
from cluster_rules.periods import MembershipYear
from crm.catalogue import Catalogue, NetworkRow
from crm.i18n import N_, Translator
from crm.names import country_name, days, tier_name
from crm.reads.offers import Included, Offer
from crm.terms import Terms

_KINDS = {
    "company": N_("companies"),
    "university": N_("universities"),
    "university_college": N_("university colleges"),
    "research_institute": N_("research institutes"),
    "public_body": N_("public bodies"),
    "association": N_("associations"),
    "network": N_("networks"),
    "person": N_("persons"),
}
_SHARED = {
    "name": N_("name"),
    "identifiers": N_("organisation number"),
    "country": N_("country"),
    "tier": N_("level"),
    "website": N_("website"),
}
_PRORATED = {
    "days": N_("The first year is billed by the day, from the day you join."),
    "months": N_("The first year is billed by the month, the month you join included."),
    "half_year": N_("Whoever joins in the second half of the year pays half of the first year."),
    "none": N_("The first year is billed in full."),
    "joining_half": N_("The year you join costs half."),
}


def price(t: Translator, offer: Offer) -> dict[str, str]:
    """What a level costs a year: the amount without VAT, and what to know about it."""
    currency = offer.book.currency
    whole = 10 ** digits(currency)
    if offer.most == 0:
        return {"price": t.gettext("No fee"), "per": ""}
    if offer.yearly is None:
        least = t.number(offer.least // whole) if t.language == "nb" else t.money(offer.least, currency)
        if offer.most is None:
            return {
                "price": t.gettext("from %(amount)s", amount=t.money(offer.least, currency)),
                "per": by_facts(t, offer),
            }
        most = t.money(offer.most, currency) if t.language == "nb" else t.number(offer.most // whole)
        return {"price": f"{least}–{most}", "per": by_facts(t, offer)}
    vat = sum(line.vat for line in offer.yearly)
    per = t.gettext("a year, VAT comes in addition") if vat else t.gettext("a year, no VAT")
    return {"price": t.money(sum(line.net for line in offer.yearly), currency), "per": per}


def by_facts(t: Translator, offer: Offer) -> str:
    """What a fee that cannot be said yet depends on."""
    bears_vat = any(c.vat == "standard" for c in offer.tier.fees)
    if all(c.basis in ("fixed", "employees") for c in offer.tier.fees):
        by_size = N_("a year by number of employees, VAT comes in addition")
        return t.gettext(by_size) if bears_vat else t.gettext("a year by number of employees, no VAT")
    return t.gettext("a year by size, VAT comes in addition") if bears_vat else t.gettext("a year by size, no VAT")


def cards(t: Translator, offers: list[Offer]) -> list[dict[str, Any]]:
    """The levels as the choices of `radio_cards`."""
    return [
        {
            "value": offer.tier.code,
            "label": t.text(offer.tier.names),
            "what": limit(t, offer) or t.text(offer.tier.summary),
            "also": [also(t, each) for each in offer.included],
            "disabled": bool(limit(t, offer)),
        }
        | price(t, offer)
        for offer in offers
    ]


def limit(t: Translator, offer: Offer) -> str:
    """Why an organisation of this size cannot have the level; "" when it can."""
    if offer.refusal is None or offer.refusal.code != "too_many_employees":
        return ""
    most = offer.refusal.params["limit"]
    return t.gettext("Not for you: this level takes organisations with at most %(limit)s employees.", limit=most)


def also(t: Translator, included: Included) -> dict[str, Any]:
    """What comes with a level: where, what it costs, for whom, and what they get to know."""
    name = t.text(included.network.names)
    fee = included.rule.fee
    if fee.policy == "waived":
        title = t.gettext("Includes %(network)s at no extra fee.", network=name)
    elif fee.policy == "percent":
        share = t.percent(fee.percent / 100)
        title = t.gettext("Includes %(network)s at %(share)s of its fee.", network=name, share=share)
    else:
        title = t.gettext("Includes %(network)s. Its own fee comes in addition.", network=name)
    text = f"{condition(t, included.rule.when)} {receives(t, included.agreement)}".strip()
    return {"network": badge(t, included.network), "title": title, "text": text}


def badge(t: Translator, network: NetworkRow) -> dict[str, str]:
    """A network as the `net` macro wants it."""
    return {"name": t.text(network.names), "short": t.text(network.short), "colour": network.colour}


def condition(t: Translator, when: When) -> str:
    """Whom a rule is for, as a sentence; "" when for everybody."""
    kinds = _and(t, [t.gettext(_KINDS[k]) for k in when.kinds])
    countries = _and(t, [country_name(t, c) for c in when.countries])
    if kinds and countries:
        return t.gettext("For %(kinds)s in %(countries)s.", kinds=kinds, countries=countries)
    if kinds:
        return t.gettext("For %(kinds)s.", kinds=kinds)
    return t.gettext("For organisations in %(countries)s.", countries=countries) if countries else ""


def receives(t: Translator, agreement: Agreement) -> str:
    """Which data the other network gets."""
    named = [t.gettext(_SHARED[f]) if f in _SHARED else f for f in agreement.shared_fields]
    return t.gettext("They receive: %(fields)s.", fields=", ".join(named)) if named else ""


def story(t: Translator, kept: Catalogue, network: NetworkRow, found: Included) -> dict[str, Any]:
    """One link rule told in full, for the network's page."""
    rule = found.rule
    levels = _or(t, [tier_name(t, kept, network.slug, code) for code in rule.when.tiers])
    return {
        "levels": levels,
        "source": badge(t, network),
        "tier": tier_name(t, kept, found.network.slug, found.tier),
        "agreement": t.text(found.agreement.names),
        "network": badge(t, found.network),
        "href": f"/{t.language}/networks/{found.network.slug}",
        "rule": t.text(rule.names),
        "sentence": t.gettext(
            "The level %(levels)s here also gives membership in %(network)s. Level there: %(tier)s.",
            levels=levels,
            network=t.text(found.network.names),
            tier=tier_name(t, kept, found.network.slug, found.tier),
        ),
        "facts": [
            {"label": t.gettext("For whom"), "value": condition(t, rule.when) or t.gettext("All at that level.")},
            {"label": t.gettext("Starts"), "value": _starts(t, rule)},
            {"label": t.gettext("Fee"), "value": _fee(t, rule)},
            {"label": t.gettext("They receive"), "value": _receives_only(t, found.agreement)},
            {"label": t.gettext("Ends"), "value": _ends(t, rule)},
            {"label": t.gettext("Agreed in"), "value": t.text(found.agreement.names)},
        ],
    }


def brought(
    t: Translator, kept: Catalogue, found: Sequence[tuple[NetworkRow, tuple[str, ...]]]
) -> list[dict[str, Any]]:
    """The rules of other networks that make their members members here."""
    out = []
    for network, when in found:
        levels = _or(t, [tier_name(t, kept, network.slug, code) for code in when])
        text = t.gettext(
            "The level %(levels)s in %(network)s gives membership here too.",
            levels=levels,
            network=t.text(network.names),
        )
        out.append({"network": badge(t, network), "sentence": text, "href": f"/{t.language}/networks/{network.slug}"})
    return out


def invoice(t: Translator, network: NetworkRow, offer: Offer) -> dict[str, Any]:
    """The first invoice, if the network approved today: rows and total of the `sum` macro, and what comes after."""
    if offer.first is None:
        return {"rows": [], "total": None, "note": t.gettext("Give the number of employees to see the amount.")}
    rows = [_row(t, network, line) for line in offer.first]
    vat = sum(line.vat for line in offer.first)
    currency = offer.book.currency
    if vat:
        rows.append({"label": t.gettext("VAT"), "value": t.money(vat, currency)})
    for each in offer.included:
        if each.fires and each.rule.fee.policy == "waived":
            short = t.text(each.network.short)
            linked = t.gettext("%(network)s, linked membership", network=short)
            rows.append({"label": linked, "value": t.money(0, currency)})
    if not offer.first:
        return {"rows": rows, "total": None, "note": t.gettext("This level has no fee. No invoice is sent.")}
    due = t.gettext("Due %(days)s days after the invoice date", days=offer.book.invoice.payment_days)
    total = {"label": due, "value": t.money(sum(line.gross for line in offer.first), currency)}
    return {"rows": rows, "total": total, "note": _later(t, offer)}


def terms(t: Translator, network: NetworkRow, shown: Terms) -> list[str]:
    """The rulebook as terms: one sentence for each thing it sets."""
    book = shown.book
    prorations = {c.proration for tier in book.tiers for c in tier.fees}
    out = [_year(t, book.period)]
    if prorations:
        out += [t.gettext(_PRORATED[p]) for p in sorted(prorations)]
        out.append(t.gettext("Invoices are due %(days)s days after their date.", days=book.invoice.payment_days))
    out.append(_notice(t, book.notice))
    if prorations:
        out.append(_refund(t, book))
    if book.link_rules:
        out.append(
            t.gettext(
                "Linked memberships follow from your level. The other network gets the data named at the level,"
                " and nothing about contact persons."
            )
        )
    return out


def _row(t: Translator, network: NetworkRow, line: FeeLine) -> dict[str, str]:
    detail = days(t, line.period)
    for step in line.steps:
        if step.code == "prorated_days":
            detail += ", " + t.gettext("%(part)s of %(whole)s days", **step.values)
        elif step.code == "prorated_months":
            detail += ", " + t.gettext("%(part)s of %(whole)s months", **step.values)
        elif step.code == "prorated_half_year":
            detail += ", " + t.gettext("half a year")
    label = t.text(line.names)
    if line.network == network.slug:
        label = f"{t.text(network.short)}, {label[:1].lower()}{label[1:]}"
    return {"label": label, "detail": detail, "value": t.money(line.net, line.currency)}


def _later(t: Translator, offer: Offer) -> str:
    nothing = t.gettext("Nothing is charged today.")
    if offer.year.end is None or not offer.yearly:
        return nothing
    amount = t.money(sum(line.net for line in offer.yearly), offer.book.currency)
    text = N_("From %(day)s: %(amount)s a year, VAT comes in addition.")
    if not sum(line.vat for line in offer.yearly):
        text = N_("From %(day)s: %(amount)s a year.")
    return t.gettext(text, day=t.date(offer.year.end), amount=amount) + " " + nothing


def _starts(t: Translator, rule: LinkRule) -> str:
    texts = {
        "same_day": N_("The same day."),
        "on_payment": N_("When the first invoice is paid."),
        "next_period": N_("With the next membership year there."),
    }
    text = t.gettext(texts[rule.policy.start])
    if rule.policy.acceptance == "target_decides":
        text += " " + t.gettext("The other network says yes or no first.")
    return text


def _fee(t: Translator, rule: LinkRule) -> str:
    if rule.fee.policy == "waived":
        return t.gettext("None.")
    if rule.fee.policy == "percent":
        return t.gettext("%(share)s of the fee there.", share=t.percent(rule.fee.percent / 100))
    return t.gettext("The same as for everybody there.")


def _receives_only(t: Translator, agreement: Agreement) -> str:
    named = [t.gettext(_SHARED[f]) if f in _SHARED else f for f in agreement.shared_fields]
    text = ", ".join(named) if named else t.gettext("nothing")
    return t.gettext("%(fields)s. Nothing about contact persons.", fields=text[:1].upper() + text[1:])


def _ends(t: Translator, rule: LinkRule) -> str:
    texts = {
        "with_cause": N_("When the level here ends."),
        "period_end": N_("When the level here ends, at the end of the membership year there."),
        "grace": N_("%(days)s days after the level here ends."),
    }
    text = t.gettext(texts[rule.policy.end], days=rule.policy.grace_days)
    if rule.policy.notice_days:
        text += " " + t.gettext("You are told %(days)s days before.", days=rule.policy.notice_days)
    return text


def _year(t: Translator, period: MembershipYear) -> str:
    if period.kind == "calendar_year":
        return t.gettext("The membership year is the calendar year.")
    if period.kind == "window":
        return t.gettext("The membership year begins on %(day)s.", day=_day(t, period.starts))
    if period.kind == "anniversary":
        return t.gettext("The membership year is twelve months from the day you join.")
    return t.gettext("The membership runs until it is ended.")


def _notice(t: Translator, notice: Notice) -> str:
    ends = N_("It ends at once.") if notice.effect == "at_once" else N_("It then ends with the membership year.")
    if notice.kind == "fixed_date":
        text = t.gettext("To leave, write to the network before %(day)s.", day=_day(t, notice.by))
    elif notice.kind == "months":
        text = t.gettext("To leave, write to the network %(n)s months ahead.", n=notice.months)
    else:
        return t.gettext("You can leave at any time.")
    return f"{text} {t.gettext(ends)}"


def _refund(t: Translator, book: Rulebook) -> str:
    if book.refund == "credit":
        return t.gettext("Days you have paid for and do not use are credited.")
    return t.gettext("A fee that is paid is not paid back.")


def _day(t: Translator, month_and_day: str) -> str:
    """11-01 is 1 November; 2024 had every day there is."""
    month, day = map(int, month_and_day.split("-"))
    return format_skeleton("MMMMd", date(2024, month, day), locale="en_GB" if t.language == "en" else "nb_NO")


def _and(t: Translator, words: list[str]) -> str:
    return _joined(words, t.gettext("and"))


def _or(t: Translator, words: list[str]) -> str:
    return _joined(words, t.gettext("or"))


def _joined(words: list[str], last: str) -> str:
    return f"{', '.join(words[:-1])} {last} {words[-1]}" if len(words) > 1 else "".join(words)
