"""Sentences for what rules decide and refuse, in the reader's language: pages, mails and the API say the same.

Pure functions of (translator, catalogue, data). Ends of periods are stored half-open; here the last
day is named, because that is how people say it.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Literal
from uuid import UUID

import msgspec

from cluster_rules.cascades import Consequences
from cluster_rules.intents import (
    Charge,
    EndGrant,
    GrantIntent,
    Intent,
    Notify,
    RetractGrant,
    ReviseGrant,
    SetTimeline,
    StartGrant,
    WaiveFee,
)
from cluster_rules.memberships import Grant
from cluster_rules.networks import LinkRule
from cluster_rules.periods import Period
from cluster_rules.why import Link
from crm.catalogue import Catalogue
from crm.document_mistakes import mistake
from crm.i18n import N_, Translator
from crm.names import (
    country_name,
    days,
    kind_name,
    last_day,
    network_name,
    scheme_name,
    size_name,
    status_name,
    tier_inside,
)
from crm.rule_words import agreed_in, either, linked_fee
from crm.sentences import (
    BECAUSE,
    COVERING,
    ENDS,
    ENDS_WITH,
    GOES_ON,
    GOES_ON_UNTIL,
    REFUSALS,
    STARTS,
    TAKEN_BACK,
)

LONGEST_GIVEN = 80  # of what somebody typed, when we say it back
UNKNOWN_START = date.min  # a cause of which the reader may know no more than that it is there
_PLACEHOLDER = re.compile(r"%\((\w+)\)s")


class Line(msgspec.Struct, frozen=True):
    """One consequence in words. `text` says it all; `title` and `amount` are the same in two columns."""

    kind: Literal["membership", "linked", "ending", "suspension", "invoice", "credit", "fee", "mail"]
    icon: str
    text: str
    network: str
    title: str
    amount: str = ""


class Node(msgspec.Struct, frozen=True):
    """One box of the why panel."""

    kind: Literal["cause", "rule", "result"]
    title: str
    detail: str
    network: str


class Why(msgspec.Struct, frozen=True):
    """Why a membership stands: a question, its boxes, when it ends, and all of it in running text."""

    title: str
    nodes: tuple[Node, ...]
    ends: str
    sentence: str


def refusal(t: Translator, kept: Catalogue | None, code: str, params: Mapping[str, Any]) -> str:
    """The sentence for a stable code; `kept` None when not even the catalogue could be read.

    A code may have several sentences: the first whose values are all there is taken. KeyError for
    a code without any (tests/crm/test_words.py finds those before a reader does).
    """
    texts = REFUSALS[code]
    text = next((each for each in texts if set(_PLACEHOLDER.findall(each)) <= params.keys()), texts[-1])
    values = {key: _value(t, kept, code, key, params) for key in params}
    return t.gettext(text, **values) if values else t.gettext(text)


def lines(t: Translator, kept: Catalogue, found: Consequences, names: Mapping[UUID, str]) -> list[Line]:
    """All consequences a reader wants to know: own membership, linked ones, money, mails; each said once."""
    days = [i.values["on"] for i in found.intents if isinstance(i, Notify) and i.values.get("on")]
    since = date.fromisoformat(days[0]) if days else None
    out: dict[str, Line] = {}
    for each in sorted(found.intents, key=_place):
        if line := intent(t, kept, each, names, since):
            out.setdefault(line.text, line)
    return list(out.values())


def _place(intent: Intent) -> int:
    if isinstance(intent, StartGrant | EndGrant | ReviseGrant | RetractGrant):
        grant = intent.before if isinstance(intent, RetractGrant) else intent.grant
        return 0 if grant.kind == "direct" else 1
    return next((place for place, kind in enumerate((SetTimeline, Charge, WaiveFee), 2) if isinstance(intent, kind)), 9)


def intent(
    t: Translator, kept: Catalogue, intent: Intent, names: Mapping[UUID, str], since: date | None = None
) -> Line | None:
    """One intent in words, None for what only machines care about; `since` leaves out former suspensions."""
    if isinstance(intent, StartGrant | EndGrant | ReviseGrant | RetractGrant):
        return _grant_line(t, kept, intent, names)
    if isinstance(intent, Charge):
        return _charge_line(t, intent)
    if isinstance(intent, WaiveFee):
        network = network_name(t, kept, intent.network)
        text = t.gettext(
            "The fee for its own membership in %(network)s is not billed from %(day)s",
            network=network,
            day=t.date(intent.period.start),
        )
        return Line("fee", "receipt-refund", text, intent.network, text)
    if isinstance(intent, Notify):
        return _mail_line(t, kept, intent, names)
    if isinstance(intent, SetTimeline):
        return _suspension_line(t, kept, intent, since)
    return None


def why(t: Translator, kept: Catalogue, chain: Sequence[Link], organisation: str) -> Why:
    """Why `organisation` is where the chain's last link says it is, from the root on."""
    last = chain[-1]
    network = network_name(t, kept, last.network)
    nodes = [_cause_node(t, kept, chain[0])]
    for link in chain[1:]:
        nodes += [_rule_node(t, link), _result_node(t, kept, link)]
    if len(chain) == 1:
        nodes = [msgspec.structs.replace(nodes[0], kind="result")]
    ends = _ends(t, kept, chain, organisation)
    return Why(
        t.gettext("Why is %(organisation)s in %(network)s?", organisation=organisation, network=network),
        tuple(nodes),
        ends,
        f"{_because(t, kept, chain, organisation)} {ends}",
    )


