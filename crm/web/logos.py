"""Members' logos: as they are sent, and as they are served: from our own address, as a picture and nothing else."""

from litestar import Request, Response, Router, get
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.exceptions import SerializationException
from litestar.params import FromPath

from crm.context import Context
from crm.errors import NotFound, Refused
from crm.logos import BYTES_MOST
from crm.reads import logos as reads
from crm.reads.listings import Own
from crm.reads.logos import Stored
from crm.web.session import NOT_KEPT

REQUEST_MOST = BYTES_MOST + 64 * 1024  # the picture, and the form around it
FIELD = "logo"
# Nothing in a picture is ever run or may load anything, also when somebody opens it by itself.
_HEADERS = {
    "content-security-policy": "default-src 'none'; sandbox",
    "content-disposition": "inline",
    "cross-origin-resource-policy": "same-origin",
}
# Not for long, though its address never means another picture: who leaves the directory is gone from caches soon.
_KEPT = {"cache-control": "public, max-age=300"}


@get("/logos/{name:str}", include_in_schema=False, opt={"public": True})
async def show_logo(context: NamedDependency[Context], name: FromPath[str]) -> Response[bytes]:
    """A logo that the directory shows now; everything else was never here."""
    async with context.db.tx() as connection:
        found = await reads.shown(connection, name)
    if found is None:
        raise NotFound("logo", name[:80])
    return _answer(found, _KEPT)


async def own(context: Context, request: Request, entry: Own) -> Response[bytes]:
    """For who looks after an entry: the logo that waits, else the published one."""
    wanted = entry.facts.logo
    if entry.newest is not None and entry.newest.state == "waiting":
        wanted = entry.newest.body.get("logo", wanted)
    async with context.db.tx() as connection:
        found = await reads.one(connection, entry.facts.id, wanted)
    if found is None:
        raise NotFound("logo", request.url.path)
    return _answer(found, NOT_KEPT)


async def sent(request: Request) -> bytes:
    """The picture of the form; no bytes: the logo is to go. Refused `required` for a form without a file."""
    try:
        form = await request.form()
    except SerializationException as error:
        raise Refused("logo_broken", FIELD) from error
    if form.get("step") == "remove":
        return b""
    file = form.get(FIELD)
    content = await file.read() if isinstance(file, UploadFile) else b""
    if not content:
        raise Refused("required", FIELD)
    return content


def word(content: bytes, state: str) -> str:
    """What the page says afterwards."""
    return "no-logo" if not content else "logo" if state == "published" else "logo-waits"


handlers = [Router(path="/", route_handlers=[show_logo])]


def _answer(found: Stored, kept: dict[str, str]) -> Response[bytes]:
    return Response(found.content, media_type=found.media_type, headers={**_HEADERS, **kept})
