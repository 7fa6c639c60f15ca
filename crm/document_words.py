"""What stands on an invoice in words, in both languages: lines, why there is no VAT, memberships that are included."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec

from cluster_rules import documents, vat
from cluster_rules.documents import Line, Seller
from cluster_rules.fees import FeeLine, Step, explained
from cluster_rules.networks import Text
from cluster_rules.periods import Period
from cluster_rules.vat import Percent
from crm import names
from crm.catalogue import Catalogue
from crm.fee_words import explain
from crm.i18n import LANGUAGES, translator

_DISCOUNTS = ("discount_percent", "discount_amount")
MOST_REMEMBERED = 20_000


class Charge(msgspec.Struct, frozen=True):
    """A stored charge as a document needs it; `steps` is its explanation as JSON, `unit` a payer's unit by name."""

    id: UUID
    network_id: UUID
    grant_id: UUID
    tier: str
    component: str
    names: Text
    starts_on: date
    ends_on: date | None
    net: int
    vat: int
    vat_code: str
    vat_percent: Decimal | Percent
    currency: str
    steps: str
    unit: str | None = None
    account: str = ""


class Included(msgspec.Struct, frozen=True):
    """A linked membership that costs nothing, because of a membership that is billed."""

    network: str
    tier: str
    source: str
    starts_on: date
    ends_on: date | None


def line(kept: Catalogue, seller: Seller, charge: Charge) -> Line:
    """A charge as a line: what for, how it came about, and the discount that is in it as a discount."""
    slug = kept.by_id[charge.network_id].slug
    fee = FeeLine(
        network=slug,
        tier=charge.tier,
        component=charge.component,
        names=charge.names,
        period=Period(charge.starts_on, charge.ends_on),
        net=charge.net,
        vat_code=charge.vat_code,
        vat_percent=vat.rate(charge.vat_percent),
        vat=charge.vat,
        currency=charge.currency,
    )
    how, off, why = _steps(charge.steps, charge.currency, charge.net)
    explanation = (*((_for_unit(charge.unit),) if charge.unit else ()), *((how,) if how else ()))
    made = documents.line_of(fee, seller, explanation, vat.REASONS)
    return msgspec.structs.replace(
        made,
        names=_named(kept, charge.names, slug, charge.tier),
        price=made.price + abs(off),
        discount=off,
        discount_reason=why,
    )


def included(kept: Catalogue, like: Line, found: Included) -> Line:
    """A line of nothing that tells of an included membership; its VAT is that of a line beside it."""
    return msgspec.structs.replace(
        like,
        network=found.source,
        names={
            each: translator(each).gettext(
                "%(tier)s in %(network)s, included",
                tier=names.tier_name(translator(each), kept, found.network, found.tier),
                network=names.network_name(translator(each), kept, found.network),
            )
            for each in LANGUAGES
        },
        price=0,
        quantity=1,
        discount=0,
        discount_reason={},
        explanation=(
            {
                each: translator(each).gettext(
                    "Included by %(network)s", network=names.network_name(translator(each), kept, found.source)
                )
                for each in LANGUAGES
            },
        ),
        period=Period(found.starts_on, found.ends_on),
        reference="included",
    )


def steps(stored: str, currency: str) -> Text:
    """The explanation of an amount."""
    return _steps(stored, currency, 0)[0]


@lru_cache
def opening(reference: str) -> Text:
    """What an open item is for that was billed before these books began, by the number it had there."""
    if reference:
        return {
            language: translator(language).gettext("Opening balance, billed earlier as %(number)s", number=reference)
            for language in LANGUAGES
        }
    return {language: translator(language).gettext("Opening balance, billed earlier") for language in LANGUAGES}


def given_back() -> Text:
    """Why a credit note was made that follows from a decision about a membership."""
    return {each: translator(each).gettext("The membership was changed or ended") for each in LANGUAGES}


@lru_cache(maxsize=MOST_REMEMBERED)
def _steps(stored: str, currency: str, net: int) -> tuple[Text, int, Text]:
    """The explanation, and how much of it is a discount (with the sign of the amount) for which reason."""
    steps: list[dict[str, Any]] = msgspec.json.decode(stored)
    how = {each: explain(translator(each), steps, currency, example=False) for each in LANGUAGES}
    given = [step for step in steps if step["code"] in _DISCOUNTS]
    without = explained(_converted([step for step in steps if step not in given])) if given else None
    off = (without or 0) - net if given else 0
    if off * net <= 0:  # no discount, or one that later steps have turned round: the explanation says it
        return how, 0, {}
    reasons = [step["values"].get("names", {}) for step in given]
    return how, off, {each: ", ".join(translator(each).text(r) for r in reasons) for each in LANGUAGES}


def _converted(steps: Sequence[Mapping[str, Any]]) -> list[Step]:
    return msgspec.convert(steps, list[Step])


def _named(kept: Catalogue, component: Text, network: str, tier: str) -> Text:
    tiers = kept.tier_names(network, tier)
    return {
        each: f"{translator(each).text(component)}, {translator(each).text(tiers)}" if tiers else component[each]
        for each in LANGUAGES
    }


def _for_unit(name: str) -> Text:
    return {each: translator(each).gettext("For %(organisation)s", organisation=name) for each in LANGUAGES}