# --- refusals


def _value(t: Translator, kept: Catalogue | None, code: str, key: str, params: Mapping[str, Any]) -> str:
    value = params[key]
    if isinstance(value, date):
        return t.date(value)
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, int):
        return t.number(value)
    if key == "tiers" and kept and params.get("network") in kept.by_slug:
        return either(t, [tier_inside(t, kept, params["network"], code) for code in value])
    if isinstance(value, list | tuple):
        return ", ".join(str(each) for each in value)
    text = str(value)
    if code == "document_incomplete" and key == "rule":
        return mistake(t, text)
    if key == "network" and kept:
        return network_name(t, kept, text)
    if key == "tier" and kept and params.get("network") in kept.by_slug:
        return tier_inside(t, kept, params["network"], text)
    named = {"scheme": scheme_name, "status": status_name, "basis": size_name}.get(key)
    if code == "kind_not_open" and key == "given":
        named = kind_name
    if code == "country_not_open" and key == "given":
        named = country_name
    shown = named(t, text) if named else text
    ours = key == "known"  # what there is to choose from, of which nobody typed a letter
    return shown if ours or len(shown) <= LONGEST_GIVEN else f"{shown[:LONGEST_GIVEN]}…"


# --- consequences


def _grant_line(t: Translator, kept: Catalogue, intent: GrantIntent, names: Mapping[UUID, str]) -> Line:
    grant = intent.before if isinstance(intent, RetractGrant) else intent.grant
    values = {
        "organisation": names.get(grant.organisation, str(grant.organisation)),
        "network": network_name(t, kept, grant.network),
        "tier": tier_inside(t, kept, grant.network, grant.tier),
        "days": days(t, grant.period),
        "start": t.date(grant.period.start),
        "last": last_day(t, grant.period.end) if grant.period.end else "",
    }
    linked = grant.kind == "linked"
    rule = _rule_of(kept, grant) if linked else None
    who = f"{values['organisation']}: " if rule and rule.grants.to != "organisation" else ""
    if isinstance(intent, StartGrant):
        text = who + t.gettext(STARTS[grant.kind], **values) + (linked_fee(t, rule) if rule else "")
        return Line("linked" if linked else "membership", "link-plus" if linked else "id", text, grant.network, text)
    if isinstance(intent, RetractGrant):
        text = who + t.gettext(TAKEN_BACK[grant.kind], **values)
        return Line("ending", "arrow-back-up", text, grant.network, text)
    if isinstance(intent, EndGrant):
        text = who + t.gettext(ENDS[grant.kind], **values)
        return Line("ending", "unlink" if linked else "logout", text, grant.network, text)
    text = who + t.gettext((GOES_ON_UNTIL if grant.period.end else GOES_ON)[grant.kind], **values)
    return Line("linked" if linked else "membership", "link" if linked else "id", text, grant.network, text)


def _rule_of(kept: Catalogue, grant: Grant) -> LinkRule | None:
    books = [b for b in kept.rulebooks.of(grant.source) if b.version == grant.version]
    return books[0].link_rule(grant.rule) if books else None


def _charge_line(t: Translator, charge: Charge) -> Line:
    line = charge.line
    back = line.net < 0
    wording = N_("Credit on the draft invoice: %(what)s, %(days)s") if back else N_("Draft invoice: %(what)s, %(days)s")
    title = t.gettext(wording, what=t.text(line.names), days=days(t, line.period))
    amount = t.money(line.net, line.currency)
    if line.vat:
        amount = t.gettext("%(amount)s plus %(vat)s VAT", amount=amount, vat=t.money(line.vat, line.currency))
    kind: Literal["credit", "invoice"] = "credit" if back else "invoice"
    return Line(kind, "receipt-refund" if back else "receipt", f"{title}: {amount}", charge.network, title, amount)


