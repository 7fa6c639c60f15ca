"""What rules that cover units or parents sound like: the rule, the preview, the why, and why nobody is covered."""

from datetime import date
from uuid import UUID

import msgspec
import pytest

from cluster_rules.fees import Step
from cluster_rules.intents import EndGrant, StartGrant
from cluster_rules.memberships import Grant
from cluster_rules.networks import Rulebooks
from cluster_rules.outcomes import RuleOutcome
from cluster_rules.periods import Period
from cluster_rules.predicates import FailedPredicate
from cluster_rules.why import chain
from crm import outcome_words, words
from crm.i18n import translator
from crm.rule_words import link_rule
from tests.crm.test_words import CLAIRE, KEPT, NORA, TODAY

EN, NB = translator("en"), translator("nb")
ENTITY, GROUP = UUID(int=11), UUID(int=12)
START = Period(date(2027, 3, 1))


def kept(whom):
    """The catalogue in which NORA's rule gives its grants to `whom`."""
    book = KEPT.book(NORA, TODAY)
    (rule,) = book.link_rules
    rule = msgspec.structs.replace(rule, grants=msgspec.structs.replace(rule.grants, to=whom))
    changed = msgspec.structs.replace(book, link_rules=(rule,))
    books = tuple(changed if b == book else b for b in KEPT.rulebooks.versions)
    return msgspec.structs.replace(KEPT, rulebooks=Rulebooks(books, KEPT.rulebooks.agreements))


def grants(agreement="nora-claire-2021"):
    cause = Grant(UUID(int=1), ENTITY, NORA, "direct", "principal", START)
    linked = Grant(
        UUID(int=2), GROUP, CLAIRE, "linked", "member", START, NORA, "principal-joins-claire", 1, agreement, cause.id
    )
    return [cause, linked]


@pytest.mark.parametrize(
    ("t", "whom", "said"),
    [
        (EN, "units", "NORA Industry Network cover their units, which are Member in CLAIRE Innovation Network, from"),
        (NB, "units", "NORA Industry Network, dekker enhetene sine, som er medlem i CLAIRE Innovation Network, fra"),
        (EN, "parent", "bring in the organisation they belong to, which is Member in CLAIRE Innovation Network, from"),
        (NB, "parent", "tar med seg virksomheten de hører til, som er medlem i CLAIRE Innovation Network, fra"),
    ],
)
def test_t5_the_rule_in_one_sentence(t, whom, said):
    known = kept(whom)
    assert said in link_rule(t, known, NORA, known.book(NORA, TODAY).link_rules[0])


@pytest.mark.parametrize(
    ("t", "whom", "because", "ends"),
    [
        (
            EN,
            "units",
            "because the organisation it belongs to is Principal partner in",
            "the organisation it belongs to",
        ),
        (NB, "units", "fordi virksomheten den hører til, er hovedpartner i", "virksomheten den hører til"),
        (EN, "parent", "because a unit of it is Principal partner in", "its unit"),
        (NB, "parent", "fordi en enhet i den er hovedpartner i", "enheten"),
    ],
)
def test_t5_the_why_names_who_holds_the_cause(t, whom, because, ends):
    known = kept(whom)
    found = words.why(t, known, chain(grants()[1], grants(), known.rulebooks), "Group AI")
    assert because in found.sentence and ends in found.ends and "Group AI" not in found.ends


def test_t5_a_rule_of_ones_own_network_rests_on_its_own_rules():
    known = kept("units")
    found = words.why(EN, known, chain(grants("")[1], grants(""), known.rulebooks), "Group AI")
    assert "version 1, from the network's own rules." in found.sentence
    assert [n.detail for n in found.nodes if n.kind == "rule"] == ["Version 1, from the network's own rules"]


def test_t5_each_unit_is_named_in_the_preview():
    _, linked = grants()
    names = {GROUP: "Group AI"}
    started = words.intent(EN, kept("units"), StartGrant(linked, Step("joining")), names)
    closed = msgspec.structs.replace(linked, period=Period(date(2027, 3, 1), date(2027, 7, 1)))
    ended = words.intent(EN, kept("units"), EndGrant(closed, linked, Step("ending")), names)
    assert started is not None and started.text.startswith("Group AI: Linked membership in CLAIRE")
    assert ended is not None and ended.text.startswith("Group AI: Linked membership in CLAIRE")
    own = words.intent(EN, KEPT, StartGrant(linked, Step("joining")), names)
    assert own is not None and own.text.startswith("Linked membership in CLAIRE")


@pytest.mark.parametrize(
    ("t", "whom", "said"),
    [
        (EN, "units", "It has no units in the register."),
        (NB, "units", "Den har ingen enheter i registeret."),
        (EN, "parent", "It is not a unit of another organisation."),
        (NB, "parent", "Den er ikke en enhet i en annen virksomhet."),
    ],
)
def test_t5_why_nobody_is_covered(t, whom, said):
    failed = (FailedPredicate("covers", [whom], ""),)
    outcome = RuleOutcome("principal-joins-claire", NORA, CLAIRE, False, failed)
    assert outcome_words.sentence(t, KEPT, outcome).endswith(said)
