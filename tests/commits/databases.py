"""Whole databases compared and asked, for tests of backups and of exported instances."""

import asyncio

import asyncpg

from tests.conftest import context_on

# What a system that was put back must say or ask anew, and so is not as it was.
ANEW = {"feed", "feed_epoch", "feed_head", "feed_member", "share", "directory_state", "directory_entry", "audit_head"}
ANEW |= {"member_moved"}


def hashes(dsn: str) -> dict[str, str]:
    async def ask() -> dict[str, str]:
        async with context_on(dsn, size=1) as context, context.db.pool.acquire() as connection:
            rows = await connection.fetch("select tablename from pg_tables where schemaname = 'public'")
            asked = "select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from {} t"
            return {r["tablename"]: await connection.fetchval(asked.format(f'"{r["tablename"]}"')) for r in rows}

    return asyncio.run(ask())


def rows(dsn: str, sql: str) -> list[tuple[object, ...]]:
    async def ask() -> list[tuple[object, ...]]:
        connection = await asyncpg.connect(dsn)
        try:
            return [tuple(row) for row in await connection.fetch(sql)]
        finally:
            await connection.close()

    return asyncio.run(ask())


def run(dsn: str, sql: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(dsn)
        try:
            await connection.execute(sql)
        finally:
            await connection.close()

    asyncio.run(run())
