"""The page of a network's rules: in plain words, with its versions and texts; and from a draft to what is published."""

import re

import pytest

from crm.gateways import rulebook_text
from tests.crm.web.office import CLAIRE, CLAIRE_ONLY, NORA, NORA_ONLY, count, other_browser, send, sign_in, text, token

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


async def _text(client):
    """The text of version 1 as version 2 for everybody from the next year on."""
    found = (await client.get(f"{RULES}/1/text")).text.replace("version = 1\n", "version = 2\n", 1)
    return found.replace("_existing = 2020-01-01", "_existing = 2027-01-01", 1)


async def _versions(context):
    return await count(
        context,
        "select count(*) from rulebook r join network n on n.id = r.network_id where n.slug = 'nora-industry-network'",
    )


@pytest.mark.parametrize(
    ("old", "new", "language", "said"),
    [
        ("rank = 20", "rang = 20", "en", "Line {line}, tiers[1].rang: There is no field called rang"),
        ("rank = 20", "rang = 20", "nb", "Linje {line}, tiers[1].rang: Det finnes ikke noe felt som heter rang"),
        (
            "rank = 20",
            'rank = "x"',
            "nb",
            "Linje {line}, tiers[1].rank: Her skal det stå et helt tall, og det står en tekst",
        ),
        ("votes = 1", "votes =", "en", "Line {line}, document: Invalid value"),
        ("version = 2", "version = 1", "en", "Line {line}, version: Version 1 is published already"),
        ("version = 2", "version = 9", "nb", "Linje {line}, version: Neste versjon er 2, ikke 9"),
        (
            'network = "nora-industry-network"',
            'network = "nora"',
            "en",
            "This is a rulebook of nora, not of nora-industry",
        ),
        ('"principal"]', '"boss"]', "en", "There is no level called boss"),
    ],
)
async def test_a_mistake_in_a_draft_is_told_with_line_and_field_and_the_text_is_kept(
    client, context, old, new, language, said
):
    await sign_in(client, language=language)
    draft = await _text(client)
    assert old in draft
    line = draft[: draft.index(old)].count("\n") + 1
    draft = draft.replace(old, new, 1)
    for act in ("preview", "publish"):
        answer = await send(client, f"{RULES}/{act}", text=draft.replace("\n", "\r\n"))
        assert answer.status_code == 422
        assert said.format(line=line) in text(answer).replace("&#34;", '"')
        assert new.replace('"', "&#34;") in answer.text  # still in the box
    assert await _versions(context) == 1


@pytest.mark.parametrize("language", ["en", "nb"])
async def test_a_draft_is_previewed_published_once_and_taken_back(client, context, language):
    await sign_in(client, language=language)
    draft = (await _text(client)).replace("15000000", "16000000", 1).split("[[link_rules]]")[0]
    shown = await send(client, f"{RULES}/preview", text=draft)
    assert shown.status_code == 200
    words = text(shown)
    expected = {
        "en": [
            "What version 2 would do",
            "NOK 150,000 NOK 160,000",
            "Link rule Principal partners join",
            "Telenor",
        ],
        "nb": ["Hva versjon 2 ville føre til", "150 000 kr 160 000 kr", "Koblingsregel", "Telenor", "ikke medlem"],
    }[language]
    for word in expected:
        assert word in words, word
    past = {"en": "This version also counts for days gone by", "nb": "gjelder også for dager som er gått"}[language]
    assert past in words
    later = draft.replace("effective_from = 2020-01-01", "effective_from = 2027-01-01", 1)
    assert past not in text(await send(client, f"{RULES}/preview", text=later))
    assert await _versions(context) == 1
    for _ in range(2):  # a second click is no mistake, and publishes nothing more
        answer = await send(client, f"{RULES}/publish", text=draft)
        assert answer.status_code == 303 and "version=2" in answer.headers["location"]
        assert await _versions(context) == 2
    after = await client.get(answer.headers["location"])
    assert {"en": "Version 2 is published", "nb": "Versjon 2 er publisert"}[language] in text(after)
    again = re.findall(r'name="again" value="(\d)"', after.text)
    assert set(again) == {"1"}
    back = await send(client, f"{RULES}/preview", again="1")
    assert back.status_code == 200 and "Telenor" in text(back)
    held = (
        re.search(r'(?s)<textarea id="text".*?>(.*?)</textarea>', back.text)[1]
        .replace("&#34;", '"')
        .replace("&#39;", "'")
    )
    assert (await send(client, f"{RULES}/publish", text=held)).status_code == 303
    first, third = [rulebook_text.read((await client.get(f"{RULES}/{n}/text")).text) for n in (1, 3)]
    assert (third.version, third.tiers, third.link_rules) == (3, first.tiers, first.link_rules)


async def test_a_file_is_taken_as_well(client):
    await sign_in(client)
    draft = (await _text(client)).replace("15000000", "16000000", 1)
    data = {"_csrf_token": await token(client), "text": ""}
    answer = await client.post(f"{RULES}/preview", data=data, files={"file": ("rules.toml", draft.encode())})
    assert answer.status_code == 200 and "NOK 160,000" in text(answer)
    broken = await client.post(f"{RULES}/preview", data=data, files={"file": ("rules.toml", b"\xff\xfe = 1")})
    assert broken.status_code == 422 and "Line 1, document" in text(broken)


async def test_of_two_managers_the_second_hears_that_the_version_is_taken(client, context):
    await sign_in(client)
    draft = await _text(client)
    async with other_browser(client, NORA_ONLY) as second:
        for browser in (client, second):
            assert (await send(browser, f"{RULES}/preview", text=draft)).status_code == 200
        assert (await send(client, f"{RULES}/publish", text=draft)).status_code == 303
        late = await send(second, f"{RULES}/publish", text=draft.replace("15000000", "17000000", 1))
        assert late.status_code == 422
        assert "Line 3, version: Version 2 is published already with another text" in text(late)
    assert await _versions(context) == 2


async def test_the_draft_of_a_network_of_others_and_a_forged_form_are_refused(client, context):
    await sign_in(client)
    draft = await _text(client)
    assert (await client.post(f"{RULES}/publish", data={"text": draft})).status_code == 403
    async with other_browser(client, CLAIRE_ONLY) as stranger:
        for act in ("preview", "publish"):
            assert (await send(stranger, f"{RULES}/{act}", text=draft)).status_code == 404
    assert await _versions(context) == 1
