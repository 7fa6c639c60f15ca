"""The client that partners copy: it repairs what differs, and its digest is the published one."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import get_args

import httpx
import pytest

from crm import client as partner
from crm.api.rehearsals import Kind
from crm.i18n import TIME_ZONE
from tests.crm.api.serving import served
from tests.crm.api.sharing import CODE, SHARED, terms
from tests.crm.api.support import CLAIRE, NORA
from tests.crm.api.test_writing_guide import answers
from tests.seed import Keys

GUIDE = Path(__file__).parents[2] / "docs" / "sync.md"


@pytest.fixture
def address(own_database: str) -> Iterator[str]:
    with served(own_database) as place:
        yield place


@pytest.mark.commits
def test_the_client_repairs_what_differs(address: str, seeded: Keys) -> None:
    copy = partner.Mirror(address, NORA, seeded.partner_keys[NORA], ":memory:")
    assert copy.prove() == []
    whole = copy.members()
    copy._db.execute("update member set body = replace(body, 'active', 'suspended') where id = ?", (whole[0]["id"],))
    copy._db.execute("delete from member where id = ?", (whole[1]["id"],))
    stranger = {**whole[2], "id": "00000000-0000-4000-8000-000000000000"}
    copy._db.execute("insert into member values (?, 1, ?)", (stranger["id"], json.dumps(stranger)))
    wanted = {partner.bucket_of(m["id"]) for m in (whole[0], whole[1], stranger)}
    assert set(copy.prove()) == wanted
    assert (copy.members(), copy.prove()) == (whole, [])


@pytest.mark.commits
def test_the_client_goes_on_after_any_interruption_and_after_410(address: str, seeded: Keys, tmp_path: Path) -> None:
    """Cut off in the middle of each of its writes, on made-up members to whom everything happens."""
    place, where = f"networks/{NORA}/rehearsal", str(tmp_path / "members.sqlite")
    headers = {"authorization": f"Bearer {seeded.partner_keys[NORA]}"}

    def opened() -> partner.Mirror:
        return partner.Mirror(address, place, seeded.partner_keys[NORA], where)

    for kind in get_args(Kind):
        cut = opened()
        cut._move = None  # type: ignore[assignment,method-assign]
        httpx.post(f"{address}/api/v1/{place}/changes", json={"kind": kind}, headers=headers).raise_for_status()
        with pytest.raises(TypeError):
            cut.sync()
        cut.close()
        copy = opened()
        copy.sync()
        assert copy.prove() == [], kind
        copy.close()
    assert len(copy_of := opened().members()) == 12 and copy_of[0]["organisation"]["name"].startswith("Example")


@pytest.mark.commits
def test_the_client_follows_what_an_agreement_discloses_as_its_terms_change(address: str, seeded: Keys) -> None:
    copy = partner.Mirror(address, f"agreements/{CODE}", seeded.partner_keys[CLAIRE], ":memory:")
    assert copy.prove() == []
    first = copy.members()
    manager = {"authorization": f"Bearer {seeded.manager_key}"}
    for given in ({"fields": ["country"]}, {"fields": []}, {"fields": ["name"], "tiers": []}):
        today = datetime.now(TIME_ZONE).date().isoformat()
        said = httpx.post(f"{address}{SHARED}/terms", json=terms(starts_on=today, **given), headers=manager)
        assert said.status_code == 201, said.text
        assert copy.sync() > 0
        assert all(set(m["organisation"]) == {"id", *given["fields"]} for m in copy.members())
        assert copy.prove() == []
    assert len(copy.members()) > len(first) > 0


def test_the_published_test_vectors() -> None:
    vectors = json.loads(GUIDE.read_text().split("<!-- vectors -->\n```json\n")[1].split("\n```")[0])
    assert len(vectors["members"]) == 10
    assert partner.digests(vectors["members"]) == vectors["buckets"]


@pytest.mark.commits
def test_the_file_alone_follows_a_network(address: str, seeded: Keys, tmp_path: Path) -> None:
    """As the guide says: one file, copied anywhere, without Klynge beside it."""
    copied = tmp_path / "client.py"
    copied.write_text(Path(partner.__file__).read_text())
    process = subprocess.Popen(
        [sys.executable, "-I", copied, address, NORA, tmp_path / "members.sqlite"],
        env={"KLYNGE_KEY": seeded.partner_keys[NORA]},
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    try:
        assert process.stdout
        assert re.fullmatch(r"\d\d+ members, 0 buckets repaired\n", process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def _commands() -> str:
    """The guide's shell blocks with curl, but "Writing back", which test_writing_guide.py runs with its scopes."""
    before, after = GUIDE.read_text().split("\n## Writing back\n")
    guide = before + after[after.index("\n## ") :]
    return "\n".join(b for b in re.findall(r"```sh\n(.*?)```", guide, re.S) if "curl" in b or "BASE=" in b)


@pytest.mark.commits
def test_the_guides_calls_are_answered(address: str, seeded: Keys, tmp_path: Path) -> None:
    """The curl lines of docs/sync.md about reading, run by a shell."""
    script = _commands().replace("http://127.0.0.1:8000", address).replace("https://klynge.example", address)
    script = script.replace("wait=25", "wait=1")
    environment = {"KLYNGE_KEY": seeded.partner_keys[NORA], "PATH": os.environ["PATH"]}
    done = subprocess.run(
        ["bash", "-euc", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    members = [json.loads(line) for line in (tmp_path / "members.ndjson").read_text().split("\n")[:-1]]
    assert len(members) > 10
    changes, waited, *rest = answers(done.stdout[done.stdout.index("{") :])
    proof, compared, code, rehearsed, made, webhook, found, shared, told, digest, current = rest
    for page in (changes, waited):
        assert (page["items"], page["has_more"]) == ([], False)
    assert (proof["count"], compared["equal"], code) == (len(members), True, 200)
    assert rehearsed["items"][0]["organisation"]["name"].startswith("Example") and made["changes"] == 1
    assert (webhook["status"], webhook["secret"][:6]) == ("unverified", "whsec_")
    assert 0 < found["totalResults"] == len(found["Resources"]) <= len(members)
    assert {m["network"] for m in shared["items"]} == {CLAIRE} == {c["member"]["network"] for c in told["items"]}
    assert digest["count"] > 0 < len(current["items"])
