"""A rulebook in words: every field and every value has some, and a difference says what it was and what it becomes."""

import typing

import msgspec
import pytest

from cluster_rules.differences import compare
from cluster_rules.networks import FeeComponent, LinkRule, Rulebook, Tier
from crm import rulebook_words as words
from crm.i18n import translator
from crm.rulebook_terms import FIELDS, VALUES
from tests.crm.test_words import KEPT

NB, EN = translator("nb"), translator("en")
NORA = KEPT.rulebooks.of("nora-industry-network")[-1]
NBSP = "\N{NO-BREAK SPACE}"
IDENTITY = {"network", "version", "code"}  # what a difference is never in
LISTED_APART = {"tiers", "fees", "link_rules", "requires"}


def _leaves(kind, path=()):
    """Every field of the document with its type, structs inside structs included."""
    hints = typing.get_type_hints(kind)
    for field in msgspec.structs.fields(kind):
        at = (*path, field.encode_name)
        hint = hints[field.name]
        if (at[-1] in IDENTITY and len(at) == 1) or (at[-1] in LISTED_APART and len(at) == 1):
            continue
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            yield from _leaves(hint, at)
        elif hint == dict[str, str]:
            yield from ((".".join((*at, language)), hint) for language in ("nb", "en"))
        else:
            yield ".".join(at), hint


LEAVES = [leaf for kind in (Rulebook, Tier, FeeComponent, LinkRule) for leaf in _leaves(kind)]


def test_every_field_has_a_name_and_every_choice_its_words():
    assert len(LEAVES) > 45
    assert [name for name, _ in LEAVES if name not in FIELDS] == []
    for name, hint in LEAVES:
        if typing.get_origin(hint) is typing.Literal:
            assert set(VALUES[name]) == set(typing.get_args(hint)), name


def _changed(**changes):
    return msgspec.structs.replace(NORA, version=2, **changes)


def _said(t, new, old=NORA):
    return words.differences(t, KEPT, compare(old, new), old, new)


def _principal(**changes):
    first, *rest = NORA.tiers
    return _changed(tiers=(msgspec.structs.replace(first, **changes), *rest))


def test_a_higher_fee_says_level_fee_and_both_amounts():
    dearer = msgspec.structs.replace(NORA.tiers[0].fees[0], amount=16_000_000)
    (said,) = _said(EN, _principal(fees=(dearer,)))
    assert said.text.replace(NBSP, " ") == (
        "Level Principal partner, fee Membership fee: Amount a year: NOK 150,000 -> NOK 160,000"
    )
    (said,) = _said(NB, _principal(fees=(dearer,)))
    assert (said.about, said.what) == ("Nivå Hovedpartner, avgift Medlemskontingent", "Beløp i året")
    assert (said.old, said.new) == (f"150{NBSP}000{NBSP}kr", f"160{NBSP}000{NBSP}kr")


def test_a_new_and_a_removed_level_are_said_with_their_fees():
    (gone,) = _said(EN, _changed(tiers=NORA.tiers[1:], link_rules=NORA.link_rules))
    assert (gone.kind, gone.about, gone.what) == ("removed", "Level Principal partner", "removed")
    assert gone.text.replace(NBSP, " ") == "Level Principal partner: removed: Membership fee NOK 150,000"
    (new,) = _said(EN, NORA, _changed(tiers=NORA.tiers[1:]))
    assert (new.kind, new.about, new.what) == ("added", "Level Principal partner", "new")


def test_a_link_rule_reads_as_a_sentence_in_both_languages():
    (rule,) = NORA.link_rules
    said = words.sentence(EN, KEPT, "nora-industry-network", rule)
    assert said.when == (
        "When a member of NORA Industry Network has level Principal partner, is of the kind company, is in Norway,"
        " is a legal entity of its own"
    )
    assert said.then == (
        "membership at level Member in CLAIRE Innovation Network, fee waived, starts the same day,"
        " ends with its cause, told 90 days before"
    )
    said = words.sentence(NB, KEPT, "nora-industry-network", rule)
    assert "har nivået Hovedpartner" in said.when and "90 dager før" in said.then
    (gone,) = _said(EN, _changed(link_rules=()))
    assert gone.kind == "removed" and gone.old.endswith("told 90 days before")


@pytest.mark.parametrize("t", [NB, EN])
@pytest.mark.parametrize("book", KEPT.rulebooks.versions, ids=lambda b: b.network)
def test_from_nothing_to_every_demo_rulebook_each_difference_has_words(t, book):
    """Against a rulebook of another network nearly everything differs."""
    other = msgspec.structs.replace(NORA, network=book.network)
    for old, new in ((other, book), (book, other)):
        said = _said(t, new, old)
        assert all(each.about and each.what and (each.old or each.new) for each in said)
        assert "None" not in " ".join(each.text for each in said)
    assert words.facts(t, book)
    assert all(
        words.fee(t, c, book.currency) and words.open_to(t, tier.open_to) for tier in book.tiers for c in tier.fees
    )
