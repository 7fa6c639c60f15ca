"""Issue 5: clients that others' generators make from our document fetch a network's list, follow it and prove it."""

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from crm.api import OPERATIONS
from crm.api.openapi import document
from tests.conftest import TEMPLATE
from tests.crm.api.serving import served
from tests.crm.api.support import NORA
from tests.judges import clients
from tests.postgres import Server
from tests.seed import Keys

pytestmark = pytest.mark.commits
DOCUMENT = document(OPERATIONS)
NAME = "klynge_generated_clients"
Made = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def address(server: Server, seeded: Keys) -> Iterator[str]:
    with served(server.create_database(NAME, TEMPLATE)) as place:
        yield place
    server.drop_database(NAME)


@pytest.fixture(scope="module", params=[clients.typescript, clients.python], ids=["typescript", "python"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return request.param(DOCUMENT, tmp_path_factory.mktemp("client"))


def leave(address: str, keys: Keys, member: dict[str, Any]) -> None:
    """One member ends at once."""
    answer = httpx.post(
        f"{address}/api/v1/memberships/{member['id']}/endings",
        headers={"authorization": f"Bearer {keys.manager_key}"},
        json={"effective_on": member["starts_on"], "reason": "It was never meant."},
    )
    assert answer.status_code == 201, answer.text


def test_a_generated_client_syncs_and_proves_it(made: Made, address: str, seeded: Keys) -> None:
    key = seeded.partner_keys[NORA]
    begun = made(address, NORA, key, {})
    assert len(begun["members"]) > 14 and begun["differing"] == []  # several pages of 7
    gone = next(each for each in begun["members"].values() if each["origin"] == "direct")
    leave(address, seeded, gone)
    followed = made(address, NORA, key, begun)
    assert gone["id"] not in followed["members"] and followed["differing"] == []
    assert len(followed["members"]) == len(begun["members"]) - 1
    # The control: who ignores that somebody is gone cannot prove it.
    assert made(address, NORA, key, begun, forget=True)["differing"] != []


@pytest.mark.parametrize("generate", [clients.typescript, clients.python])
def test_the_generators_see_a_broken_document(generate: Any, tmp_path: Path) -> None:
    """The control: a type that the program does not expect, and a reference to nowhere."""
    damaged = copy.deepcopy(DOCUMENT)
    damaged["components"]["schemas"]["Changes"]["properties"]["next_cursor"] = {"type": "integer"}
    damaged["components"]["schemas"]["Digest"]["properties"]["buckets"]["items"] = {"$ref": "#/components/schemas/Gone"}
    with pytest.raises(AssertionError):
        generate(damaged, tmp_path)
