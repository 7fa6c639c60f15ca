"""What a draft of the rules would do, told while it is counted: the page unfolds, and works without scripts.

Whoever leaves the page (or presses its button to stop) ends the counting; nothing was stored anyway.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from litestar import Request, Response
from litestar.response import Stream

from cluster_rules.differences import compare
from cluster_rules.networks import Rulebook
from crm import rulebook_words as words
from crm.actions.simulation import simulate
from crm.catalogue import Catalogue
from crm.simulation import Affected, Simulation
from crm.web.office import Office, show
from crm.web.rendering import fragment
from crm.web.rulebooks import PATH

NAMED = 100  # of those who change; the others are counted
TOLD_EVERY_SECONDS = 0.25
AT_ONCE = 2  # in this process; who comes later waits, and sees it
PARTS = "office/simulation.html"
_UNFOLDING = "<!--unfolding-->"  # where the page is cut: what stands here comes later
# A server in front of ours may gather an answer before it passes it on; this one asks it not to.
_UNGATHERED = {"x-accel-buffering": "no"}

_counting: set[asyncio.Task[Simulation]] = set()
_room = asyncio.Semaphore(AT_ONCE)


async def unfold(request: Request, office: Office, book: Rulebook, draft: str) -> Response[Any]:
    """The page for a draft that can be published as it is: at once what is different, then how far it is, the outcome.

    `draft` is its text, for the form that publishes it.
    """
    newest = office.kept.rulebooks.of(office.network.slug)[-1]
    known = words.with_draft(office.kept, book)
    first = min(book.effective_from, book.effective_from_existing or book.effective_from)
    here = office.base + PATH
    shown = await show(
        request,
        office,
        "office/rules_preview.html",
        "rules",
        at=here,
        here=here,
        draft=draft,
        book=book,
        newest=newest,
        past=first if first < office.today else None,
        differences=words.differences(office.t, office.kept, compare(newest, book), newest, book),
        unfolding=_UNFOLDING,
    )
    head, _, tail = shown.content.partition(_UNFOLDING)
    pieces = _pieces(request, office, known, book, (head, tail), draft)
    headers = shown.headers | _UNGATHERED
    return Stream(pieces, media_type=shown.media_type, headers=headers, cookies=shown.cookies, status_code=200)


async def _pieces(
    request: Request, office: Office, known: Catalogue, book: Rulebook, frame: tuple[str, str], draft: str
) -> AsyncIterator[str]:
    """The page piece by piece; each piece of progress takes the place of the one before."""
    here = office.base + PATH
    done, total = 0, 0

    def tell(families: int, of: int) -> None:
        nonlocal done, total
        done, total = families, of

    def part(block: str, **values: Any) -> str:
        return fragment(request, PARTS, block, here=here, base=office.base, book=book, **values).content

    counting = asyncio.create_task(_when_there_is_room(office, book, tell))
    _counting.add(counting)
    counting.add_done_callback(_counting.discard)
    try:
        yield frame[0] + part("begun", draft=draft)
        while not (await asyncio.wait({counting}, timeout=TOLD_EVERY_SECONDS))[0]:
            yield part("step", done=done, total=total)
        yield part("ended") + part("outcome", **_outcome(office, known, book, counting.result())) + frame[1]
    except Exception:
        yield part("ended") + part("failed") + frame[1]
        raise  # too late for a page of its own; the log has to know
    finally:
        counting.cancel()


async def _when_there_is_room(office: Office, book: Rulebook, tell: Any) -> Simulation:
    async with _room:
        return await simulate(office.context, office.actor, book, tell=tell)


def _outcome(office: Office, known: Catalogue, book: Rulebook, found: Simulation) -> dict[str, Any]:
    return {
        "found": found,
        "levels": _levels(office, known, book, found),
        "partners": _partners(office, found),
        "affected": [_line(office, known, book, each) for each in found.affected[:NAMED]],
        "more": max(found.changed - NAMED, 0),
    }


def _levels(office: Office, known: Catalogue, book: Rulebook, found: Simulation) -> list[dict[str, Any]]:
    """Members and yearly fees of each level before and after, and of all of them."""
    codes = sorted(found.levels, key=lambda code: -known.rulebooks.rank(book.network, code))
    rows = [(office.t.text(known.tier_names(book.network, code)), found.levels[code]) for code in codes]
    rows.append((office.t.gettext("All levels"), found.total))
    return [
        {
            "name": name,
            "members": (level.members_before, level.members_after),
            "fees": (
                office.t.money(level.fees_before, found.currency_before),
                office.t.money(level.fees_after, found.currency_after),
            ),
        }
        for name, level in rows
    ]


def _partners(office: Office, found: Simulation) -> list[dict[str, Any]]:
    """The other networks in which memberships start, end or change."""
    out = []
    for slug, counted in sorted(found.reached.items()):
        starts, ends = counted.get("starts", 0), counted.get("ends", 0)
        others = sum(counted.values()) - starts - ends
        network = office.face(office.kept.by_slug[slug])
        out.append({"network": network, "starts": starts, "ends": ends, "others": others})
    return out


def _line(office: Office, known: Catalogue, book: Rulebook, each: Affected) -> dict[str, Any]:
    t = office.t

    def level(code: str) -> str:
        return t.text(known.tier_names(each.network, code)) if code else t.gettext("not a member")

    def fee(amount: int | None) -> str:
        return t.gettext("Size not known") if amount is None else t.money(amount, currency)

    currency = known.rulebooks.of(each.network)[-1].currency
    return {
        "id": each.organisation,
        "name": each.name,
        "network": office.face(known.by_slug[each.network]),
        "linked": each.network != book.network,
        "old": level(each.old),
        "new": level(each.new),
        "days": each.kind == "days",
        "fees": (fee(each.fee_before), fee(each.fee_after)),
    }
