"""The commands of docs/sync.md about writing back, run as they stand there, by a shell with curl."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.crm.api.serving import served
from tests.crm.api.support import NORA, V1
from tests.processes import ROOT
from tests.seed import Keys

pytestmark = [pytest.mark.anyio, pytest.mark.commits]
LINKED = (
    "select membership_id from membership_grant where kind = 'linked' and superseded_at is null and ends_on is null"
    " limit 1"
)
OWN = (
    "select m.organisation_id from membership m join network n on n.id = m.network_id where n.slug = $1"
    " and exists (select from membership_grant g where g.membership_id = m.id and g.kind = 'direct'"
    "  and g.ends_on is null and g.superseded_at is null) limit 1"
)
SECONDS = 120


def commands() -> str:
    """Every shell block of the section."""
    section = (ROOT / "docs/sync.md").read_text(encoding="utf-8").split("## Writing back\n")[1].split("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    assert len(blocks) == 4
    return "\n".join(blocks)


def answers(printed: str) -> list[dict[str, Any]]:
    """One JSON object after another."""
    out, rest = [], printed.strip()
    while rest:
        found, end = json.JSONDecoder().raw_decode(rest)
        out.append(found)
        rest = rest[end:].strip()
    return out


async def test_what_the_guide_says_works_as_it_stands(own_database: str, seeded: Keys, tmp_path: Path) -> None:
    connection = await asyncpg.connect(own_database)
    membership, organisation = await connection.fetchval(LINKED), await connection.fetchval(OWN, NORA)
    await connection.close()
    with served(own_database) as address:
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOST": address,
            "BASE": f"{address}{V1}/networks/{NORA}",
            "AUTH": f"Authorization: Bearer {seeded.manager_key}",
            "MEMBERSHIP": str(membership),
            "ORGANISATION": str(organisation),
        }
        done = subprocess.run(  # noqa: ASYNC221 - the application runs in a thread of its own
            ["sh", "-eu", "-c", commands()],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=True,
        )
    dry, real, receipt, objection, suggestion, resource = answers(done.stdout)
    assert (dry["dry_run"], dry["counts"]) == (True, {"created": 2})
    assert (real["status"], real["counts"]) == ("done", {"created": 2})
    assert [item["word"] for item in receipt["items"]] == ["acknowledged"]
    assert (objection["word"], objection["on"], objection["outcome"]) == ("objected", "2027-01-01", None)
    assert [field["wanted"] for field in suggestion["fields"]] == ["https://www.example.com"]
    assert (resource["externalId"], resource["status"], resource["origin"]) == ("C-1003", "active", "direct")
