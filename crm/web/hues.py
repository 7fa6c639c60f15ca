"""The style sheet of networks' own colours: made from what the catalogue says, small, and new within a minute."""

from hashlib import sha256

from litestar import Request, Response, get
from litestar.di import NamedDependency

from crm import hues
from crm.context import Context
from crm.web.session import load_catalogue

HASH_LENGTH = 16


@get("/hues.css", include_in_schema=False, opt={"public": True})
async def serve_hues(request: Request, context: NamedDependency[Context]) -> Response[str]:
    kept = await load_catalogue(context)
    sheet = hues.css(n.colour for n in kept.networks if n.colour.startswith("#"))
    tag = f'"{sha256(sheet.encode()).hexdigest()[:HASH_LENGTH]}"'
    headers = {"cache-control": "public, max-age=60", "etag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response("", status_code=304, media_type="text/css", headers=headers)
    return Response(sheet, media_type="text/css", headers=headers)


handlers = [serve_hues]
