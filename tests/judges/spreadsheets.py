"""LibreOffice opens every spreadsheet we give: figures are figures there, days are days, identifiers are text.

Not part of `make test`, which reads them by another reader (python-calamine): LibreOffice is 300 MB that a fresh
machine does not have. With `soffice` on the path (Debian: libreoffice-calc-nogui), from the checkout's root:

    python -m tests.judges.spreadsheets

It serves the demo data, takes every spreadsheet of it as a manager would, has LibreOffice write each anew in its own
format, and looks at the kind of each cell there. First a control: a sheet that is wrong on purpose must be faulted.
"""

import asyncio
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import xlsxwriter
from lxml import etree
from python_calamine import CalamineWorkbook

from crm.clock import FixedClock
from tests.conftest import NOW, SETTINGS, TEMPLATE
from tests.flows.site import NORA, Site, hrefs, site_on
from tests.postgres import throwaway_server
from tests.seed import seed

OFFICE = "urn:oasis:names:tc:opendocument:xmlns:office:1.0"
TABLE = "urn:oasis:names:tc:opendocument:xmlns:table:1.0"
OPEN_SECONDS = 120
# What identifies is text, however much it looks like a figure.
IDENTIFIER = re.compile(r"organi[sz]ation number|invoice|KID|customer|postcode|phone", re.IGNORECASE)
FIGURE = re.compile(r"^(fee|amount|outstanding|paid|members|number of members|count|value)\b", re.IGNORECASE)
DIGITS = re.compile(r"\d{9,}")


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="klynge-sheets-") as place:
        folder = Path(place)
        if not faults(_wrong(folder / "control.xlsx")):
            print("The control was not faulted: this judge sees nothing.")
            return 1
        found: list[str] = []
        files = cells = 0
        for path in _spreadsheets(folder):
            files += 1
            cells += sum(len(row) for sheet in _opened(path).values() for row in sheet)
            found += [f"{path.name}: {fault}" for fault in faults(path)]
    print("\n".join([*found, f"{files} spreadsheets, {cells} cells, {len(found)} faults"]))
    return 1 if found or not files else 0


def faults(path: Path) -> list[str]:
    """What LibreOffice makes of a workbook that it should not."""
    book = CalamineWorkbook.from_path(str(path))
    opened = _opened(path)
    found = [] if list(opened) == book.sheet_names else [f"sheets {list(opened)}, not {book.sheet_names}"]
    for name, rows in opened.items():
        written = book.get_sheet_by_name(name).to_python()
        if len(rows) != len(written):
            found.append(f"{name}: {len(rows)} rows, not {len(written)}")
        heads = [text for _, text in rows[0]] if rows else []
        for n, row in enumerate(rows[1:], 2):
            found += [f"{name}, row {n}, {fault}" for fault in _faults_of_row(heads, row)]
    return found


def _faults_of_row(heads: list[str], row: list[tuple[str, str]]) -> Iterator[str]:
    for n, (kind, text) in enumerate(row):
        head = heads[n] if n < len(heads) else ""
        if kind == "formula" or text.startswith(("#REF", "#NAME", "#VALUE", "Err:")):
            yield f"{head}: calculated: {text}"
        if kind == "float" and (IDENTIFIER.search(head) and DIGITS.fullmatch(text)):
            yield f"{head}: an identifier became a figure: {text}"
        if kind == "string" and FIGURE.search(head) and re.fullmatch(r"-?[\d ,.]+", text):
            yield f"{head}: a figure became text: {text}"


