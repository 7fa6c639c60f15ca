"""Every kind of mail, in both languages: who and what in the subject, nothing missing, nothing of a template left."""

import re

import pytest

from crm.i18n import LANGUAGES
from crm.letters import compose
from crm.paths import TEMPLATES

KINDS = (
    "claim_arrived",
    "listing_decided",
    "claim_decided",
    "claim_link",
    "directory_letter",
    "invitation",
    "sign_in_link",
    "sign_in_otherwise",
    "access_requested",
    "agreement_ending",
    "agreement_goes_on",
    "application_answered",
    "application_arrived",
    "application_declined",
    "application_question",
    "application_received",
    "application_withdrawn",
    "decision_withdrawn",
    "collection_notice",
    "credit_note_issued",
    "draft_resume",
    "facts_changed",
    "federation_news",
    "invoice_issued",
    "invoice_reminder",
    "linked_membership_accepted",
    "linked_membership_continues",
    "linked_membership_ending",
    "linked_membership_paid",
    "linked_membership_started",
    "membership_approved",
    "membership_ending",
    "membership_event",
    "membership_suspended",
    "membership_suspended_unpaid",
    "organisation_merged",
    "organisation_renamed",
    "organisation_split",
    "place_given",
    "place_waiting",
    "renewal_notice",
    "report_sent",
    "survey",
    "suspension_lifted",
    "mailing",
    "tasks_due",
    "ending_soon",
    "tier_changed",
    "webhook_disabled",
)
# About a person's own account: no network is behind them.
OUR_OWN = ("listing_decided", "claim_decided", "claim_link", "directory_letter", "sign_in_link", "sign_in_otherwise")
NORA, CLAIRE = "NORA Industry Network", "CLAIRE Innovation Network"
VALUES = {
    "recipient_name": "Kari Nordby",
    "from_name": "Ola Spør",
    "from_email": "ola@spor.example",
    "text": "Kan vi møtes?",
    "organisation": "Fjord & Data AS",
    "network": NORA,
    "tier": "Hovedpartner",
    "reference": "BXD9Z7FF",
    "link": "https://klynge.test/nb/join/status/abc",
    "note": "Hva er <b>målet</b>?\nSkriv kort.",
    "to": "member",
    "on": "22. nov. 2026",
    "starts_on": "22. nov. 2026",
    "ends_on": "1. jan. 2027",
    "event": "Tilskudd innvilget",
    "locked_until": "1. jan. 2030",
    "reason": "Går over i annen virksomhet",
    "source": "NORA",
    "linked": [{"network": CLAIRE, "tier": "Medlem", "starts_on": "22. nov. 2026"}],
    "number": "NORA-17",
    "amount": "12 345,67 kr",
    "due_on": "22. des. 2026",
    "kid": "0000001000000172",
    "account": "99990000014",
    "credits": "NORA-16",
    "facts": [{"label": "Land", "old": "Norge", "new": "Sverige"}],
    "taken_back": False,
    "one": "Gammel AS",
    "other": "Ny AS",
    "claims": ["Purregebyr: 70 kr"],
    "before": "35 kr",
    "pay_by": "6. des. 2026",
    "total": "12 450,67 kr",
    "code": "1234 5678",
    "minutes": 15,
    "days": 14,
    "place": NORA,
    "role": "Leder",
    "inviter": "Ingrid Vik",
    "approved": True,
    "asker_name": "Ola Spør",
    "name": "Partners CRM",
    "url": "https://crm.partner.example/hooks",
    "said": "503 Stengt",
    "asker_email": "ola@spor.example",
    "agreement": "Samarbeidsavtale 2021",
    "ending": "42",
    "first": "1. jan. 2027",
    "last": "31. des. 2027",
    "lines": [{"name": "Kontingent", "amount": "12 000 kr", "why": "12 000 kr i året"}],
    "vat": "450,67 kr",
    "differs": "indeksen er endret",
    "news": "answered",
    "leave_by": "1. nov. 2026",
    "late": True,
    "subject": "Høstmøte",
    "title": "Årets spørsmål",
    "last_day": "1. des. 2026",
    "anonymous": True,
    "again": False,
    "unsubscribe": "https://klynge.test/unsubscribe/abc",
    "tasks": [{"title": "Send avtalen", "organisation": "Fjord & Data AS", "due": "1. des. 2026"}],
    "endings": [{"name": "ESCA Gold", "day": "28. feb. 2027", "days": 30, "link": "/n/nora/setup/labels"}],
    "file": "members-nora-2026-11-22.xlsx",
}
EMPTY = {name: [] if name in ("linked", "claims", "lines", "tasks", "endings") else "" for name in VALUES}
# What a reader must find in the subject or the text, besides the network.
SAYS = {
    "claim_arrived": ["Fjord & Data AS", "Ola Spør", "ola@spor.example", "/join/status/abc"],
    "listing_decided": ["Fjord & Data AS", "/join/status/abc"],
    "claim_decided": ["Fjord & Data AS", "/join/status/abc"],
    "claim_link": ["Fjord & Data AS", "/join/status/abc"],
    "directory_letter": ["Fjord & Data AS", "Ola Spør", "ola@spor.example", "Kan vi møtes?"],
    "invitation": ["Ingrid Vik", "Leder", "/join/status/abc", "14"],
    "sign_in_link": ["/join/status/abc", "1234 5678", "15"],
    "sign_in_otherwise": ["/join/status/abc"],
    "access_requested": ["Ola Spør", "ola@spor.example", "Fjord & Data AS"],
    "agreement_ending": ["NORA", "Samarbeidsavtale 2021", "1. jan. 2027", "42", "annen virksomhet"],
    "agreement_goes_on": ["NORA", "Samarbeidsavtale 2021", "1. jan. 2027", "annen virksomhet"],
    "application_answered": ["BXD9Z7FF", "Skriv kort.", "/join/status/abc"],
    "application_arrived": ["Fjord & Data AS", "Hovedpartner", "/join/status/abc"],
    "application_declined": ["BXD9Z7FF", "Skriv kort."],
    "application_question": ["BXD9Z7FF", "Skriv kort.", "/join/status/abc"],
    "application_received": ["BXD9Z7FF", "Hovedpartner", "/join/status/abc"],
    "application_withdrawn": ["BXD9Z7FF", "Fjord & Data AS"],
    "decision_withdrawn": ["Fjord & Data AS", "22. nov. 2026"],
    "collection_notice": [
        "Fjord & Data AS",
        "NORA-17",
        "6. des. 2026",
        "12 450,67 kr",
        "70 kr",
        "35 kr",
        "/status/abc",
    ],
    "credit_note_issued": ["Fjord & Data AS", "NORA-17", "NORA-16", "12 345,67 kr", "/join/status/abc"],
    "draft_resume": ["/join/status/abc"],
    "organisation_merged": ["Gammel AS", "Ny AS", "22. nov. 2026"],
    "organisation_renamed": ["Gammel AS", "Ny AS", "22. nov. 2026"],
    "organisation_split": ["Gammel AS", "Ny AS", "22. nov. 2026"],
    "federation_news": ["NORA"],
    "facts_changed": ["Fjord & Data AS", "22. nov. 2026", "Land: Sverige", "Norge", CLAIRE],
    "invoice_issued": ["NORA-17", "12 345,67 kr", "22. des. 2026", "99990000014", "0000001000000172", "/status/abc"],
    "invoice_reminder": ["Fjord & Data AS", "NORA-17", "22. des. 2026", "6. des. 2026", "12 450,67 kr", "/status/abc"],
    "linked_membership_continues": ["Fjord & Data AS", "1. jan. 2027", "NORA"],
    "linked_membership_ending": ["Fjord & Data AS", "1. jan. 2027"],
    "linked_membership_accepted": ["Fjord & Data AS", "22. nov. 2026", "NORA"],
    "linked_membership_paid": ["Fjord & Data AS", "22. nov. 2026", "NORA"],
    "linked_membership_started": ["Fjord & Data AS", "22. nov. 2026", "NORA"],
    "membership_approved": ["Fjord & Data AS", "22. nov. 2026", CLAIRE, "Medlem"],
    "membership_ending": ["Fjord & Data AS", "22. nov. 2026", "annen virksomhet"],
    "membership_event": ["Fjord & Data AS", "Tilskudd innvilget", "Hovedpartner", "1. jan. 2030", CLAIRE],
    "membership_suspended": ["Fjord & Data AS", "22. nov. 2026", "annen virksomhet"],
    "membership_suspended_unpaid": ["Fjord & Data AS", "NORA-17", "22. des. 2026", "12 450,67 kr", "/status/abc"],
    "place_given": ["Fjord & Data AS", "22. nov. 2026", "NORA"],
    "place_waiting": ["Fjord & Data AS", "NORA-17"],
    "renewal_notice": ["1. jan. 2027", "12 450,67 kr", "Hovedpartner", "12 000 kr i året", "indeksen", "1. nov. 2026"],
    "report_sent": ["Partners CRM", "members-nora-2026-11-22.xlsx", "/join/status/abc"],
    "suspension_lifted": ["Fjord & Data AS", "22. nov. 2026"],
    "mailing": ["Høstmøte", "Kan vi møtes?", "/unsubscribe/abc"],
    "survey": ["Årets spørsmål", "Kan vi møtes?", "1. des. 2026", "/join/status/abc"],
    "tasks_due": ["Send avtalen", "Fjord & Data AS", "1. des. 2026", "/join/status/abc"],
    "ending_soon": ["ESCA Gold", "28. feb. 2027", "/n/nora/setup/labels"],
    "tier_changed": ["Fjord & Data AS", "Hovedpartner", CLAIRE],
    "webhook_disabled": ["Partners CRM", "https://crm.partner.example/hooks", "503 Stengt", "/join/status/abc"],
}


