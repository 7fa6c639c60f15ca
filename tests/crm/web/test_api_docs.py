"""The API reference: every operation and type in both languages, accessible in every view, strict CSP."""

import re

import httpx
import pytest
from litestar import Litestar

from crm.api import OPERATIONS
from crm.api.openapi import document
from crm.app import create_app
from crm.context import Context
from tests.conftest import SETTINGS

DOCUMENT = document(OPERATIONS)
GROUPS = [tag["name"].lower().replace(" ", "-") for tag in DOCUMENT["tags"]]


def _app() -> Litestar:
    """The reference needs no database, so none is there."""
    return create_app(SETTINGS, Context(None, None, SETTINGS))  # type: ignore[arg-type]


@pytest.mark.anyio
@pytest.mark.parametrize(("language", "heading"), [("en", "API reference"), ("nb", "API-referanse")])
async def test_every_operation_and_type_is_shown(language: str, heading: str) -> None:
    transport = httpx.ASGITransport(app=_app())
    async with httpx.AsyncClient(transport=transport, base_url=SETTINGS.base_url) as client:
        first = await _shown(client, "/api/docs", language)
        pages = {f"/api/docs/{group}": await _shown(client, f"/api/docs/{group}", language) for group in GROUPS}
        assert (await client.get("/api/docs/nowhere")).headers["location"] == "/api/docs"
    assert heading in first
    pages["/api/docs"] = first
    for path, item in DOCUMENT["paths"].items():
        for call in item.values():
            home = pages[f"/api/docs/{call['tags'][0].lower().replace(' ', '-')}"]
            assert f'id="{call["operationId"]}"' in home
            assert path in home
            assert f'#{call["operationId"]}"' in first
    for name in DOCUMENT["components"]["schemas"]:
        assert f'#type-{name}"' in first
    ids = {path: set(re.findall(r'id="([^"]+)"', shown)) for path, shown in pages.items()}
    for path, shown in pages.items():
        for where, target in re.findall(r'href="(/api/docs[^"#]*)?#([^"]+)"', shown):
            assert target in ids[where or path], f"a link on {path} leads nowhere: {where}#{target}"


async def _shown(client: httpx.AsyncClient, path: str, language: str) -> str:
    answer = await client.get(path, headers={"accept-language": language})
    assert answer.status_code == 200
    assert f'<html lang="{language}"' in answer.text
    return answer.text