def _opened(path: Path) -> dict[str, list[list[tuple[str, str]]]]:
    """Sheets by name, and of each cell what kind of value LibreOffice holds it for, and the text it shows."""
    out = path.with_suffix(".fods")
    if not out.exists():
        command = [
            "soffice",
            f"-env:UserInstallation=file://{path.parent}/profile",
            "--headless",
            "--convert-to",
            "fods",
        ]
        told = subprocess.run(
            [*command, "--outdir", str(path.parent), str(path)], capture_output=True, text=True, timeout=OPEN_SECONDS
        )
        if not out.exists():
            raise RuntimeError(f"LibreOffice did not open {path.name}: {told.stdout}{told.stderr}")
    tree = etree.parse(out, etree.XMLParser(huge_tree=True))
    return {
        sheet.get(f"{{{TABLE}}}name"): _trimmed([_cells(row) for row in _repeated(sheet.iter(f"{{{TABLE}}}table-row"))])
        for sheet in tree.iter(f"{{{TABLE}}}table")
    }


def _repeated(rows: Iterator[etree._Element]) -> Iterator[etree._Element]:
    """Each row as often as it stands there; the empty ones under the last are one."""
    for row in rows:
        many = int(row.get(f"{{{TABLE}}}number-rows-repeated", "1"))
        yield from [row] * (many if any(text for _, text in _cells(row)) else 1)


def _cells(row: etree._Element) -> list[tuple[str, str]]:
    found = []
    for cell in row.iterchildren(f"{{{TABLE}}}table-cell"):
        kind = "formula" if cell.get(f"{{{TABLE}}}formula") else cell.get(f"{{{OFFICE}}}value-type", "")
        value = cell.get(f"{{{OFFICE}}}value") if kind == "float" else None
        text = value or "\n".join("".join(part.itertext()) for part in cell)
        many = int(cell.get(f"{{{TABLE}}}number-columns-repeated", "1"))
        found += [(kind, text)] * (many if text else min(many, 64))
    return found


def _trimmed(rows: list[list[tuple[str, str]]]) -> list[list[tuple[str, str]]]:
    while rows and not any(text for _, text in rows[-1]):
        rows.pop()
    return rows


def _wrong(path: Path) -> Path:
    """An identifier written as a figure, a figure as text, and a name that is calculated."""
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet("Members")
        sheet.write_row(0, 0, ["Organisation number", "Fee", "Name"])
        sheet.write_number(1, 0, 923609016)
        sheet.write_string(1, 1, "45000")
        sheet.write_formula(1, 2, "=1+1")
    if len(faults(path)) != 3:
        raise RuntimeError(f"of three faults these were seen: {faults(path)}")
    return path


def _spreadsheets(folder: Path) -> Iterator[Path]:
    """Every spreadsheet that a manager's pages of the demo lead to."""
    with throwaway_server() as server:
        asyncio.run(seed(server.create_database(TEMPLATE), SETTINGS, FixedClock(NOW)))
        with site_on(server, "klynge_spreadsheets") as site:
            for n, address in enumerate(_addresses(site)):
                answer = site.client("manager").get(address)
                if answer.status_code != 200:
                    raise RuntimeError(f"{address}: {answer.status_code}")
                stem = re.sub(r"[^a-z0-9]+", "-", unquote(address.removeprefix(NORA)).lower()).strip("-")
                path = folder / f"{n:03}-{stem[:80]}.xlsx"
                path.write_bytes(answer.content)
                yield path


def _addresses(site: Site) -> list[str]:
    found = [f"{NORA}/members/export.xlsx", f"{NORA}/setup/audit/export.xlsx", "/en/members.xlsx"]
    for report in hrefs(site, f"{NORA}/reports", rf"{NORA}/reports/[a-z-]+"):
        if site.client("manager").get(f"{report}/file.xlsx").status_code == 200:
            found.append(f"{report}/file.xlsx")
        rows = hrefs(site, report, rf"{report}/rows\?[^\"]+")
        found += [each.replace("/rows?", "/rows.xlsx?").replace("&amp;", "&") for each in rows[:1]]
    return found


if __name__ == "__main__":
    if not shutil.which("soffice"):
        sys.exit("LibreOffice (soffice) is not on the path.")
    sys.exit(main())
