"""Rounds of kill -9 at random moments under a load of money: `python -m tests.crash.rounds --rounds 300 --seed 1`.

Each round a process issues, takes payments, credits and imports bank files, six stories at once (tests/crash/plan.py),
until it is killed 0 to 500 ms after its first answer; in some rounds the database server is killed before it (`-m
immediate`) and comes back. What was told as done is looked for after each round, all else in the end. The moments are
the seed's.
"""

import argparse
import asyncio
import logging
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import Any

import msgspec

from crm.clock import FixedClock
from crm.context import Context
from crm.gateways.postgres import EmbeddedPostgres
from crm.gateways.postgres_cluster import Cluster
from crm.gateways.stripe import Accounts
from tests.conftest import NOW, SETTINGS, context_on
from tests.crash import load, round_checks
from tests.crash.load import Order
from tests.crash.plan import story
from tests.crash.teller import Known
from tests.crm.cards import bring, provider
from tests.fakes.stripe import Fake
from tests.postgres import FAST, temporary_place
from tests.processes import ROOT, environment
from tests.seed import seed as load_demo

MOST_MS = 500
VERIFY_EVERY = 25
END_SECONDS = 150  # on a machine that is busy with other things as well
SERVER_GONE_SECONDS = 20
GOES_ON_SECONDS = 0.3  # after the server is back, before the process is killed as well
# Unlike in other tests a commit counts only once it is written: the server is killed, too.
WRITTEN = FAST | {"synchronous_commit": "on"}


class Figures(msgspec.Struct):
    """What happened in all rounds."""

    rounds: int = 0
    restarts: int = 0
    told: int = 0
    finished: set[int] = msgspec.field(default_factory=set)
    statuses: Counter[int] = msgspec.field(default_factory=Counter)
    back_after: list[float] = msgspec.field(default_factory=list)
    wrong: list[str] = msgspec.field(default_factory=list)
    seconds: float = 0.0
    last: int = 0
    known: Known = msgspec.field(default_factory=dict)  # of unfinished stories


class Heard(msgspec.Struct):
    """What one process said before it died."""

    has: dict[str, set[str]] = msgspec.field(default_factory=dict)
    code: int = 0


class Zygote:
    """The process that forks the others, and what they say."""

    def __init__(self, process: asyncio.subprocess.Process, figures: Figures) -> None:
        self.process, self.figures = process, figures
        self.pid = 0
        self.moved = asyncio.Event()  # something was done

    async def run(self, order: Order, answered: Callable[[int], None]) -> Heard:
        """One process from birth to death; `answered` is called with how many answers it has got by now."""
        assert self.process.stdin
        answers = 0
        self.process.stdin.write(msgspec.json.encode(order) + b"\n")
        heard = Heard()
        async with asyncio.timeout(END_SECONDS):
            while (said := await self._line()) is not None:
                if "died" in said:
                    heard.code = said["died"]
                    return heard
                self.pid = said.get("born", self.pid)
                if "status" in said:
                    answers += 1
                    answered(answers)
                self._note(said, heard)
        raise AssertionError("the zygote has died")

    async def _line(self) -> dict[str, Any] | None:
        assert self.process.stdout
        line = await self.process.stdout.readline()
        return msgspec.json.decode(line) if line else None

    def _note(self, said: dict[str, Any], heard: Heard) -> None:
        figures = self.figures
        if "status" in said:
            figures.statuses[said["status"]] += 1
            if said["status"] < 300:
                self.moved.set()
        elif "finished" in said:
            figures.finished.add(said["finished"])
            figures.known.pop(said["finished"], None)
        elif "has" in said:
            figures.told += 1
            figures.last = max(figures.last, said["story"])
            figures.known.setdefault(said["story"], {})[said["step"]] = said["has"]
            for what, each in said["has"].items():
                heard.has.setdefault(what, set()).add(each)
        elif "wrong" in said:
            figures.wrong.append(said["wrong"])

    def kill(self) -> None:
        """As `kill -9` does it."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


class Server:
    """A database server of one's own that may be killed."""

    def __init__(self, embedded: EmbeddedPostgres) -> None:
        self.cluster = Cluster(embedded.home, WRITTEN)

    def restart(self) -> None:
        """Immediate: no goodbye to anybody, then up again by crash recovery. Blocks."""
        pid = self.cluster.postmaster_pid()
        assert pid
        os.kill(pid, signal.SIGQUIT)
        deadline = time.monotonic() + SERVER_GONE_SECONDS
        while self.cluster.postmaster_pid():
            assert time.monotonic() < deadline, "the server does not die"
            time.sleep(0.005)
        self.cluster.start()


