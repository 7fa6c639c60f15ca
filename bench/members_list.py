"""The list of 50 members by API, as a program asks for it: key, tenant wall, one page of JSON.

Two baselines, in the same run, both bare Litestar routes (asyncpg, msgspec; no key, wall, cursor or errors):
`same` gives the same answer from the same statement, so the ratio is what our layers cost; `thin` gives ten
plain columns of 50 rows, without identifiers, the profile of the day or unbroken stretches.
All are served by uvicorn, one worker, on 127.0.0.1. Run: python -m bench.members_list [requests]
"""

import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import msgspec
import uvicorn
from litestar import Litestar, get
from litestar.datastructures import State

from bench.setting import NOW, SETTINGS, seeded
from crm.app import create_app
from crm.reads import members

AT_ONCE = 16
NETWORK = "nce-smart-energy-markets"  # 72 members
ROUNDS = 5


class Row(msgspec.Struct):
    """What the bare route answers."""

    id: UUID
    name: str
    kind: str
    country: str
    website: str
    tier: str
    status: str
    origin: str
    starts_on: str
    ends_on: str | None


@get("/same")
async def same(state: State) -> list[members.Member]:
    """The same answer without anything around it."""
    async with state.pool.acquire() as connection:
        page = await members.page(connection, NETWORK, None, NOW, None)
    return page.members


@get("/thin")
async def thin(state: State) -> list[Row]:
    """Ten columns of the same rows."""
    async with state.pool.acquire() as connection:
        rows = await connection.fetch(
            "select p.membership_id as id, o.name, f.kind, f.country, o.website, p.tier, p.status, p.origin,"
            " p.starts_on::text, p.ends_on::text from membership_period p"
            " join organisation o on o.id = p.organisation_id"
            " join organisation_profile f on f.organisation_id = o.id and f.superseded_at is null"
            " where p.network_id = $1 and p.superseded_at is null and p.ends_on is null"
            " order by p.organisation_id limit 50",
            state.network,
        )
    return [Row(**dict(row)) for row in rows]


async def main(requests: int) -> None:
    """Ask both in turn, several rounds, so that a drifting machine drifts for both."""
    async with seeded() as (context, keys):
        async with context.db.tx() as connection:
            await connection.execute("analyze")
            network = await connection.fetchval("select id from network where slug = $1", NETWORK)
        plain = Litestar([same, thin], state=State({"pool": context.db.pool, "network": network}), openapi_config=None)
        async with served(create_app(SETTINGS, context)) as ours, served(plain) as theirs:
            key = f"Authorization: Bearer {keys.manager_key}\r\n"
            to_same, to_thin = [], []
            for round_ in range(ROUNDS + 1):
                a = await rate(ours, f"/api/v1/networks/{NETWORK}/members?limit=50", key, requests)
                b = await rate(theirs, "/same", "", requests)
                c = await rate(theirs, "/thin", "", requests)
                if round_:  # the first warms all of them up
                    to_same.append(a / b)
                    to_thin.append(a / c)
                    print(f"  members by API {a:6.0f} /s   same answer {b:6.0f} /s   thin rows {c:6.0f} /s")
        print(
            f"median ratio to the same answer {statistics.median(to_same):.2f}, to thin rows"
            f" {statistics.median(to_thin):.2f}; {AT_ONCE} at once, {requests} requests a round"
        )


@asynccontextmanager
async def served(app: Litestar) -> AsyncIterator[int]:
    """Serve an app on a free port in this event loop; gives the port."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", access_log=False))
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn tells by a flag only
        await asyncio.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await task


async def rate(port: int, path: str, header: str, requests: int) -> float:
    """Requests a second over kept connections; every answer must be 200."""
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{header}\r\n".encode()
    each = requests // AT_ONCE

    async def caller() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(each):
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(head.decode())
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
        writer.close()

    start = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(AT_ONCE)))
    return each * AT_ONCE / (time.perf_counter() - start)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1600))
