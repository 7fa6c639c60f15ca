"""What the API's tests share: an application to send, valid organisation numbers, and what a problem must look like."""

from collections.abc import Mapping
from itertools import count
from typing import Any

import httpx
from stdnum.exceptions import ValidationError
from stdnum.no import orgnr

from crm.actions import verify
from crm.context import Context
from crm.store.verify import Difference

NORA, CLAIRE = "nora-industry-network", "claire-innovation-network"
V1 = "/api/v1"
_numbers = count(899_000_000)


def new_orgnr() -> str:
    """A valid number that no organisation of the demo data has."""
    while True:
        number = str(next(_numbers))
        try:
            return orgnr.validate(number)
        except ValidationError:
            continue


def company(**changes: Any) -> dict[str, Any]:
    """A Norwegian company's application as principal partner; `organisation__name="x"` changes a part."""
    body: dict[str, Any] = {
        "network": NORA,
        "tier": "principal",
        "organisation": {
            "name": "Fjellheim Robotikk AS",
            "country": "NO",
            "kind": "company",
            "employees": 42,
            "identifiers": [{"scheme": "no-orgnr", "value": new_orgnr()}],
        },
        "contact": {"name": "Kari Nordmann", "email": "kari@fjellheim.example"},
    }
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = body
        for parent in parents:
            place = place[parent]
        place[last] = value
    return body


async def applied(client: httpx.AsyncClient, headers: Mapping[str, str], **changes: Any) -> dict[str, Any]:
    """An application that was sent."""
    answer = await client.post(f"{V1}/applications", json=company(**changes), headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def approved(
    client: httpx.AsyncClient, headers: Mapping[str, str], starts_on: str = "2027-03-01", **changes: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """An application that was sent and approved: (application, what the approval made)."""
    sent = await applied(client, headers, **changes)
    answer = await client.post(
        f"{V1}/applications/{sent['id']}/approval", json={"starts_on": starts_on}, headers=headers
    )
    assert answer.status_code == 201, answer.text
    return sent, answer.json()


async def memberships(
    client: httpx.AsyncClient, headers: Mapping[str, str], organisation: str, **when: str
) -> dict[str, dict[str, Any]]:
    """An organisation's memberships by network."""
    answer = await client.get(f"{V1}/organisations/{organisation}/memberships", params=when, headers=headers)
    assert answer.status_code == 200, answer.text
    return {item["network"]: item for item in answer.json()["items"]}


async def verified(context: Context) -> list[Difference]:
    """What `crm verify` finds, once all is done that waits for the commit (a test's transaction never commits)."""
    async with context.db.tx() as connection:
        await connection.execute("set constraints all immediate; set constraints all deferred")
    return await verify.run(context)


def problem_of(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The problem, after checking all that every problem must have."""
    assert answer.status_code == status, f"{answer.status_code}: {answer.text}"
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert set(body) == {"type", "title", "status", "detail", "instance", "errors"}
    assert body["type"].startswith("/problems/")
    assert body["status"] == status
    assert body["title"] and body["detail"]
    assert body["instance"].startswith(answer.request.url.path)
    assert body["errors"], "every 4xx names what is wrong"
    for error in body["errors"]:
        assert set(error) == {"field", "pointer", "rule", "message"}
        assert error["field"] and error["rule"] and error["message"].endswith(".")
        assert error["pointer"] in ("", "#/" + error["field"].replace(".", "/"))
    return body


def wrong(answer: httpx.Response, status: int) -> list[tuple[str, str]]:
    """(field, rule) of everything a problem names."""
    return [(e["field"], e["rule"]) for e in problem_of(answer, status)["errors"]]