class Rounds:
    """The rounds of one seed against one database."""

    def __init__(
        self,
        dsn: str,
        manager_key: str,
        seed: int,
        broken: str = "",
        most_answers: int = 0,
        server: Server | None = None,
    ) -> None:
        """`most_answers`: each process is killed at its n-th answer, up to so many, however long that takes."""
        self.dsn, self.key, self.seed, self.broken, self.server = dsn, manager_key, seed, broken, server
        self.most_answers = most_answers
        self.figures = Figures()
        self.chance = Random(seed)

    async def run(self, rounds: int, restart_every: int = 0, show: Callable[[str], None] = lambda _: None) -> Figures:
        """So many rounds, then what is unfinished to its end; stops at the first thing that is wrong."""
        began, figures = time.monotonic(), self.figures
        async with (
            context_on(self.dsn, size=2) as own,
            provider(own) as (fake, accounts, context),
            self._zygote() as zygote,
        ):
            while figures.rounds < rounds and not figures.wrong:
                figures.rounds += 1
                await self._round(zygote, context, fake, bool(restart_every) and figures.rounds % restart_every == 0)
                if figures.rounds % VERIFY_EVERY == 0:
                    figures.wrong += await round_checks.verified(context)
                    past = time.monotonic() - began
                    show(f"{figures.rounds} rounds, {len(figures.finished)} stories, {past:.0f} s")
            if not figures.wrong:
                await self._end(zygote, context, fake, accounts)
        figures.seconds = time.monotonic() - began
        return figures

    async def _round(self, zygote: Zygote, context: Context, fake: Fake, restart: bool) -> None:
        delay = self.chance.uniform(0, MOST_MS / 1000)
        at = self.chance.randint(1, self.most_answers) if self.most_answers else 0
        killing: list[asyncio.Task[None]] = []

        def answered(number: int) -> None:
            if number == at:
                zygote.kill()
            elif not at and number == 1:
                killing.append(asyncio.ensure_future(self._kill(zygote, delay, restart)))

        heard = await zygote.run(self._order(fake), answered)
        await asyncio.gather(*killing)
        if heard.code != -signal.SIGKILL:
            self.figures.wrong.append(f"the process ended by itself: {heard.code}")
        async with context.db.tx() as connection:
            self.figures.wrong += await round_checks.after_round(connection, heard.has)

    async def _kill(self, zygote: Zygote, delay: float, restart: bool) -> None:
        await asyncio.sleep(delay)
        if restart and self.server:
            self.figures.restarts += 1
            await asyncio.to_thread(self.server.restart)
            up = time.monotonic()
            zygote.moved.clear()
            await asyncio.wait_for(zygote.moved.wait(), END_SECONDS)
            self.figures.back_after.append(time.monotonic() - up)
            await asyncio.sleep(GOES_ON_SECONDS)
        zygote.kill()

    async def _end(self, zygote: Zygote, context: Context, fake: Fake, accounts: Accounts) -> None:
        figures = self.figures
        last = figures.last + load.AT_ONCE
        heard = await zygote.run(msgspec.structs.replace(self._order(fake), last=last), lambda _: None)
        if heard.code or len(figures.finished) != last + 1:
            figures.wrong.append(f"{len(figures.finished)} of {last + 1} stories came to their end, exit {heard.code}")
        await bring(context, accounts, fake, fake.held)  # all that the provider has ever told of, once more
        async with context.db.tx() as connection:
            figures.wrong += await round_checks.after_round(connection, heard.has)
            stories = [story(self.seed, number) for number in range(last + 1)]
            figures.wrong += await round_checks.at_the_end(connection, stories, fake)
        figures.wrong += await round_checks.verified(context)
        figures.wrong += [f"{n} answers were {status}" for status, n in figures.statuses.items() if status == 500]

    def _order(self, fake: Fake) -> Order:
        finished = self.figures.finished
        first = next(n for n in range(len(finished) + 1) if n not in finished)
        later = tuple(sorted(n for n in finished if n > first))
        return Order(
            self.dsn, fake.base, self.key, self.seed, first, None, later, self.figures.known, broken=self.broken
        )

    @asynccontextmanager
    async def _zygote(self) -> AsyncIterator[Zygote]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", load.__name__),
            cwd=ROOT,
            env=environment(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        zygote = Zygote(process, self.figures)
        try:
            yield zygote
        finally:
            zygote.kill()
            assert process.stdin
            process.stdin.close()
            await asyncio.wait_for(process.wait(), END_SECONDS)


async def by_hand(rounds: int, seed: int, restart_every: int) -> Figures:
    """On a server of its own, from empty."""
    with temporary_place() as place:
        embedded = EmbeddedPostgres(place, WRITTEN, grace_seconds=END_SECONDS)
        with embedded:
            dsn = embedded.dsn()
            keys = await load_demo(dsn, SETTINGS, FixedClock(NOW))
            own = Rounds(dsn, keys.manager_key, seed, server=Server(embedded))
            return await own.run(rounds, restart_every, lambda line: print(line, flush=True))


def main() -> None:
    """Print the figures; 1 when anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--restart-every", type=int, default=20, help="kill the database server in every so many rounds"
    )
    given = parser.parse_args()
    logging.getLogger("asyncpg").setLevel(logging.CRITICAL)  # its pool tells of each try while the server is away
    with asyncio.Runner() as runner:
        done = runner.run(by_hand(given.rounds, given.seed, given.restart_every))
    print(
        f"seed {given.seed}: {done.rounds} rounds, {done.restarts} of them with the database server killed, "
        f"in {done.seconds:.0f} s; {len(done.finished)} stories, {done.told} things told as done, "
        f"answers {dict(sorted(done.statuses.items()))}"
    )
    if done.back_after:
        print(f"first success after the server was up again: {max(done.back_after) * 1000:.0f} ms at most")
    print("\n".join(done.wrong[:40]) or "nothing lost, nothing doubled, numbers without a hole, crm verify clean")
    sys.exit(bool(done.wrong))


if __name__ == "__main__":
    main()
