"""Store an import of members in this process: python -m tests.crash.take_in DSN IMPORT."""

import asyncio
import sys
from uuid import UUID

from crm.actions import member_imports
from tests.conftest import context_on


async def main(dsn: str, wanted: str) -> None:
    """The job, as the worker runs it."""
    async with context_on(dsn, size=2) as context:
        await member_imports.load(context, UUID(wanted))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
