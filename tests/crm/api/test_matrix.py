"""Every call of the API with every kind of key, for objects at home and abroad.

No key and a wrong key get 401. A key of another network gets 403 or 404 for whatever the address names of this one, or
a list with nothing of it in; and it changes nothing, whatever the method.
"""

import re
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import httpx
import pytest

from crm.actions import keys
from crm.api import OPERATIONS
from crm.api.operations import PREFIX, Operation

pytestmark = pytest.mark.anyio
OWN, OTHER = "nora-industry-network", "sin-applied-ai"
NOBODYS = "00000000-0000-4000-8000-000000000000"
# What any key may ask about any network: public facts, and prices for somebody who wants to join.
OF_EVERYBODY = {"GET /networks/{slug}", "GET /networks/{slug}/offices", "POST /networks/{slug}/prices"}
# The register of organisations is one: a manager of any network finds one in it (and nothing of its memberships).
OF_MANAGERS = {"GET /organisations/{organisation_id}"}
# These change nothing: what is sent is only compared with what the key may see.
READS_BY_POST = {"POST /networks/{slug}/comparisons"}
CLOSED = (
    403,
    404,
    415,
    422,
)  # 422: what was sent was not even looked at further; the control shows that it is no way in
NAMES = re.compile(r"\{(\w+)\}")


async def _objects(context: Any) -> dict[str, str]:
    """An object of OWN, and of it alone, for each name in a path."""
    async with context.db.tx() as connection:
        row = await connection.fetchrow(
            "select o.id as organisation_id, m.id as membership_id, o.name from membership m join network n"
            " on n.id = m.network_id join organisation o on o.id = m.organisation_id where n.slug = $1"
            " and not exists (select from membership x where x.organisation_id = o.id and x.network_id <> n.id)"
            " and o.family_id = o.id order by o.name limit 1",
            OWN,
        )
        application = await connection.fetchval(
            "select a.id from application a join network n on n.id = a.network_id where n.slug = $1"
            " and a.organisation_id is distinct from $2 order by a.submitted_at limit 1",
            OWN,
            row["organisation_id"],
        )
    named = {name: str(value) for name, value in row.items()}
    return named | {"slug": OWN, "application_id": str(application)}


def _address(operation: Operation, objects: dict[str, str]) -> str:
    return PREFIX + NAMES.sub(lambda found: objects.get(found[1], NOBODYS), operation.path)


async def _ask(client: httpx.AsyncClient, operation: Operation, objects: dict[str, str], key: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    body = {"json": operation.example or {}} if operation.body is not None else {}
    return await client.request(operation.method, _address(operation, objects), headers=headers, **body)


def _holds(answer: httpx.Response, objects: dict[str, str]) -> bool:
    """Is anything of this network in the answer? Spreadsheets are unpacked."""
    content = answer.content
    if content.startswith(b"PK"):
        with ZipFile(BytesIO(content)) as packed:
            content = b"".join(packed.read(name) for name in packed.namelist())
    return any(value.encode() in content for name, value in objects.items() if name != "slug")


def _named(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


@pytest.mark.parametrize("key", ["", "kly_2222222222_" + "A" * 43, "nonsense"])
async def test_without_a_key_nothing_is_answered(client, context, key):
    objects = await _objects(context)
    told = {_named(each): (await _ask(client, each, objects, key)).status_code for each in OPERATIONS}
    assert {name: status for name, status in told.items() if status != 401} == {}


@pytest.mark.parametrize("role", ["manager", "partner"])
async def test_a_key_of_another_network_reaches_nothing_of_this_one(client, context, role):
    objects = await _objects(context)
    _, key = await keys.create(context, "Another network's", role, OTHER)
    about = [each for each in OPERATIONS if set(each.parameters) & set(objects) and _named(each) not in OF_EVERYBODY]
    assert len(about) > 40
    told = {_named(each): await _ask(client, each, objects, key) for each in about}
    answered = {name: answer for name, answer in told.items() if answer.status_code not in CLOSED}
    assert {name for name, answer in answered.items() if answer.status_code != 200} == set()
    assert {name for name in answered if not name.startswith("GET ")} <= READS_BY_POST
    open_to_it = OF_MANAGERS if role == "manager" else set()
    assert {name for name, answer in answered.items() if _holds(answer, objects)} == open_to_it


async def test_the_same_calls_by_the_networks_own_key_are_let_in(client, context, manager_key):
    """The control: what is not found for others is there for those it belongs to."""
    objects = await _objects(context)
    reads = [each for each in OPERATIONS if each.method == "GET" and set(each.parameters) & set(objects)]
    told = {_named(each): await _ask(client, each, objects, manager_key) for each in reads}
    assert sum(answer.status_code == 200 for answer in told.values()) > 12
    assert {name for name, answer in told.items() if answer.status_code in (401, 403)} == set()
    assert _holds(told["GET /organisations/{organisation_id}/memberships"], objects)
