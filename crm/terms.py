"""The membership terms of a network, in versions: what an applicant is shown and agrees to.

A network may store a text of its own. Without one its rulebook is the terms: the pages say in words
what it sets, and the version agreed to is the rulebook's.
"""

from datetime import date

import msgspec

from cluster_rules.networks import Rulebook
from crm.catalogue import Catalogue, NetworkRow
from crm.database import Connection


class Terms(msgspec.Struct, frozen=True):
    """`body` is {nb, en}, empty when the rulebook's own words are all there is."""

    version: int
    book: Rulebook
    body: dict[str, str] = {}


async def current(connection: Connection, kept: Catalogue, network: NetworkRow, today: date) -> Terms:
    """The terms for somebody who joins today."""
    book = kept.book(network.slug, today)
    row = await connection.fetchrow(
        "select version, body from terms where network_id = $1 and effective_from <= $2 order by version desc limit 1",
        network.id,
        today,
    )
    return Terms(row["version"], book, row["body"]) if row else Terms(book.version, book)
