"""The rules of the house as functions over sources: `tests/test_house.py` asks them about the tree, and controls them.

The import table is design.md section 6 in data: every module stands on one floor, arrows point down.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
FILE_LINES = 400
FUNCTION_LINES = 70

# Modules beside the folders that everything may stand on: no handlers, no decisions about who may do what.
GROUND = """
    actor audit_words catalogue charts clock comparison context cursors custom_values database desk desk_sentences
    directory_words document_mistakes document_words dunning_sentences dunning_words errors fact_checks fact_files
    fact_words faults federation_sentences fee_table_words fee_words file_types folder folder_checks forms formulas
    funding_sentences graphs guide hues
    i18n identifiers import_cells import_columns import_counts import_rows import_sentences import_verdicts
    import_words invoice_sentences letters listed logos logs mail_domains mail_samples member_sentences merge_fields
    garbage nace register_shapes register_words
    names outcome_words partner_sentences password_rules passwords paths payment_sentences privacy_sentences
    renewal_sentences renewal_words report_activity_words report_board report_funding_words report_member_words
    report_money_words report_sentences report_standing_words report_words reports role_words roles
    rule_words rulebook_checks
    rulebook_mistakes rulebook_terms rulebook_words scim_filter sentences settings setup_sentences share_sentences
    sign_in_sentences simulation steps terms totp vault webhook_sentences words
"""
TOP = """
    __main__ app cli cli_access cli_audit cli_backup cli_bank cli_cards cli_data cli_dunning cli_folders cli_imports
    cli_networks cli_register cli_renewals cli_retention cli_secrets cli_setup cli_tools client demo demo_facts
    demo_listings demo_money piccolo_app serving
