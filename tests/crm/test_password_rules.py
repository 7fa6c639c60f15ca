"""Passwords that are tried first are refused, and ordinary good ones are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm import demo
from crm.password_rules import guessable

AROUND = ("kari.nordby@fjorddata.example", "Kari Nordby", "nora-industry-network", "NORA Industry Network", "nora")


@pytest.mark.parametrize(
    "password",
    (
        "Klynge-2026-2026", "klynge12345678", "Nora Industry Network!", "kari.nordby2026", "Fjorddata-123!",
        "Password123456", demo.PASSWORD,
        "Passord2026!!!!", "velkommen 2026", "aaaaaaaaaaaa", "abababababab", "abc123abc123abc", "123456789012",
        "qwertyuiopasdf", "poiuytrewq12345", "abcdefghijklm", "nettverk-medlem-1",
    ),
)  # fmt: skip
def test_tried_first(password):
    assert guessable(password, AROUND)


@pytest.mark.parametrize(
    "password",
    ("correct horse battery", "lang-vinter-ved-fjorden", "T7#pq9!vLm2xRw", "nora spiser sju grønne epler",
     "hest batteri stift 42"),
)  # fmt: skip
def test_ordinary(password):
    assert not guessable(password, AROUND)


@given(st.text(min_size=12, max_size=40))
def test_anything_is_judged(password):
    assert guessable(password, AROUND) in (True, False)
    assert guessable(password[0] * 12, ())
