"""Named points at which a test may kill the process: `KLYNGE_CRASH_AT=name` (tests/crash).

Unset (always, outside those tests) a point costs one comparison.
"""

import os
import signal

CRASH_AT = os.environ.get("KLYNGE_CRASH_AT", "")


def point(name: str) -> None:
    """Die here, at once and without clean-up, when a test asked for it."""
    if CRASH_AT and name == CRASH_AT:
        os.kill(os.getpid(), signal.SIGKILL)
