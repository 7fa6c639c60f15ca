"""Every rule a document can break has its sentence, in both languages, and no sentence is without a rule."""

import pytest

from crm import words
from crm.document_mistakes import _WORDS, mistake
from crm.i18n import LANGUAGES, translator
from tests.cluster_rules.test_documents import BROKEN

WARNINGS = {"NO-R-002"}
OTHER_CODES = {f"PEPPOL-EN16931-P{number:04d}" for number in (104, 105, 106, 108, 109, 110, 111)}


def test_every_rule_has_its_sentence_and_every_sentence_its_rule() -> None:
    rules = {rule for rule, _, _ in BROKEN} | WARNINGS | OTHER_CODES | {"BR-05"}
    assert rules == set(_WORDS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_refusal_says_what_is_wrong_with_the_invoice(language: str) -> None:
    t = translator(language)
    told = words.refusal(t, None, "document_incomplete", {"rule": "NO-R-001"})
    assert mistake(t, "NO-R-001") in told
    assert {"nb": "organisasjonsnummeret og MVA. NO-R-001", "en": "number and MVA. NO-R-001"}[language] in told


def test_a_rule_nobody_has_worded_is_named() -> None:
    assert mistake(translator("en"), "BR-99") == "BR-99"
