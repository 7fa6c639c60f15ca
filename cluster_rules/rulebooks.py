"""A rulebook document (TOML as a dict) becomes a checked Rulebook, or a refusal that names the field."""

from collections.abc import Iterable
from typing import Any

import msgspec

from cluster_rules import dunning, fee_checks
from cluster_rules.errors import RulebookError
from cluster_rules.links import LONGEST_CHAIN
from cluster_rules.networks import LinkRule, Requirement, Rulebook, Tier

MOST_RENEWAL_DAYS = 180  # half a year: the shortest period there is begins at most once in it
MOST_LINKS = LONGEST_CHAIN - 1  # one after the other; the last round of `derive` finds that nothing follows


def parse(document: dict[str, Any]) -> Rulebook:
    """Read one rulebook; RulebookError `rulebook_malformed` or a code of `check` when it is wrong."""
    try:
        book = msgspec.convert(document, Rulebook)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        raise RulebookError("rulebook_malformed", path.rstrip("`").lstrip("."), message=message) from error
    check(book)
    return book


def check(book: Rulebook) -> None:
    """What the types cannot say: codes are unique, days exist, bands have no hole, rules name real tiers.

    RulebookError `tiers_missing`, `rulebook_malformed`, `duplicate_code`, `tier_unknown`, `link_to_itself`,
    `agreement_missing`, `requires_itself`, `percent_wrong`, `days_negative`, `upgrade_cycle`, `lock_in_wrong`,
    `months_negative`, `places_negative`, `upgrade_limited`, `renewal_days_wrong`, and those of `fee_checks` and
    `dunning`; `field` is the path in the document.
    """
    if not book.tiers:
        raise RulebookError("tiers_missing", "tiers")
    fee_checks.check_network(book)
    fee_checks.check_day("period.starts", book.period.starts)
    fee_checks.check_day("notice.by", book.notice.by)
    if not 0 <= book.notice.renewal_days <= MOST_RENEWAL_DAYS:
        given, most = book.notice.renewal_days, MOST_RENEWAL_DAYS
        raise RulebookError("renewal_days_wrong", "notice.renewal_days", given=given, most=most)
    dunning.check(book.dunning)
    _unique("tiers", [t.code for t in book.tiers])
    _unique("tiers.rank", [str(t.rank) for t in book.tiers])
    _unique("link_rules", [r.code for r in book.link_rules])
    for tier in book.tiers:
        _unique(f"tiers.{tier.code}.fees", [f.code for f in tier.fees])
        for fee in tier.fees:
            fee_checks.check(book, f"tiers.{tier.code}.fees.{fee.code}", fee)
        if any(requirement.network == book.network for requirement in tier.requires):
            raise RulebookError("requires_itself", f"tiers.{tier.code}.requires.network", given=book.network)
        _check_upgrades(book, tier)
    for rule in book.link_rules:
        _check_rule(book, rule)


def _unique(field: str, codes: Iterable[str]) -> None:
    seen: set[str] = set()
    for code in codes:
        if code in seen:
            raise RulebookError("duplicate_code", field, given=code)
        seen.add(code)


def _check_upgrades(book: Rulebook, tier: Tier) -> None:
    """An event leads to a tier that is there, never back to where it came from; a lock-in has its months."""
    field = f"tiers.{tier.code}"
    _unique(f"{field}.upgrades", [u.event for u in tier.upgrades])
    if tier.places < 0:
        raise RulebookError("places_negative", f"{field}.places", given=tier.places)
    if tier.temporary.months < 0:
        raise RulebookError("months_negative", f"{field}.temporary.months", given=tier.temporary.months)
    for place, upgrade in enumerate(tier.upgrades):
        here = f"{field}.upgrades[{place}]"
        to = book.tier(upgrade.to)
        if to is None:
            raise RulebookError("tier_unknown", f"{here}.to", given=upgrade.to)
        if to.places:
            raise RulebookError("upgrade_limited", f"{here}.to", given=upgrade.to)
        if (upgrade.lock_months > 0) != (upgrade.lock_in == "months"):
            raise RulebookError("lock_in_wrong", f"{here}.lock_months", given=upgrade.lock_months)
        _refuse_round_trip(book, upgrade.to, [tier.code], f"{here}.to")


def _refuse_round_trip(book: Rulebook, code: str, path: list[str], field: str) -> None:
    if code in path:
        raise RulebookError("upgrade_cycle", field, cycle=" -> ".join([*path[path.index(code) :], code]))
    tier = book.tier(code)
    for upgrade in tier.upgrades if tier else ():
        _refuse_round_trip(book, upgrade.to, [*path, code], field)


