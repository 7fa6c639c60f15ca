"""Queue a job in the caller's own transaction: it exists if and only if the change does."""

from datetime import datetime, timedelta

import msgspec
from pgqueuer.db import AsyncpgDriver
from pgqueuer.queries import Queries

from crm.database import Connection


async def enqueue(
    connection: Connection, task: str, items: list[tuple[dict[str, str], datetime | None]], now: datetime | None
) -> None:
    """Queue one job of `task` per (payload, not-before moment); `now` is needed when one of them has a moment."""
    if not items:
        return
    await Queries(AsyncpgDriver(connection)).enqueue(
        [task] * len(items),
        [msgspec.json.encode(payload) for payload, _ in items],
        [0] * len(items),
        [max(after - now, timedelta(0)) if after and now else None for _, after in items],
    )
