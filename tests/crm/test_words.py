"""Every code has its sentence in both languages, filled from what is really given; consequences and whys read right."""

import ast
import re
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from cluster_rules import cascades, why
from cluster_rules.fees import Step
from cluster_rules.intents import Publish, StartGrant
from cluster_rules.memberships import Decision, Facts, Grant
from cluster_rules.networks import Agreement, Rulebooks
from cluster_rules.organisations import Organisation, Profile
from cluster_rules.outcomes import RuleOutcome
from cluster_rules.periods import Period
from cluster_rules.predicates import FailedPredicate
from cluster_rules.rulebooks import parse
from crm import outcome_words, sentences, words
from crm.catalogue import Catalogue, NetworkRow
from crm.i18n import LANGUAGES, translator
from crm.rule_words import link_rule
from crm.sentences import HELD_BACK, REFUSALS
from tests.demo_data.files import AGREEMENTS, NETWORKS, RULEBOOKS

ROOT = Path(__file__).parents[2]
NB, EN = translator("nb"), translator("en")
NORA, CLAIRE = "nora-industry-network", "claire-innovation-network"
ESMART = UUID(int=1)
NAMES = {ESMART: "eSmart Systems"}
TODAY = date(2026, 11, 22)
_REFUSES = {"RuleViolation": (0, 1), "RulebookError": (0, 1), "Refused": (0, 1), "EdgeError": (2, 1)}
_PLACEHOLDER = re.compile(r"%\((\w+)\)s")


def _network(slug: str) -> NetworkRow:
    row = NETWORKS[slug]
    return NetworkRow(
        id=uuid4(),
        slug=slug,
        host=row["host"],
        host_id=uuid4(),
        host_name=row["host"],
        kind=row["kind"],
        colour=row["colour"],
        names=row["names"],
        short=row["short"],
        summary=row["summary"],
        website=row["website"],
        time_zone=row["time_zone"],
        founded=row.get("founded"),
    )


def _catalogue() -> Catalogue:
    networks = tuple(_network(slug) for slug in NETWORKS)
    agreements = tuple(
        Agreement(a["code"], a["source"], a["target"], Period(a["starts_on"]), a["on_end"], a["names"])
        for a in AGREEMENTS.values()
    )
    books = tuple(parse(book) for book in RULEBOOKS.values())
    return Catalogue(networks, Rulebooks(books, agreements), {n.slug: n for n in networks}, {n.id: n for n in networks})


KEPT = _catalogue()


def _facts(country: str = "NO", kind: str = "company", decisions: tuple[Decision, ...] = ()) -> Facts:
    profile = Profile(Period(date(2020, 1, 1)), kind, country, 42)
    facts = Facts((Organisation(ESMART, "eSmart Systems", (profile,)),), KEPT.rulebooks, decisions)
    for decision in decisions:
        found = cascades.decide(
            Facts(facts.organisations, KEPT.rulebooks, tuple(d for d in decisions if d != decision)), decision, TODAY
        )
        facts = Facts(
            facts.organisations,
            KEPT.rulebooks,
            decisions,
            grants=tuple(i.grant for i in found.intents if isinstance(i, StartGrant)),
        )
    return facts


def _decision(kind: str, on: date, tier: str = "", until: date | None = None) -> Decision:
    return Decision(uuid4(), ESMART, NORA, kind, on, datetime(2026, 11, 22, 9, tzinfo=UTC), tier, until)


def _lines(language: str, facts: Facts, decision: Decision) -> list[str]:
    found = cascades.decide(facts, decision, TODAY)
    return [
        line.text.replace("\N{NO-BREAK SPACE}", " ") for line in words.lines(translator(language), KEPT, found, NAMES)
    ]


# --- refusals


def _codes() -> dict[str, list[tuple[str, set[str]]]]:
    """Every code in the sources with the place and the names of the values that go with it there."""
    found: dict[str, list[tuple[str, set[str]]]] = {}
    for path in sorted([*(ROOT / "crm").rglob("*.py"), *(ROOT / "cluster_rules").rglob("*.py")]):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for code, given in [*_refusal(node), *_field_problem(node)]:
                found.setdefault(code, []).append((f"{path.name}:{node.lineno}", given))
    return found


