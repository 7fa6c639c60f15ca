"""What a level requires and who pays less for it, in words: the network's public page and the cards of the sign-up."""

from collections.abc import Iterable
from typing import Any

from crm import rulebook_words as words
from crm.catalogue import Catalogue
from crm.i18n import Translator
from crm.reads.offers import Offer


def of(t: Translator, kept: Catalogue, offer: Offer) -> dict[str, list[str]]:
    """`requires` and `discounts` of a level, a text each; both empty for most."""
    currency = offer.book.currency
    spared = (less for component in offer.tier.fees for less in component.discounts)
    return {
        "requires": [words.requirement(t, kept, each) for each in offer.tier.requires],
        "discounts": list(dict.fromkeys(words.discount(t, kept, less, currency) for less in spared)),
    }


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
