"""The ladder in a rulebook's text, its words, and the forms of the rules that leave it alone."""

import httpx
import msgspec
import pytest

from cluster_rules.differences import compare
from cluster_rules.dunning import DunningStep
from cluster_rules.errors import RulebookError
from crm import dunning_words, rulebook_words
from crm.context import Context
from crm.demo import DATA
from crm.gateways import rulebook_text
from crm.i18n import translator
from crm.rulebook_mistakes import why
from tests.crm.dunning import with_ladder
from tests.crm.web.office import sign_in, text
from tests.crm.web.rule_forms import LEVEL, WHOLE, begin, save, stored

TEXT = (DATA / "rulebooks/nora.toml").read_text("utf-8")  # without a ladder
LADDER = (
    DunningStep("reminder", 14, fee=35_00),
    DunningStep("reminder", 21, notice_days=7),
    DunningStep("collection_notice", 35, interest=True, compensation=True),
    DunningStep("suspension", 50, by="rule"),
    DunningStep("export", 60),
)
WRITTEN = """
[[dunning]]
kind = "reminder"
after_days = 14
fee = 3500
[[dunning]]
kind = "collection_notice"
after_days = 30
"""


def test_a_ladder_is_written_so_that_it_reads_as_itself() -> None:
    book = msgspec.structs.replace(rulebook_text.read(TEXT), dunning=LADDER)
    written = rulebook_text.write(book)
    assert rulebook_text.read(written) == book
    assert '[[dunning]]\nkind = "reminder"\nafter_days = 14\nfee = 3500\n' in written


@pytest.mark.parametrize(
    ("old", "new", "code", "field"),
    [
        ("after_days = 30", "after_days = 13", "dunning_order", "dunning[1].after_days"),
        ("fee = 3500", "fee = -1", "dunning_fee", "dunning[0].fee"),
        ("fee = 3500", 'vat = "standard"', "rulebook_malformed", "dunning[0].vat"),
        ("fee = 3500", "interest = true", "dunning_claims", "dunning[0].interest"),
        ('kind = "reminder"', 'kind = "expel"', "rulebook_malformed", "dunning[0].kind"),
        ("after_days = 30", "after_days = 30\nnotice_days = 10", "dunning_notice", "dunning[1].notice_days"),
    ],
)
def test_a_mistake_names_line_and_field(old: str, new: str, code: str, field: str) -> None:
    whole = TEXT + WRITTEN.replace(old, new)
    with pytest.raises(RulebookError) as told:
        rulebook_text.read(whole)
    assert (told.value.code, told.value.field) == (code, field)
    wanted = new.split("\n")[-1]
    start = whole.index("[[dunning]]")
    assert told.value.params["line"] == whole[: whole.index(wanted, start)].count("\n") + 1
    assert why(translator("nb"), None, told.value) != why(translator("en"), None, told.value)


def test_the_steps_in_both_languages() -> None:
    said = [dunning_words.step(translator("nb"), each, "NOK").replace("\xa0", " ") for each in LADDER]
    assert said == [
        "Purring 14 dager etter forfall, med gebyr 35 kr",
        "Purring 21 dager etter forfall",
        "Inkassovarsel 35 dager etter forfall, med forsinkelsesrente, med standardkompensasjon fra næringsdrivende",
        "Medlemskapet settes på vent 50 dager etter forfall, av seg selv",
        "Til inkasso 60 dager etter forfall, når et menneske bestemmer det",
    ]
    assert dunning_words.step(translator("en"), LADDER[4], "NOK").endswith("when a person says so")


def test_a_new_ladder_is_a_difference_in_words() -> None:
    old = rulebook_text.read(TEXT)
    new = msgspec.structs.replace(old, version=old.version + 1, dunning=LADDER[:1])
    (found,) = [each for each in compare(old, new) if each.path == ("dunning",)]
    assert (found.old, len(found.new)) == ([], 1) or (found.old, len(found.new)) == ((), 1)
    told = dict(rulebook_words.facts(translator("nb"), new))["Når en faktura ikke blir betalt"]
    assert told.startswith("Purring 14 dager etter forfall")


@pytest.mark.anyio
@pytest.mark.parametrize("page", [WHOLE, f"{LEVEL}?code=principal"])
async def test_the_forms_of_the_rules_leave_the_ladder_alone(
    client: httpx.AsyncClient, context: Context, page: str
) -> None:
    await with_ladder(context, LADDER)
    await sign_in(client)
    await begin(client)
    before = await stored(context)
    assert before and before.dunning == LADDER
    answer = await save(client, page)
    assert answer.status_code == 303, text(answer)
    after = await stored(context)
    assert after and after.dunning == LADDER