def _strings(node: ast.expr) -> list[str]:
    """The text itself, or both texts of `a if x else b`."""
    if isinstance(node, ast.IfExp):
        return _strings(node.body) + _strings(node.orelse)
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def _refusal(node: ast.AST) -> list[tuple[str, set[str]]]:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _REFUSES):
        return []
    place = _REFUSES[node.func.id][0]
    given = {k.arg for k in node.keywords if k.arg}
    return [(code, given) for code in (_strings(node.args[place]) if len(node.args) > place else [])]


def _field_problem(node: ast.AST) -> list[tuple[str, set[str]]]:
    """(field, "code", {values}) as forms collect them; everywhere a field problem is made it has this shape."""
    if not (isinstance(node, ast.Tuple) and len(node.elts) == 3 and isinstance(node.elts[2], ast.Dict)):
        return []
    code, values = node.elts[1], node.elts[2]
    given = {k.value for k in values.keys if isinstance(k, ast.Constant)}
    simple = [c for c in _strings(code) if re.fullmatch("[a-z_]+", c)]
    return [(c, given) for c in simple]


def test_the_sources_have_codes_of_every_kind():
    codes = _codes()
    assert {"already_member", "identifier_checksum", "bands_hole", "required", "too_long", "cursor_invalid"} <= set(
        codes
    )
    assert {"not_sent", "already_decided"} <= set(codes), "both sides of a conditional count"
    assert len(codes) >= 60


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_a_sentence_that_its_values_fill(language):
    t = translator(language)
    for code, places in _codes().items():
        assert code in REFUSALS, f"{places[0][0]}: no sentence for {code}"
        for place, given in places:
            said = words.refusal(t, KEPT, code, dict.fromkeys(given, "7"))
            assert said.endswith("."), (place, said)
            assert not _PLACEHOLDER.search(said), (place, code, said)


def test_a_code_means_one_thing():  # the tables are joined: a later one would take the words of an earlier one
    tables = [t for n, t in vars(sentences).items() if n != "REFUSALS" and isinstance(t, dict) and t]
    codes = [code for table in tables if table.keys() <= REFUSALS.keys() for code in table]
    assert sorted(codes) == sorted(REFUSALS)


def test_every_sentence_has_its_norwegian():
    for code, texts in REFUSALS.items():
        for text in texts:
            assert NB.gettext(text) != text, code


def test_a_code_without_a_sentence_is_an_error():
    with pytest.raises(KeyError):
        words.refusal(EN, KEPT, "no_such_code", {})


@pytest.mark.parametrize(
    ("language", "code", "params", "said"),
    [
        (
            "en",
            "already_member",
            {"network": NORA, "since": date(2024, 3, 1)},
            "The organisation has been a member of NORA Industry Network since 1 Mar 2024.",
        ),
        (
            "nb",
            "identifier_checksum",
            {"scheme": "no-orgnr", "given": "923609017"},
            "923609017 er ikke et gyldig organisasjonsnummer: kontrollsifrene stemmer ikke. Se etter en skrivefeil.",
        ),
        (
            "nb",
            "kind_not_open",
            {"tier": "startup", "given": "public_body"},
            "Nivået er ikke åpent for virksomheter av typen offentlig virksomhet.",
        ),
        ("nb", "country_not_open", {"given": "SE"}, "Nivået er ikke åpent for virksomheter i Sverige."),
        ("en", "tier_unknown", {"tier": "gold", "network": NORA}, "NORA Industry Network has no level called gold."),
        (
            "en",
            "membership_required",
            {"network": NORA, "tiers": ["principal", "partner"], "on": date(2027, 3, 1)},
            "This level requires that the organisation is Principal partner or Partner in NORA Industry Network"
            " on 1 Mar 2027, and it is not.",
        ),
        (
            "nb",
            "membership_required",
            {"network": NORA, "on": date(2027, 3, 1)},
            "Dette nivået krever at virksomheten er medlem i NORA Industry Network 1. mars 2027, og det er den ikke.",
        ),
        ("en", "too_long", {"limit": 2000, "length": 2001}, "The text has 2,001 characters; the limit is 2,000."),
    ],
)
def test_refusals_read_like_this(language, code, params, said):
    assert words.refusal(translator(language), KEPT, code, params) == said


