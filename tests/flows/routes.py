"""Which routes answer a GET with a page, and which of them tests/flows/pages.py leaves out, each with its reason."""

import re
from collections.abc import Collection, Iterator

from litestar import Litestar
from litestar.response import Redirect
from litestar.routes import HTTPRoute

LEFT_OUT = {
    "a file, a picture or a style": [
        "/account/data/export",
        "/en/members.atom",
        "/en/members.csv",
        "/en/members.json",
        "/en/members.xlsx",
        "/en/pay/{token:str}/pdf",
        "/hues.css",
        "/logos/{name:str}",
        "/my/{organisation:str}/data/export",
        "/my/{organisation:str}/entry/picture",
        "/n/{slug:str}/contributions/export.csv",
        "/n/{slug:str}/documents/{document:str}/file",
        "/n/{slug:str}/dunning/collector.csv",
        "/n/{slug:str}/incomes/export.csv",
        "/n/{slug:str}/invoices/export.csv",
        "/n/{slug:str}/invoices/{invoice:str}/pdf",
        "/n/{slug:str}/invoices/{invoice:str}/xml",
        "/n/{slug:str}/members/export.csv",
        "/n/{slug:str}/members/export.xlsx",
        "/n/{slug:str}/members/{member:str}/entry/picture",
        "/n/{slug:str}/members/{member:str}/people/contacts/{contact:str}/export",
        "/n/{slug:str}/reports/board.pdf",
        "/n/{slug:str}/reports/{name:str}/file.csv",
        "/n/{slug:str}/reports/{name:str}/file.xlsx",
        "/n/{slug:str}/reports/{name:str}/paper.pdf",
        "/n/{slug:str}/reports/{name:str}/rows.csv",
        "/n/{slug:str}/reports/{name:str}/rows.xlsx",
        "/n/{slug:str}/setup/audit/export.csv",
        "/n/{slug:str}/surveys/{survey:str}/answers.csv",
        "/n/{slug:str}/surveys/{survey:str}/answers.xlsx",
        "/n/{slug:str}/setup/audit/export.xlsx",
        "/n/{slug:str}/setup/rules/draft/download",
        "/n/{slug:str}/setup/rules/{version:str}/text",
        "/n/{slug:str}/shares.csv",
        "/static/{name:path}",
    ],
    "for programs": ["/healthz", "/readyz", "/api/openapi.json", "/api/client.py"],
    "leads on to another page, or says that it cannot": [
        "/n/{slug:str}/views/{view:str}",
        "/sign-in/oidc",
        "/sign-in/oidc/callback",
    ],
    "a mail's own page in a frame, whose judge is tests/crm/test_mail_texts.py": ["/dev/mailbox/{mail:str}/html"],
    "of the development server; tests/crm/web/test_styleguide.py": ["/_styleguide", "/_styleguide/{layout:str}"],
    "half signed in, in one browser; tests/flows/test_people_browser.py": ["/sign-in/second"],
    "needs two systems; its text in tests/federation/test_pages.py, without a browser": [
        "/n/{slug:str}/setup/systems/answer"
    ],
    "needs two systems; tests/federation/test_federation_browser.py": [
        "/n/{slug:str}/setup/systems/{code:str}/organisations/{key:str}"
    ],
}
_PARAMETER = re.compile(r"\{(\w+):(\w+)\}")
_API = ("/api/v1/", "/scim/", "/federation/v1")


def pages(app: Litestar) -> list[str]:
    """Paths that answer a GET with a page: not the API's, not those that only lead on; one for both languages."""
    found = set()
    for route in app.routes:
        if isinstance(route, HTTPRoute) and not route.path.startswith(_API):
            for handler in route.route_handlers:
                if "GET" in handler.http_methods and handler.parsed_fn_signature.return_type.raw is not Redirect:
                    found.add(re.sub("^/nb(?=/|$)", "/en", route.path))
    return sorted(found)


def of(address: str, paths: Collection[str]) -> str:
    """Which of these paths an address belongs to: words before parameters, from left to right, as the router has it."""
    asked = re.sub("^/nb(?=/|$)", "/en", address.split("?")[0])
    fits = [path for path in paths if re.fullmatch("".join(_patterns(path)), asked)]
    return min(fits, key=lambda path: ["{" in part for part in path.split("/")], default="")


def _patterns(path: str) -> Iterator[str]:
    at = 0
    for each in _PARAMETER.finditer(path):
        yield re.escape(path[at : each.start()])
        yield ".+" if each[2] == "path" else "[^/]+"
        at = each.end()
    yield re.escape(path[at:])
