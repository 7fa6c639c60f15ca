"""Every action that is written to the audit trail has its words."""

import ast
import re
from collections.abc import Iterator

from crm import audit_words
from crm.i18n import translator
from crm.store import activities, contributions, incomes, labels
from tests import house

CODE = re.compile(r"[a-z]+(_[a-z]+)+")
NOT_ACTIONS = {"network_id"}


def _written(source: house.Source) -> Iterator[str]:
    """Codes given to audit.append, or to the helpers of a module that end in it."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("audit.append", "_audit", "_finish"):
            for given in node.args:
                for each in ast.walk(given) if not isinstance(given, ast.Dict) else ():
                    if isinstance(each, ast.Constant) and isinstance(each.value, str) and CODE.fullmatch(each.value):
                        yield each.value


def test_every_action_has_its_words() -> None:
    used = {code for source in house.sources() for code in _written(source)} - NOT_ACTIONS
    assert len(used) > 30
    assert used - set(audit_words.ACTIONS) == set()


def test_what_is_told_taken_back_and_brought_back_has_its_words() -> None:
    nouns = (labels.FACTS, activities.FACTS, contributions.FACTS, contributions.RATES, incomes.FACTS)
    used = {f"{noun.name}_{what}" for noun in nouns for what in ("added", "withdrawn", "restored")}
    assert used - set(audit_words.ACTIONS) == {"in_kind_rate_restored"}, "a rate is set anew, not brought back"


def test_control_an_action_without_words_is_found() -> None:
    made = house.Source("crm.actions.made", "", 'audit.append(connection, actor, "made_up", {}, None)')
    assert list(_written(made)) == ["made_up"]
    assert audit_words.sentence(translator("en"), "made_up") == "made up"
