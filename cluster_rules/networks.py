"""A network's rulebook: tiers, fees, notice and link rules, in versions; and agreements.

Every struct mirrors the TOML a cluster manager can read (docs/rulebooks.md); unknown keys
are refused. Amounts are minor units. All seven shapes of domain.md 1.16 are data here.
"""

from datetime import date
from functools import cached_property
from typing import Literal

import msgspec

from cluster_rules.components import Data, FeeComponent, Index, VatCode, VatTerms
from cluster_rules.components import Text as Text
from cluster_rules.dunning import DunningStep
from cluster_rules.organisations import Kind
from cluster_rules.periods import MembershipYear, Period, add_months


class OpenTo(Data, frozen=True):
    """Who may take a tier; empty lists and zeros mean "no limit"."""

    kinds: tuple[Kind, ...] = ()
    countries: tuple[str, ...] = ()
    max_employees: int = 0
    max_age_years: int = 0
    on_change: Literal["review", "end_at_period_end", "keep"] = "review"


class Requirement(Data, frozen=True):
    """A membership that a tier asks for: in `network`, at one of `tiers` (empty = any), own or linked.

    `on_loss` says what becomes of an own membership when the required one ends: end_with (that day),
    period_end (at the next turn of its own year, unless the required one stands again by then),
    refuse_only (it goes on; only joining asks), review (it goes on, and a manager looks at it).
    """

    network: str
    tiers: tuple[str, ...] = ()
    on_loss: Literal["end_with", "period_end", "refuse_only", "review"] = "end_with"


class Upgrade(Data, frozen=True):
    """On `event` a member at this tier becomes one at tier `to`, and is locked in (domain.md T3).

    lock_in: event_end (until the end that the event carries, of the awarded project), months (`lock_months` from
    the event), none. Locked in: it cannot end or go down.
    """

    event: str
    names: Text
    to: str
    lock_in: Literal["none", "event_end", "months"] = "none"
    lock_months: int = 0


class Temporary(Data, frozen=True):
    """How long a tier may last unless an event came: `months` from its start, `until` a day (the first one after)."""

    months: int = 0
    until: date | None = None

    def ends(self, start: date) -> list[date]:
        """The days on which a membership that began at this tier on `start` ends, the first of which counts."""
        out = [add_months(start, self.months)] if self.months else []
        return [*out, self.until] if self.until and self.until > start else out


class Tier(Data, frozen=True):
    """A level of membership; the highest `rank` of the effective grants is what counts.

    `suspended_renewal`: a membership on hold when its year begins is billed as usual, waits with its bill until the
    suspension is lifted, or ends with the year before (`renewals`).
    """

    code: str
    rank: int
    names: Text
    summary: Text = msgspec.field(default_factory=dict)
    benefits: tuple[Text, ...] = ()
    votes: int = 0
    open_to: OpenTo = OpenTo()
    approval: Literal["manager"] = "manager"
    public: bool = True
    fees: tuple[FeeComponent, ...] = ()
    requires: tuple[Requirement, ...] = ()
    upgrades: tuple[Upgrade, ...] = ()
    temporary: Temporary = Temporary()
    places: int = 0
    billing: Literal["invoice_on_approval", "pay_first"] = "invoice_on_approval"
    suspended_renewal: Literal["bill", "hold", "end"] = "bill"

    def upgrade(self, event: str) -> Upgrade | None:
        """What this tier says about an event, or None."""
        return next((u for u in self.upgrades if u.event == event), None)

    @property
    def ends_by_itself(self) -> bool:
        """Does an event, the time or the organisation's profile end or turn a membership at this tier?"""
        turns = self.upgrades or self.temporary.months or self.temporary.until
        return bool(turns) or self.open_to.on_change == "end_at_period_end"


class When(Data, frozen=True):
    """Predicates of a link rule; all must hold. Empty lists (also of tiers) and zeros mean "any"."""

    tiers: tuple[str, ...]
    kinds: tuple[Kind, ...] = ()
    countries: tuple[str, ...] = ()
    standing: Literal["any"] = "any"
    unit: Literal["any", "legal_entity", "unit"] = "any"
    min_employees: int = 0
    max_employees: int = 0


