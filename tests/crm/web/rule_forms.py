"""What the tests of written rules share: a page's form read as a browser would send it back, untouched."""

from html.parser import HTMLParser

import httpx
import msgspec

from cluster_rules.networks import Rulebook
from crm.context import Context
from tests.crm.web.office import NORA, send

DRAFT = f"{NORA}/setup/rules/draft"
LINK, LEVEL, WHOLE = f"{DRAFT}/link-rule", f"{DRAFT}/level", f"{DRAFT}/whole"
PRINCIPAL = "principal-joins-claire"


class _Form(HTMLParser):
    """The fields of the one form with this class."""

    def __init__(self, wanted: str) -> None:
        super().__init__()
        self.wanted = wanted
        self.inside = False
        self.fields: dict[str, list[str]] = {}
        self.select = self.textarea = ""
        self.first: str | None = None

    def handle_starttag(self, tag, attrs):
        given = {name: value if value is not None else "" for name, value in attrs}
        if tag == "form":
            self.inside = self.wanted in given.get("class", "").split()
        if not self.inside:
            return
        if tag == "input" and given.get("name") and given.get("type") not in ("submit", "file"):
            ticked = given.get("type") not in ("checkbox", "radio") or "checked" in given
            if ticked:
                self.fields.setdefault(given["name"], []).append(given.get("value", "on"))
        if tag == "select":
            self.select, self.first = given["name"], None
        if tag == "option" and self.select:
            if self.first is None:
                self.first = given["value"]
            if "selected" in given:
                self.fields[self.select] = [given["value"]]
        if tag == "textarea":
            self.textarea = given["name"]
            self.fields[self.textarea] = [""]

    def handle_data(self, data):
        if self.textarea:
            self.fields[self.textarea][0] += data.replace("\n", "\r\n")

    def handle_endtag(self, tag):
        if tag == "form":
            self.inside = False
        if tag == "select" and self.select:
            self.fields.setdefault(self.select, [self.first or ""])
            self.select = ""
        if tag == "textarea":
            self.textarea = ""


def fields_of(answer: httpx.Response, form: str = "sentence") -> dict[str, list[str]]:
    """Every field of a page's form with its values, as they stand."""
    assert answer.status_code in (200, 409, 422), answer.text
    parser = _Form(form)
    parser.feed(answer.text)
    assert parser.fields, "no such form on the page"
    return parser.fields


async def begin(client: httpx.AsyncClient, draft: str = DRAFT, version: int = 1) -> None:
    """Begin a draft from a published version."""
    answer = await send(client, draft, version=str(version))
    assert answer.status_code == 303 and answer.headers["location"] == draft


async def save(client: httpx.AsyncClient, page: str, fields: dict[str, list[str]] | None = None, **changed):
    """Send a page's form with some fields changed ("a__b" is the field a.b); a list stands for several values."""
    given = dict(fields or fields_of(await client.get(page)))
    for name, value in changed.items():
        given[name.replace("__", ".")] = value if isinstance(value, list) else [value]
    return await client.post(page.partition("?")[0], data=given)


async def stored(context: Context, network: str = "nora-industry-network") -> Rulebook | None:
    """The draft as it is in the database."""
    async with context.db.tx() as connection:
        body = await connection.fetchval(
            "select body from rulebook_draft d join network n on n.id = d.network_id where n.slug = $1", network
        )
    return msgspec.convert(body, Rulebook) if body else None
