"""How a fee came about, in words, when a discount or an earlier part of the year is in it."""

import pytest

from crm.fee_words import explain
from crm.i18n import translator

NAMES = {"nb": "Medlem i NORA", "en": "Member of NORA"}


@pytest.mark.parametrize(
    ("language", "step", "said"),
    [
        ("en", {"code": "discount_percent", "values": {"percent": 25, "names": NAMES}}, "25% off: Member of NORA"),
        ("nb", {"code": "discount_percent", "values": {"percent": 25, "names": NAMES}}, "25 % rabatt: Medlem i NORA"),
        ("en", {"code": "discount_amount", "values": {"amount": 100000, "names": NAMES}}, "off: Member of NORA"),
        ("nb", {"code": "earlier_days", "values": {"amount": 100000}}, "for dagene før"),
    ],
)
def test_t2_a_discount_is_said_with_its_reason(language, step, said):
    found = explain(translator(language), [step], "NOK", example=False).replace("\N{NO-BREAK SPACE}", " ")
    assert said in found
