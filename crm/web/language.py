"""Which language and which colours a reader gets, and the two links that change them.

Both are kept in a cookie and rendered by the server, so a page never flashes in the wrong colours.
"""

from urllib.parse import quote, urlsplit

from litestar import Request, get
from litestar.datastructures import Cookie
from litestar.exceptions import ClientException, NotFoundException
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from crm.i18n import DEFAULT_LANGUAGE, LANGUAGES

LANGUAGE_COOKIE = "lang"
SCHEME_COOKIE = "scheme"
SCHEMES = ("light", "dark", "auto")
DEFAULT_SCHEME = "auto"
COOKIE_SECONDS = 365 * 24 * 3600
MAX_BACK_LENGTH = 2000
# What browsers ask for, to what we have: no and nn readers read Bokmål rather than English.
_SPOKEN = {"nb": "nb", "no": "nb", "nn": "nb", "en": "en"}
MAX_ACCEPTED = 20


def language_of(request: Request) -> str:
    """The address wins (/nb/.., /en/..), then the reader's own choice, then the browser's, then Norwegian."""
    if prefixed := language_in_path(request.url.path):
        return prefixed
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    if chosen in LANGUAGES:
        return chosen
    return _accepted(request.headers.get("accept-language", "")) or DEFAULT_LANGUAGE


def language_in_path(path: str) -> str | None:
    first = path.split("/", 2)[1] if path.startswith("/") else ""
    return first if first in LANGUAGES else None


def scheme_of(request: Request) -> str:
    chosen = request.cookies.get(SCHEME_COOKIE)
    return chosen if chosen in SCHEMES else DEFAULT_SCHEME


def here(request: Request) -> str:
    """This page's path with its query: what a language or colour link comes back to."""
    query = request.url.query
    return request.url.path + (f"?{query}" if query else "")


def url_in(request: Request, language: str) -> str:
    """The same page in another language, query kept."""
    path = request.url.path
    if language_in_path(path):
        query = request.url.query
        return f"/{language}{path[3:]}" + (f"?{query}" if query else "")
    return f"/language/{language}?back={quote(here(request), safe='/')}"


def url_with_scheme(request: Request, scheme: str) -> str:
    return f"/theme/{scheme}?back={quote(here(request), safe='/')}"


def preference_cookie(request: Request, key: str, value: str) -> Cookie:
    secure = request.url.scheme == "https"
    return Cookie(key=key, value=value, max_age=COOKIE_SECONDS, path="/", httponly=True, samesite="lax", secure=secure)


def safe_back(back: str) -> str:
    """`back` when it is a plain absolute path of this site; anything else is refused."""
    parts = urlsplit(back)
    plain = back.startswith("/") and not back.startswith("//") and "\\" not in back and back.isprintable()
    if not plain or parts.scheme or parts.netloc or len(back) > MAX_BACK_LENGTH:
        raise ClientException("back: must be a path on this site, such as /en/networks")
    return quote(back, safe="/?&=%:;,+@!$'()*~#")


@get("/language/{language:str}", include_in_schema=False, sync_to_thread=False, opt={"public": True})
def choose_language(request: Request, language: FromPath[str], back: FromQuery[str] = "/") -> Redirect:
    if language not in LANGUAGES:
        raise NotFoundException()
    return _back_with(request, back, LANGUAGE_COOKIE, language)


@get("/theme/{scheme:str}", include_in_schema=False, sync_to_thread=False, opt={"public": True})
def choose_scheme(request: Request, scheme: FromPath[str], back: FromQuery[str] = "/") -> Redirect:
    if scheme not in SCHEMES:
        raise NotFoundException()
    return _back_with(request, back, SCHEME_COOKIE, scheme)


handlers = [choose_language, choose_scheme]


def _back_with(request: Request, back: str, key: str, value: str) -> Redirect:
    cookie = preference_cookie(request, key, value)
    return Redirect(safe_back(back), status_code=303, cookies=[cookie], headers={"cache-control": "no-store"})


def _accepted(header: str) -> str | None:
    wishes = []
    for position, part in enumerate(header.split(",")[:MAX_ACCEPTED]):
        tag, _, parameters = part.strip().partition(";")
        language = _SPOKEN.get(tag.strip().lower().split("-")[0])
        if language and (quality := _quality(parameters)) > 0:
            wishes.append((-quality, position, language))
    return min(wishes)[2] if wishes else None


def _quality(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
