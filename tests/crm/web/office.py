"""What the office's tests share: a signed-in browser, its token, and organisations of the demo data."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx

from crm.context import Context
from crm.demo import PASSWORD

NORA, CLAIRE = "/n/nora-industry-network", "/n/claire-innovation-network"
EVERYTHING = "demo@klynge.example"
NORA_ONLY = "ingrid@klynge.example"
CLAIRE_ONLY = "claire@klynge.example"


async def sign_in(client: httpx.AsyncClient, email: str = EVERYTHING, language: str = "en") -> None:
    """Sign this client in; its cookie jar then holds the session."""
    client.cookies.set("lang", language)
    answer = await client.post("/sign-in", data={"email": email, "password": PASSWORD})
    assert answer.status_code == 303, answer.text


async def token(client: httpx.AsyncClient, path: str = "/account") -> str:
    """The session's CSRF token, as any page of it shows."""
    found = re.search(r'name="_csrf_token" value="([^"]+)"', (await client.get(path)).text)
    assert found, "no token on the page"
    return found[1]


async def send(client: httpx.AsyncClient, path: str, **fields: Any) -> httpx.Response:
    """Send a form with the token, as the page would."""
    return await client.post(path, data={"_csrf_token": await token(client), **fields})


@asynccontextmanager
async def other_browser(client: httpx.AsyncClient, email: str) -> AsyncIterator[httpx.AsyncClient]:
    """A second browser on the same application, signed in as somebody else."""
    async with httpx.AsyncClient(transport=client._transport, base_url=client.base_url) as second:
        await sign_in(second, email)
        yield second


async def member(context: Context, name: str, network: str = "nora-industry-network") -> tuple[UUID, UUID]:
    """(organisation, membership) of a member of the demo data."""
    async with context.db.tx() as connection:
        row = await connection.fetchrow(
            "select o.id, m.id as membership from organisation o join membership m on m.organisation_id = o.id"
            " join network n on n.id = m.network_id where o.name = $1 and n.slug = $2",
            name,
            network,
        )
    assert row, name
    return row["id"], row["membership"]


async def application(context: Context, name: str) -> UUID:
    """The application of an organisation of the demo data."""
    async with context.db.tx() as connection:
        found = await connection.fetchval(
            "select id from application where answers -> 'organisation' ->> 'name' = $1", name
        )
    assert found, name
    return found


async def count(context: Context, statement: str, *values: Any) -> int:
    """A number from the database."""
    async with context.db.tx() as connection:
        return await connection.fetchval(statement, *values)


def text(answer: httpx.Response) -> str:
    """What a reader reads: the page without tags, spaces made one."""
    body = re.sub(r"(?s)<(script|style).*?</\1>|<[^>]+>", " ", answer.text)
    plain = body.replace("&nbsp;", " ").replace("\N{NO-BREAK SPACE}", " ").replace("&#39;", "'").replace("&amp;", "&")
    return re.sub(r"\s+([.,;:])", r"\1", " ".join(plain.split()))
