"""A visitor who walks through the sign-up over HTTP, one step at a time, as a browser would."""

import re
from html import unescape
from typing import Any
from uuid import UUID

import httpx

from crm.context import Context

NORA = "nora-industry-network"
# Valid check digits; numbers of this kind are not given out (crm/demo_data/README.md).
NEW_NUMBERS = ("399000017", "399000025", "399000033", "399000041")
EQUINOR = "923609016"  # a member of NORA Industry Network in the demo data
GOOD: dict[str, dict[str, str]] = {
    "level": {"tier": "principal", "employees": "120"},
    "organisation": {"orgnr": NEW_NUMBERS[0], "name": "Fjordlys Data AS", "kind": "company"},
    "contact": {"contact_name": "Kari Nordby", "email": "kari@fjordlys.example"},
    "terms": {"billing_reference": "PO 4500", "terms": "yes", "terms_version": "1"},
    "check": {},
}


async def one(context: Context, sql: str, *values: Any) -> Any:
    """One value out of the database."""
    async with context.db.tx() as connection:
        return await connection.fetchval(sql, *values)


async def application_of(context: Context, visitor: "Visitor") -> UUID | None:
    """The id behind a visitor's link."""
    sql = "select id from application where token_hash = encode(sha256($1::text::bytea), 'hex')"
    return await one(context, sql, visitor.token)


class Visitor:
    """Keeps the page it is on, and the hidden version of its form."""

    def __init__(self, client: httpx.AsyncClient, language: str = "en", network: str = NORA) -> None:
        self.client, self.language, self.network = client, language, network
        self.token = ""
        self.page = httpx.Response(204)

    @property
    def base(self) -> str:
        return f"/{self.language}/join/{self.network}/{self.token}"

    async def begin(self) -> "Visitor":
        answer = await self.client.get(f"/{self.language}/join/{self.network}")
        assert answer.status_code == 303
        self.token = answer.headers["location"].split("/")[4]
        return await self.get("level")

    async def get(self, step: str) -> "Visitor":
        self.page = await self.client.get(f"{self.base}/{step}")
        return self

    async def post(self, step: str, values: dict[str, str] | None = None, **changes: Any) -> httpx.Response:
        """Send a step as it stands good, with some answers changed; follows a redirect like a browser."""
        given = {**(GOOD[step] if values is None else values), **changes}
        given.setdefault("version", self.version)
        answer = await self.client.post(f"{self.base}/{step}", data=given)
        self.page = answer
        if answer.status_code == 303:
            self.page = await self.client.get(answer.headers["location"])
            while self.page.status_code == 303:
                self.page = await self.client.get(self.page.headers["location"])
        return answer

    async def until(self, last: str, **changes: dict[str, str]) -> "Visitor":
        """From the start through the step `last`."""
        await self.begin()
        for step in GOOD:
            answer = await self.post(step, **changes.get(step, {}))
            assert answer.status_code == 303, f"{step}: {self.errors}"
            if step == last:
                break
        return self

    @property
    def version(self) -> str:
        found = re.search(r'name="version" value="(-?\d+)"', self.page.text)
        return found[1] if found else "0"

    @property
    def title(self) -> str:
        found = re.search(r"<title>(.*?)</title>", self.page.text, re.DOTALL)
        return unescape(found[1]) if found else ""

    @property
    def errors(self) -> list[tuple[str, str]]:
        """(field, sentence) of the error summary; each field must be on the page."""
        summary = re.search(r'class="error-summary".*?</div>', self.page.text, re.DOTALL)
        found = re.findall(r'<a href="#([^"]*)">(.*?)</a>', summary[0], re.DOTALL) if summary else []
        for field, _ in found:
            assert f'id="{field}"' in self.page.text, f"the summary links to {field}, which is not there"
        return [(field, unescape(text)) for field, text in found]

    @property
    def text(self) -> str:
        """The page's main part as words."""
        main = re.search(r"<main.*?</main>", self.page.text, re.DOTALL)
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", main[0] if main else "")).split())
