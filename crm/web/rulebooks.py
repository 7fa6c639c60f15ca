"""A network's rules: what is in force, in plain words; its versions; their texts to download."""

from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from cluster_rules.networks import LinkRule, Requirement, Rulebook, Tier
from crm import rulebook_words as words
from crm.actions import rulebooks as actions
from crm.catalogue import Catalogue
from crm.errors import NotFound
from crm.reads import rulebook_drafts
from crm.reads import rulebooks as reads
from crm.rule_words import agreed_in
from crm.rulebook_terms import VALUES
from crm.web.office import Office, reading, show
from crm.web.price_fields import tester
from crm.web.rendering import PAGE_HEADERS

PATH = "/setup/rules"
TOML = "application/toml"


@get(PATH, include_in_schema=False)
async def show_rules(
    request: Request, office: NamedDependency[Office], version: FromQuery[str] = "", done: FromQuery[str] = ""
) -> Response[str]:
    values = await page_of(office, book_of(office, version))
    return await show(request, office, "office/rules.html", "rules", done=done, **values)


@get(PATH + "/{version:str}/text", include_in_schema=False)
async def download(office: NamedDependency[Office], version: FromPath[str]) -> Response[str]:
    book = book_of(office, version)
    name = f"{book.network}-{book.version}.toml"
    headers = PAGE_HEADERS | {"content-disposition": f'attachment; filename="{name}"'}
    return Response(actions.text(book), media_type=TOML, headers=headers)


handlers = [reading(show_rules, download)]


def book_of(office: Office, version: str) -> Rulebook:
    """The version asked for; when none is, the one for those who join today. NotFound."""
    books = office.kept.rulebooks.of(office.network.slug)
    found = next((b for b in books if str(b.version) == version), None) if version else in_force(office)
    if found is None:
        raise NotFound("rulebook", version)
    return found


def in_force(office: Office) -> Rulebook | None:
    """The version that holds for those who join today."""
    return office.kept.rulebooks.governing(office.network.slug, office.today, office.today)


async def page_of(office: Office, book: Rulebook) -> dict[str, Any]:
    """What the page of the rules shows of one version."""
    async with office.context.db.reading(office.actor.sees) as connection:
        versions = await reads.versions(connection, office.network.id)
        draft = await rulebook_drafts.draft(connection, office.network.id)
    return {
        "book": book,
        "in_force": book == in_force(office),
        "versions": versions,
        "draft": draft,
        "facts": [{"label": label, "value": value} for label, value in words.facts(office.t, book)],
        "levels": [level_of(office, office.kept, book, tier) for tier in from_the_top(book)],
        "rules": [rule_of(office, office.kept, book, rule) for rule in book.link_rules],
        "reaching": _reaching(office),
        "source": f"{office.base}{PATH}/{book.version}/text",
        "here": f"{office.base}{PATH}",
        "tester": tester(office, book, {"version": str(book.version)}),
    }


def from_the_top(book: Rulebook) -> list[Tier]:
    """Its levels, the highest first."""
    return sorted(book.tiers, key=lambda tier: -tier.rank)


def level_of(office: Office, kept: Catalogue, book: Rulebook, tier: Tier) -> dict[str, Any]:
    """A level in plain words. `kept` knows the version it is of, a draft too."""
    t = office.t
    fees = [(t.text(c.names), words.fee(t, c, book.currency), c.example) for c in tier.fees]
    spared = [words.discount(t, kept, less, book.currency) for c in tier.fees for less in c.discounts]
    brought = [r for r in book.link_rules if not r.when.tiers or tier.code in r.when.tiers]
    return {
        "code": tier.code,
        "name": t.text(tier.names),
        "summary": t.text(tier.summary),
        "fees": fees,
        "discounts": spared,
        "requires": [_required(office, kept, each) for each in tier.requires],
        "lasting": words.lasting(t, kept, book, tier),
        "brings": [office.t.text(rule.names) for rule in brought],
        "benefits": [t.text(benefit) for benefit in tier.benefits],
        "votes": tier.votes,
        "open_to": words.open_to(t, tier.open_to),
        "public": tier.public,
    }


def rule_of(office: Office, kept: Catalogue, book: Rulebook, rule: LinkRule) -> dict[str, Any]:
    """A link rule in plain words."""
    agreement = kept.rulebooks.agreement(rule.agreement)
    said = words.sentence(office.t, kept, book.network, rule)
    return {
        "name": office.t.text(rule.names),
        "when": said.when,
        "then": said.then,
        "agreement": agreed_in(office.t, agreement.names if agreement else {}, rule.agreement),
        "source": office.face(kept.by_slug[book.network]),
        "target": office.face(kept.network(rule.grants.network)),
    }


def _required(office: Office, kept: Catalogue, each: Requirement) -> str:
    then = VALUES["requires.on_loss"][each.on_loss]
    text = words.requirement(office.t, kept, each)
    return office.t.gettext("%(membership)s; when that ends, %(then)s", membership=text, then=office.t.gettext(then))


def _reaching(office: Office) -> list[dict[str, Any]]:
    """The link rules of other networks that give membership here, by their newest versions."""
    others = (office.kept.rulebooks.of(network.slug) for network in office.kept.networks)
    newest = [books[-1] for books in others if books]
    slug = office.network.slug
    return [
        rule_of(office, office.kept, book, rule)
        for book in newest
        for rule in book.link_rules
        if rule.grants.network == slug != book.network
    ]