def test_what_somebody_typed_is_said_back_in_part_only():
    said = words.refusal(EN, KEPT, "network_unknown", {"given": "x" * 5000})
    assert len(said) < 150


# --- consequences


def test_ac_02_approval_in_words():
    assert _lines("en", _facts(), _decision("joining", date(2027, 3, 1), "principal")) == [
        "eSmart Systems becomes Principal partner in NORA Industry Network from 1 Mar 2027",
        "Linked membership in CLAIRE Innovation Network from 1 Mar 2027, no fee",
        "Draft invoice: Membership fee, 1 Mar – 31 Dec 2027: NOK 125,753.42",
        "Mail to eSmart Systems",
        "Mail to the managers of NORA Industry Network",
        "Mail to the managers of CLAIRE Innovation Network",
    ]


def test_ac_02_approval_in_norwegian_words():
    said = _lines("nb", _facts(), _decision("joining", date(2027, 3, 1), "principal"))
    assert said[:2] == [
        "eSmart Systems blir hovedpartner i NORA Industry Network fra 1. mars 2027",
        "Koblet medlemskap i CLAIRE Innovation Network fra 1. mars 2027, uten kontingent",
    ]


def test_ac_02d_a_change_of_level_names_the_last_day_of_what_ends():
    facts = _facts(decisions=(_decision("joining", date(2027, 3, 1), "principal"),))
    said = _lines("en", facts, _decision("tier_change", date(2028, 1, 1), "partner"))
    assert "eSmart Systems stops being Principal partner in NORA Industry Network; the last day is 31 Dec 2027" in said
    assert "eSmart Systems becomes Partner in NORA Industry Network from 1 Jan 2028" in said
    assert "Linked membership in CLAIRE Innovation Network ends; the last day is 31 Dec 2027" in said


def test_a_suspension_says_which_days_in_both_networks():
    facts = _facts(decisions=(_decision("joining", date(2026, 3, 1), "principal"),))
    said = _lines("nb", facts, _decision("suspension", date(2026, 12, 1), until=date(2027, 1, 1)))
    assert [line for line in said if "pause" in line] == [
        "Medlemskapet i CLAIRE Innovation Network er satt på pause 1.–31. des. 2026",
        "Medlemskapet i NORA Industry Network er satt på pause 1.–31. des. 2026",
    ]


def test_what_only_machines_care_about_is_not_said():
    assert words.intent(EN, KEPT, Publish(ESMART, NORA, "upsert", "changed", TODAY), NAMES) is None


@pytest.mark.parametrize(
    ("language", "country", "kind", "said"),
    [
        (
            "en",
            "SE",
            "company",
            "Principal partners join CLAIRE Innovation Network: does not apply."
            " Its country is Sweden, and the rule wants Norway.",
        ),
        (
            "nb",
            "NO",
            "public_body",
            "Hovedpartnere blir med i CLAIRE Innovation Network: gjelder ikke."
            " Virksomheten er av typen offentlig virksomhet, og regelen gjelder bedrift.",
        ),
    ],
)
def test_ac_02b_why_a_rule_did_not_fire(language, country, kind, said):
    found = cascades.decide(_facts(country, kind), _decision("joining", date(2027, 3, 1), "principal"), TODAY)
    assert [outcome_words.sentence(translator(language), KEPT, o) for o in found.considered] == [said]


