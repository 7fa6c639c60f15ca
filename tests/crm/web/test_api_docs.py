"""The API reference: every operation and type in both languages, accessible in every view, strict CSP."""

import re
from collections.abc import Iterator

import httpx
import pytest
from litestar import Litestar

from crm.api import OPERATIONS
from crm.api.openapi import document
from crm.app import create_app
from crm.context import Context
from tests.browser import axe_violations, browser, csp_messages, open_page, overflow, serve
from tests.conftest import SETTINGS

__all__ = ["browser"]  # a fixture: importing it makes it known here

DOCUMENT = document(OPERATIONS)


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The reference needs no database, so none is there."""
    with serve(_app()) as address:
        yield address


def _app() -> Litestar:
    return create_app(SETTINGS, Context(None, None, SETTINGS))  # type: ignore[arg-type]


@pytest.mark.anyio
@pytest.mark.parametrize(("language", "heading"), [("en", "API reference"), ("nb", "API-referanse")])
async def test_every_operation_and_type_is_shown(language: str, heading: str) -> None:
    transport = httpx.ASGITransport(app=_app())
    async with httpx.AsyncClient(transport=transport, base_url=SETTINGS.base_url) as client:
        answer = await client.get("/api/docs", headers={"accept-language": language})
    assert answer.status_code == 200
    shown = answer.text
    assert f'<html lang="{language}"' in shown
    assert heading in shown
    for path, item in DOCUMENT["paths"].items():
        for call in item.values():
            assert f'id="{call["operationId"]}"' in shown
            assert path in shown
    for name in DOCUMENT["components"]["schemas"]:
        assert f'id="type-{name}"' in shown
    targets = set(re.findall(r'href="#([^"]+)"', shown))
    assert targets <= set(re.findall(r'id="([^"]+)"', shown)), "every link on the page leads somewhere"


@pytest.mark.browser
@pytest.mark.parametrize(
    ("viewport", "scheme", "language"),
    [("phone", "light", "nb"), ("desktop", "dark", "en")],  # a long page: axe takes its time
)
def test_the_reference_is_accessible(site: str, browser, viewport: str, scheme: str, language: str) -> None:
    with open_page(browser, f"{site}/api/docs", viewport=viewport, scheme=scheme, language=language) as page:
        assert axe_violations(page) == []
        assert overflow(page) == 0
        assert csp_messages(page) == []
