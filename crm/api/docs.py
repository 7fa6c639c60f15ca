"""The OpenAPI document at /api/openapi.json. The page for people is crm/web/api_docs.py."""

from collections.abc import Sequence
from functools import cache

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from crm.api.openapi import document
from crm.api.operations import Operation

ROUTE_NAME = "openapi_document"


def handlers(operations: Sequence[Operation]) -> list[HTTPRouteHandler]:
    """The route. The document itself hangs on it (`opt`), for the page that shows it to people."""

    @cache
    def made() -> dict[str, object]:
        return document(operations)

    @cache
    def written() -> bytes:
        return msgspec.json.encode(made())

    @get(
        "/api/openapi.json",
        name=ROUTE_NAME,
        sync_to_thread=False,
        opt={"public": True, "document": made},
        include_in_schema=False,
    )
    def show_document() -> Response[bytes]:
        """The document, for clients and judges."""
        return Response(written(), media_type="application/json", headers={"cache-control": "public, max-age=300"})

    return [show_document]