def _mail_line(t: Translator, kept: Catalogue, notify: Notify, names: Mapping[UUID, str]) -> Line:
    network = network_name(t, kept, notify.network)
    if notify.kind == "place_waiting" and notify.to == "member":
        who, number = names.get(notify.organisation, str(notify.organisation)), t.number(notify.values["number"])
        text = t.gettext(
            "All places are taken: %(organisation)s waits for one in %(network)s, with number %(number)s",
            organisation=who,
            network=network,
            number=number,
        )
        return Line("membership", "hourglass", text, notify.network, text)
    if notify.to == "managers":
        text = t.gettext("Mail to the managers of %(network)s", network=network)
    else:
        organisation = names.get(notify.organisation, str(notify.organisation))
        text = t.gettext("Mail to %(organisation)s", organisation=organisation)
    if notify.not_before:
        text = t.gettext("%(mail)s on %(day)s", mail=text, day=t.date(notify.not_before))
    return Line("mail", "mail", text, notify.network, text)


def _suspension_line(t: Translator, kept: Catalogue, intent: SetTimeline, since: date | None) -> Line | None:
    paused = [s.period for s in intent.segments if s.status == "suspended"]
    shown = [p for p in paused if since and p.end_or_far > since]
    if not shown:
        return None
    network = network_name(t, kept, intent.network)
    text = t.gettext(
        "Membership in %(network)s is suspended %(days)s",
        network=network,
        days=", ".join(days(t, p) for p in shown),
    )
    return Line("suspension", "player-pause", text, intent.network, text)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


# --- why a membership stands


def _as(t: Translator, kept: Catalogue, link: Link) -> str:
    """Principal partner in NORA Industry Network; only the network where the level is not known."""
    network = network_name(t, kept, link.network)
    if not link.tier:
        return t.gettext("member of %(network)s", network=network)
    return t.gettext("%(tier)s in %(network)s", tier=tier_inside(t, kept, link.network, link.tier), network=network)


def _since(t: Translator, link: Link) -> str:
    return "" if link.starts_on == UNKNOWN_START else _capital(days(t, Period(link.starts_on, link.ends_on)))


def _cause_node(t: Translator, kept: Catalogue, link: Link) -> Node:
    event = t.text(link.rule_names)
    detail = ", ".join(each for each in (_since(t, link), event) if each)
    return Node("cause", _capital(_as(t, kept, link)), detail, link.network)


def _rule_node(t: Translator, link: Link) -> Node:
    detail = t.gettext(
        "Version %(version)s, from %(agreement)s",
        version=str(link.rulebook_version),
        agreement=agreed_in(t, link.agreement_names, link.agreement),
    )
    return Node("rule", t.text(link.rule_names) or link.rule, detail, link.network)


def _result_node(t: Translator, kept: Catalogue, link: Link) -> Node:
    detail = _since(t, link) + (t.gettext(", no fee") if link.fee == "waived" else "")
    return Node("result", _capital(_as(t, kept, link)), detail, link.network)


def _because(t: Translator, kept: Catalogue, chain: Sequence[Link], organisation: str) -> str:
    last = chain[-1]
    if len(chain) == 1:
        said = t.gettext(
            "%(organisation)s is %(level)s by its own membership, %(days)s.",
            organisation=organisation,
            level=_as(t, kept, last),
            days=days(t, Period(last.starts_on, last.ends_on)),
        )
        event = t.text(last.rule_names)
        return said + (" " + t.gettext("The level came with an event: %(event)s.", event=event) if event else "")
    out = []
    for cause, link in zip(reversed(chain[:-1]), reversed(chain[1:]), strict=True):
        out.append(
            t.gettext(
                BECAUSE[link.covers],
                organisation=organisation,
                network=network_name(t, kept, link.network),
                cause=_as(t, kept, cause),
                rule=t.text(link.rule_names) or link.rule,
                version=str(link.rulebook_version),
                agreement=agreed_in(t, link.agreement_names, link.agreement),
            )
        )
    return " ".join(out)


def _ends(t: Translator, kept: Catalogue, chain: Sequence[Link], organisation: str) -> str:
    last = chain[-1]
    if last.ends_on:
        return t.gettext("The last day is %(last)s.", last=last_day(t, last.ends_on))
    if len(chain) == 1:
        return t.gettext("No end date is set.")
    values = {
        "organisation": t.gettext(COVERING[last.covers]) if last.covers in COVERING else organisation,
        "cause": _as(t, kept, chain[-2]),
        "network": network_name(t, kept, last.network),
        "n": t.number(last.grace_days),
    }
    return t.gettext(ENDS_WITH[last.ends_with], **values)
