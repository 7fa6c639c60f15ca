"""What tests of shares have in common: a world of two networks with everything there is to leak, and all doors at once.

`shown` is the second opinion: what terms allow of a member, computed in Python from the network's own list.
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
from litestar import Litestar

from crm.app import state_of
from crm.clock import FixedClock
from crm.context import Context
from tests.conftest import NOW, SETTINGS, context_on
from tests.crm.api.support import CLAIRE, NORA, V1
from tests.seed import Keys

CODE = "nora-claire-2021"
OURS = f"{V1}/networks/{NORA}"
SHARED = f"{V1}/agreements/{CODE}"
NDJSON = {"accept": "application/x-ndjson"}
OF_MEMBER = ("tier", "status", "origin", "starts_on", "ends_on")
OF_ORGANISATION = ("name", "identifiers", "country", "kind", "website")
CONTACT = ("contact_name", "contact_email")
FIELDS = (*OF_ORGANISATION, *OF_MEMBER, *CONTACT)

# Everybody in the network gets values that stand nowhere else, so that each can be found in any bytes.
MARK = """
update organisation o set name = 'NAMEMARK ' || left(o.id::text, 8),
    website = 'https://sitemark.example/' || left(o.id::text, 8)
from feed_member f join network n on n.id = f.network_id where f.organisation_id = o.id and n.slug = $1;
insert into contact (id, organisation_id, name, email, role, language, main, created_at)
select gen_random_uuid(), f.organisation_id, 'PERSONMARK ' || left(f.organisation_id::text, 8),
    'mailmark-' || left(f.organisation_id::text, 8) || '@person.example', '', 'nb', true, now()
from feed_member f join network n on n.id = f.network_id where n.slug = $1
and not exists (select from contact c where c.organisation_id = f.organisation_id and c.main);
update contact c set name = 'PERSONMARK ' || left(c.organisation_id::text, 8),
    email = 'mailmark-' || left(c.organisation_id::text, 8) || '@person.example'
from feed_member f join network n on n.id = f.network_id where f.organisation_id = c.organisation_id and n.slug = $1;
delete from identifier i using feed_member f, network n where f.organisation_id = i.organisation_id
and n.id = f.network_id and n.slug = $1;
insert into identifier (id, organisation_id, scheme, value)
select gen_random_uuid(), f.organisation_id, 'pic', 'PIC' || left(f.organisation_id::text, 8)
from feed_member f join network n on n.id = f.network_id where n.slug = $1
"""
MARKS = {
    "name": "NAMEMARK",
    "website": "sitemark",
    "contact_name": "PERSONMARK",
    "contact_email": "mailmark",
    "identifiers": '"PIC',
}


class Doors:
    """The application as three keys see it: `api` is the receiving network's, `own` the disclosing one's."""

    def __init__(self, client: httpx.AsyncClient, seeded: Keys, context: Context) -> None:
        self.client, self.context = client, context
        self.api = {"authorization": f"Bearer {seeded.partner_keys[CLAIRE]}"}
        self.own = {"authorization": f"Bearer {seeded.partner_keys[NORA]}"}
        self.manager = {"authorization": f"Bearer {seeded.manager_key}"}

    async def get(self, path: str, key: Mapping[str, str] | None = None, **query: Any) -> httpx.Response:
        return await self.client.get(path, params=query, headers=dict(key or self.api))

    async def ok(self, path: str, key: Mapping[str, str] | None = None, **query: Any) -> Any:
        answer = await self.get(path, key, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def members(self) -> list[dict[str, Any]]:
        """The agreement's list, by pages."""
        page = await self.ok(f"{SHARED}/members", limit=3)
        out = page["items"]
        while page["next_cursor"]:
            page = await self.ok(f"{SHARED}/members", limit=3, cursor=page["next_cursor"])
            out += page["items"]
        return sorted(out, key=lambda m: m["id"])

    async def changes(self, after: str | None = None) -> tuple[list[dict[str, Any]], str]:
        """Every change after a cursor, and the last cursor."""
        out: list[dict[str, Any]] = []
        while True:
            page = await self.ok(f"{SHARED}/changes", limit=4, **({"after": after} if after else {}))
            out += page["items"]
            after = page["next_cursor"]
            if not page["has_more"]:
                return out, str(after)

    async def everything(self) -> bytes:
        """All the bytes that any door gives the other network: answers, lines, proofs, refusals."""
        out = [json.dumps(await self.members(), ensure_ascii=False).encode()]
        for path in (f"{SHARED}/members", f"{SHARED}/changes", f"{OURS}/members", f"{OURS}/changes"):
            out.append((await self.get(path, limit=1000)).content)
        for path in (f"{SHARED}/members", f"{OURS}/members"):
            out.append((await self.client.get(path, headers=self.api | NDJSON)).content)
        digest = await self.get(f"{SHARED}/digest")
        out.append(digest.content)
        for bucket in digest.json()["buckets"][:3]:
            out.append((await self.get(f"{SHARED}/digest/{bucket['bucket']}")).content)
        for path, query in (
            (f"{SHARED}/members", {"cursor": "x"}),
            (f"{SHARED}/changes", {"after": "x"}),
            (f"{OURS}/members", {"as_of": "2026-06-01"}),
            (f"{OURS}/members", {"known_at": "2026-11-01"}),
            (f"{SHARED}/members", {"origin": "direct", "limit": 1000}),
        ):
            out.append((await self.get(path, **query)).content)
        async with self.context.db.pool.acquire() as db:
            for query in (
                "select string_agg(body, '') from share s join disclosure d on d.id = s.disclosure_id"
                " join network n on n.id = d.network_id where n.slug = 'nora-industry-network'",
                "select string_agg(detail::text, '') from audit where action like 'disclosure%'",
                "select string_agg(v::text, '') from share_version v",
                "select string_agg(r::text, '') from share_reading r",
            ):
                out.append((await db.fetchval(query) or "").encode())
        return b"\n".join(out)

    async def set_terms(self, key: Mapping[str, str] | None = None, **changes: Any) -> httpx.Response:
        return await self.client.post(f"{SHARED}/terms", json=terms(**changes), headers=dict(key or self.manager))


