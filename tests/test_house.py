"""The rules of the house hold for the whole tree; and each rule is shown to catch what it is there for."""

from collections import Counter

import pytest

from crm import faults
from tests import house
from tests.house import Source


def made(module: str, text: str) -> Source:
    return Source(module, module.replace(".", "/") + ".py", text)


# What the tree holds


def test_imports_point_down() -> None:
    assert house.arrows(house.sources()) == []


def test_no_circles() -> None:
    assert house.circles(house.sources()) == []


def test_files_and_functions_are_short() -> None:
    assert house.sizes(house.all_python()) == []


def test_no_import_hides() -> None:
    assert house.hidden_imports(house.all_python()) == []


def test_sql_stands_in_store_and_reads() -> None:
    assert house.sql_upstairs(house.sources()) == []


def test_every_module_says_what_it_is() -> None:
    assert house.without_docstring(house.all_python()) == []


def test_no_machine_and_no_registry_is_named() -> None:
    assert house.matches(house.MACHINE, house.tracked()) == []


@pytest.mark.parametrize("lock", ["requirements.lock", "tests/judges/package-lock.json"])
def test_locks_have_hashes_and_no_addresses(lock: str) -> None:
    """Also not those of sponsors, which npm writes into its lock."""
    text = (house.ROOT / lock).read_text("utf-8")
    assert "://" not in text and ("sha256:" in text or "sha512-" in text)


def test_nothing_is_left_for_later() -> None:
    assert house.matches(house.UNFINISHED, house.tracked()) == []


def test_no_test_is_passed_over() -> None:
    assert house.matches(house.UNTESTED, ((s.path, s.text) for s in house.all_python())) == []


def test_each_crash_point_stands_once() -> None:
    assert Counter(house.crash_points(house.sources())) == Counter(faults.POINTS)


def test_the_tree_is_really_read() -> None:
    assert len(house.sources()) > 80
    assert {house.floor(each.module) for each in house.sources()} == {*house.MAY}
    assert sum(1 for _ in house.tracked()) > 200


# Controls: an offender of each kind


@pytest.mark.parametrize(
    ("module", "line", "said"),
    [
        ("cluster_rules.links", "from crm import errors", "cluster_rules does not know ground"),
        ("crm.forms", "from crm.store import mail", "ground does not know store"),
        ("crm.tables.mail", "from crm import settings", "tables does not know ground"),
        ("crm.store.mail", "from crm.reads import members", "store does not know reads"),
        ("crm.reads.members", "from crm.store import mail", "reads does not know store"),
        ("crm.store.mail", "import crm.actions.applications", "store does not know actions"),
        ("crm.gateways.mail", "from crm.tables import mail", "gateways does not know tables"),
        ("crm.actions.applications", "from crm.actions import mail", "actions do not call actions"),
        ("crm.actions.applications", "from crm.reads.members import shown", "actions does not know reads"),
        ("crm.api.members", "from crm.web import session", "api does not know web"),
        ("crm.web.members", "from crm.jobs import worker", "web does not know jobs"),
        ("crm.jobs.worker", "from crm.api import keys", "jobs does not know api"),
        ("crm.web.members", "from crm.app import create_app", "web does not know top"),
        ("crm.actions.applications", "import litestar", "its home is crm.api"),
        ("crm.actions.applications", "from piccolo.table import Table", "its home is piccolo_conf"),
        ("crm.store.families", "from piccolo.table import Table", "its home is piccolo_conf"),
        ("crm.store.mail", "from pgqueuer.queries import Queries", "its home is crm.store.jobs"),
        ("crm.serving", "import typer", "its home is crm.cli"),
        ("crm.web.members", "import asyncpg", "its home is crm.database"),
        ("crm.actions.payments", "import stripe", "its home is crm.gateways.stripe"),
        ("crm.actions.payments", "import requests", "without a home"),
        ("cluster_rules.links", "import jinja2", "its home is crm.i18n"),
        ("crm.helpers", "import re", "stands on no floor"),
    ],
)
def test_control_a_wrong_import_is_reported(module: str, line: str, said: str) -> None:
    tree = [
        made("crm.actions.mail", ""),
        made("crm.store.mail", ""),
        made("crm.reads.members", ""),
        made("crm.errors", ""),
        made("crm.settings", ""),
    ]
    tree = [each for each in tree if each.module != module]
    (found,) = house.arrows([*tree, made(module, line)])
    assert said in found


