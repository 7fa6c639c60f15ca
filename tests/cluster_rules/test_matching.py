"""Who is the same organisation: numbers decide, names only suggest, units stay units (AC-18, F13)."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cluster_rules.matching import Identity, compare, domain_of, groups, name_key, suggestions
from tests.cluster_rules.histories import QUICK
from tests.cluster_rules.make import uid

EQUINOR, SUB_UNIT = "923609016", "973152351"
MAIN_UNITS = {SUB_UNIT: EQUINOR}


def known(name: str, *numbers: tuple[str, str], country: str = "NO", key: str = "", **given: Any) -> Identity:
    return Identity(uid(key or f"{name} {numbers}"), name, country, frozenset(numbers), **given)


def reasons(one: Identity, other: Identity) -> list[tuple[str, str]]:
    return [(r.code, r.scheme) for r in compare(one, other, MAIN_UNITS).reasons]


def test_ac_18_a_sub_units_number_leads_to_the_main_unit_and_names_never_merge() -> None:
    main, energy = known("Equinor ASA", ("no-orgnr", EQUINOR)), known("EQUINOR ENERGY", ("no-orgnr", SUB_UNIT))
    (found,) = groups([main, energy], MAIN_UNITS)
    assert set(found.members) == {main.id, energy.id} and found.verdict == "same"
    assert [(r.code, r.value) for r in found.reasons] == [("main_unit", EQUINOR)]
    assert groups([main, energy], {}) == []  # not known as a fact: not the same
    assert compare(main, energy, {}).verdict == "different"
    one, other = (known("Smart Consulting AS", ("no-orgnr", number)) for number in ("984661185", "974760673"))
    assert compare(one, other, {}).verdict == "different"
    assert groups([one, other]) == [] and suggestions([one, other]) == []


def test_a_norwegian_vat_number_is_the_organisation_number() -> None:
    one = known("A", ("no-orgnr", EQUINOR))
    for written in (f"NO{EQUINOR}MVA", f"{EQUINOR}MVA"):
        assert reasons(one, known("B", ("vat", written))) == [("number_shared", "no-orgnr")]
    assert compare(one, known("B", ("vat", "SE556012579001")), {}).verdict == "different"


def test_numbers_that_disagree_are_held_for_a_person() -> None:
    one = known("A", ("lei", "L"), ("no-orgnr", "1"))
    other = known("B", ("lei", "L"), ("no-orgnr", "2"))
    found = compare(one, other, {})
    assert found.verdict == "held"
    assert [(r.code, r.scheme, r.value) for r in found.reasons] == [
        ("number_differs", "no-orgnr", "1, 2"),
        ("number_shared", "lei", "L"),
    ]
    # Also when they meet only through a third.
    bridge = known("C", ("lei", "L"), ("ror", "R"))
    far = known("D", ("ror", "R"), ("no-orgnr", "9"))
    near = known("E", ("lei", "L"), ("no-orgnr", "8"))
    assert [g.verdict for g in groups([bridge, far, near])] == ["held"]


def test_a_unit_is_never_folded_into_its_parent() -> None:
    parent = known("SINTEF", ("no-orgnr", "1"))
    unit = known("SINTEF", ("no-orgnr", "1"), key="unit", parent=parent.id)
    assert compare(parent, unit, {}).verdict == "different"
    assert groups([parent, unit]) == [] and suggestions([parent, unit]) == []
    twin = known("Sintef AS", key="twin", parent=parent.id)
    assert [set(g.members) for g in suggestions([parent, unit, twin])] == [{unit.id, twin.id}]


def test_name_with_country_and_domain_only_suggest() -> None:
    one = known("Nordic Robotics AS", domain="nordicrobotics.no")
    assert compare(one, known("NORDIC ROBOTICS"), {}).verdict == "suggested"
    assert compare(one, known("Nordic Robotics", country="SE"), {}).verdict == "different"
    assert reasons(one, known("Robotics", domain="nordicrobotics.no")) == [("domain_shared", "")]
    mailed = [known(n, domain="gmail.com") for n in ("One", "Two")]
    assert compare(*mailed, {}).verdict == "different" and suggestions(mailed) == []
    assert (name_key("AS"), name_key("Å-Bygg A/S")) == ("as", "å bygg a s")
    assert domain_of("https://www.Equinor.com/no") == "equinor.com" and domain_of("") == ""


NUMBERS = st.frozensets(st.tuples(st.sampled_from(["no-orgnr", "lei", "ror"]), st.sampled_from("123")), max_size=3)
PEOPLE = st.lists(
    st.builds(
        lambda n, name, numbers, inside: Identity(uid(str(n)), name, "NO", numbers, uid("parent") if inside else None),
        st.integers(0, 10**6),
        st.sampled_from(["Same AS", "Same", "Other"]),
        NUMBERS,
        st.booleans(),
    ),
    max_size=6,
    unique_by=lambda i: i.id,
)


@QUICK
@given(PEOPLE, st.randoms(use_true_random=False))
def test_f13_merging_is_symmetric_and_transitive_over_numbers(listed: list[Identity], random: Any) -> None:
    found = groups(listed)
    assert groups(random.sample(listed, len(listed))) == found
    held_together = [member for group in found for member in group.members]
    assert len(held_together) == len(set(held_together))  # a partition: transitive
    by_id = {each.id: each for each in listed}
    for one in listed:
        for other in listed:
            verdict = compare(one, other, {}).verdict
            assert verdict == compare(other, one, {}).verdict
            if one != other and verdict in ("same", "held"):
                assert any({one.id, other.id} <= set(group.members) for group in found)
    for group in found:
        assert len({by_id[member].parent for member in group.members}) == 1


@QUICK
@given(PEOPLE)
def test_f13_names_alone_never_merge(listed: list[Identity]) -> None:
    nameless = [Identity(i.id, "Same AS", i.country, frozenset(), i.parent, "same.no") for i in listed]
    assert groups(nameless) == []
    renamed = [Identity(i.id, str(n), i.country, i.identifiers, i.parent) for n, i in enumerate(listed)]
    assert [g.members for g in groups(renamed)] == [g.members for g in groups(listed)]
