"""One builder per noun, with believable defaults: NORA Industry Network and CLAIRE Innovation Network in a few lines.

`World` plays the part of the database: it stores what intents say, as crm/store/apply.py does.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid5

import msgspec

from cluster_rules import cascades
from cluster_rules.cascades import Consequences
from cluster_rules.components import Band, FeeComponent
from cluster_rules.intents import (
    Charge,
    EndGrant,
    Intent,
    Notify,
    Publish,
    RetractGrant,
    ReviseGrant,
    SetTimeline,
    StartGrant,
    WaiveFee,
)
from cluster_rules.memberships import Answer, Charged, Decision, Facts, Grant
from cluster_rules.networks import (
    Agreement,
    Grants,
    LinkFee,
    LinkPolicy,
    LinkRule,
    Rulebook,
    Rulebooks,
    Tier,
    When,
)
from cluster_rules.notices import FactsChange
from cluster_rules.organisations import Organisation, Profile, Size
from cluster_rules.periods import MembershipYear, Period

NORA = "nora-industry-network"
CIN = "claire-innovation-network"
SIN = "sin-applied-ai"
AGREEMENT = "nora-claire-2021"
RULE = "principal-joins-claire"
FIRST = date(2015, 1, 1)
TODAY = date(2026, 11, 22)
_SPACE = UUID("6f0c3c1e-5d1e-4c37-9d61-0a53c9a4c1b0")
_recorded = count()


def uid(name: str) -> UUID:
    """The same id for the same name, in every run."""
    return uuid5(_SPACE, name)


def day(text: str) -> date:
    return date.fromisoformat(text)


def period(start: str, end: str | None = None) -> Period:
    return Period(day(start), day(end) if end else None)


def profile(start: date = FIRST, end: date | None = None, **facts: Any) -> Profile:
    """A Norwegian company with 40 people and a turnover of NOK 60 m, unless said otherwise."""
    turnover = facts.pop("turnover", 60_000_000_00)
    sizes = (Size("turnover", turnover, currency="NOK"),) if turnover is not None else ()
    given = {"kind": "company", "country": "NO", "employees": 40, "sizes": sizes} | facts
    return Profile(period=Period(start, end), **given)


def company(name: str = "Telenor", *profiles: Profile, **facts: Any) -> Organisation:
    return Organisation(uid(name), name, profiles or (profile(**facts),))


def unit(name: str, parent: Organisation, **facts: Any) -> Organisation:
    """A group inside a large company: it has no register number of its own."""
    return Organisation(uid(name), name, (profile(parent=parent.id, **facts),))


def fee(amount: int = 0, **given: Any) -> FeeComponent:
    """A fixed yearly fee, in minor units."""
    return FeeComponent(**({"code": "membership", "names": {"en": "Fee"}, "amount": amount} | given))


def bands(*steps: tuple[int, int], **given: Any) -> FeeComponent:
    """A fee by size: (from, amount) for each band, without a hole."""
    belows = [start for start, _ in steps[1:]] + [None]
    listed = tuple(
        Band(amount=amount, from_=start, below=below) for (start, amount), below in zip(steps, belows, strict=True)
    )
    return fee(**({"basis": "employees", "bands": listed} | given))


def tier(code: str, rank: int = 10, *fees: FeeComponent, **given: Any) -> Tier:
    return Tier(code=code, rank=rank, names={"en": code.capitalize()}, fees=fees, **given)


def rule(code: str = RULE, target: str = CIN, gives: str = "member", **given: Any) -> LinkRule:
    """R-DUAL of 2021: Norwegian companies that become principal partner join CLAIRE Innovation Network at once."""
    when = {"tiers": ("principal",), "kinds": ("company",), "countries": ("NO",), "unit": "legal_entity"}
    return LinkRule(
        code=code,
        names={"en": code},
        agreement=given.pop("agreement", AGREEMENT),
        when=When(**(when | given.pop("when", {}))),
        grants=Grants(target, gives),
        fee=LinkFee(**given.pop("fee", {})),
        policy=LinkPolicy(**given),
    )


def chained(source: str, target: str, **given: Any) -> LinkRule:
    """A rule that also acts on linked memberships, whatever the level and the organisation."""
    anyone = {"tiers": (), "kinds": (), "countries": (), "unit": "any"}
    given = {"through_linked": True, "when": anyone, "agreement": f"{source}-{target}"} | given
    return rule(f"{source}-to-{target}", target, **given)


def book(network: str = NORA, *rules: LinkRule, **given: Any) -> Rulebook:
    """Version 1 of a rulebook in NOK by calendar year, with the levels principal, partner and member."""
    defaults: dict[str, Any] = {
        "version": 1,
        "effective_from": FIRST,
        "effective_from_existing": FIRST,
        "currency": "NOK",
        "tiers": (
            tier("principal", 30, fee(150_000_00, vat="exempt_3_13")),
            tier("partner", 20, fee(45_000_00, vat="exempt_3_13")),
            tier("member", 10, fee(12_000_00, vat="exempt_3_13")),
        ),
    }
    return Rulebook(network=network, link_rules=rules, **(defaults | given))


def nora(*rules: LinkRule, **given: Any) -> Rulebook:
    return book(NORA, *(rules or (rule(),)), **given)


def cin(*rules: LinkRule, **given: Any) -> Rulebook:
    member = tier("member", 10, fee(1_500_00, proration="months", vat="outside"))
    return book(CIN, *rules, **({"currency": "EUR", "tiers": (member,)} | given))


def agreement(start: str = "2021-06-01", end: str | None = None, **given: Any) -> Agreement:
    return Agreement(**({"code": AGREEMENT, "source": NORA, "target": CIN, "period": period(start, end)} | given))


def between(source: str, target: str, start: str = "2015-01-01", end: str | None = None) -> Agreement:
    return agreement(start, end, code=f"{source}-{target}", source=source, target=target)


def rulebooks(*books: Rulebook, agreements: Iterable[Agreement] = ()) -> Rulebooks:
    """NORA and CLAIRE with their agreement, unless said otherwise."""
    return Rulebooks(books or (nora(), cin()), tuple(agreements) or (agreement(),))


def calendar(kind: str = "calendar_year", starts: str = "01-01") -> MembershipYear:
    return msgspec.convert({"kind": kind, "starts": starts}, MembershipYear)


def decision(organisation: Organisation, kind: str, on: str, tier: str = "", **given: Any) -> Decision:
    """A decision recorded one minute after the one made before it."""
    number = next(_recorded)
    defaults: dict[str, Any] = {
        "id": uid(f"decision {number}"),
        "organisation": organisation.id,
        "network": NORA,
        "kind": kind,
        "effective_on": day(on),
        "recorded_at": datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=number),
        "tier": tier,
    }
    if isinstance(given.get("until"), str):
        given["until"] = day(given["until"])
    return Decision(**(defaults | given))


def answer(organisation: Organisation, word: str, on: str, code: str = RULE, source: str = NORA) -> Answer:
    return msgspec.convert(
        {"organisation": organisation.id, "source": source, "rule": code, "answer": word, "on": day(on)}, Answer
    )


def facts(*organisations: Organisation, books: Rulebooks | None = None, **given: Any) -> Facts:
    return Facts(organisations=organisations, rulebooks=books or rulebooks(), **given)


class World:
    """One family and all that is stored about it; decisions change it as the application would."""

    def __init__(self, *organisations: Organisation, books: Rulebooks | None = None, today: date = TODAY) -> None:
        self.facts = facts(*(organisations or (company(),)), books=books)
        self.today = today
        self.last: Consequences = Consequences(())

    @property
    def member(self) -> Organisation:
        return self.facts.organisations[0]

    def decide(self, kind: str, on: str, tier: str = "", bill: bool = True, **given: Any) -> Decision:
        """Add a decision about the first organisation (or `who`) and store what follows."""
        made = decision(given.pop("who", self.member), kind, on, tier, **given)
        self.last = cascades.decide(self.facts, made, self.today, bill)
        self._store(self.last.intents, decisions=(*self.facts.decisions, made))
        return made

    def withdraw(self, decided: Decision) -> None:
        self.last = cascades.withdraw(self.facts, decided.id, self.today)
        self._store(self.last.intents, decisions=tuple(d for d in self.facts.decisions if d != decided))

    def change(self, **facts: Any) -> tuple[Intent, ...]:
        """Other facts became known (an answer, a payment, an agreement's end): recompute and store."""
        changed = msgspec.structs.replace(self.facts, **facts)
        intents = cascades.repair(changed, self.today)
        self.facts = changed
        self.last = Consequences(intents)
        self._store(intents)
        return intents

    def tell(self, *organisations: Organisation, on: date, **facts: dict[str, Any]) -> None:
        """Facts about the first organisation are others from a day on: store what follows, mails and charges too."""
        after = msgspec.structs.replace(self.facts, organisations=organisations)
        change = FactsChange(organisations[0].id, on, facts, (NORA,))
        self.last = cascades.on_facts(self.facts, after, change, self.today)
        self.facts = after
        self._store(self.last.intents)

    def _store(self, intents: Iterable[Intent], **changed: Any) -> None:
        grants = {g.id: g for g in self.facts.grants}
        timelines = dict(self.facts.timelines)
        charged = list(self.facts.charged)
        for intent in intents:
            match intent:
                case RetractGrant(before=before):
                    del grants[before.id]
                case StartGrant(grant=grant) | EndGrant(grant=grant) | ReviseGrant(grant=grant):
                    grants[grant.id] = grant
                case SetTimeline(organisation=organisation, network=network, segments=segments):
                    timelines[organisation, network] = segments
                case Charge(organisation=organisation, network=network, grant=grant, line=line):
                    charged.append(Charged(organisation, network, grant, line))
                case _:
                    pass
        self.facts = msgspec.structs.replace(
            self.facts, grants=tuple(grants.values()), timelines=timelines, charged=tuple(charged), **changed
        )

    # What the last decision did, and what stands now.

    def grants(self, network: str = CIN, kind: str = "linked") -> list[Grant]:
        found = [g for g in self.facts.grants if (g.network, g.kind) == (network, kind)]
        return sorted(found, key=lambda g: g.period.start)

    def periods(self, network: str = CIN, kind: str = "linked") -> list[Period]:
        return [g.period for g in self.grants(network, kind)]

    def timeline(self, network: str = CIN, who: Organisation | None = None) -> list[tuple[str, str, str]]:
        """(first day, level, status or origin where it says more) for each segment."""
        segments = self.facts.timelines.get(((who or self.member).id, network), ())
        return [
            (s.period.start.isoformat(), s.tier, s.status if s.status == "suspended" else s.origin) for s in segments
        ]

    def nets(self, network: str | None = None) -> list[int]:
        """The amounts billed (or credited) by the last decision."""
        return [i.line.net for i in self.did(Charge) if network in (None, i.network)]

    def mails(self) -> list[tuple[str, str]]:
        return [(i.kind, i.to) for i in self.did(Notify)]

    def waived(self) -> list[Period]:
        return [i.period for i in self.did(WaiveFee)]

    def published(self) -> list[tuple[str, str]]:
        return [(i.network, i.op) for i in self.did(Publish)]

    def did(self, kind: type) -> list[Any]:
        return [i for i in self.last.intents if isinstance(i, kind)]


PRINCIPAL = ("joining", "2027-03-01", "principal")


def dual_world(*, own: bool = False, agreed: dict[str, Any] | None = None, who: Any = None, **policy: Any) -> World:
    """NORA and CLAIRE with R-DUAL under `policy`; `own`: a paying member of CLAIRE since January."""
    made = World(
        who or company(), books=rulebooks(nora(rule(**policy)), cin(), agreements=[agreement(**(agreed or {}))])
    )
    if own:
        made.decide("joining", "2027-01-01", "member", network=CIN)
    return made
