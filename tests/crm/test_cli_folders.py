"""`crm document`, `crm label`, `crm activity`: told, listed, taken back; a file of activities is all or nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crm import cli
from crm.errors import Invalid, NotFound

pytestmark = pytest.mark.commits
NORA = ("--network", "nora-industry-network")
Run = Callable[..., str]


@pytest.fixture
def run(own_database: str) -> Run:
    def called(*arguments: object) -> str:
        done = CliRunner().invoke(cli.app, [str(each) for each in arguments], env={"DATABASE_URL": own_database})
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return f"{done.exit_code}: {done.output}" if done.exit_code else done.output

    return called


def test_documents_labels_and_activities(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "Avtale.txt"
    file.write_text("Signert", encoding="utf-8")
    kept = run("document", "add", file, *NORA, "--member", "eSmart Systems", "--valid-until", "2027-01-09").strip()
    assert f"{kept}  2027-01-09          7  Avtale.txt" in run("document", "list", *NORA)
    saved = tmp_path / "saved.txt"
    run("document", "save", kept, saved, *NORA)
    assert saved.read_text(encoding="utf-8") == "Signert"
    assert run("document", "save", kept, saved, *NORA).startswith("2:")
    run("document", "delete", kept, *NORA)
    assert run("document", "list", *NORA) == ""
    run("document", "restore", kept, *NORA)
    assert kept in run("document", "list", *NORA)
    with pytest.raises(NotFound):
        run("document", "delete", kept, "--network", "claire-innovation-network")
    with pytest.raises(NotFound):
        run("document", "add", file, *NORA, "--member", "Nobody AS")

    gold = run("label", "add", "ESCA", *NORA, "--issued-on", "2025-03-01", "--level", "Gold").strip()
    assert f"{gold}  held      -           ESCA Gold" in run("label", "list", *NORA)
    again = ("--issued-on", "2025-03-01", "--last-on", "2027-02-28", "--instead", gold)
    assert run("label", "add", "ESCA", *NORA, *again).strip() == gold
    assert "expiring  2027-03-01" in run("label", "list", *NORA)
    run("label", "withdraw", gold, *NORA)
    assert run("label", "list", *NORA) == ""
    run("label", "restore", gold, *NORA)
    assert gold in run("label", "list", *NORA)
    assert run("label", "add", "ESCA", *NORA, "--issued-on", "1.3.2025").startswith("2:")

    rows = tmp_path / "activities.csv"
    head = "Tittel;Dag;Type aktivitet;Medlem;Personer;Internasjonal\n"
    rows.write_text(f"{head}Høstmøte;2026-10-01;Møte;Telenor;3;ja\nHøstmøte;2026-10-01;;eSmart Systems;;\n", "utf-8")
    assert run("activity", "import", rows, *NORA) == "1 activities told.\n"
    [one] = run("activity", "list", *NORA).splitlines()
    assert one.endswith("  2026-10-01     2      4  Høstmøte")
    rows.write_text(f"{head}Kurs;2026-10-02;;Telenor;;\nKurs;2026-10-02;;Nobody AS;;\n;;Fest;;;\n", "utf-8")
    with pytest.raises(Invalid) as refused:
        run("activity", "import", rows, *NORA)
    assert {(field, code) for field, code, _ in refused.value.problems} == {
        ("rows.3.member", "participant_unknown"),
        ("rows.4.title", "required"),
        ("rows.4.kind", "value_unknown"),
        ("rows.4.on_day", "required"),
    }
    assert len(run("activity", "list", *NORA).splitlines()) == 1
    run("activity", "withdraw", one.split()[0], *NORA)
    assert run("activity", "list", *NORA) == ""
    run("activity", "restore", one.split()[0], *NORA)
    assert run("activity", "list", *NORA).strip() == one