"""
FOLDERS = "tables migrations store reads gateways actions api web jobs"

# Floor -> the floors it may import from, besides itself.
MAY = {
    "cluster_rules": set(),
    "conf": set(),
    "tables": {"cluster_rules"},
    "ground": {"cluster_rules", "conf"},
    "migrations": {"conf", "tables"},
    "store": {"cluster_rules", "ground", "tables"},
    "reads": {"cluster_rules", "ground", "tables"},
    "gateways": {"cluster_rules", "ground"},
    "migrate": {"conf", "ground", "store"},
    "actions": {"cluster_rules", "ground", "store", "gateways"},
    "api": {"cluster_rules", "ground", "store", "reads", "actions", "migrate"},
    "web": {"cluster_rules", "ground", "store", "reads", "actions"},
    "jobs": {"cluster_rules", "ground", "store", "reads", "gateways", "actions"},  # a report by mail is read (ADR 0035)
}
MAY["top"] = {*MAY}

# Outside package -> where it may be imported (a module and everything below it).
HOMES = {
    "aiosmtplib": ("crm.gateways.mail",),
    "anyio": ("crm.passwords",),
    "argon2": ("crm.passwords",),
    "backports": ("crm.api.packing",),
    "asyncpg": (
        "crm.database",
        "crm.migrate",
        "crm.serving",
        "crm.store",
        "crm.reads",
        "crm.jobs.worker",
        "crm.api.health",
    ),
    "babel": ("crm.i18n", "crm.forms", "crm.names", "crm.web"),
    "cryptography": ("crm.vault",),
    "httpx": ("crm.gateways",),
    "jinja2": ("crm.i18n", "crm.letters", "crm.web"),
    "joserfc": ("crm.gateways.oidc",),
    "litestar": ("crm.api", "crm.web", "crm.app", "crm.serving"),
    "lxml": ("crm.gateways",),
    "markupsafe": ("crm.letters", "crm.web"),
    "msgspec": ("cluster_rules", "crm"),
    "pgqueuer": ("crm.store.jobs", "crm.store.job_tables", "crm.migrate", "crm.jobs"),
    "python_calamine": ("crm.gateways.table_files",),
    "piccolo": (
        "piccolo_conf",
        "crm.tables",
        "crm.migrations",
        "crm.database",
        "crm.migrate",
        "crm.piccolo_app",
    ),
    "rich": ("crm.cli", "crm.cli_cards", "crm.cli_data", "crm.cli_networks", "crm.cli_tools"),
    "stdnum": ("crm.identifiers",),
    "stripe": ("crm.gateways.stripe",),
    "standardwebhooks": ("crm.gateways.webhooks",),
    "structlog": ("crm.logs", "crm.app", "crm.actions", "crm.jobs", "crm.api"),
    "typer": (
        "crm.cli",
        "crm.cli_access",
        "crm.cli_audit",
        "crm.cli_backup",
        "crm.cli_bank",
        "crm.cli_cards",
        "crm.cli_data",
        "crm.cli_dunning",
        "crm.cli_folders",
        "crm.cli_imports",
        "crm.cli_networks",
        "crm.cli_register",
        "crm.cli_renewals",
        "crm.cli_retention",
        "crm.cli_secrets",
        "crm.cli_setup",
        "crm.cli_tools",
    ),
    "typst": ("crm.gateways.pdf",),
    "xlsxwriter": ("crm.gateways.sheets",),
    "uvicorn": ("crm.serving",),
    "webauthn": ("crm.gateways.passkeys",),
}
HANDLERS = ("crm.api", "crm.web", "crm.jobs")

# Written in two halves, so that this file does not break its own rule.
MACHINE = re.compile(
    "|".join(
        [
            r"(?<![\w.])/wor" + r"k/(main|shared|\.)",
            r"/tm" + r"p/prep",
            r"(?<![\w.])/(root|home/\w+)" + r"/(?!\.\.)",
            r"py" + r"pi\.org|pythonho" + r"sted\.org|npm" + r"js\.(org|com)|deb\.deb" + r"ian\.org",
            r"--(extra-)?index" + r"-url[ =]http",
        ]
    )
)
UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
UNTESTED = re.compile(
    r"mark\.sk" + r"ip|mark\.xf" + r"ail|pytest\.sk" + r"ip\(|pytest\.xf" + r"ail\(|importor" + r"skip"
)
SQL = re.compile(
    r"\s*(select\s.*\bfrom\s|select exists|insert into \w|update \w+ (\w+ )?set\s|delete from \w"
    r"|with (recursive )?\w+ as \()",
    re.S,
)
WITHOUT_SQL = ("crm.actions", "crm.api", "crm.web", "crm.jobs", "cluster_rules")
CRASH_POINT = re.compile(r"faults\.point\(\"(\w+)\"\)")
TEXTS = ".py .html .txt .md .toml .css .js .po .sql .sh .lock .csv .json .yml .svg"


class Source(NamedTuple):
    """One module: its dotted name, where it stands, what it says."""

    module: str
    path: str
    text: str

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)


def sources() -> list[Source]:
    """The product's own modules."""
    files = [*ROOT.glob("crm/**/*.py"), *ROOT.glob("cluster_rules/**/*.py"), ROOT / "piccolo_conf.py"]
    return [_source(file) for file in sorted(files)]


def all_python() -> list[Source]:
    """Those, the tests, the benchmarks and the tools; what Piccolo writes itself is left out."""
    files = [file for folder in ("tests", "bench", "tools") for file in sorted(ROOT.glob(f"{folder}/**/*.py"))]
    own = [each for each in sources() if not each.module.startswith("crm.migrations.crm_")]
    return own + [_source(file) for file in files]


def tracked() -> Iterator[tuple[str, str]]:
    """(path, text) of every text file that is, or is about to be, in the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.split("\0"):
        path = ROOT / name
        if name and path.is_file() and path.suffix in ("", *TEXTS.split()):
            yield name, path.read_text(encoding="utf-8")


def _source(file: Path) -> Source:
    relative = file.relative_to(ROOT)
    return Source(
        ".".join(relative.with_suffix("").parts).removesuffix(".__init__"),
        str(relative),
        file.read_text(encoding="utf-8"),
    )


def floor(module: str) -> str | None:
    """The floor a module of ours stands on; None when the table does not know it."""
    head, _, rest = module.partition(".")
    first = rest.split(".")[0]
    if head == "piccolo_conf":
        return "conf"
    if head == "cluster_rules":
        return head
    if first == "migrate":
        return first
    if first in FOLDERS.split():
        return first
    return "ground" if not first or first in GROUND.split() else "top" if first in TOP.split() else None


def imports(source: Source, modules: frozenset[str]) -> Iterator[str]:
    """What a module imports, ours by the most exact name."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                exact = f"{node.module}.{alias.name}"
                yield exact if exact in modules else node.module or "relative import"


