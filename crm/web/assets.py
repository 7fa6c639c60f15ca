"""Files for the browser, named after their content so that they may be cached for ever.

Everything is read, hashed and compressed once at start (about half a megabyte). The style sheets are joined
into one in the order their cascade layers need, and their url() references are pointed at the hashed names.
"""

import gzip
import re
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path, PurePosixPath

from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from crm.paths import TEMPLATES

# The layer order file must come first: element rules must never outrank the design system's parts.
BUNDLE_NAME = "css/klynge.css"
BUNDLE = (
    "css/layers.css",
    "vendor/designsystemet/designsystemet.css",
    "vendor/theme/klynge.css",
    "css/tokens.css",
    "css/base.css",
    "css/parts.css",
    "css/notices.css",
    "css/forms.css",
    "css/lists.css",
    "css/member.css",
    "css/menus.css",
    "css/office.css",
    "css/members.css",
    "css/reports.css",
    "css/told.css",
    "css/rules.css",
    "css/fees.css",
    "css/invoices.css",
    "css/layouts.css",
    "css/join.css",
    "css/account.css",
    "css/my.css",
    "css/directory.css",
    "css/charts.css",
    "css/api.css",
    "css/palette.css",
    "css/print.css",
)
FOREVER = "public, max-age=31536000, immutable"
HASH_LENGTH = 10
_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".png": "image/png",
}
_COMPRESSIBLE = {".css", ".js", ".svg"}
_URL = re.compile(r"""url\(\s*["']?(?![a-z]+:|/|#)([^"')]+)["']?\s*\)""")


@dataclass(frozen=True)
class Asset:
    url: str
    content_type: str
    body: bytes
    gzipped: bytes | None

    @property
    def etag(self) -> str:
        return f'"{PurePosixPath(self.url).suffixes[-2][1:]}"'


def asset(name: str) -> str:
    """The address of a file under templates/static, by its plain name; KeyError when there is none."""
    return _assets()[name].url


@get("/static/{name:path}", include_in_schema=False, sync_to_thread=False, opt={"public": True})
def serve_asset(request: Request, name: FromPath[str]) -> Response[bytes]:
    found = _by_url().get("/static/" + name.lstrip("/"))
    if found is None:
        raise NotFoundException()
    headers = {"cache-control": FOREVER, "etag": found.etag, "vary": "accept-encoding"}
    if request.headers.get("if-none-match") == found.etag:
        return Response(b"", status_code=304, headers=headers, media_type=found.content_type)
    body = found.body
    if found.gzipped is not None and "gzip" in request.headers.get("accept-encoding", ""):
        body = found.gzipped
        headers["content-encoding"] = "gzip"
    return Response(body, headers=headers, media_type=found.content_type)


handlers = [serve_asset]


@lru_cache
def _assets() -> dict[str, Asset]:
    root = TEMPLATES / "static"
    names = [path.relative_to(root).as_posix() for path in sorted(root.rglob("*")) if path.suffix in _TYPES]
    found = {name: _asset(name, (root / name).read_bytes()) for name in names if not name.endswith(".css")}
    styles = {name: _with_hashed_urls(root, name, found) for name in names if name.endswith(".css")}
    found |= {name: _asset(name, body) for name, body in styles.items()}
    found[BUNDLE_NAME] = _asset(BUNDLE_NAME, b"\n".join(styles[name] for name in BUNDLE))
    return found


@lru_cache
def _by_url() -> dict[str, Asset]:
    return {each.url: each for each in _assets().values()}


def _asset(name: str, body: bytes) -> Asset:
    path = PurePosixPath(name)
    digest = sha256(body).hexdigest()[:HASH_LENGTH]
    url = f"/static/{path.with_suffix(f'.{digest}{path.suffix}')}"
    # mtime=0: the same bytes from every worker and every start.
    packed = gzip.compress(body, mtime=0) if path.suffix in _COMPRESSIBLE else None
    return Asset(url, _TYPES[path.suffix], body, packed)


def _with_hashed_urls(root: Path, name: str, known: dict[str, Asset]) -> bytes:
    folder = (root / name).parent

    def hashed(match: re.Match[str]) -> str:
        target = (folder / match[1]).resolve().relative_to(root.resolve()).as_posix()
        return f'url("{known[target].url}")'

    return _URL.sub(hashed, (root / name).read_text("utf-8")).encode()