@asynccontextmanager
async def opened(dsn: str, application: Litestar, seeded: Keys, at: datetime = NOW) -> AsyncIterator[Doors]:
    """The application on a database of its own, on a day."""
    async with context_on(dsn, FixedClock(at)) as context:
        application.state = state_of(SETTINGS, context)
        transport = httpx.ASGITransport(app=application, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=SETTINGS.base_url, timeout=60) as client:
            yield Doors(client, seeded, context)


async def marked(db: asyncpg.Connection) -> None:
    for statement in MARK.split(";\n"):
        await db.execute(statement, NORA)


def later(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 9, tzinfo=UTC)


def terms(**changes: Any) -> dict[str, Any]:
    return {
        "network": NORA,
        "starts_on": "2026-11-22",
        "fields": ["name", "tier"],
        "tiers": [],
        "purpose": {"en": "To receive them.", "nb": "Å ta imot dem."},
        "legal_basis": "legitimate_interest",
        "retention_days": 30,
    } | changes


def shown(own: dict[str, Any], given: dict[str, Any], contact: dict[str, str] | None) -> dict[str, Any] | None:
    """What terms allow of a member of the network's own list; None: nothing. `contact` is who may be named."""
    if not given["fields"] or (given["tiers"] and own["tier"] not in given["tiers"]):
        return None
    if own["organisation"]["kind"] == "person" and not given.get("persons_basis"):
        return None
    out: dict[str, Any] = {"agreement": CODE, "id": own["id"], "network": own["network"]}
    out["organisation"] = {"id": own["organisation"]["id"]}
    out["organisation"] |= {f: own["organisation"][f] for f in OF_ORGANISATION if f in given["fields"]}
    out |= {f: own[f] for f in OF_MEMBER if f in given["fields"]}
    said = {f.removeprefix("contact_"): (contact or {})[f] for f in CONTACT if f in given["fields"] and contact}
    return out | ({"contact": said} if said else {})


def unversioned(members: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in m.items() if name != "version"} for m in members]
