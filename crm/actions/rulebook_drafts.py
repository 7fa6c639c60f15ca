"""Write the next version of a network's rules: begin a draft, save it, throw it away. Nobody stands under it yet."""

from datetime import date

import msgspec

from cluster_rules.networks import Rulebook
from cluster_rules.periods import add_months
from crm import catalogue
from crm.actor import Actor
from crm.context import Context
from crm.errors import NotFound, Refused
from crm.rulebook_checks import as_next, check_next
from crm.store import audit, rulebook_drafts


async def begin(context: Context, actor: Actor, slug: str, version: int) -> None:
    """A draft that says what a published version says; one that is there already stays. NotFound.

    It holds from the first day of the next month, so that days gone by stay as they are; for existing
    members too, unless the version never held for them.
    """
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        network = kept.network(slug)
        actor.must_manage(network.id)
        book = kept.rulebooks.version(slug, version)
        if book is None:
            raise NotFound("rulebook", version)
        draft, now = _from_next_month(as_next(kept, book), context.clock.today(network.zone)), context.clock.now()
        if await rulebook_drafts.save(connection, network.id, draft, "", draft.version - 1, actor.name, now):
            await audit.append(connection, actor, "rulebook_draft_begun", {"version": draft.version}, network.id)


async def save(context: Context, actor: Actor, book: Rulebook, stamp: str) -> str:
    """Store the whole draft in the place of the one with `stamp`, which it was written from ("": none); the new stamp.

    RulebookError when it could not be published as the next version; Refused `version_stale` when the draft
    was changed, published or thrown away meanwhile. Either way nothing is stored.
    """
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        network = kept.network(book.network)
        actor.must_manage(network.id)
        check_next(kept, book.network, book)
        now = context.clock.now()
        saved = await rulebook_drafts.save(connection, network.id, book, stamp, book.version - 1, actor.name, now)
        if saved is None:
            raise Refused("version_stale", "stamp")
        return saved


async def discard(context: Context, actor: Actor, slug: str, stamp: str) -> None:
    """Throw the draft away. Refused `version_stale` when it is not the one that was read."""
    async with context.db.tx() as connection:
        network = (await catalogue.load(connection)).network(slug)
        actor.must_manage(network.id)
        if not await rulebook_drafts.discard(connection, network.id, stamp):
            raise Refused("version_stale", "stamp")
        await audit.append(connection, actor, "rulebook_draft_discarded", {}, network.id)


def _from_next_month(book: Rulebook, today: date) -> Rulebook:
    """Days that lie ahead stay."""
    first = add_months(today.replace(day=1), 1)
    existing = book.effective_from_existing
    return msgspec.structs.replace(
        book,
        effective_from=max(book.effective_from, first),
        effective_from_existing=max(existing, first) if existing else None,
    )
