"""Every page of tests/flows/pages.py over HTTP, in both languages: its HTML is valid by a judge that is not ours, and
what is on it works without scripts."""

import re
from collections.abc import Iterator
from pathlib import Path

import lxml.html
import pytest

from crm.app import create_app
from tests.flows import routes
from tests.flows.page_data import begin_draft, prepare_all
from tests.flows.pages import PAGES, SETTINGS, address
from tests.flows.site import Site, site_on
from tests.judges import node
from tests.postgres import Server

HTML = Path(node.__file__).parent / "html.cjs"
CONTROLS = {
    "close-order": "<p><em>Crossed</p></em>",
    "no-dup-id": "<p id='one'>One</p><p id='one'>Two</p>",
    "element-permitted-content": "<span><div>A block in a line</div></span>",
    "attribute-allowed-values": "<input type='text'><button type='send'>Send</button>",
    "void-content": "<p>A break</br></p>",
}


@pytest.fixture(scope="module")
def site(server: Server, seeded: object) -> Iterator[Site]:
    with site_on(server, "klynge_pages", prepare_all, settings=SETTINGS) as served:
        begin_draft(served)
        yield served


@pytest.fixture(scope="module")
def pages(site: Site) -> dict[tuple[str, str, str], str]:
    """Every page in both languages: (language, who, entry) -> HTML."""
    found = {}
    for language in ("en", "nb"):
        for who, entries in PAGES.items():
            for entry in entries:
                answer = site.client(who, language).get(re.sub("^/en", f"/{language}", address(site, who, entry)))
                assert answer.status_code == (404 if "no-such" in entry else 200), entry
                found[language, who, entry] = answer.text
    assert len(found) > 200
    return found


def test_every_page_of_the_application_is_looked_at(site: Site, pages: dict[object, str]) -> None:
    """A page that is in no list has no judge: name it in PAGES, or in LEFT_OUT with a reason."""
    known = routes.pages(create_app(SETTINGS))
    left_out = [path for paths in routes.LEFT_OUT.values() for path in paths]
    looked_at = {routes.of(address(site, who, entry), known) for who, listed in PAGES.items() for entry in listed}
    assert [path for path in known if path not in looked_at and path not in left_out] == []
    assert [path for path in left_out if path not in known or path in looked_at] == [], "no exception any more"
    assert len(looked_at) > 120


def test_a_word_comes_before_a_parameter() -> None:
    known = ["/n/{slug:str}/mailings/{mailing:str}", "/n/{slug:str}/mailings/new", "/n/{slug:str}/{word:str}/new"]
    assert [routes.of(f"/n/nora/mailings/{last}", known) for last in ("new", "one", "one/two")] == [
        known[1],
        known[0],
        "",
    ]


@pytest.mark.parametrize("language", ["en", "nb"])
def test_the_html_of_every_page_is_valid(pages: dict[tuple[str, str, str], str], language: str) -> None:
    listed = [(" ".join(key[1:]), html) for key, html in pages.items() if key[0] == language]
    assert [name for name, html in listed if f'<html lang="{language}"' not in html] == []
    assert node.judged(HTML, [{"name": name, "html": html} for name, html in listed]) == []


def test_every_form_and_button_works_without_scripts(pages: dict[tuple[str, str, str], str]) -> None:
    found = {" ".join(key): _dead(html) for key, html in pages.items()}
    assert {page: dead for page, dead in found.items() if dead} == {}


@pytest.mark.parametrize(
    "dead",
    [
        "<form method=post action=/x><input type=text name=a><input type=text name=b></form>",
        "<form method=post action=/x><select name=a hx-get=/y></select></form>",
        "<button type=button>Do it</button>",
        "<a href='#'>Do it</a>",
        "<div hx-get=/more>More</div>",
    ],
)
def test_what_needs_a_script_is_seen(dead: str) -> None:
    assert _dead(f"<!doctype html><html><body><main>{dead}</main></body></html>")


def _dead(html: str) -> list[str]:
    """What on a page does nothing without a script, and does not say so by being hidden."""
    page = lxml.html.document_fromstring(html)
    found = []
    for_others = page.xpath("//main//*[@class='alert'][@data-color='info']")  # says who may send what is shown
    for each in page.xpath("//form[not(ancestor::dialog)]"):
        sends = each.xpath(".//button[not(@type) or @type='submit'] | .//input[@type='submit']")
        texts = each.xpath(".//input[not(@type) or @type='text' or @type='search' or @type='email']")
        sends += page.xpath("//button[@form=$id]", id=each.get("id", ""))
        if not sends and not for_others and len(texts) != 1:  # one field is sent by Enter
            found.append(f"a form without a button: {each.get('action')}")
    for each in page.xpath("//button[@type='button'][not(ancestor-or-self::*[@hidden])][not(@command)]"):
        found.append(f"a button that needs a script: {each.text_content().strip()}")
    for each in page.xpath("//a[not(@href) or @href='#' or starts-with(@href, 'javascript:')]"):
        found.append(f"a link to nowhere: {each.text_content().strip()}")
    # What is said anew while one writes (aria-live) is said once on the page that follows, too.
    for each in page.xpath("//*[@hx-get or @hx-post][not(self::a or self::form or ancestor::form or @aria-live)]"):
        found.append(f"asked for by a script only: {each.tag}")
    return found


@pytest.mark.parametrize("rule", CONTROLS)
def test_the_judge_sees_a_fault(rule: str) -> None:
    page = (
        f"<!doctype html><html lang=en><head><title>x</title></head><body><main>{CONTROLS[rule]}</main></body></html>"
    )
    assert any(f": {rule}: " in fault for fault in node.judged(HTML, [{"name": "control", "html": page}]))
