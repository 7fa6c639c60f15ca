"""From a template and its values to an answer: whole pages, fragments for htmx, error pages.

Every page gets, besides what its handler passes: `t` and `lang` (crm/i18n.py), `icon`, `logo`, `asset`,
`scheme`, `here`, `url_lang(lang)`, `url_scheme(scheme)` and `csrf_token`.
"""

from functools import lru_cache, partial
from http import HTTPStatus

from jinja2 import Environment
from litestar import Request, Response
from litestar.template.base import csrf_token as litestar_csrf_token

from crm.i18n import LANGUAGES, jinja_environment
from crm.web import language as languages
from crm.web.assets import asset
from crm.web.pictures import icon, logo

HTML = "text/html"  # Litestar adds the charset
# Pages hold personal data and differ by cookie: no cache keeps them, not even the browser's own.
PAGE_HEADERS = {"cache-control": "no-store", "vary": "HX-Request, Cookie, Accept-Language"}
ERROR_STATUSES = (403, 404, 410, 422, 429, 500, 503)
HOMES = ("/n", "/my")  # where people who are signed in come from, and go back to
_NEAREST = {400: 422, 401: 403, 405: 404, 406: 404, 409: 422, 411: 422, 413: 422, 414: 422, 415: 422}


def page(
    request: Request,
    template: str,
    *,
    status_code: int = 200,
    headers: dict[str, str] | None = None,
    **context: object,
) -> Response[str]:
    """A whole page in the reader's language. Template names are relative to templates/."""
    environment = environment_for(languages.language_of(request))
    body = environment.get_template(template).render(_with_request(request, context))
    return _answer(request, body, status_code, headers)


def fragment(
    request: Request,
    template: str,
    block: str,
    *,
    status_code: int = 200,
    headers: dict[str, str] | None = None,
    **context: object,
) -> Response[str]:
    """One block of a page, for htmx to swap in; the same block the whole page shows."""
    environment = environment_for(languages.language_of(request))
    source = environment.get_template(template)
    within = source.new_context(_with_request(request, context))
    # Running the template up to its first output carries out its imports and sets; its blocks need both.
    next(source.root_render_func(within), None)
    body = "".join(within.blocks[block][0](within))
    return _answer(request, body, status_code, headers)


def error_page(
    request: Request, status_code: int, *, reference: str = "", detail: str = "", slow: bool = False
) -> Response[str]:
    """What happened, why, and where to go next. Needs no database and no session."""
    shown = "slow" if slow else status_code if status_code in ERROR_STATUSES else _NEAREST.get(status_code, 500)
    phrase = HTTPStatus(status_code).phrase
    return page(
        request,
        "errors/error.html",
        status_code=status_code,
        shown=shown,
        phrase=phrase,
        reference=reference,
        detail=detail,
        inside=next((home for home in HOMES if request.url.path.startswith(f"{home}/")), ""),
    )


def is_htmx(request: Request) -> bool:
    """Whether htmx asks, and wants a fragment; a history restore asks for the whole page."""
    asked = request.headers.get("hx-request") == "true"
    return asked and request.headers.get("hx-history-restore-request") != "true"


def htmx_headers(*, push_url: str = "", redirect: str = "", trigger: str = "") -> dict[str, str]:
    """The three answers to htmx we use (the fourth header, HX-Request, is read by `is_htmx`)."""
    wanted = {"hx-push-url": push_url, "hx-redirect": redirect, "hx-trigger": trigger}
    return {name: value for name, value in wanted.items() if value}


def csrf_token_of(request: Request) -> str:
    """The token of a session (request.state.csrf_token) or of Litestar's middleware, else ""."""
    return request.state.get("csrf_token", "") or litestar_csrf_token({"request": request})


@lru_cache
def environment_for(language: str) -> Environment:
    environment = jinja_environment(language)
    environment.globals.update(icon=icon, logo=logo, asset=asset, LANGUAGES=LANGUAGES)
    return environment


def _with_request(request: Request, context: dict[str, object]) -> dict[str, object]:
    return {
        "scheme": languages.scheme_of(request),
        "here": languages.here(request),
        "url_lang": partial(languages.url_in, request),
        "url_scheme": partial(languages.url_with_scheme, request),
        "csrf_token": csrf_token_of(request),
        **context,
    }


def _answer(request: Request, body: str, status_code: int, headers: dict[str, str] | None) -> Response[str]:
    answer = Response(
        body,
        media_type=HTML,
        status_code=status_code,
        headers=PAGE_HEADERS | {k.lower(): v for k, v in (headers or {}).items()},
    )
    # Reading a page under /nb or /en is choosing it for the pages without a prefix, too.
    language = languages.language_in_path(request.url.path)
    if language and request.cookies.get(languages.LANGUAGE_COOKIE) != language:
        answer.set_cookie(languages.preference_cookie(request, languages.LANGUAGE_COOKIE, language))
    return answer