def arrows(listed: Sequence[Source]) -> list[str]:
    """Imports that the table does not allow."""
    modules = frozenset(each.module for each in listed)
    out = []
    for source in listed:
        here = floor(source.module)
        if here is None:
            out.append(f"{source.path}: stands on no floor; give it one in tests/house.py")
            continue
        for name in imports(source, modules):
            out += [f"{source.path} imports {name}: {why}" for why in _wrong(source.module, here, name)]
    return out


def _wrong(module: str, here: str, name: str) -> Iterator[str]:
    package = name.split(".")[0]
    if package in ("crm", "cluster_rules", "piccolo_conf"):
        there = floor(name)
        if there != here and there not in MAY[here]:
            yield f"{here} does not know {there}"
        if here == there == "actions" and name != "crm.actions":
            yield "actions do not call actions"
    elif package not in sys.stdlib_module_names:
        homes = HOMES.get(package)
        if homes is None:
            yield "a package without a home"
        elif not any(module == home or module.startswith(home + ".") for home in homes):
            yield f"its home is {', '.join(homes) or 'nowhere yet'}"


def circles(listed: Sequence[Source]) -> list[str]:
    """Modules that import each other round in a circle."""
    modules = frozenset(each.module for each in listed)
    graph = {each.module: sorted({i for i in imports(each, modules) if i in modules}) for each in listed}
    done: set[str] = set()
    out: list[str] = []

    def walk(module: str, path: list[str]) -> None:
        if module in path:
            out.append(" -> ".join([*path[path.index(module) :], module]))
        elif module not in done:
            for other in graph[module]:
                walk(other, [*path, module])
            done.add(module)

    for module in graph:
        walk(module, [])
    return out


def sizes(listed: Iterable[Source]) -> list[str]:
    """Files and functions that are too long."""
    out = []
    for source in listed:
        lines = source.text.count("\n")
        if lines > FILE_LINES:
            out.append(f"{source.path} has {lines} lines")
        for node in ast.walk(source.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > FUNCTION_LINES:
                    out.append(f"{source.path}: {node.name} has {length} lines")
    return out


def hidden_imports(listed: Iterable[Source]) -> list[str]:
    """Imports inside functions, and imports only for types in files whose annotations are read at run time."""
    out = []
    for source in listed:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                inner = (n for n in ast.walk(node) if isinstance(n, ast.Import | ast.ImportFrom))
                out += [f"{source.path}:{each.lineno} imports inside {node.name}" for each in inner]
        if source.module.startswith(HANDLERS) and "TYPE_CHECKING" in source.text:
            out.append(f"{source.path} imports for types only: handlers' annotations are read at run time")
    return out


def without_docstring(listed: Iterable[Source]) -> list[str]:
    """Modules that do not say what they are; an empty `__init__.py` is nothing."""
    return [each.path for each in listed if each.text.strip() and not ast.get_docstring(each.tree)]


def sql_upstairs(listed: Iterable[Source]) -> list[str]:
    """Statements of SQL on floors that ask the database only through `crm.store` and `crm.reads`."""
    return [
        f"{source.path}:{node.lineno} speaks SQL"
        for source in listed
        if source.module.startswith(WITHOUT_SQL)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.match(node.value)
    ]


def matches(pattern: re.Pattern[str], texts: Iterable[tuple[str, str]]) -> list[str]:
    """Where a pattern stands that should not."""
    return [
        f"{path}:{text.count(chr(10), 0, found.start()) + 1}: {found.group()}"
        for path, text in texts
        for found in pattern.finditer(text)
    ]


def crash_points(listed: Iterable[Source]) -> list[str]:
    """The names of all crash points in the code, as often as they stand there."""
    return [name for each in listed for name in CRASH_POINT.findall(each.text)]