def test_every_kind_has_a_text_and_every_text_is_a_kind():
    assert sorted(path.stem for path in (TEMPLATES / "mail").glob("*.txt")) == sorted(KINDS) == sorted(SAYS)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_mail_says_who_and_what(kind, language):
    letter = compose(kind, language, VALUES)
    assert letter.subject.startswith("Klynge: " if kind in OUR_OWN else f"{NORA}: ") and "\n" not in letter.subject
    for said in SAYS[kind]:
        assert said in letter.subject + "\n" + letter.text, said
    assert letter.text.startswith("Hei Kari Nordby," if language == "nb" else "Hello Kari Nordby,")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("values", [VALUES, VALUES | {"to": "managers"}, EMPTY], ids=["member", "managers", "empty"])
def test_a_mail_is_clean_whatever_its_values(kind, language, values):
    letter = compose(kind, language, values)
    assert letter.subject.strip() and letter.text.strip() and letter.html.strip()
    assert "\n\n\n" not in letter.text
    assert not re.search(r"%\(|\{\{|\{%|None", letter.subject + letter.text)
    assert "<b>målet" not in letter.html  # what people wrote is text, never markup
    assert not re.search(r"successfully|please note|!", letter.subject + letter.text)  # ux.md 4


@pytest.mark.parametrize("kind", KINDS)
def test_the_two_languages_differ(kind):
    assert compose(kind, "nb", VALUES).text != compose(kind, "en", VALUES).text


