"""`crm import members`: said first, stored then; told row by row when it cannot be; a map as TOML."""

from pathlib import Path

import pytest

from tests.broken_files import FIRST, SECOND, changed, csv
from tests.crm.test_cli import crm
from tests.processes import ROOT

pytestmark = pytest.mark.commits

SAMPLE = ROOT / "docs" / "examples" / "members.csv"
MAP = """
columns = { orgnr = "Org.nr.", name = "Navn", level = "Nivå", joined = "Innmeldt" }
levels = { "Gull" = "partner" }
"""
OF = ("--network", "nora-industry-network")


def test_members_from_a_file(own_database: str, tmp_path: Path) -> None:
    file, told = tmp_path / "members.csv", tmp_path / "map.toml"
    first = crm("import", "members", SAMPLE, *OF, "--dry-run", DATABASE_URL=own_database)
    assert first.returncode == 0, first.stderr
    assert "members.csv: checked. 50 new." in first.stdout and "Nothing was stored." in first.stdout
    assert "Opening balances: NOK\xa076,700.50 of NOK\xa076,700.50 in the file." in first.stdout
    file.write_bytes(csv(changed(2, "Gull"), SECOND))
    refused = crm("import", "members", file, *OF, DATABASE_URL=own_database)
    assert refused.returncode == 1
    assert "row 2: Level: “Gull” is no level of this network." in refused.stdout
    told.write_text(MAP, encoding="utf-8")
    stored = crm("import", "members", file, *OF, "--map", told, DATABASE_URL=own_database)
    assert stored.returncode == 0 and "members.csv: done. 2 new." in stored.stdout, stored.stdout + stored.stderr
    again = crm("import", "members", file, *OF, "--map", told, DATABASE_URL=own_database)
    assert again.returncode == 0 and "checked. 2 same." in again.stdout
    assert FIRST[1] not in again.stdout


def test_what_cannot_be_is_said(tmp_path: Path) -> None:
    wrong = tmp_path / "map.toml"
    wrong.write_text("columns = 7")
    for arguments in (
        ("members",),
        ("members", SAMPLE),
        ("members", SAMPLE, *OF, "--map", wrong),
        (ROOT / "crm" / "demo_data", SAMPLE),
    ):
        assert crm("import", *arguments).returncode == 2
