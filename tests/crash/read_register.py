"""The jobs of the register in this process: python -m tests.crash.read_register DSN FOLDER file|bulk ID."""

import asyncio
import sys
from pathlib import Path
from uuid import UUID

import msgspec

from crm.actions import profiles, register, register_bulks, register_differences, register_runs
from crm.context import Context
from tests.conftest import context_on

DEEDS = register_bulks.Deeds(register_differences.take_over, profiles.tell, profiles.take_back)


def in_folder(context: Context, folder: Path) -> Context:
    """The context with another data directory."""
    return msgspec.structs.replace(context, settings=msgspec.structs.replace(context.settings, data_dir=folder))


async def main(dsn: str, folder: str, what: str, wanted: str) -> None:
    """One of them, as the worker runs it."""
    async with context_on(dsn, size=2) as opened:
        context = in_folder(opened, Path(folder))
        if what == "file":
            await register_runs.settle(context, UUID(wanted), register.read)
        else:
            await register_bulks.settle(context, UUID(wanted), DEEDS)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
