"""What every command shares: the option for the data, the console, and work on an opened database."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from crm import logs, serving
from crm.actor import Actor
from crm.context import Context
from crm.settings import Settings, from_environment

T = TypeVar("T")
Told = Callable[[int, int], None]

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Where the embedded database lives. Not used when DATABASE_URL is set."),
]
OPERATOR = Actor("Command line", "cli")

out = Console(highlight=False, soft_wrap=True)
err = Console(highlight=False, soft_wrap=True, stderr=True)


def settings_for(data_dir: Path | None) -> Settings:
    """Settings from the environment, with the data directory of the command line; starts the logs."""
    settings = from_environment()
    logs.configure(settings.log_level)
    return msgspec.structs.replace(settings, data_dir=data_dir) if data_dir else settings


def on_database(data_dir: Path | None, work: Callable[[Context], Awaitable[T]], keys: bool = True) -> T:
    """Open the database, do the work, close it again. `keys`: only with all that stored secrets are sealed with."""
    with serving.database(settings_for(data_dir)) as settings:
        return asyncio.run(_work(settings, work, keys))


async def _work(settings: Settings, work: Callable[[Context], Awaitable[T]], keys: bool) -> T:
    async with serving.opened(settings, keys=keys) as context:
        return await work(context)


@contextmanager
def progress(what: str) -> Iterator[Told]:
    """A bar on a terminal, nothing elsewhere."""
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
