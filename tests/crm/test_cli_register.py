"""`crm register`: a file is rehearsed, read, read again; what it says otherwise is listed; a broken one ends with 1."""

from pathlib import Path

import pytest

from crm.demo import REGISTER
from tests.crm.test_cli import crm
from tests.register_files import array, unit

pytestmark = pytest.mark.commits


def test_a_file_of_the_register(own_database: str, tmp_path: Path) -> None:
    file = tmp_path / "enheter.json"  # written now: its day is today
    file.write_bytes(REGISTER.read_bytes())

    def register(*arguments: object) -> tuple[int, str]:
        done = crm("register", *arguments, DATABASE_URL=own_database)
        return done.returncode, done.stdout + done.stderr

    code, said = register("read", file, "--part", "--dry-run")
    assert code == 0 and "6 units" in said and "Bankrupt" in said and "Nothing was stored." in said
    assert register("differences") == (0, "The register says nothing otherwise.\n")
    code, said = register("read", file, "--part")
    assert code == 0 and "Another headcount" in said and "Nothing was stored." not in said
    assert register("read", file, "--part") == (0, "This file was read before. Nothing has changed.\n")
    code, said = register("differences", "--network", "nora-industry-network")
    assert code == 0 and said.endswith("2 differences.\n")
    assert "Stålvinge Droner (363381898): The register counts 52 employees, we have 38." in said
    code, said = register("read", file, "--as-of", "2026-10-01", "--part")
    assert code == 1 and "was read already" in said
    assert register("read", file)[0] == 1  # not the whole register
    file.write_bytes(array(unit(), unit()))
    code, said = register("read", file, "--part")
    assert code == 1 and "Unit 2: 923609016 stands in the file twice." in said and "Traceback" not in said
    assert register("read", file, "--as-of", "soon")[0] == 2
    code, said = register("take-over", "--kind", "employees", "--dry-run")
    assert code == 0 and "nora-industry-network: 1 can be taken over." in said and "Nothing was stored." in said
    code, said = register("take-over", "--kind", "employees", "--note", "Autumn round")
    assert code == 0 and said.endswith("  Stålvinge Droner: Taken over\n"), said
    assert register("take-over", "--kind", "employees") == (0, "The register says nothing otherwise.\n")
    assert register("take-over", "--kind", "bankrupt")[0] == 2  # one by one
    assert register("keep", "--kind", "name")[0] == 2  # a reason is needed
    assert register("small", "nora-industry-network", "--by-itself") == (0, "They are taken over by themselves.\n")
