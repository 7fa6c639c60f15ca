"""Dunning: which step an unpaid invoice takes next, by the rulebook's own ladder (domain.md 4.5, ADR 0016).

A step is due so many calendar days after the due date (weekends and holidays count: a due date was chosen
knowing them), never before the steps below it, never twice, never backwards; while the payer disputes,
while a person paused it or while a decision waits, nothing is due. Nothing here ends or suspends a
membership: a `suspension` is put before a person, or recorded as a decision where the rulebook says so (M9).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Literal

import msgspec

from cluster_rules.components import Data
from cluster_rules.errors import RulebookError

StepKind = Literal["reminder", "collection_notice", "suspension", "export"]
Outcome = Literal["done", "waiting", "declined"]
Held = Literal["paid", "disputed", "paused", "decision", "over", "early"]
ONCE: tuple[StepKind, ...] = ("collection_notice", "suspension", "export")
# A collection notice gives at least 14 days to pay before the claim goes on (inkassoloven § 9).
LEAST_NOTICE_DAYS = 14
MOST_DAYS = 3660
MOST_STEPS = 20


class DunningStep(Data, frozen=True):
    """One step: `after_days` calendar days after the due date; `fee` minor units, outside VAT (it is no sale).

    `notice_days` of a reminder or collection notice: how long it gives to pay. `interest` and `compensation`
    only on a collection notice. `by` of a suspension or export: a person decides, or the rule itself.
    """

    kind: StepKind
    after_days: int
    fee: int = 0
    vat: Literal["outside"] = "outside"
    notice_days: int = LEAST_NOTICE_DAYS
    interest: bool = False
    compensation: bool = False
    by: Literal["person", "rule"] = "person"

    @property
    def writes(self) -> bool:
        """Does the payer get a letter?"""
        return self.kind in ("reminder", "collection_notice")


class Taken(msgspec.Struct, frozen=True):
    """A step that was taken `on` a day, at `after_days` of the ladder as it was then."""

    key: str
    after_days: int
    on: date
    outcome: Outcome = "done"


class Overdue(msgspec.Struct, frozen=True):
    """What is known of an invoice. `principal` is what is owed of what was billed, without what dunning claimed.

    `owed_again_on`: the day on which money went back (a refund, a lost dispute), so that it was owed anew.
    `notice_until`: the last day to pay by a collection notice that was sent; without one nothing goes to a collector.
    `paused_until` is the first day after a pause; `paused` without it: until somebody resumes.
    """

    due_on: date
    principal: int
    disputed: bool = False
    paused: bool = False
    paused_until: date | None = None
    owed_again_on: date | None = None
    notice_until: date | None = None
    taken: tuple[Taken, ...] = ()


class Next(msgspec.Struct, frozen=True):
    """The step that comes next, what it is known by for this invoice, and from which day."""

    step: DunningStep
    key: str
    due: date


class Nothing(msgspec.Struct, frozen=True):
    """Nothing is due: why, and the step that will be, if one is left."""

    why: Held
    after: Next | None = None


def check(steps: Sequence[DunningStep]) -> None:
    """RulebookError `dunning_order`, `dunning_once`, `dunning_fee`, `dunning_claims`, `dunning_notice`, `dunning_days`.

    `field` is the path in the document (`dunning[1].fee`).
    """
    if len(steps) > MOST_STEPS:
        raise RulebookError("dunning_days", f"dunning[{MOST_STEPS}]", limit=MOST_STEPS)
    before: DunningStep | None = None
    for place, step in enumerate(steps):
        field = f"dunning[{place}]"
        if not 1 <= step.after_days <= MOST_DAYS:
            raise RulebookError("dunning_days", f"{field}.after_days", limit=MOST_DAYS)
        if before and step.after_days <= before.after_days:
            raise RulebookError("dunning_order", f"{field}.after_days", given=step.after_days)
        if step.kind in ONCE and any(other.kind == step.kind for other in steps[:place]):
            raise RulebookError("dunning_once", f"{field}.kind", given=step.kind)
        _check_claims(field, step)
        before = step
    _check_export(steps)


def _check_claims(field: str, step: DunningStep) -> None:
    if step.fee < 0 or (step.fee and not step.writes):
        raise RulebookError("dunning_fee", f"{field}.fee", given=step.fee)
    for name in ("interest", "compensation"):
        if getattr(step, name) and step.kind != "collection_notice":
            raise RulebookError("dunning_claims", f"{field}.{name}")
    if step.fee and step.compensation:
        raise RulebookError("dunning_fee", f"{field}.fee", given=step.fee)
    if step.by == "rule" and step.writes:
        raise RulebookError("dunning_claims", f"{field}.by")
    least = LEAST_NOTICE_DAYS if step.kind == "collection_notice" else 1
    if step.writes and not least <= step.notice_days <= MOST_DAYS:
        raise RulebookError("dunning_notice", f"{field}.notice_days", given=step.notice_days, least=least)


def _check_export(steps: Sequence[DunningStep]) -> None:
    """A claim goes to a collector only after a collection notice and the days it gave."""
    place = next((n for n, step in enumerate(steps) if step.kind == "export"), None)
    if place is None:
        return
    notice = next((step for step in steps[:place] if step.kind == "collection_notice"), None)
    if notice is None or steps[place].after_days < notice.after_days + notice.notice_days:
        least = notice.after_days + notice.notice_days if notice else LEAST_NOTICE_DAYS
        raise RulebookError(
            "dunning_notice", f"dunning[{place}].after_days", given=steps[place].after_days, least=least
        )


def keys(steps: Iterable[DunningStep]) -> list[str]:
    """What the steps of a ladder are known by: reminder-1, reminder-2, collection_notice-1."""
    seen: Counter[str] = Counter()
    out = []
    for step in steps:
        seen[step.kind] += 1
        out.append(f"{step.kind}-{seen[step.kind]}")
    return out


def next_step(steps: Sequence[DunningStep], about: Overdue, day: date) -> Next | Nothing:
    """The step due on `day`, or why none is.

    The lowest step above the highest one taken; it keeps its distance to that one, counted from the day
    that was really taken, and starts anew with the day the money was owed again.
    """
    found = _above(steps, about)
    if about.principal <= 0:
        return Nothing("paid", found)
    if about.disputed:
        return Nothing("disputed", found)
    if about.paused and (about.paused_until is None or day < about.paused_until):
        return Nothing("paused", found)
    if any(each.outcome == "waiting" for each in about.taken):
        return Nothing("decision", found)
    if found is None:
        return Nothing("over")
    return found if found.due <= day else Nothing("early", found)


def _above(steps: Sequence[DunningStep], about: Overdue) -> Next | None:
    taken = {each.key for each in about.taken}
    last = max(about.taken, key=lambda each: (each.after_days, each.on), default=None)
    floor = last.after_days if last else 0
    since = max(about.due_on, about.owed_again_on or about.due_on)
    for step, key in zip(steps, keys(steps), strict=True):
        if step.after_days > floor and key not in taken:
            if step.kind == "export" and about.notice_until is None:
                return None
            due = since + timedelta(days=step.after_days)
            if last:
                distance = timedelta(days=step.after_days - last.after_days)
                due = max(about.due_on + timedelta(days=step.after_days), max(last.on, since) + distance)
            if step.kind == "export" and about.notice_until:
                due = max(due, about.notice_until + timedelta(days=1))
            return Next(step, key, due)
    return None
