"""The job of a pushed list in a process of its own, five rows at a time: `python -m tests.crash.push DSN LIST`."""

import asyncio
import sys
from uuid import UUID

from crm.actions import member_lists
from tests.conftest import context_on

AT_A_TIME = 5


async def main(dsn: str, run: str) -> None:
    """Settle what is left of the list."""
    async with context_on(dsn, size=2) as context:
        await member_lists.settle(context, UUID(run))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
