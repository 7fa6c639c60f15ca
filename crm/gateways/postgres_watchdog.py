"""Stops the embedded server when its last user was killed and nobody came back within the grace time.

Runs as `python -m crm.gateways.postgres_watchdog HOME`, one per server and started with it.
Standard library only, to stay small.
"""

import os
import sys
import time
from pathlib import Path

from crm.gateways.postgres import Locks
from crm.gateways.postgres_cluster import Cluster

LONGEST_POLL_SECONDS = 1.0
ABSENT_SECONDS = 3.0  # a server may be on its way up: its starter was killed a moment ago


def watch(home: Path) -> None:
    """Return when the server is gone, or stopped by us."""
    locks, cluster = Locks(home), Cluster(home)
    mine = locks.watch()
    if mine is None:
        return
    unused_since = absent_since = None
    while home.exists():
        with locks.starting():
            now = time.monotonic()
            unused_since = (unused_since or now) if locks.unused() else None
            absent_since = (absent_since or now) if cluster.postmaster_pid() is None else None
            if unused_since and now - unused_since >= locks.read_grace():
                cluster.stop()
                absent_since = now - ABSENT_SECONDS
            if absent_since and now - absent_since >= ABSENT_SECONDS:
                os.close(mine)  # inside the start lock: the next starter sees that nobody watches
                return
        time.sleep(min(LONGEST_POLL_SECONDS, locks.read_grace() / 4))


if __name__ == "__main__":
    watch(Path(sys.argv[1]))
