"""An independent judge of SCIM services (scim2-cli 0.6, scim2-tester 0.5) on the served application, and its control.

The judge fills every attribute it may write with random values. It is told which ones there are: our own schema, with
valid organisation numbers as values of `identifiers`, kinds that the network's level takes, and its country.
"""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import httpx2
import pytest
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_models import InvalidFilterException, PreconditionFailedException

from crm.actions import keys
from crm.api import scim_patches
from crm.api.scim_resources import Selection
from tests.conftest import TEMPLATE, context_on
from tests.crm.api.scim import SCHEMA, V2, bearer
from tests.crm.api.serving import served
from tests.crm.api.support import new_orgnr
from tests.postgres import Server
from tests.seed import Keys

pytestmark = pytest.mark.commits
NETWORK = "nora"
DATABASE = "klynge_scim"
NUMBERS = 500  # so many that no two are drawn alike with this seed
SEED = "7"
LEAST_CHECKS = 36
_VERDICT = re.compile(r"^(?:\x1b\[\d+m)?(SUCCESS|ERROR|SKIPPED|[A-Z]{5,})(?:\x1b\[0m)? (\w+)", re.MULTILINE)


class Service(NamedTuple):
    """Where it is, and the key of a network's own system."""

    address: str
    key: str


async def made(dsn: str) -> str:
    async with context_on(dsn) as context:
        _, key = await keys.create(context, "The network's own system", "partner", NETWORK, scopes=["members"])
        return key


@pytest.fixture(scope="module")
def service(server: Server, seeded: Keys) -> Iterator[Service]:
    dsn = server.create_database(DATABASE, TEMPLATE)
    key = asyncio.run(made(dsn))
    with served(dsn) as address:
        yield Service(address, key)
    server.drop_database(DATABASE)


def judged(address: str, key: str, folder: Path) -> tuple[int, Counter[str], str]:
    """The judge's exit status, how many checks ended how, and its words."""
    found = httpx.get(f"{address}{V2}/Schemas", headers=bearer(key)).json()["Resources"]
    types = httpx.get(f"{address}{V2}/ResourceTypes", headers=bearer(key)).json()["Resources"]
    own = next(each for each in found if each["id"] == SCHEMA)
    named = {each["name"]: each for each in own["attributes"]}
    named["identifiers"]["canonicalValues"] = [f"no-orgnr:{new_orgnr()}" for _ in range(NUMBERS)]
    parts = {each["name"]: each for each in named["organisation"]["subAttributes"]}
    parts["kind"]["canonicalValues"], parts["country"]["canonicalValues"] = ["university"], ["NO"]
    schemas, kinds = folder / "schemas.json", folder / "types.json"
    schemas.write_text(json.dumps(found))
    kinds.write_text(json.dumps(types))
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.crm.api.scim_judge",
            SEED,
            "-u",
            address + V2,
            "-s",
            schemas,
            "-r",
            kinds,
            "test",
        ],
        env={**os.environ, "SCIM_CLI_HEADERS": f"Authorization: Bearer {key}"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    words = done.stdout + done.stderr
    return done.returncode, Counter(verdict for verdict, _ in _VERDICT.findall(words)), words


def test_the_judge_is_content(service: Service, tmp_path: Path) -> None:
    code, counts, words = judged(service.address, service.key, tmp_path)
    assert code == 0, words
    assert set(counts) == {"SUCCESS"}, words
    assert counts["SUCCESS"] >= LEAST_CHECKS, words


def test_control_a_service_that_ignores_patches_and_leaves_out_what_is_asked_for(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scim_patches, "patched", lambda now, _: now)
    monkeypatch.setattr(Selection, "take", lambda _, resource: {name: resource[name] for name in ("schemas", "id")})
    code, counts, words = judged(service.address, service.key, tmp_path)
    assert code == 1
    red = {name for verdict, name in _VERDICT.findall(words) if verdict == "ERROR"}
    assert red >= {"check_add_attribute", "check_remove_attribute", "check_replace_attribute"}, words
    assert red >= {"object_query_with_attributes", "object_list_with_attributes", "search_with_attributes"}, words
    assert counts["SUCCESS"] > counts["ERROR"] > 0


def test_an_independent_client_filters_pages_and_is_told_of_changes(service: Service) -> None:
    """scim2-client, which knows nothing of us but what our service says of itself."""
    with httpx2.Client(base_url=service.address + V2, headers=bearer(service.key)) as line:
        client = SyncSCIMClient(line)
        client.discover()
        membership = client.get_resource_model("Membership")
        assert membership is not None
        whole = client.query(membership, query_parameters={"count": 1000})
        members = whole.resources
        assert len(members) == whole.total_results > 5
        # filters
        name = members[3].organisation.name
        found = client.query(membership, query_parameters={"filter": f'organisation.name eq "{name.upper()}"'})
        assert [each.id for each in found.resources] == [members[3].id]
        with pytest.raises(InvalidFilterException):
            client.query(membership, query_parameters={"filter": "organisation.name likes you"})
        # pages, by index and by cursor
        second = client.query(membership, query_parameters={"startIndex": 3, "count": 2})
        assert [each.id for each in second.resources] == [each.id for each in members[2:4]]
        listed, cursor = [], ""
        while cursor is not None:
            page = client.query(membership, query_parameters={"cursor": cursor, "count": 2})
            listed += page.resources
            cursor = page.next_cursor
        assert [each.id for each in listed] == [each.id for each in members]
        # versions
        one = client.query(membership, members[0].id)
        assert client.query(one) is one, "304: nothing new"
        one.external_id = "our-number-1"
        new = client.replace(one)
        assert (new.external_id, new.meta.version != one.meta.version) == ("our-number-1", True)
        one.external_id = "our-number-2"
        with pytest.raises(PreconditionFailedException):
            client.replace(one)
        assert client.query(membership, one.id).external_id == "our-number-1"
