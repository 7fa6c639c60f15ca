"""A rulebook document (TOML as a dict) becomes a checked Rulebook, or a refusal that names the field."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import msgspec

from cluster_rules.errors import RulebookError
from cluster_rules.networks import FeeComponent, LinkRule, Rulebook


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
    """What the types cannot say: codes are unique, bands have no hole, rules name real tiers."""
    if not book.tiers:
        raise RulebookError("tiers_missing", "tiers")
    _unique("tiers", [t.code for t in book.tiers])
    _unique("tiers.rank", [str(t.rank) for t in book.tiers])
    _unique("link_rules", [r.code for r in book.link_rules])
    for tier in book.tiers:
        _unique(f"tiers.{tier.code}.fees", [f.code for f in tier.fees])
        for fee in tier.fees:
            _check_fee(f"tiers.{tier.code}.fees.{fee.code}", fee)
    for rule in book.link_rules:
        _check_rule(book, rule)


def _unique(field: str, codes: Iterable[str]) -> None:
    seen: set[str] = set()
    for code in codes:
        if code in seen:
            raise RulebookError("duplicate_code", field, given=code)
        seen.add(code)


def _check_fee(field: str, fee: FeeComponent) -> None:
    if fee.basis == "fixed":
        if fee.bands or fee.amount < 0:
            raise RulebookError("fixed_fee_wrong", field, amount=fee.amount)
        return
    if not fee.bands or fee.bands[0].from_ != 0:
        raise RulebookError("bands_hole", field, at=0)
    for left, right in pairwise(fee.bands):
        if left.below != right.from_:
            raise RulebookError("bands_hole", field, at=left.below)
    if fee.bands[-1].below is not None:
        raise RulebookError("bands_hole", field, at=fee.bands[-1].below)


def _check_rule(book: Rulebook, rule: LinkRule) -> None:
    field = f"link_rules.{rule.code}"
    for tier in rule.when.tiers:
        if book.tier(tier) is None:
            raise RulebookError("tier_unknown", f"{field}.when.tiers", given=tier)
    if rule.grants.network == book.network:
        raise RulebookError("link_to_itself", f"{field}.grants.network", given=rule.grants.network)
    if rule.fee.policy == "percent" and not 0 <= rule.fee.percent <= 100:
        raise RulebookError("percent_wrong", f"{field}.fee.percent", given=rule.fee.percent)
    if rule.policy.grace_days < 0 or rule.policy.notice_days < 0:
        raise RulebookError("days_negative", f"{field}.policy")


def check_links(books: Iterable[Rulebook]) -> None:
    """Across networks: every rule's target tier exists, and chained rules form no cycle (AC-2g)."""
    newest = {b.network: b for b in sorted(books, key=lambda b: b.version)}
    edges: dict[str, list[str]] = {}
    for book in newest.values():
        for rule in book.link_rules:
            target = newest.get(rule.grants.network)
            field = f"{book.network}.link_rules.{rule.code}.grants"
            if target is None:
                raise RulebookError("network_unknown", f"{field}.network", given=rule.grants.network)
            if target.tier(rule.grants.tier) is None:
                raise RulebookError("tier_unknown", f"{field}.tier", given=rule.grants.tier)
            if rule.policy.through_linked:
                edges.setdefault(book.network, []).append(rule.grants.network)
    for network in sorted(edges):
        _refuse_cycle(network, edges, [])


def _refuse_cycle(network: str, edges: dict[str, list[str]], path: list[str]) -> None:
    if network in path:
        cycle = [*path[path.index(network) :], network]
        raise RulebookError("rule_cycle", "link_rules", cycle=" -> ".join(cycle))
    for target in edges.get(network, []):
        _refuse_cycle(target, edges, [*path, network])