def test_control_an_allowed_import_is_not_reported() -> None:
    tree = [
        made("crm.actions.mail", "from crm.store import mail\nimport re\nimport msgspec\nfrom crm.errors import X"),
        made("crm.store.mail", "from crm.tables.mail import Mail\nimport asyncpg"),
        made("crm.store.jobs", "import pgqueuer"),
    ]
    assert house.arrows(tree) == []


def test_control_circles() -> None:
    tree = [
        made("crm.forms", "from crm import words"),
        made("crm.words", "from crm.names import x"),
        made("crm.names", "import crm.forms"),
        made("crm.errors", ""),
    ]
    (found,) = house.circles(tree)
    assert set(found.split(" -> ")) == {"crm.forms", "crm.words", "crm.names"}
    assert house.circles(tree[1:]) == []


def test_control_sizes() -> None:
    body = "def f():\n" + "    x = 1\n" * house.FUNCTION_LINES
    assert house.sizes([made("crm.a", body)]) == ["crm/a.py: f has 71 lines"]
    assert house.sizes([made("crm.a", "x = 1\n" * 401)]) == ["crm/a.py has 401 lines"]
    assert house.sizes([made("crm.a", "x = 1\n" * 400), made("crm.b", body.removesuffix("    x = 1\n"))]) == []


def test_control_hidden_imports() -> None:
    assert house.hidden_imports([made("crm.a", "def f():\n    import re\n")]) == ["crm/a.py:2 imports inside f"]
    typed = made("crm.web.a", "if TYPE_CHECKING:\n    import re\n")
    assert len(house.hidden_imports([typed])) == 1
    assert house.hidden_imports([made("crm.a", "import re\n")]) == []


@pytest.mark.parametrize(
    "statement",
    [
        "select id from organisation where id = $1",
        "\\n    select exists (select from membership)",
        "insert into mail (id) values ($1)",
        "update invoice set status = 'issued'",
        "update invoice i set status = 'issued'",
        "delete from contact where id = $1",
        "with made as (select 1) select * from made",
    ],
)
def test_control_sql_upstairs(statement: str) -> None:
    text = f'connection.fetch("{statement}" " and more", organisation)'
    assert house.sql_upstairs([made("crm.actions.a", text)]) == ["crm/actions/a.py:1 speaks SQL"]
    assert house.sql_upstairs([made("crm.store.a", text)]) == []
    said = 'x = ["Select a level from the list", "update the address", "with many thanks", "delete it"]'
    assert house.sql_upstairs([made("crm.web.a", said)]) == []


def test_control_docstrings() -> None:
    assert house.without_docstring([made("crm.a", "x = 1"), made("crm.b", '"""B."""')]) == ["crm/a.py"]


@pytest.mark.parametrize(
    "text",
    [
        "see /wor" + "k/main/crm",
        "path = '/ro" + "ot/x'",
        "in /home/" + "kari/klynge",
        "https://py" + "pi.org/simple",
        "https://registry.npm" + "js.org/x",
        "pip install --index" + "-url http://x",
    ],
)
def test_control_machine_paths_and_registries(text: str) -> None:
    assert house.matches(house.MACHINE, [("a", f"one\n{text}")])[0].startswith("a:2: ")


def test_control_what_only_looks_like_one() -> None:
    harmless = "https://nora.ai/work/main-topics, docs/work/x, the root/ of all, /home/, https://klynge.example/root/"
    assert house.matches(house.MACHINE, [("a", harmless)]) == []


def test_control_left_for_later_and_passed_over() -> None:
    assert house.matches(house.UNFINISHED, [("a", "# TO" + "DO: later")])
    assert house.matches(house.UNFINISHED, [("a", "todo lists and TODOS")]) == []
    for text in ("@pytest.mark.sk" + "ipif(x)", "pytest.sk" + "ip('no')", "@pytest.mark.xf" + "ail"):
        assert house.matches(house.UNTESTED, [("a", text)])


def test_control_crash_points() -> None:
    assert house.crash_points([made("crm.a", 'faults.point("a")\nfaults.point("a")')]) == ["a", "a"]
