"""The directory opened for one question: brought to today, its bits up to date, its names at hand."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import msgspec

from crm import catalogue
from crm.actions import listings as actions
from crm.catalogue import Catalogue
from crm.context import Context
from crm.database import Connection
from crm.i18n import TIME_ZONE, Translator
from crm.reads import directory, directory_index
from crm.reads.directory import Asked, Found
from crm.reads.directory_index import Index
from crm.web import directory_views as views
from crm.web.directory_views import Address


class Open(msgspec.Struct, frozen=True):
    """The directory of this moment, ready to be asked."""

    connection: Connection
    index: Index
    kept: Catalogue
    names: Sequence[tuple[str, str]]
    today: date

    async def search(self, asked: Asked) -> Found:
        """A page of it."""
        return await directory.search(self.connection, self.index, asked, self.names)

    def every(self, asked: Asked) -> AsyncIterator[tuple[directory.Row, ...]]:
        """All of it, for a file."""
        return directory.every(self.connection, self.index, asked, self.names)


@asynccontextmanager
async def opened(context: Context) -> AsyncIterator[Open]:
    """The directory as of now; when a day has come since it was last asked, it is brought to that day first."""
    today = context.clock.today(TIME_ZONE)
    async with context.db.reading([]) as connection:
        kept = await catalogue.load(connection)
        index, next_on = await directory_index.current(connection, context.db.several)
        late = next_on is not None and next_on <= today
        if not late:
            yield Open(connection, index, kept, views.searched_names(kept), today)
            return
    await actions.turn(context, today)
    async with context.db.reading([]) as connection:
        index, _ = await directory_index.current(connection, context.db.several)
        yield Open(connection, index, kept, views.searched_names(kept), today)


async def shared(context: Context, network: str, t: Translator) -> list[dict[str, Any]]:
    """The networks that have members in common with one: how many, and where they are listed."""
    async with opened(context) as opening:
        counts, kept = directory.shared(opening.index, network), opening.kept
    path = f"/{t.language}/members"
    return [
        {
            "network": {"name": t.text(n.names), "short": t.text(n.short), "colour": n.colour},
            "count": counts[n.slug],
            "href": Address(path, Asked(chosen={"network": (network,), "with": (n.slug,)})).to(),
        }
        for n in sorted(kept.networks, key=lambda n: -counts.get(n.slug, 0))
        if n.slug in counts
    ]
