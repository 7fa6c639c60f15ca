"""The job queue's own tables (pgqueuer): what must not grow for ever. They are made in crm/migrate.py."""

from pgqueuer.db import AsyncpgDriver
from pgqueuer.queries import Queries

from crm.database import Connection


async def forget_finished(connection: Connection, days: int) -> int:
    """Delete the log and statistics of jobs older than DAYS; how many rows that were."""
    names = Queries(AsyncpgDriver(connection)).qbe.qualified
    total = 0
    for table in (names.queue_table_log, names.statistics_table):
        done = await connection.execute(f"delete from {table} where created < now() - make_interval(days => $1)", days)
        total += int(done.split()[-1])
    return total