@pytest.mark.parametrize(
    "predicate", ["tiers", "kinds", "countries", "unit", "employees", "agreement", "membership", "own_membership"]
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_predicate_can_be_explained(language, predicate):
    wanted, actual = {
        "tiers": (["principal"], "partner"),
        "kinds": (["company", "association"], "person"),
        "countries": (["NO", "SE", "DK"], "FI"),
        "unit": (["legal_entity"], "unit"),
        "employees": (["10", "250"], "3"),
        "agreement": (["nora-claire-2021"], "2019-01-01"),
        "membership": ([NORA], ""),
        "own_membership": ([NORA], "linked"),
    }[predicate]
    failed = FailedPredicate(predicate, wanted, actual)
    outcome = RuleOutcome("principal-joins-claire", NORA, CLAIRE, False, (failed,))
    said = outcome_words.sentence(translator(language), KEPT, outcome)
    assert "%(" not in said
    assert said.endswith(".")


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_holds_a_rule_back_is_said(language):
    held = [RuleOutcome("principal-joins-claire", NORA, CLAIRE, False, (), why_not) for why_not in HELD_BACK]
    said = {outcome_words.sentence(translator(language), KEPT, outcome) for outcome in held}
    assert len(said) == len(HELD_BACK)
    assert all("%(" not in each and each.endswith(".") for each in said)


# --- why


def _chain(ends_on: date | None = None) -> tuple[why.Link, ...]:
    root = Grant(uuid4(), ESMART, NORA, "direct", "principal", Period(date(2027, 3, 1), ends_on))
    linked = Grant(
        uuid4(),
        ESMART,
        CLAIRE,
        "linked",
        "member",
        Period(date(2027, 3, 1), ends_on),
        NORA,
        "principal-joins-claire",
        1,
        "nora-claire-2021",
        root.id,
    )
    return why.chain(linked, [root, linked], KEPT.rulebooks)


def test_the_why_sentence_follows_its_pattern():
    assert words.why(EN, KEPT, _chain(), "eSmart Systems").sentence == (
        "eSmart Systems is in CLAIRE Innovation Network because it is Principal partner in NORA Industry Network."
        " Rule: Principal partners join CLAIRE Innovation Network, version 1, from Collaboration agreement between NORA"
        " and CLAIRE, 2021. It ends when eSmart Systems is no longer Principal partner in NORA Industry Network."
    )
    assert words.why(NB, KEPT, _chain(), "eSmart Systems").sentence.startswith(
        "eSmart Systems er med i CLAIRE Innovation Network fordi den er hovedpartner i NORA Industry Network."
    )


def test_the_why_panel_goes_from_cause_by_rule_to_result():
    found = words.why(NB, KEPT, _chain(date(2028, 1, 1)), "eSmart Systems")
    assert found.title == "Hvorfor er eSmart Systems med i CLAIRE Innovation Network?"
    assert [n.kind for n in found.nodes] == ["cause", "rule", "result"]
    assert found.nodes[0].title == "Hovedpartner i NORA Industry Network"
    assert found.nodes[1].detail.startswith("Versjon 1, fra Samarbeidsavtale")
    assert found.nodes[2].network == CLAIRE
    assert found.ends == "Siste dag er 31. des. 2027."


def test_the_why_of_an_own_membership_is_one_box():
    found = words.why(EN, KEPT, _chain()[:1], "eSmart Systems")
    assert [n.kind for n in found.nodes] == ["result"]
    assert found.sentence == (
        "eSmart Systems is Principal partner in NORA Industry Network by its own membership, from 1 Mar 2027."
        " No end date is set."
    )


def test_a_grant_that_starts_is_a_line_of_its_network():
    grant = Grant(uuid4(), ESMART, NORA, "direct", "principal", Period(date(2027, 3, 1)))
    line = words.intent(EN, KEPT, StartGrant(grant, Step("joining")), NAMES)
    assert line is not None
    assert (line.kind, line.network) == ("membership", NORA)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "en",
            "Organisations of the kind company in Norway that are Principal partner in NORA Industry Network are also"
            " Member in CLAIRE Innovation Network, from the same day, no fee.",
        ),
        (
            "nb",
            "Virksomheter av typen bedrift i Norge som er hovedpartner i NORA Industry Network, er også medlem i"
            " CLAIRE Innovation Network, fra samme dag, uten kontingent.",
        ),
    ],
)
def test_a_link_rule_in_one_sentence(language, said):
    rule = KEPT.book(NORA, TODAY).link_rules[0]
    assert link_rule(translator(language), KEPT, NORA, rule) == said


def test_every_code_is_in_the_documentation():
    documented = set(
        re.findall(r"^\| `([a-z_-]+)` \|", (ROOT / "docs/api.md").read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert documented == set(REFUSALS)
