"""What a level requires and who pays less for it, in words: the network's public page and the cards of the sign-up."""

from collections.abc import Iterable
from typing import Any

from cluster_rules.organisations import BASES
from crm import fee_table_words as table
from crm import rulebook_words as words
from crm.catalogue import Catalogue
from crm.i18n import Translator
from crm.reads.offers import Offer
from crm.sentences import SIZES


def of(t: Translator, kept: Catalogue, offer: Offer) -> dict[str, list[str]]:
    """`requires` and `discounts` of a level, a text each; both empty for most."""
    currency = offer.book.currency
    spared = (less for component in offer.tier.fees for less in component.discounts)
    return {
        "requires": [words.requirement(t, kept, each) for each in offer.tier.requires],
        "discounts": list(dict.fromkeys(words.discount(t, kept, less, currency) for less in spared)),
    }


def built(t: Translator, offer: Offer) -> list[dict[str, Any]]:
    """How a level's fee is made up: {name, rows, notes} of each part; empty where one amount says it all."""
    fees, currency = offer.tier.fees, offer.book.currency
    if all(c.basis == "fixed" for c in fees) and len(fees) < 2:
        return []
    out = []
    for component in fees:
        name = t.text(component.names)
        if component.basis in BASES:
            name = t.gettext("%(fee)s, by %(basis)s", fee=name, basis=t.gettext(SIZES[component.basis]))
        rows = table.rows(t, component, currency, offer.book.indexes)
        out.append({"name": name, "rows": rows, "notes": table.notes(t, component)})
    return out


def on_cards(
    t: Translator, kept: Catalogue, offers: Iterable[Offer], cards: Iterable[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The cards of these levels, each with what it asks and spares as lines of their own."""
    out = []
    for offer, card in zip(offers, cards, strict=True):
        said = of(t, kept, offer)
        asks = [t.gettext("Requires %(membership)s.", membership=each) for each in said["requires"]]
        out.append(card | {"asks": asks + [f"{each}." for each in said["discounts"]]})
    return out
