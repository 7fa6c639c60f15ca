"""What the tests of signing in share: people by role, their sessions, the mails they get."""

import re
from typing import Any
from uuid import UUID

from crm.context import Context
from crm.store import accounts
from crm.store.accounts import Session
from crm.store.signing import Browser

HERE = Browser("192.0.2.1", "Firefox, Linux")
MANAGER, MEMBER, STAFF = "ingrid@klynge.example", "medlem@klynge.example", "ansatt@klynge.example"
FJORDSYN = "388476389"


async def session_of(context: Context, email: str = MANAGER, strong: bool = True, method: Any = "passkey") -> Session:
    """A session as a sign-in leaves it."""
    now = context.clock.now()
    async with context.db.tx() as connection:
        account = await accounts.by_email(connection, email)
        assert account, email
        token = await accounts.open_session(connection, account, method, strong, now)
        found = await accounts.session(connection, token, now)
    assert found
    return found


async def mails(context: Context, kind: str = "") -> list[dict[str, Any]]:
    """Mails that were written."""
    async with context.db.tx() as connection:
        rows = await connection.fetch(
            "select kind, recipient, subject, body_text from mail where $1 in ('', kind) order by created_at, id", kind
        )
    return [dict(row) for row in rows]


def secret_in(text: str, path: str) -> str:
    """The secret of the link in a mail."""
    found = re.search(rf"{path}/([A-Za-z0-9_-]{{20,}})", text)
    assert found, text
    return found[1]


def code_in(text: str) -> str:
    """The code beside the link."""
    found = re.search(r"\b(\d{4}) (\d{4})\b", text)
    assert found, text
    return found[1] + found[2]


async def organisation(context: Context, number: str = FJORDSYN) -> UUID:
    """The demo's member with this number."""
    async with context.db.tx() as connection:
        return await connection.fetchval("select organisation_id from identifier where value = $1", number)


async def network(context: Context, slug: str = "nora-industry-network") -> UUID:
    """A network of the demo."""
    async with context.db.tx() as connection:
        return await connection.fetchval("select id from network where slug = $1", slug)
