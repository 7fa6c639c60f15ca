"""An independent judge sends thousands of good and bad requests and finds nothing; and it would find something."""

from pathlib import Path

import msgspec
import pytest

from crm import api
from crm.api import OPERATIONS, docs, health
from crm.api.operations import Call, Operation, routes_of
from tests.crm.api.serving import judged, served
from tests.seed import Keys

pytestmark = pytest.mark.commits
EXAMPLES = "3"  # at random for each operation, beside all that the document makes it think of
FEWEST_CASES = 8000


def test_schemathesis_finds_nothing(own_database: str, seeded: Keys, tmp_path: Path) -> None:
    with served(own_database) as address:
        verdict = judged(address, seeded.manager_key, own_database, tmp_path, "--max-examples", EXAMPLES)
    assert verdict.code == 0, verdict.words
    assert verdict.cases >= FEWEST_CASES, "a judge that asked little proves little"


class Anything(msgspec.Struct, frozen=True):
    """Query parameters that nobody checks."""

    limit: str = "1"
    cursor: str | None = None


async def _without_levels(call: Call) -> dict[str, str]:
    return {"slug": "nora", "name": "NORA"}


async def _broken(call: Call) -> dict[str, int]:
    return {"tiers": 1 // 0}


async def _loose(call: Call) -> dict[str, object]:
    return {"items": [], "next_cursor": None, "has_more": False}


FAULTS = {
    "an answer without its fields": ("show_network", {"run": _without_levels}, "violates schema"),
    "a failure of ours": ("show_network", {"run": _broken}, "Server error"),
    "parameters that are not checked": (
        "list_networks",
        {"query": Anything, "run": _loose},
        "Schema-violating request accepted",
    ),
}


def _with_fault(name: str) -> list[Operation]:
    wrong, change, _ = FAULTS[name]
    return [msgspec.structs.replace(o, **change) if o.id == wrong else o for o in OPERATIONS]


@pytest.mark.parametrize("name", FAULTS)
def test_schemathesis_reports_a_service_with_a_fault(
    name: str, own_database: str, seeded: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the true document, one handler that breaks it."""
    faulty = [*health.handlers, *docs.handlers(OPERATIONS), *routes_of(_with_fault(name))]
    monkeypatch.setattr(api, "handlers", faulty)
    with served(own_database) as address:
        verdict = judged(
            *(address, seeded.manager_key, own_database, tmp_path),
            *("--max-examples", "5", "--include-operation-id", FAULTS[name][0]),
        )
    assert verdict.code == 1, verdict.words
    assert FAULTS[name][2].lower() in verdict.words.lower(), verdict.words
