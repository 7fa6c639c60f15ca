"""Did this request come from a page of ours? Browsers say so themselves; forms of other sites are refused.

`Sec-Fetch-Site` is asked first, `Origin` when a browser does not send it. A program that sends neither
is let through: it cannot ride on anybody's cookie, and a draft's address is a secret of its own.
"""

from urllib.parse import urlsplit

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from crm.errors import Forbidden

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OURS = frozenset({"same-origin", "none"})  # none: typed by the reader, or a bookmark


def check(connection: ASGIConnection) -> None:
    """Forbidden when another site made the browser send this."""
    site = connection.headers.get("sec-fetch-site")
    origin = connection.headers.get("origin")
    if site is not None and site.lower() not in OURS:
        raise Forbidden
    if site is None and origin is not None and urlsplit(origin).netloc != connection.headers.get("host", ""):
        raise Forbidden


def same_origin(connection: ASGIConnection, _: BaseRouteHandler) -> None:
    """Guard: what changes something must come from a page of ours."""
    if connection.scope["method"] not in SAFE_METHODS:
        check(connection)
