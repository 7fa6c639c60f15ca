"""What a decision leads to, as a page shows it: one panel, the same before and after."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Protocol
from uuid import UUID

from cluster_rules.cascades import Consequences
from cluster_rules.errors import RuleViolation
from cluster_rules.intents import Charge, EndGrant, Intent, Notify, ReviseGrant, StartGrant
from cluster_rules.memberships import Grant
from crm import names, outcome_words, words
from crm.catalogue import Catalogue, NetworkRow
from crm.errors import Invalid
from crm.fee_words import explain
from crm.i18n import Translator
from crm.reads import organisations as organisation_reads
from crm.rule_words import agreed_in
from crm.web.office import Office

# What was decided, then what follows by rule, then pauses and money.
_ORDER = {"suspension": 1, "fee": 2, "invoice": 3, "credit": 3}
_COLOURS = {"ending": "warning", "suspension": "danger", "invoice": "neutral", "credit": "neutral", "fee": "neutral"}


class Reader(Protocol):
    """Who reads: in which language, of what is known, from which network."""

    @property
    def t(self) -> Translator: ...
    @property
    def kept(self) -> Catalogue: ...
    @property
    def network(self) -> NetworkRow: ...


async def panel(office: Office, found: Consequences, on: date, title: str, note: str = "") -> dict[str, Any]:
    """The panel of `member.consequences` for what was found; `on` is the day the decision counts from."""
    async with office.context.db.reading(office.actor.sees) as connection:
        named = await organisation_reads.names(connection, organisations_of(found.intents))
    return told(office, found, on, named, title, note)


def told(
    reader: Reader, found: Consequences, on: date, named: Mapping[UUID, str], title: str, note: str = ""
) -> dict[str, Any]:
    """The same, where the names of organisations are known."""
    items = _items(reader, found, on, named)
    return {
        "title": title,
        "items": items,
        "total": _total(reader, [i for i in found.intents if isinstance(i, Charge)]),
        "note": note,
        "rules": [
            {"fired": outcome.fired, "text": outcome_words.sentence(reader.t, reader.kept, outcome)}
            for outcome in found.considered
        ],
    }


def organisations_of(intents: Sequence[Intent]) -> set[UUID]:
    """Every organisation these intents are about."""
    grants = {i.grant.organisation for i in intents if isinstance(i, StartGrant | EndGrant | ReviseGrant)}
    return grants | {i.organisation for i in intents if hasattr(i, "organisation")}


def refusal(office: Office, error: RuleViolation) -> str:
    """Why a rule says no, in a sentence."""
    return words.refusal(office.t, office.kept, error.code, error.params)


def problems(office: Reader, error: RuleViolation | Invalid, fields: Mapping[str, str]) -> list[dict[str, str]]:
    """What is wrong, for the summary on top and the fields; `fields` maps a rule's names to the page's."""
    listed = error.problems if isinstance(error, Invalid) else [(error.field, error.code, error.params)]
    return [
        {"field": fields.get(field, ""), "text": words.refusal(office.t, office.kept, code, params)}
        for field, code, params in listed
    ]


def _items(office: Reader, found: Consequences, on: date, named: Mapping[UUID, str]) -> list[dict[str, Any]]:
    items: dict[str, dict[str, Any]] = {}
    mails: list[str] = []
    for each in found.intents:
        line = words.intent(office.t, office.kept, each, named, on)
        if line is None:
            continue
        if line.kind == "mail":
            mails.append(_recipient(office, each, named))
            continue
        network = office.kept.by_slug[line.network]
        items.setdefault(
            line.text,
            {
                "icon": line.icon,
                "colour": _COLOURS.get(line.kind, network.colour),
                "title": line.title,
                "detail": _detail(office, each),
                "amount": line.amount,
                "nested": _follows(each),
                "place": (_ORDER.get(line.kind, 0), _follows(each) or line.network != office.network.slug),
            },
        )
    out = sorted(items.values(), key=lambda item: item["place"])
    if mails:
        told = list(dict.fromkeys(mails))
        t = office.t
        # Whom, not how many: "the managers" are as many mails as there are managers.
        title = t.gettext("Mails to")
        out.append({"icon": "mail", "colour": "info", "title": title, "detail": "; ".join(told), "amount": ""})
    return out


def _recipient(office: Reader, notify: Intent, named: Mapping[UUID, str]) -> str:
    t = office.t
    if not isinstance(notify, Notify):
        return ""
    if notify.to == "managers":
        to = t.gettext("the managers of %(network)s", network=names.network_name(t, office.kept, notify.network))
    else:
        to = named.get(notify.organisation, "")
    if notify.not_before:
        return t.gettext("%(who)s, on %(day)s", who=to, day=t.date(notify.not_before))
    return to


def _follows(intent: Intent) -> bool:
    """Does it follow from the line above, rather than from the decision itself?"""
    grant = _grant(intent)
    return grant is not None and grant.kind == "linked"


def _grant(intent: Intent) -> Grant | None:
    return getattr(intent, "grant", None) or getattr(intent, "before", None) if not isinstance(intent, Charge) else None


def _detail(office: Reader, intent: Intent) -> str:
    t = office.t
    if isinstance(intent, Charge):
        line = intent.line
        steps = [{"code": s.code, "values": s.values} for s in line.steps]
        return explain(t, steps, line.currency, line.example)
    grant = _grant(intent)
    if grant is None or grant.kind == "direct" or not grant.rule:
        return ""
    agreement = office.kept.rulebooks.agreement(grant.agreement)
    books = [b for b in office.kept.rulebooks.of(grant.source) if b.version == grant.version]
    rule = books[0].link_rule(grant.rule) if books else None
    return t.gettext(
        "%(rule)s, version %(version)s, from %(agreement)s",
        rule=t.text(rule.names) if rule else grant.rule,
        version=str(grant.version),
        agreement=agreed_in(t, agreement.names if agreement else {}, grant.agreement),
    )


def _total(office: Reader, charges: Sequence[Charge]) -> dict[str, str] | None:
    """What comes on the draft invoice, with VAT where there is any; one sum for each currency."""
    sums: dict[str, int] = {}
    taxed = any(charge.line.vat for charge in charges)
    for charge in charges:
        sums[charge.line.currency] = sums.get(charge.line.currency, 0) + charge.line.gross
    if not sums:
        return None
    shown = " + ".join(office.t.money(amount, currency) for currency, amount in sums.items())
    t = office.t
    label = t.gettext("On the draft invoice, VAT included") if taxed else t.gettext("On the draft invoice, no VAT")
    return {"label": label, "value": shown}