class Grants(Data, frozen=True):
    """What a link rule gives: a tier in the target network.

    `to` says who gets it: the organisation whose membership is looked at, its units, or its parent. To
    cover both an organisation and its units, write two rules.
    """

    network: str
    tier: str
    to: Literal["organisation", "units", "parent"] = "organisation"


class LinkPolicy(Data, frozen=True):
    """How a linked membership starts, ends, pauses and is accepted (design.md 3)."""

    start: Literal["same_day", "on_payment", "next_period"] = "same_day"
    end: Literal["with_cause", "period_end", "grace"] = "with_cause"
    grace_days: int = 0
    suspension: Literal["follow", "hold"] = "follow"
    acceptance: Literal["automatic", "target_decides"] = "automatic"
    through_linked: bool = False
    notice_days: int = 0


class LinkFee(Data, frozen=True):
    """What the linked membership costs, and what happens to the fee of an own one beside it.

    `share_percent` of what is collected of the cause's fee the source network owes the target (`shares`), with
    VAT by `share_vat`.
    """

    policy: Literal["waived", "normal", "percent"] = "waived"
    percent: int = 0
    own_membership: Literal["keep", "waive_at_renewal", "credit"] = "keep"
    share_percent: int = 0
    share_vat: VatCode = "standard"


class LinkRule(Data, frozen=True):
    """When a member of this network is `when`, it gets `grants` in another, under an agreement.

    Within its own network a rule covers units or the parent, and there is nothing to agree. `places`: so many
    linked memberships at the same time at most (0 = without limit); the same word at a tier is about its own members.
    """

    code: str
    names: Text
    when: When
    grants: Grants
    agreement: str = ""
    policy: LinkPolicy = LinkPolicy()
    fee: LinkFee = LinkFee()
    places: int = 0


class Notice(Data, frozen=True):
    """How a member leaves: by a fixed day ("MM-DD"), with months of notice, or at any time.

    `renewal_days`: so many days before each period members are told of it and its fee; 0 = they are not.
    """

    kind: Literal["fixed_date", "months", "none"] = "none"
    by: str = "12-31"
    months: int = 0
    effect: Literal["period_end", "at_once"] = "period_end"
    renewal_days: int = 0


class InvoiceTerms(Data, frozen=True):
    """Payment terms of the network's invoices."""

    payment_days: int = 30


class Rulebook(Data, frozen=True):
    """One version of a network's rules.

    `effective_from` counts for those who join from that day; `effective_from_existing` (None =
    never) for those who are members already: the two differ in real clusters (Energy Saxony).
    """

    network: str
    version: int
    effective_from: date
    currency: str
    tiers: tuple[Tier, ...]
    effective_from_existing: date | None = None
    time_zone: str = "Europe/Oslo"
    period: MembershipYear = MembershipYear()
    notice: Notice = Notice()
    invoice: InvoiceTerms = InvoiceTerms()
    refund: Literal["none", "credit"] = "none"
    link_rules: tuple[LinkRule, ...] = ()
    vat: VatTerms = VatTerms()
    indexes: tuple[Index, ...] = ()
    dunning: tuple[DunningStep, ...] = ()

    def tier(self, code: str) -> Tier | None:
        """The tier with this code, or None."""
        return next((t for t in self.tiers if t.code == code), None)

    def link_rule(self, code: str) -> LinkRule | None:
        """The link rule with this code, or None."""
        return next((r for r in self.link_rules if r.code == code), None)


class Agreement(msgspec.Struct, frozen=True):
    """What two networks agreed; link rules rest on it.

    `on_end` says what its end does to the links it carried: end_links (that day), period_end
    (at the target's next turn of the year), grandfather (they stay as long as their cause).
    Whatever it says, no new link starts after the end (AC-2e).
    """

    code: str
    source: str
    target: str
    period: Period
    on_end: Literal["end_links", "period_end", "grandfather"] = "end_links"
    names: Text = {}
    shared_fields: tuple[str, ...] = ()


def in_force(rule: LinkRule, source: str, rulebooks: "Rulebooks") -> Agreement | None:
    """The agreement a rule of `source` rests on; within a network its own rulebook is enough, and always in force."""
    if rule.grants.network == source:
        return Agreement("", source, source, Period(date.min))
    return rulebooks.agreement(rule.agreement)


