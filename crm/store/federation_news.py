"""What managers are told of an agreement with another system by mail: its life, and what a person must look at."""

from typing import Literal

from crm import catalogue
from crm.database import Connection
from crm.i18n import translator
from crm.store import mail
from crm.store.federation import Agreement
from crm.store.mail import Outgoing

KIND = "federation_news"
News = Literal["answered", "active", "suspended", "terminated", "restored", "unreachable"]


async def tell(connection: Connection, agreement: Agreement, news: News) -> None:
    """One mail to each manager of our network, in the caller's transaction."""
    kept = await catalogue.load(connection)
    own = kept.by_id[agreement.network_id]
    names = agreement.peer_network.names if agreement.peer_network else {}
    letters = []
    for recipient in (await mail.managers_of(connection, [own.id])).get(own.id, []):
        t = translator(recipient.language)
        values = {"network": t.text(own.names), "source": t.text(names) or agreement.peer_url, "news": news}
        letters.append(Outgoing(KIND, recipient, values, own.id))
    await mail.queue(connection, letters)
