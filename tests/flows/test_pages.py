"""Every page of tests/flows/pages.py over HTTP: its HTML is valid by a judge that is not ours, in both languages."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.pages import PAGES, SETTINGS, address, begin_draft, prepare
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
    with site_on(server, "klynge_pages", prepare, settings=SETTINGS) as served:
        begin_draft(served)
        yield served


@pytest.mark.parametrize("language", ["en", "nb"])
def test_the_html_of_every_page_is_valid(site: Site, language: str) -> None:
    pages = []
    for who, entries in PAGES.items():
        client = site.client(who, language)
        for entry in entries:
            answer = client.get(re.sub("^/en", f"/{language}", address(site, who, entry)))
            assert answer.status_code in ((404,) if "no-such" in entry else (200,)), entry
            assert f'<html lang="{language}"' in answer.text, entry
            pages.append({"name": f"{who} {entry}", "html": answer.text})
    assert len(pages) > 100
    assert node.judged(HTML, pages) == []


@pytest.mark.parametrize("rule", CONTROLS)
def test_the_judge_sees_a_fault(rule: str) -> None:
    page = (
        f"<!doctype html><html lang=en><head><title>x</title></head><body><main>{CONTROLS[rule]}</main></body></html>"
    )
    assert any(f": {rule}: " in fault for fault in node.judged(HTML, [{"name": "control", "html": page}]))