class Rulebooks(msgspec.Struct, frozen=True, dict=True):
    """All versions of all rulebooks and agreements that a decision may need."""

    versions: tuple[Rulebook, ...]
    agreements: tuple[Agreement, ...] = ()

    def of(self, network: str) -> list[Rulebook]:
        """A network's versions, oldest first."""
        return list(self._by_network.get(network, ()))

    def version(self, network: str, version: int) -> Rulebook | None:
        """One version of a network's rulebook, or None."""
        return next((b for b in self._by_network.get(network, ()) if b.version == version), None)

    def governing(self, network: str, member_since: date, day: date) -> Rulebook | None:
        """The version that holds on `day` for somebody who joined on `member_since`.

        The newest whose day for new members was reached at joining, or whose day for existing
        members is reached now (AC-15c). Before the first version: the first.
        """
        books = self._by_network.get(network, ())
        for book in reversed(books):
            existing = book.effective_from_existing
            if book.effective_from <= member_since or (existing is not None and existing <= day):
                return book
        return books[0] if books else None

    def turns(self, network: str) -> tuple[date, ...]:
        """The days, in order, on which a version of a network's rulebook begins to hold for existing members."""
        return self._turns.get(network, ())

    def agreement(self, code: str) -> Agreement | None:
        """The agreement with this code, or None."""
        return self._by_code.get(code)

    def rank(self, network: str, tier: str) -> int:
        """Rank of a tier in the newest version that knows it; -1 when none does."""
        return self._ranks.get((network, tier), -1)

    @cached_property
    def networks(self) -> frozenset[str]:
        """Every network that has a rulebook."""
        return frozenset(self._by_network)

    @cached_property
    def with_requirements(self) -> frozenset[str]:
        """The networks where some level requires a membership elsewhere; most rulebooks have none."""
        return frozenset(book.network for book in self.versions for tier in book.tiers if tier.requires)

    @cached_property
    def with_own_ends(self) -> frozenset[str]:
        """The networks where some level ends or turns by itself (`Tier.ends_by_itself`)."""
        return frozenset(book.network for book in self.versions for tier in book.tiers if tier.ends_by_itself)

    @cached_property
    def with_places(self) -> frozenset[str]:
        """The networks where some level has a limited number of places."""
        return frozenset(book.network for book in self.versions for tier in book.tiers if tier.places)

    @cached_property
    def with_limited_rules(self) -> frozenset[str]:
        """The networks where some link rule has a limited number of places."""
        return frozenset(book.network for book in self.versions for rule in book.link_rules if rule.places)

    def event_names(self, network: str, event: str) -> Text:
        """What a network calls an event, in the newest version that knows it; empty when none does."""
        books = reversed(self._by_network.get(network, ()))
        return next((u.names for book in books for tier in book.tiers if (u := tier.upgrade(event))), {})

    @cached_property
    def _by_network(self) -> dict[str, tuple[Rulebook, ...]]:
        networks: dict[str, list[Rulebook]] = {}
        for book in sorted(self.versions, key=lambda b: b.version):
            networks.setdefault(book.network, []).append(book)
        return {network: tuple(books) for network, books in networks.items()}

    @cached_property
    def with_links(self) -> frozenset[str]:
        """The networks from which some rule gives membership; for a member of any other nothing follows."""
        return frozenset(book.network for book in self.versions if book.link_rules)

    @cached_property
    def with_chains(self) -> frozenset[str]:
        """The networks where some rule also acts on linked memberships; few do."""
        return frozenset(b.network for b in self.versions for rule in b.link_rules if rule.policy.through_linked)

    @cached_property
    def with_payment(self) -> frozenset[str]:
        """The networks where some rule waits for the cause to be paid."""
        return frozenset(b.network for b in self.versions for r in b.link_rules if r.policy.start == "on_payment")

    @cached_property
    def _turns(self) -> dict[str, tuple[date, ...]]:
        return {
            network: tuple(sorted({day for b in books if (day := b.effective_from_existing)}))
            for network, books in self._by_network.items()
        }

    @cached_property
    def _ranks(self) -> dict[tuple[str, str], int]:
        books = sorted(self.versions, key=lambda b: b.version)
        return {(book.network, tier.code): tier.rank for book in books for tier in book.tiers}

    @cached_property
    def _by_code(self) -> dict[str, Agreement]:
        return {a.code: a for a in reversed(self.agreements)}
