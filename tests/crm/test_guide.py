"""The guide in five steps: docs/sync.md has it word for word, the page shows it, and its Python runs as it stands.

The curl lines are run by tests/crm/test_client.py, which runs all of docs/sync.md.
"""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from crm import client as partner
from crm import guide
from tests.crm.api.serving import served
from tests.crm.api.support import NORA
from tests.crm.web.office import text
from tests.processes import ROOT
from tests.seed import Keys

CLIENT = Path(partner.__file__).read_bytes()
ADDRESS = "http://127.0.0.1:8000"
HAPPEN = """
for kind in {kinds}:
    asked = Request(f"{{BASE}}/changes", json.dumps({{"kind": kind}}).encode(), {{
        "Authorization": "Bearer " + os.environ["KLYNGE_KEY"], "Content-Type": "application/json"}})
    urlopen(asked, timeout=60).close()
"""


def program(address: str, network: str) -> list[str]:
    """What somebody has who copies the Python parts below each other."""
    return [guide.filled(part, address, network) for part in (guide.SETUP_PYTHON, *(s.python for s in guide.STEPS))]


def test_the_document_has_the_same_steps() -> None:
    shown = (ROOT / "docs" / "sync.md").read_text(encoding="utf-8")
    told = shown.split("<!-- guide -->\n")[1].split("<!-- /guide -->")[0]
    assert told == guide.markdown(ADDRESS, NORA)


@pytest.mark.commits
def test_the_python_runs_on_the_real_list_and_on_test_data(own_database: str, seeded: Keys, tmp_path: Path) -> None:
    with served(own_database) as address:
        real = "\n".join(program(address, NORA))
        setup, listed, follow, wait, prove, back = program(address, f"{NORA}/rehearsal")
        changed = HAPPEN.format(kinds=["planned", "joined", "changed", "left", "link_ended", "merged"])
        expired = HAPPEN.format(kinds=["joined", "cursor_expired"])
        proven = "told = " + prove.split("\ntold = ")[1]
        made_up = "\n".join([setup, listed, changed, follow, wait, prove, expired, back, "follow()", proven])
        said = [_run(each.replace("wait=25", "wait=1"), seeded, tmp_path) for each in (real, made_up)]
    assert said[0][0].endswith(" members") and int(said[0][0].split()[0]) > 10 and said[0][1] == "equal"
    assert said[1] == ["12 members", "equal", "equal"]


def _run(source: str, seeded: Keys, folder: Path) -> list[str]:
    """In a process of its own, with Python and nothing else."""
    environment = {"KLYNGE_KEY": seeded.partner_keys[NORA], "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-I", "-c", source],
        cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.anyio
async def test_the_page_is_filled_in_and_in_both_languages(client: httpx.AsyncClient) -> None:
    english = await client.get(f"/api/guide?network={NORA}", headers={"accept-language": "en"})
    norwegian = await client.get("/api/guide?network=nowhere", headers={"accept-language": "nb"})
    assert english.status_code == norwegian.status_code == 200
    assert f"BASE=http://klynge.test/api/v1/networks/{NORA}" in english.text
    shown = text(english)
    for number, step in enumerate(guide.STEPS, 1):
        assert f"{number}. {step.title}" in shown
        assert step.title not in text(norwegian)
    assert "Veiledning for partneres systemer" in text(norwegian) and "kly_..." in shown
    taken = await client.get("/api/client.py")
    assert taken.content == CLIENT
