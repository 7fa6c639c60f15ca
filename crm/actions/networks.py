"""A network: made with its first rules by those who administer its host, described anew by those who manage it.

Another name from a day on: actions/names.py. Levels, fees and link rules: the rulebook (actions/rulebooks.py).
"""

import re
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from cluster_rules import rulebooks as rules
from cluster_rules.components import FeeComponent, VatCode
from cluster_rules.networks import Rulebook, Tier
from crm import catalogue, forms
from crm.actor import Actor
from crm.context import Context
from crm.errors import Forbidden, Invalid, NotFound, Refused
from crm.folder import NetworkFileRow
from crm.store import audit, hosts, imports, networks
from crm.store.networks import Description

KINDS = ("cluster", "industry_network", "innovation_network", "startup_network", "consortium", "association", "meeting")
COLOURS = ("accent", "nora", "claire", "sin", "nce")
HEX = re.compile(r"#[0-9a-f]{6}")
CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
CURRENCY = re.compile(r"[A-Z]{3}")
CODE_MAX = 60
MOST_LEVELS = 8
MOST_FEE = 10_000_000_000  # minor units
FIRST_RULES = date(2000, 1, 1)  # members of earlier days can be imported from the first day on


class Level(msgspec.Struct, frozen=True):
    """A level to begin with: its name in both languages and its fee a year in minor units (0: free)."""

    nb: str
    en: str
    fee: int = 0


class Wanted(msgspec.Struct, frozen=True):
    """A new network: who it is, and levels from the highest down. Texts are {nb, en}."""

    slug: str
    kind: str
    names: dict[str, str]
    short: dict[str, str]
    levels: tuple[Level, ...]
    currency: str = "NOK"
    vat: VatCode = "exempt_3_13"
    colour: str = "accent"
    time_zone: str = "Europe/Oslo"
    rules_from: date = FIRST_RULES


async def create(context: Context, actor: Actor, host: UUID, wanted: Wanted) -> UUID:
    """A new network of a host with version 1 of its rules, in which its levels cost what was said.

    Invalid names every wrong field; Refused `network_known` when the address is taken.
    """
    if host not in actor.hosts:
        raise Forbidden
    book = check(wanted)
    async with context.db.tx() as connection:
        found = await hosts.one(connection, host)
        if found is None:
            raise NotFound("host", host)
        await catalogue.rule(connection)
        kept = await catalogue.load(connection)
        if wanted.slug in kept.by_slug:
            raise Refused("network_known", "slug", given=wanted.slug)
        row = NetworkFileRow(
            slug=wanted.slug,
            host=found.code,
            kind=wanted.kind,
            names=wanted.names,
            short=wanted.short,
            summary={"nb": "", "en": ""},
            colour=wanted.colour,
            time_zone=wanted.time_zone,
        )
        await imports.add_networks(connection, [row])
        made = imports.id_of("network", wanted.slug)
        await imports.add_rulebook(connection, book, msgspec.to_builtins(book), actor)
        await audit.append(connection, actor, "network_created", {"slug": wanted.slug, "names": wanted.names}, made)
        return made


async def describe(context: Context, actor: Actor, network: UUID, wanted: Description) -> Description:
    """Replace what pages tell of a network. Invalid names every wrong field."""
    actor.must_manage(network)
    problems: forms.Problems = []
    for language, text in wanted.summary.items():
        forms.text(problems, f"summary.{language}", text, forms.NOTE_MAX, required=False)
    if wanted.website and not re.fullmatch(r"https?://[^\s<>\"'\\]+\.[^\s<>\"'\\]+", wanted.website):
        problems.append(("website", "website_format", {"given": wanted.website[:80]}))
    _colour(problems, wanted.colour)
    if wanted.founded and not forms.OLDEST_FOUNDED <= wanted.founded <= context.clock.now().date():
        problems.append(("founded", "date_out_of_range", {"given": wanted.founded.isoformat()}))
    if problems:
        raise Invalid(problems)
    async with context.db.tx() as connection:
        before = await networks.description(connection, network)
        changes = audit.changes(before, wanted)
        if changes:
            await networks.describe(connection, network, wanted)
            await audit.append(connection, actor, "network_described", {"changes": changes}, network)
    return wanted


def check(wanted: Wanted) -> Rulebook:
    """Its first rulebook; Invalid lists all that is wrong with what was asked for."""
    problems: forms.Problems = []
    if not CODE.fullmatch(wanted.slug) or len(wanted.slug) > CODE_MAX:
        problems.append(("slug", "code_format", {"given": wanted.slug[:CODE_MAX]}))
    if wanted.kind not in KINDS:
        problems.append(("kind", "value_unknown", {"message": wanted.kind[:30]}))
    for language in ("nb", "en"):
        forms.text(problems, f"names.{language}", wanted.names.get(language, ""), forms.NAME_MAX)
        forms.text(problems, f"short.{language}", wanted.short.get(language, ""), forms.SHORT_MAX)
    _colour(problems, wanted.colour)
    if not CURRENCY.fullmatch(wanted.currency):
        problems.append(("currency", "size_currency_wrong", {}))
    try:
        ZoneInfo(wanted.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        problems.append(("time_zone", "time_zone_unknown", {"given": wanted.time_zone[:60]}))
    if not 1 <= len(wanted.levels) <= MOST_LEVELS:
        problems.append(("levels", "levels_number", {"limit": MOST_LEVELS}))
    for place, level in enumerate(wanted.levels, 1):
        forms.text(problems, f"level-{place}-nb", level.nb, forms.NAME_MAX)
        forms.text(problems, f"level-{place}-en", level.en, forms.NAME_MAX)
        if not 0 <= level.fee <= MOST_FEE:
            problems.append((f"level-{place}-fee", "number_out_of_range", {"least": 0, "most": MOST_FEE}))
    if problems:
        raise Invalid(problems)
    return _book(wanted)


def _book(wanted: Wanted) -> Rulebook:
    """Calendar year, months counted from joining, 30 days to pay: a beginning that the page of the rules changes."""
    many = len(wanted.levels)
    tiers = tuple(
        Tier(
            code=code,
            rank=(many - place) * 10,
            names={"nb": level.nb.strip(), "en": level.en.strip()},
            fees=(_fee(level, wanted.vat),) if level.fee else (),
        )
        for place, (code, level) in enumerate(zip(_codes(wanted.levels), wanted.levels, strict=True))
    )
    book = Rulebook(
        network=wanted.slug,
        version=1,
        effective_from=wanted.rules_from,
        effective_from_existing=wanted.rules_from,
        currency=wanted.currency,
        tiers=tiers,
        time_zone=wanted.time_zone,
    )
    rules.check(book)
    return book


def _fee(level: Level, vat: VatCode) -> FeeComponent:
    names = {"nb": "Medlemskontingent", "en": "Membership fee"}
    return FeeComponent(code="membership", names=names, amount=level.fee, proration="months", vat=vat)


def _codes(levels: tuple[Level, ...]) -> list[str]:
    """A code for each level out of its English name; two alike get a number."""
    out: list[str] = []
    for level in levels:
        plain = re.sub(r"[^a-z0-9]+", "-", level.en.casefold()).strip("-") or "level"
        code = plain[:CODE_MAX]
        number = 2
        while code in out:
            code, number = f"{plain[: CODE_MAX - 3]}-{number}", number + 1
        out.append(code)
    return out


def _colour(problems: forms.Problems, colour: str) -> None:
    if colour not in COLOURS and not HEX.fullmatch(colour):
        problems.append(("colour", "colour_format", {"given": colour[:20]}))