def _check_rule(book: Rulebook, rule: LinkRule) -> None:
    field = f"link_rules.{rule.code}"
    if rule.places < 0:
        raise RulebookError("places_negative", f"{field}.places", given=rule.places)
    for tier in rule.when.tiers:
        if book.tier(tier) is None:
            raise RulebookError("tier_unknown", f"{field}.when.tiers", given=tier)
    within = rule.grants.network == book.network
    if within and rule.grants.to == "organisation":
        raise RulebookError("link_to_itself", f"{field}.grants.network", given=rule.grants.network)
    if not within and not rule.agreement:
        raise RulebookError("agreement_missing", f"{field}.agreement", network=rule.grants.network)
    if within and book.tier(rule.grants.tier) is None:
        raise RulebookError("tier_unknown", f"{field}.grants.tier", given=rule.grants.tier)
    if rule.fee.policy == "percent" and not 0 <= rule.fee.percent <= 100:
        raise RulebookError("percent_wrong", f"{field}.fee.percent", given=rule.fee.percent)
    if not 0 <= rule.fee.share_percent <= 100:
        raise RulebookError("percent_wrong", f"{field}.fee.share_percent", given=rule.fee.share_percent)
    if rule.policy.grace_days < 0 or rule.policy.notice_days < 0:
        raise RulebookError("days_negative", f"{field}.policy")


def check_links(books: Iterable[Rulebook]) -> None:
    """Across networks: what rules give and levels require exists, and nothing goes in a circle (AC-2g).

    Of a network with several versions the newest and every older one that still holds for members
    from before are looked at. RulebookError `network_unknown`, `tier_unknown`, `rule_cycle` with the cycle
    spelled out, `chain_too_long` with the chain, or `tier_out_of_reach` when levels require each other.
    """
    versions: dict[str, list[Rulebook]] = {}
    for book in sorted(books, key=lambda b: b.version):
        kept = [] if book.effective_from_existing else versions.get(book.network, [])
        versions[book.network] = [*kept, book]
    newest = {network: held[-1] for network, held in versions.items()}
    edges: dict[str, list[str]] = {}  # by rules that build on linked memberships
    entered: set[str] = set()  # where a rule that does not may be the first link of a chain
    for book in (book for held in versions.values() for book in held):
        for rule in book.link_rules:
            field = f"{book.network}.link_rules.{rule.code}.grants"
            _refuse_unknown(newest, field, rule.grants.network, "tier", [rule.grants.tier])
            if rule.policy.through_linked:
                edges.setdefault(book.network, []).append(rule.grants.network)
            else:
                entered.add(rule.grants.network)
        for tier in book.tiers:
            for fee in tier.fees:
                for discount in fee.discounts:
                    field = f"{book.network}.tiers.{tier.code}.fees.{fee.code}.discounts"
                    for network in fee_checks.networks_of(discount):
                        _refuse_unknown(newest, field, network, "tiers", discount.tiers)
            for each in tier.requires:
                field = f"{book.network}.tiers.{tier.code}.requires"
                _refuse_unknown(newest, field, each.network, "tiers", each.tiers)
    for network in sorted(edges):
        _refuse_cycle(network, edges, [], MOST_LINKS - (network in entered))
    _refuse_out_of_reach(newest)


def _refuse_unknown(newest: dict[str, Rulebook], field: str, network: str, part: str, tiers: Iterable[str]) -> None:
    if network not in newest:
        raise RulebookError("network_unknown", f"{field}.network", given=network)
    for tier in tiers:
        if newest[network].tier(tier) is None:
            raise RulebookError("tier_unknown", f"{field}.{part}", given=tier)


def _refuse_cycle(network: str, edges: dict[str, list[str]], path: list[str], most: int) -> None:
    """A chain of rules `through_linked` may not come back to where it was, nor be longer than `most` links."""
    if network in path:
        cycle = [*path[path.index(network) :], network]
        raise RulebookError("rule_cycle", "link_rules", cycle=" -> ".join(cycle))
    if len(path) > most:
        raise RulebookError("chain_too_long", "link_rules", chain=" -> ".join([*path, network]), limit=MOST_LINKS)
    for target in edges.get(network, []):
        _refuse_cycle(target, edges, [*path, network], most)


def _refuse_out_of_reach(newest: dict[str, Rulebook]) -> None:
    """Every level can be taken by somebody: one after the other, or given by a link rule."""
    reached: set[tuple[str, str]] = set()
    levels = {(network, tier.code): tier for network, book in newest.items() for tier in book.tiers}
    while True:
        given = {
            (rule.grants.network, rule.grants.tier)
            for network, book in newest.items()
            for rule in book.link_rules
            if any((network, code) in reached for code in rule.when.tiers or [t.code for t in book.tiers])
        }
        taken = {level for level, tier in levels.items() if all(_met(r, reached) for r in tier.requires)}
        if (given | taken) <= reached:
            break
        reached |= given | taken
    for network, code in sorted(levels.keys() - reached):
        raise RulebookError("tier_out_of_reach", f"{network}.tiers.{code}.requires", tier=code, network=network)


def _met(requirement: Requirement, reached: Iterable[tuple[str, str]]) -> bool:
    return any(
        network == requirement.network and (not requirement.tiers or code in requirement.tiers)
        for network, code in reached
    )
