"""A network's rules, from draft to published: check a text, see what it would do, publish it as the next version."""

from collections.abc import Callable

import msgspec

from cluster_rules.errors import RulebookError
from cluster_rules.fees import Step
from cluster_rules.networks import Rulebook
from crm import catalogue
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.context import Context
from crm.gateways import rulebook_text
from crm.rulebook_checks import check_network, check_next
from crm.store import audit, families, imports, rulebook_drafts, rulebooks

Progress = Callable[[int, int], None]


class Published(msgspec.Struct, frozen=True):
    """The version in force now; `new` False when the same text was published before. How many memberships changed."""

    version: int
    new: bool
    changed: int = 0


def _silent(_done: int, _of: int) -> None:
    """Nobody is told."""


def text(book: Rulebook) -> str:
    """A rulebook as a TOML text."""
    return rulebook_text.write(book)


def parse(draft: str, network: str) -> Rulebook:
    """A text as a rulebook of this network, whatever its version. RulebookError."""
    book = rulebook_text.read(draft)
    check_network(book, network)
    return book


def line(draft: str, error: RulebookError) -> int:
    """The line of a draft's text that a mistake is about."""
    return rulebook_text.line_in(draft, error)


def read(kept: Catalogue, network: str, draft: str) -> Rulebook:
    """A draft's text as the next version of this network's rulebook. RulebookError with `line` among its values."""
    book = rulebook_text.read(draft)
    try:
        check_next(kept, network, book)
    except RulebookError as error:
        raise RulebookError(error.code, error.field, **error.params, line=line(draft, error)) from error
    return book


async def publish(context: Context, actor: Actor, book: Rulebook, tell: Progress = _silent) -> Published:
    """Make `book` the newest version and bring every membership it touches in line, in one transaction.

    Of two who publish at the same time the second is refused (`rulebook_published`), unless both wrote the
    same: then it is published once. Nothing is billed or credited by it.
    """
    async with context.db.tx() as connection:
        network = (await catalogue.load(connection)).network(book.network)
        actor.must_manage(network.id)
        await rulebooks.lock(connection, network.id)
        await catalogue.rule(connection)
        kept = await catalogue.load(connection)
        if book == kept.rulebooks.version(book.network, book.version):
            return Published(book.version, new=False)
        check_next(kept, book.network, book)
        await imports.add_rulebook(connection, book, msgspec.to_builtins(book), actor)
        await rulebook_drafts.published(connection, network.id, book)
        kept = await catalogue.load(connection)
        listed = await families.touched(connection, [], [network.id])
        today = context.clock.today(network.zone)
        reason = Step("rulebook_published", {"network": book.network, "version": book.version})
        changed = await rulebooks.derive(connection, kept, listed, today, reason, tell)
        for slug in sorted({slug for _, slug in changed} - {book.network}):
            told = {"source": book.network, "version": book.version, "memberships": _count(changed, slug)}
            await audit.append(connection, actor, "rulebook_reached", told, kept.network(slug).id)
        detail = {"version": book.version, "memberships": _count(changed, book.network), "all": len(changed)}
        await audit.append(connection, actor, "rulebook_published", detail, network.id)
        return Published(book.version, True, len(changed))


def _count(changed: set, slug: str) -> int:
    return sum(1 for _, network in changed if network == slug)
