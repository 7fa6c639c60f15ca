"""What a level would cost an organisation: the price of a sign-up, asked for by a program; nothing is stored."""

from datetime import date
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from cluster_rules.fees import FeeLine
from cluster_rules.networks import Tier
from cluster_rules.organisations import Profile, Size
from cluster_rules.periods import Period
from cluster_rules.vat import REASONS, Percent
from crm import fee_words, forms, words
from crm.api import edge
from crm.api.operations import Call, Nothing, Operation
from crm.api.shapes import Answer, Money
from crm.catalogue import Catalogue, NetworkRow
from crm.errors import Invalid, NotFound
from crm.forms import Problems, SizeForm
from crm.i18n import N_, Translator
from crm.reads import offers, prices

TAG = N_("Networks")
MOST_MEMBERSHIPS = 20
Slug = Annotated[str, Meta(min_length=1, max_length=60)]


class _Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Unknown fields are refused."""


class MembershipForm(_Form, frozen=True):
    """A membership in its own right that the organisation has in another network."""

    network: Slug
    tier: Slug


class CompanyForm(_Form, frozen=True):
    """What fees look at; what is left out is not known. Kind and country left out: what the level is for."""

    kind: (
        Literal[
            "company",
            "university",
            "university_college",
            "research_institute",
            "public_body",
            "association",
            "network",
            "person",
        ]
        | None
    ) = None
    country: Annotated[str, Meta(max_length=2)] = ""
    employees: Annotated[int, Meta(ge=0, le=forms.EMPLOYEES_MAX)] | None = None
    founded_on: date | None = None
    owner_country: Annotated[str, Meta(max_length=2)] = ""
    sizes: Annotated[list[SizeForm], Meta(max_length=forms.SIZES_MAX)] = []
    member_of: Annotated[list[MembershipForm], Meta(max_length=MOST_MEMBERSHIPS)] = []


class PriceForm(_Form, frozen=True):
    """A level, who asks, and the day of joining (none: today in the network)."""

    tier: Slug
    organisation: CompanyForm = CompanyForm()
    starts_on: date | None = None


class PriceLine(Answer, frozen=True):
    """One line of the invoice; `words` and `steps` say how the amount came about, `vat_reason` why it bears no VAT."""

    network: str
    tier: str
    component: str
    name: str
    starts_on: date
    ends_on: date | None
    net: Money
    vat_code: str
    vat_percent: Percent
    vat: Money
    vat_reason: str
    example: bool
    words: str
    steps: list[dict[str, Any]]


class PriceSum(Answer, frozen=True):
    """Lines and what they add up to."""

    lines: list[PriceLine]
    net: Money
    vat: Money
    total: Money


class PriceAnswer(Answer, frozen=True):
    """`first`: what joining on the day bills, linked memberships that cost included. `year`: an ordinary year.

    Both null when the price cannot be said; `missing` then says what is not known. `refusal` says why an applicant
    like this would be turned away.
    """

    network: str
    tier: str
    version: int
    starts_on: date
    first: PriceSum | None
    year: PriceSum | None
    missing: str | None
    refusal: str | None


async def show_price(call: Call[Nothing, PriceForm]) -> PriceAnswer:
    kept = await call.kept()
    row = kept.by_slug.get(call.slug())
    if row is None or not kept.rulebooks.of(row.slug):
        raise NotFound("slug", call.text("slug"))
    body = call.body
    day = body.starts_on or call.context.clock.today(row.zone)
    edge.day(day, "starts_on", call.context.clock.now().date())
    book = kept.book(row.slug, day)
    tier = book.tier(body.tier)
    if tier is None or not (tier.public or row.id in call.actor.sees):
        raise NotFound("tier", body.tier)
    told = offers.typical(tier, _profile(kept, row, body.organisation), day)
    elsewhere = tuple((m.network, m.tier) for m in body.organisation.member_of)
    return _answer(call.t, kept, tier, day, prices.price(kept, book, tier, told, day, elsewhere))


def _profile(kept: Catalogue, row: NetworkRow, asked: CompanyForm) -> Profile:
    """The organisation as rules know it. Invalid names everything that cannot be."""
    problems: Problems = []
    for field in ("country", "owner_country"):
        given = getattr(asked, field)
        if given and given not in forms.COUNTRIES:
            problems.append((f"organisation.{field}", "country_unknown", {"given": given}))
    forms.sizes(problems, "organisation.sizes", asked.sizes)
    for place, member in enumerate(asked.member_of):
        at = f"organisation.member_of.{place}"
        books = kept.rulebooks.of(member.network)
        if not books or member.network == row.slug:
            problems.append((f"{at}.network", "network_unknown", {"given": member.network}))
        elif books[-1].tier(member.tier) is None:
            problems.append((f"{at}.tier", "tier_unknown", {"given": member.tier, "network": member.network}))
    if problems:
        raise Invalid(problems)
    return Profile(
        Period(date.min),
        asked.kind or "",
        asked.country,
        asked.employees,
        founded_on=asked.founded_on,
        owner_country=asked.owner_country,
        sizes=tuple(Size(s.basis, s.value, s.as_of, s.source, s.scope, s.currency) for s in asked.sizes),
    )


def _answer(t: Translator, kept: Catalogue, tier: Tier, day: date, found: prices.Price) -> PriceAnswer:
    said = [words.refusal(t, kept, v.code, v.params) if v else None for v in (found.missing, found.refusal)]
    sums = [_sum(t, found.book.currency, lines) for lines in (found.first, found.yearly)]
    return PriceAnswer(found.book.network, tier.code, found.book.version, day, *sums, *said)


def _sum(t: Translator, currency: str, lines: tuple[FeeLine, ...] | None) -> PriceSum | None:
    if lines is None:
        return None
    totals = (sum(getattr(line, name) for line in lines) for name in ("net", "vat", "gross"))
    return PriceSum([_line(t, line) for line in lines], *(Money(total, currency) for total in totals))


def _line(t: Translator, line: FeeLine) -> PriceLine:
    made = [{"code": step.code, "values": step.values} for step in line.steps]
    return PriceLine(
        network=line.network,
        tier=line.tier,
        component=line.component,
        name=t.text(line.names),
        starts_on=line.period.start,
        ends_on=line.period.end,
        net=Money(line.net, line.currency),
        vat_code=line.vat_code,
        vat_percent=line.vat_percent,
        vat=Money(line.vat, line.currency),
        vat_reason=t.text(REASONS.get(line.vat_code, {})),  # type: ignore[call-overload]
        example=line.example,
        words=fee_words.explain(t, made, line.currency, line.example),
        steps=made,
    )


operations = (
    Operation(
        id="show_price",
        method="POST",
        path="/networks/{slug}/prices",
        tag=TAG,
        summary=N_("What a level would cost"),
        description=N_(
            "Computed by the rules that price a sign-up and an approval, line by line with the reason; nothing is "
            "stored. Any key may ask about the levels that applicants can choose."
        ),
        body=PriceForm,
        answer=PriceAnswer,
        missing=("tier",),
        example={
            "tier": "principal",
            "organisation": {"kind": "company", "country": "NO", "employees": 40},
            "starts_on": "2027-03-01",
        },
        run=show_price,
    ),
)
