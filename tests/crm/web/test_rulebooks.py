"""The page of a network's rules: in plain words, with its versions and their texts."""

import pytest

from crm.gateways import rulebook_text
from tests.crm.web.office import CLAIRE, CLAIRE_ONLY, NORA, sign_in, text

pytestmark = pytest.mark.anyio
RULES = f"{NORA}/setup/rules"


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            [
                "Rules of NORA Industry Network",
                "Principal partner",
                "NOK 150,000 (example)",
                "A seat in the industry council",
                "When a member of NORA Industry Network has level Principal partner, is of the kind company,",
                "membership at level Member in CLAIRE Innovation Network, fee waived, starts the same day,"
                " ends with its cause, told 90 days before",
                "Version 1, in force for those who join today",
            ],
        ),
        (
            "nb",
            ["Regler for NORA Industry Network", "150 000 kr (eksempel)", "har nivået Hovedpartner", "90 dager før"],
        ),
    ],
)
async def test_the_rules_are_read_in_plain_words(client, language, words):
    await sign_in(client, language=language)
    shown = text(await client.get(RULES))
    for word in words:
        assert word in shown, word


async def test_the_target_sees_which_rules_reach_it(client):
    await sign_in(client, CLAIRE_ONLY)
    shown = text(await client.get(f"{CLAIRE}/setup/rules"))
    assert "Rules of other networks that give membership here" in shown
    assert "When a member of NORA Industry Network" in shown


async def test_the_text_of_a_version_is_downloaded_and_can_be_read_again(client, context):
    await sign_in(client)
    answer = await client.get(f"{RULES}/1/text")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("application/toml")
    assert 'filename="nora-industry-network-1.toml"' in answer.headers["content-disposition"]
    book = rulebook_text.read(answer.text)
    assert (book.network, book.version) == ("nora-industry-network", 1)
    for unknown in (f"{RULES}/7/text", f"{RULES}/x/text", f"{RULES}?version=7"):
        assert (await client.get(unknown)).status_code == 404


async def test_the_rules_of_a_network_of_others_are_not_there(client):
    await sign_in(client, CLAIRE_ONLY)
    for path in (RULES, f"{RULES}/1/text"):
        assert (await client.get(path)).status_code == 404
