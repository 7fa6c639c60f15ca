"""Commands as processes of their own: started, waited for, signalled, and never left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).parents[1]
END_SECONDS = 30.0


def environment(**given: str) -> dict[str, str]:
    """Ours, without what somebody's own shell may say about databases."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KLYNGE_", "DATABASE_URL"))}
    return {**kept, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", **given}


class Running:
    """A command that goes on until it is told to stop."""

    def __init__(self, *arguments: object, ready: str, **given: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "crm", *map(str, arguments)],
            env=environment(**given),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.shown = ""
        assert self.process.stdout
        for line in self.process.stdout:
            self.shown += line
            if ready in line:
                return
        raise AssertionError(f"never said {ready!r}:\n{self.shown}")

    def stop(self, number: int = signal.SIGINT) -> tuple[int, float]:
        """Exit code, and how many seconds it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=END_SECONDS)
        self.shown += rest
        return self.process.returncode, time.monotonic() - began

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def __enter__(self) -> "Running":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