def test_a_question_names_a_status_page_only_to_those_who_have_one():
    """An application sent by API has none; to send its applicant there would be a dead end."""
    known = {name: value for name, value in VALUES.items() if name != "link"}
    held = compose("application_question", "en", known | {"status_page": True}).text
    by_api = compose("application_question", "en", known | {"status_page": False}).text
    assert "Answer on the status page" in held and "Answer the network directly" not in held
    assert "Answer the network directly" in by_api and "status page" not in by_api


def test_an_ending_link_offers_a_membership_of_ones_own():
    """AC-2d: the member hears when, why, and how to stay."""
    text = compose("linked_membership_ending", "en", VALUES).text
    assert "From 1. jan. 2027" in text and "came from NORA" in text and "membership of your own" in text
    assert "membership of your own" not in compose("linked_membership_ending", "en", VALUES | {"to": "managers"}).text


def test_the_link_to_a_draft_carries_nobodys_words():
    """The address is not proved yet: nothing typed by a stranger is mailed to it."""
    letter = compose("draft_resume", "nb", VALUES | {"organisation": "Kjøp her AS", "recipient_name": ""})
    assert "Kjøp her" not in letter.subject + letter.text + letter.html


@pytest.mark.parametrize(("language", "said"), [("en", "requires one in NORA"), ("nb", "krever et medlemskap i NORA")])
def test_t4_an_ending_for_want_of_a_required_membership_says_so(language, said):
    assert said in compose("membership_ending", language, VALUES | {"reason": ""}).text
