"""What the register says otherwise: names as people write them, headcounts, places, and what ends an organisation."""

from datetime import date

import msgspec
import pytest

from cluster_rules.register import Ours, Unit, differences, kind_of, proper_name, same_name, taken_over

UNIT = Unit("923609016", "SNØSMELTE ENERGI AS", "AS", 45, "4001", "PORSGRUNN", "NO")
OURS = Ours("Snøsmelte Energi", "Snøsmelte Energi AS", 45, "Porsgrunn", "40", "NO")


@pytest.mark.parametrize(
    ("register", "written"),
    [
        ("SNØSMELTE ENERGI AS", "Snøsmelte Energi AS"),
        ("UNIVERSITETET I OSLO", "Universitetet i Oslo"),
        ("A/S NORSKE SHELL", "A/S Norske Shell"),
        ("MØRE OG ROMSDAL", "Møre og Romsdal"),
        ("eSmart Systems AS", "eSmart Systems AS"),
        ("DNV GL-GRUPPEN ASA", "Dnv Gl-Gruppen ASA"),
    ],
)
def test_a_name_in_capitals_is_written_as_people_write_it(register, written):
    assert proper_name(register) == written
    assert same_name(register, written)


def test_the_form_behind_a_name_makes_no_difference_and_another_name_does():
    assert same_name("Equinor", "EQUINOR ASA")
    assert not same_name("Equinor Energy", "EQUINOR ASA")
    assert not same_name("AS", "ASA")  # a name of nothing but a form stays itself


def test_what_both_say_is_no_difference():
    assert differences(OURS, UNIT) == ()
    assert differences(msgspec.structs.replace(OURS, name="Snøkraft"), UNIT) == ()  # its legal name is that


@pytest.mark.parametrize(
    ("ours", "register", "reasons"),
    [
        ({"name": "Snøkraft", "legal_name": ""}, {}, ["register_name"]),
        ({"employees": 50}, {}, ["register_employees"]),
        ({"employees": None}, {}, ["register_employees"]),
        ({"employees": 50}, {"employees": None}, []),
        ({}, {"municipality_number": "0301", "municipality": "OSLO"}, ["register_moved"]),
        ({"municipality": "", "county": ""}, {"municipality_number": "0301", "municipality": "OSLO"}, []),
        ({"municipality": ""}, {"municipality_number": "4003", "municipality": "SKIEN"}, []),  # the county is the same
        ({}, {"country": "SE"}, ["register_moved"]),
        ({}, {"bankrupt": True}, ["register_bankrupt"]),
        ({}, {"bankrupt": True, "liquidation": True}, ["register_bankrupt"]),
        ({}, {"liquidation": True}, ["register_liquidation"]),
        ({}, {"dissolution": True}, ["register_dissolution"]),
        ({"employees": 3}, {"deleted_on": date(2026, 10, 1)}, ["register_deleted"]),
        ({"employees": 3}, {"known": False, "name": ""}, ["register_unknown"]),
    ],
)
def test_what_the_register_says_otherwise(ours, register, reasons):
    found = differences(msgspec.structs.replace(OURS, **ours), msgspec.structs.replace(UNIT, **register))
    assert [each.reason for each in found] == reasons


def test_what_was_kept_comes_back_with_another_word_of_the_register_only():
    def key(ours: int, register: int) -> str:
        told = msgspec.structs.replace(OURS, employees=ours)
        return differences(told, msgspec.structs.replace(UNIT, employees=register))[0].key

    assert key(50, 45) == key(60, 45) != key(50, 46)


def test_a_decision_about_a_membership_is_no_fact_to_take_over():
    assert taken_over("register_employees", UNIT) == {"employees": 45}
    assert taken_over("register_moved", UNIT) == {"municipality": "Porsgrunn", "county": "40", "country": "NO"}
    assert taken_over("register_name", UNIT) == {"name": "Snøsmelte Energi AS"}
    assert taken_over("register_bankrupt", UNIT) == {}


@pytest.mark.parametrize(
    ("form", "nace", "kind"),
    [
        ("AS", ("71.129",), "company"),
        ("ORGL", ("85.421",), "university"),
        ("ORGL", ("84.110",), "public_body"),
        ("KOMM", (), "public_body"),
        ("FLI", ("94.110",), "association"),
        ("STI", ("72.190",), ""),  # a foundation may be any of them
    ],
)
def test_the_form_and_the_industry_say_what_kind_it_is(form, nace, kind):
    assert kind_of(msgspec.structs.replace(UNIT, form=form, nace=nace)) == kind
