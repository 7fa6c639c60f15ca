"""What a rule can refuse. No HTTP, no language: a code, the field it is about, and values.

`crm/words.py` turns the code into a sentence (nb, en); `crm/errors.py` gives it a status.
"""

from typing import Any


class RuleViolation(Exception):
    """A rule was broken by what was asked for.

    `code` is stable (documented in docs/api.md), `field` is the input's name, `params` are
    the values the sentence needs (dates, limits, what was given).
    """

    def __init__(self, code: str, field: str = "", **params: Any) -> None:
        super().__init__(f"{code} ({field}): {params}")
        self.code = code
        self.field = field
        self.params = params


class RulebookError(RuleViolation):
    """A rulebook cannot be used as it stands; `field` is the path inside the document."""
