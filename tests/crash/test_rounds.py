"""Issue 4: kill -9 at random moments under a load of issuing, paying, crediting and importing (a short version).

All 300 rounds, with the database server killed as well: `python -m tests.crash.rounds` (docs/operations.md).
"""

import asyncpg
import pytest

from tests.crash import broken
from tests.crash.load import AT_ONCE
from tests.crash.rounds import Rounds
from tests.seed import Keys

pytestmark = [pytest.mark.anyio, pytest.mark.commits]

SEED = 20261122
ROUNDS = 12
# What the checks say of a mistake, and for how many rounds it is made at most: they end with the first thing found.
# (Who was told too early of an invoice may also be the one who does not find it afterwards; whose payment was taken
# twice may be refused the same refund of the other one before anybody counts payments.)
FOUND = {
    broken.EARLY: (("lost:", "NotFound"), 20),
    broken.TWICE: (("doubled", "idempotency_key_reused"), 30),
    broken.HOLES: (("numbers of",), 20),
}
MOST_ANSWERS = 40  # the controls are killed at an answer: what they find must not depend on how fast the machine is


async def test_issue_4_rounds_of_kill_9_lose_and_double_nothing(own_database: str, seeded: Keys) -> None:
    done = await Rounds(own_database, seeded.manager_key, SEED).run(ROUNDS)
    assert done.wrong == []
    assert done.rounds == ROUNDS
    assert len(done.finished) >= AT_ONCE
    assert done.told > len(done.finished)


@pytest.mark.parametrize("mistake", broken.ALL)
async def test_issue_4_control_the_rounds_find_a_broken_step(own_database: str, seeded: Keys, mistake: str) -> None:
    if mistake == broken.HOLES:
        connection = await asyncpg.connect(own_database)
        await connection.execute(broken.WITHOUT_GUARD)
        await connection.close()
    words, most = FOUND[mistake]
    done = await Rounds(own_database, seeded.manager_key, SEED, mistake, MOST_ANSWERS).run(most)
    assert any(each in why for why in done.wrong for each in words), done.wrong
