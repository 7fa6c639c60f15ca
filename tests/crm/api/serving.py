"""The whole application on a port of 127.0.0.1, for judges that are programs of their own."""

import asyncio
import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import asyncpg
import msgspec
import uvicorn

from crm.app import create_app
from tests.conftest import SETTINGS

JUDGE = Path(sys.executable).parent / "schemathesis"
SEED = 20261122
MOST_SECONDS = 240
_GENERATED = re.compile(r"(\d+) generated")

_IDS = """
select (select array_agg(id::text) from application) as application_id,
    (select array_agg(id::text) from (select m.id from membership m join network n on n.id = m.network_id
        where n.slug = 'nora-industry-network' order by m.id limit 12) x) as membership_id,
    (select array_agg(id::text) from (select m.organisation_id as id from membership m order by m.id limit 12) x)
        as organisation_id
"""


class Verdict(NamedTuple):
    """What the judge said: 0 when it found nothing, how many requests it made, and its words."""

    code: int
    cases: int
    words: str


@contextmanager
def served(dsn: str) -> Iterator[str]:
    """The application on its own database and event loop; gives its address."""
    place = socket.socket()
    place.bind(("127.0.0.1", 0))
    app = create_app(msgspec.structs.replace(SETTINGS, database_url=dsn))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [place]}, daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.02)
        yield f"http://127.0.0.1:{place.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        place.close()


def judged(address: str, key: str, dsn: str, folder: Path, *options: str) -> Verdict:
    """schemathesis over the whole document, with all its checks and a fixed seed."""
    config = folder / "schemathesis.toml"
    config.write_text(_config(asyncio.run(_ids(dsn))), encoding="utf-8")
    done = subprocess.run(
        [
            *(JUDGE, "--config-file", config, "run", f"{address}/api/openapi.json"),
            *("--header", f"Authorization: Bearer {key}", "--seed", str(SEED), "--checks", "all"),
            *("--continue-on-failure", *options),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=MOST_SECONDS,
        check=False,
    )
    generated = _GENERATED.search(done.stdout)
    return Verdict(done.returncode, int(generated[1]) if generated else 0, done.stdout + done.stderr)


def _config(ids: dict[str, list[str]]) -> str:
    """Real ids often enough to get past "not found"; and 422 is right for what a schema cannot say.

    Check digits, the levels of a network, the days of a rulebook and our own cursors are not in the
    schema. 412 is how a wrong If-Match is refused, 410 how a position is whose changes are dropped (a rehearsal
    is asked to drop them).
    """
    values = ids | {
        "slug": ["nora-industry-network", "claire-innovation-network"],
        "tier": ["principal", "partner", "member"],
        "day": ["2027-03-01"],
    }
    bound = {f"path.{name}": name for name in (*ids, "slug")}
    bound |= {"body.network": "slug", "body.tier": "tier", "query.starts_on": "day"}
    return "\n".join(
        [
            "[checks.positive_data_acceptance]",
            'expected-statuses = ["2xx", "3xx", "401", "403", "404", "409", "410", "412", "422"]',
            "[checks.negative_data_rejection]",
            'expected-statuses = ["400", "401", "403", "404", "405", "409", "412", "413", "415", "422"]',
            *(f"[dictionaries.{name}]\nvalues = {json.dumps(each)}" for name, each in values.items()),
            "[parameters]",
            *(f'"{where}" = {{ dictionary = "{name}", probability = 0.7 }}' for where, name in bound.items()),
        ]
    )


async def _ids(dsn: str) -> dict[str, list[str]]:
    connection = await asyncpg.connect(dsn)
    try:
        return dict(await connection.fetchrow(_IDS))
    finally:
        await connection.close()
