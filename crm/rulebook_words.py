"""A rulebook in plain words: its levels, fees and link rules, and what one version says otherwise than another.

For those who decide about the rules: the office's page and `crm rulebook diff`. The sentence for those who
think about joining is in `crm/rule_words.py`.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import msgspec

from cluster_rules.components import Discount, FeeComponent, Index
from cluster_rules.differences import Difference
from cluster_rules.dunning import DunningStep
from cluster_rules.networks import LinkRule, OpenTo, Requirement, Rulebook, Tier
from crm import dunning_words, fee_table_words
from crm.catalogue import Catalogue
from crm.i18n import N_, Translator
from crm.names import country_name, kind_name, last_day, network_name, tier_inside, tier_name
from crm.rule_words import either
from crm.rulebook_terms import FIELDS, VALUES
from crm.sentences import SHAPES


class Changed(msgspec.Struct, frozen=True):
    """One difference in words. `kind` added or removed is about a whole level, fee or rule."""

    kind: str
    about: str
    what: str
    old: str
    new: str

    @property
    def text(self) -> str:
        """On one line, for a terminal."""
        head = f"{self.about}: {self.what}" if self.what else self.about
        if self.kind == "changed":
            return f"{head}: {self.old or '-'} -> {self.new or '-'}"
        return f"{head}: {self.old or self.new}"


class Sentence(msgspec.Struct, frozen=True):
    """A link rule: whom it looks at, and what they get."""

    when: str
    then: str


def with_draft(kept: Catalogue, book: Rulebook) -> Catalogue:
    """The catalogue as it would be with `book` published; a version it takes the place of is left out."""
    versions = [b for b in kept.rulebooks.versions if (b.network, b.version) != (book.network, book.version)]
    return msgspec.structs.replace(kept, rulebooks=msgspec.structs.replace(kept.rulebooks, versions=(*versions, book)))


def differences(
    t: Translator, kept: Catalogue, found: Iterable[Difference], old: Rulebook, new: Rulebook
) -> list[Changed]:
    """Every difference in words; the number of the version goes without saying."""
    known = with_draft(kept, new)
    return [_difference(t, known, each, old, new) for each in found if each.path != ("version",)]


def sentence(t: Translator, kept: Catalogue, source: str, rule: LinkRule) -> Sentence:
    """A link rule as two halves of a sentence: who, and what they get and for how long."""
    return Sentence(_when(t, kept, source, rule), _then(t, kept, rule))


def fee(t: Translator, component: FeeComponent, currency: str, indexes: Sequence[Index] = ()) -> str:
    """What a fee comes to: one amount, its bands or cases, and when it is charged."""
    return fee_table_words.component(t, component, currency, indexes)


def open_to(t: Translator, who: OpenTo) -> str:
    """Who may take a level."""
    out = []
    if who.kinds:
        out.append(either(t, [kind_name(t, kind) for kind in who.kinds]))
    if who.countries:
        out.append(t.gettext("in %(countries)s", countries=either(t, [country_name(t, c) for c in who.countries])))
    if who.max_employees:
        out.append(t.gettext("at most %(n)s employees", n=t.number(who.max_employees)))
    if who.max_age_years:
        out.append(t.gettext("under %(n)s years old", n=t.number(who.max_age_years)))
    return ", ".join(out) or t.gettext("everybody")


def requirement(t: Translator, kept: Catalogue, wanted: Requirement) -> str:
    """A membership elsewhere that a level asks for."""
    network = network_name(t, kept, wanted.network)
    levels = either(t, [tier_inside(t, kept, wanted.network, code) for code in wanted.tiers])
    if levels:
        return t.gettext("membership in %(network)s at level %(levels)s", network=network, levels=levels)
    return t.gettext("membership in %(network)s", network=network)


def discount(t: Translator, kept: Catalogue, less: Discount, currency: str) -> str:
    """What members of another network, or others whom the rulebook describes, are spared."""
    if less.when == "fits" or less.networks:
        return fee_table_words.discount(t, less, currency)
    much = t.percent(less.percent / 100) if less.percent else t.money(less.amount, currency)
    network = network_name(t, kept, less.network)
    levels = either(t, [tier_inside(t, kept, less.network, code) for code in less.tiers])
    if levels:
        text = N_("%(much)s less for members of %(network)s at level %(levels)s")
        return t.gettext(text, much=much, network=network, levels=levels)
    return t.gettext("%(much)s less for members of %(network)s", much=much, network=network)


def lasting(t: Translator, kept: Catalogue, book: Rulebook, tier: Tier) -> list[str]:
    """How long a level lasts, and what events make of it, each in a sentence."""
    out = []
    if tier.temporary.months:
        out.append(t.ngettext("Lasts at most %(n)s month.", "Lasts at most %(n)s months.", tier.temporary.months))
    if tier.temporary.until:
        out.append(t.gettext("Lasts until %(day)s at the latest.", day=last_day(t, tier.temporary.until)))
    if tier.suspended_renewal == "hold":
        out.append(t.gettext("Who is on hold when a new year begins is billed for it when that is lifted."))
    if tier.suspended_renewal == "end":
        out.append(t.gettext("Who is on hold when a new year begins leaves with the year before."))
    for upgrade in tier.upgrades:
        name = tier_name(t, kept, book.network, upgrade.to)
        said = t.gettext("%(event)s: becomes %(tier)s", event=t.text(upgrade.names) or upgrade.event, tier=name)
        if upgrade.lock_in == "event_end":
            said = t.gettext("%(what)s, and stays until what was awarded is over", what=said)
        if upgrade.lock_in == "months":
            n = upgrade.lock_months
            said = t.gettext("%(what)s, and stays %(n)s months at least", what=said, n=t.number(n))
        out.append(f"{said}.")
    return out


def facts(t: Translator, book: Rulebook) -> list[tuple[str, str]]:
    """What holds for the whole network: from when, the year, notice, invoices."""
    existing = book.effective_from_existing
    listed: list[tuple[str, str]] = [
        ("effective_from", t.date(book.effective_from)),
        ("effective_from_existing", t.date(existing) if existing else t.gettext("never")),
        ("period.kind", _year(t, book)),
        ("notice.kind", _notice(t, book)),
        ("invoice.payment_days", t.ngettext("%(n)s day", "%(n)s days", book.invoice.payment_days)),
        ("refund", _word(t, "refund", book.refund)),
    ]
    if book.dunning:
        listed.append(("dunning", dunning_words.steps(t, book.dunning, book.currency)))
    return [(t.gettext(FIELDS[name]), value) for name, value in listed]


def _word(t: Translator, field: str, value: str) -> str:
    text = VALUES[field][value]
    return t.gettext(text)


# --- a link rule


def _when(t: Translator, kept: Catalogue, source: str, rule: LinkRule) -> str:
    when = rule.when
    levels = either(t, [tier_name(t, kept, source, code) for code in when.tiers]) or t.gettext("any")
    out = [t.gettext("has level %(levels)s", levels=levels)]
    if when.kinds:
        out.append(t.gettext("is of the kind %(kinds)s", kinds=either(t, [kind_name(t, k) for k in when.kinds])))
    if when.countries:
        out.append(t.gettext("is in %(countries)s", countries=either(t, [country_name(t, c) for c in when.countries])))
    if when.unit != "any":
        out.append(t.gettext("is %(shape)s", shape=t.gettext(SHAPES[when.unit])))
    if when.min_employees:
        out.append(t.gettext("has at least %(n)s employees", n=t.number(when.min_employees)))
    if when.max_employees:
        out.append(t.gettext("has at most %(n)s employees", n=t.number(when.max_employees)))
    network = network_name(t, kept, source)
    return t.gettext("When a member of %(network)s %(conditions)s", network=network, conditions=", ".join(out))


def _then(t: Translator, kept: Catalogue, rule: LinkRule) -> str:
    policy, target = rule.policy, rule.grants.network
    out = [
        t.gettext(
            "membership at level %(tier)s in %(network)s",
            tier=tier_name(t, kept, target, rule.grants.tier),
            network=network_name(t, kept, target),
        ),
        t.gettext("fee %(percent)s", percent=t.percent(rule.fee.percent / 100))
        if rule.fee.policy == "percent"
        else _word(t, "fee.policy", rule.fee.policy),
        _word(t, "policy.start", policy.start),
        t.gettext("ends %(n)s days after its cause", n=t.number(policy.grace_days))
        if policy.end == "grace"
        else _word(t, "policy.end", policy.end),
    ]
    if rule.grants.to != "organisation":
        out.append(t.gettext("for %(whom)s", whom=_word(t, "grants.to", rule.grants.to)))
    if policy.acceptance == "target_decides":
        out.append(_word(t, "policy.acceptance", policy.acceptance))
    if rule.places:
        out.append(t.ngettext("for at most %(n)s at a time", "for at most %(n)s at a time", rule.places))
    if rule.fee.share_percent:
        share = t.percent(rule.fee.share_percent / 100)
        out.append(t.gettext("that network gets %(share)s of what is collected here", share=share))
    if policy.notice_days:
        out.append(t.gettext("told %(n)s days before", n=t.number(policy.notice_days)))
    return ", ".join(out)


# --- a difference


def _difference(t: Translator, kept: Catalogue, found: Difference, old: Rulebook, new: Rulebook) -> Changed:
    about, field = _about(t, kept, found.path, new)
    if not field:
        gone = found.new is None
        book, data = (old, found.old) if gone else (new, found.new)
        whole = _whole(t, kept, book, found.path, data)
        what = t.gettext("removed") if gone else t.gettext("new")
        return Changed("removed" if gone else "added", about, what, whole if gone else "", "" if gone else whole)
    name = ".".join(field)
    label = t.gettext(FIELDS[name]) if name in FIELDS else name
    values = (_value(t, kept, book, field, value) for book, value in ((old, found.old), (new, found.new)))
    return Changed("changed", about, label, *values)


def _about(t: Translator, kept: Catalogue, path: tuple[str, ...], new: Rulebook) -> tuple[str, tuple[str, ...]]:
    """What a difference is about, and the field in it; no field: the thing as a whole."""
    if path[0] == "tiers":
        level = t.gettext("Level %(name)s", name=tier_name(t, kept, new.network, path[1]))
        if path[2:3] == ("fees",):
            return t.gettext("%(level)s, fee %(fee)s", level=level, fee=_fee_name(t, kept, new.network, path)), path[4:]
        return level, path[2:]
    if path[0] == "link_rules":
        books = reversed(kept.rulebooks.of(new.network))
        rule = next((r for book in books if (r := book.link_rule(path[1]))), None)
        return t.gettext("Link rule %(name)s", name=t.text(rule.names) if rule else path[1]), path[2:]
    return t.gettext("The rulebook"), path


def _fee_name(t: Translator, kept: Catalogue, network: str, path: tuple[str, ...]) -> str:
    for book in reversed(kept.rulebooks.of(network)):
        tier = book.tier(path[1])
        component = next((c for c in tier.fees if c.code == path[3]), None) if tier else None
        if component:
            return t.text(component.names)
    return path[3]


def _whole(t: Translator, kept: Catalogue, book: Rulebook, path: tuple[str, ...], data: dict[str, Any]) -> str:
    if path[0] == "link_rules":
        said = sentence(t, kept, book.network, msgspec.convert(data, LinkRule))
        return f"{said.when}: {said.then}"
    if len(path) > 2:
        return fee(t, msgspec.convert(data, FeeComponent), book.currency)
    tier = msgspec.convert(data, Tier)
    fees = [f"{t.text(c.names)} {fee(t, c, book.currency)}" for c in tier.fees]
    return ", ".join(fees) or t.gettext("no fee")


def _value(t: Translator, kept: Catalogue, book: Rulebook, field: tuple[str, ...], value: Any) -> str:
    """A value of the document in words; empty when there is none."""
    name = ".".join(field)
    if value is None or value == ():
        return ""
    if isinstance(value, bool):
        return t.gettext("yes") if value else t.gettext("no")
    if isinstance(value, date):
        return t.date(value)
    if name == "amount":
        return t.money(value, book.currency)
    if isinstance(value, int):
        return t.number(value)
    if name in ("bands", "cases"):
        return _priced(t, name, value, book.currency)
    if name == "dunning":
        return dunning_words.steps(t, msgspec.convert(value, tuple[DunningStep, ...]), book.currency)
    if isinstance(value, tuple):
        return ", ".join(_one(t, kept, book, name, each) for each in value)
    return _one(t, kept, book, name, value)


def _one(t: Translator, kept: Catalogue, book: Rulebook, name: str, value: Any) -> str:
    if name in VALUES:
        return _word(t, name, value)
    if name.endswith("kinds"):
        return kind_name(t, value)
    if name.endswith("countries"):
        return country_name(t, value)
    if name == "when.tiers":
        return tier_name(t, kept, book.network, value)
    if name == "discounts":
        return fee_table_words.discount(t, msgspec.convert(value, Discount), book.currency)
    if name in ("grants.network", "requires"):
        return network_name(t, kept, value["network"] if isinstance(value, dict) else value)
    if name == "upgrades":
        return t.gettext(
            "%(event)s: becomes %(tier)s",
            event=t.text(value["names"]) or value["event"],
            tier=tier_name(t, kept, book.network, value["to"]),
        )
    return t.text(value) if isinstance(value, dict) else str(value)


def _priced(t: Translator, name: str, value: Any, currency: str) -> str:
    """Bands or cases as they stand in the document; the fee around them is not part of the difference."""
    shape = {"basis": "cases" if name == "cases" else "employees"}
    made = msgspec.convert({"code": "-", "names": {}, name: value} | shape, FeeComponent)
    return fee_table_words.bare(t, made, currency)


# --- the network as a whole


def _year(t: Translator, book: Rulebook) -> str:
    kind = _word(t, "period.kind", book.period.kind)
    return f"{kind} ({_day(book.period.starts)})" if book.period.kind == "window" else kind


def _notice(t: Translator, book: Rulebook) -> str:
    notice = book.notice
    out = [_word(t, "notice.kind", notice.kind)]
    if notice.kind == "fixed_date":
        out = [t.gettext("by %(day)s each year (day.month)", day=_day(notice.by))]
    if notice.kind == "months":
        out = [t.ngettext("%(n)s month", "%(n)s months", notice.months)]
    out.append(_word(t, "notice.effect", notice.effect))
    if notice.renewal_days:
        n = notice.renewal_days
        out.append(
            t.ngettext("members are told %(n)s day before a period", "members are told %(n)s days before a period", n)
        )
    return ", ".join(out)


def _day(month_and_day: str) -> str:
    """ "11-01" as 1.11."""
    month, day = month_and_day.split("-")
    return f"{int(day)}.{int(month)}"
