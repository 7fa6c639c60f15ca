"""What a members' file comes to, so that it can be held against the system it is from: rows, levels, states, money."""

from collections.abc import Mapping, Sequence
from typing import Any

from crm.import_verdicts import Judged

_SUMS = ("file", "new", "known", "refused", "left_out")
WORDS_MAX = 200  # different words for levels or states that are told apart


class Counts:
    """Grows row by row. Rows read are those stored, those there already, those left out and those refused."""

    def __init__(self, currency: str) -> None:
        self._verdicts: dict[str, int] = {}
        self._levels: dict[str, dict[str, Any]] = {}
        self._states: dict[str, dict[str, int]] = {}
        self._links: dict[str, int] = {}
        self._money = dict.fromkeys(_SUMS, 0)
        self._credits = dict.fromkeys(_SUMS, 0)
        self._currency = currency

    def add(self, judged: Sequence[Judged], links: Mapping[int, Sequence[Mapping[str, str]]]) -> None:
        """More rows, with the linked memberships that follow from each."""
        for each in judged:
            member, verdict = each.member, each.verdict
            self._verdicts[verdict] = self._verdicts.get(verdict, 0) + 1
            self._of(self._levels, member.level_text or member.level, verdict)["level"] = member.level
            if member.status:
                self._of(self._states, member.status, verdict)
            for link in links.get(member.row, ()):
                key = f"{link['network']}/{link['tier']}/{link['rule']}"
                self._links[key] = self._links.get(key, 0) + 1
            _add(self._money, each, each.member.opening, "opening_amount")
            _add(self._credits, each, each.member.credit, "opening_credit")

    def _of(self, groups: dict[str, dict[str, Any]], word: str, verdict: str) -> dict[str, Any]:
        group = groups.setdefault(word if word in groups or len(groups) < WORDS_MAX else "…", {"read": 0})
        group["read"] += 1
        group[verdict] = group.get(verdict, 0) + 1
        return group

    def told(self) -> dict[str, Any]:
        """As it is stored and shown."""
        return {
            "verdicts": self._verdicts,
            "levels": self._levels,
            "states": self._states,
            "links": self._links,
            "money": self._money | {"currency": self._currency} if self._money["file"] else {},
            "credits": self._credits | {"currency": self._currency} if self._credits["file"] else {},
        }


def _add(sums: dict[str, int], each: Judged, amount: int, field: str) -> None:
    if not amount:
        return
    sums["file"] += amount
    told = any(difference.field == field for difference in each.differences)
    fresh = told or (each.verdict == "new" and each.known is None)
    kept = each.verdict in ("new", "change", "same")
    sums[("new" if fresh else "known") if kept else each.verdict] += amount
