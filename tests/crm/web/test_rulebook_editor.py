"""A draft of the rules written as sentences: forms and text are one document, mistakes stand beside their fields."""

import re
import tomllib

import msgspec
import pytest

from crm.demo import DATA
from crm.gateways import rulebook_text
from crm.web import rulebook_forms as forms
from tests.crm.web.office import CLAIRE, send, sign_in, text
from tests.crm.web.rule_forms import DRAFT, LEVEL, LINK, PRINCIPAL, WHOLE, begin, fields_of, save, stored

pytestmark = pytest.mark.anyio
NETWORKS = sorted(path.stem for path in (DATA / "rulebooks").glob("*.toml"))
EXAMPLES = sorted(path for path in DATA.rglob("*.toml") if "tiers" in tomllib.loads(path.read_text("utf-8")))
PLACES = {"link_rules": "link-rule", "tiers": "level"}


def pages_of(book, draft):
    """Every form of a draft."""
    for listed, path in PLACES.items():
        for part in getattr(book, listed):
            yield listed, f"{draft}/{path}?code={part.code}"
    yield "", f"{draft}/whole"


@pytest.mark.parametrize("network", NETWORKS)
async def test_every_demo_rulebook_opened_and_saved_unchanged_is_the_same_document(client, context, network):
    await sign_in(client)
    draft = f"/n/{network}/setup/rules/draft"
    await begin(client, draft)
    before = await stored(context, network)
    for _, page in pages_of(before, draft):
        answer = await save(client, page)
        assert answer.status_code == 303, text(answer)
        assert await stored(context, network) == before, page
    book = (await client.get(f"{draft}/download")).text
    answer = await send(
        client, f"{draft}/text", text=book, stamp=fields_of(await client.get(f"{draft}/whole"))["stamp"]
    )
    assert answer.status_code == 303
    assert rulebook_text.write(await stored(context, network)) == rulebook_text.write(before) == book


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda path: path.stem)
async def test_every_example_shown_as_forms_reads_back_as_the_same_document(client, context, file):
    """Their networks are not there: they stand as a draft of NORA's, and every form says what it was given."""
    await sign_in(client)
    await begin(client)
    book = msgspec.structs.replace(rulebook_text.read(file.read_text("utf-8")), network="nora-industry-network")
    async with context.db.tx() as connection:
        await connection.execute("update rulebook_draft set body = $1", msgspec.to_builtins(book))
    document = forms.document(book)
    for listed, page in pages_of(book, DRAFT):
        code = page.partition("code=")[2]
        part = next(each for each in document[listed] if each["code"] == code) if listed else document
        typed = fields_of(await client.get(page))
        assert forms.applied(listed, part, typed) == (part, {}), page
    assert len(document["tiers"]) > 0


async def test_what_is_too_much_for_a_form_stays_and_more_of_it_is_refused(client, context):
    await sign_in(client)
    await begin(client)
    book = await stored(context)
    long = {"nb": "lang tekst " * 300, "en": "  two  spaces\nand a line "}
    many = tuple({"nb": f"Fordel {n}", "en": "", "se": "x"} for n in range(forms.MOST_ROWS + 20))
    odd = msgspec.structs.replace(book.tiers[0], summary=long, benefits=(long, *many))
    async with context.db.tx() as connection:
        tiers = (odd, *book.tiers[1:])
        body = msgspec.to_builtins(msgspec.structs.replace(book, tiers=tiers))
        await connection.execute("update rulebook_draft set body = $1", body)
    page = f"{LEVEL}?code={odd.code}"
    assert (await save(client, page)).status_code == 303
    assert (await stored(context)).tiers[0] == odd
    for field in ("summary.nb", "benefits.0.en"):
        answer = await save(client, page, **{field.replace(".", "__"): "x" * (forms.LONGEST_TEXT + 1)})
        assert answer.status_code == 422 and f"At most {forms.LONGEST_TEXT} characters." in text(answer)
    assert (await stored(context)).tiers[0] == odd


async def test_a_link_rule_is_added_changed_and_taken_out(client, context):
    await sign_in(client)
    await begin(client)
    added = {
        "names__en": "Partners join, too",
        "names__nb": "Også partnere blir med",
        "when__tiers": ["partner"],
        "when__countries": ["NO", "GR"],
        "grants__level": "claire-innovation-network/member",
        "agreement": "nora-claire-2021",
        "policy__end": "grace",
        "policy__grace_days": "30",
        "fee__policy": "percent",
        "fee__percent": "25",
        "policy__notice_days": "60",
    }
    assert (await save(client, LINK, **added)).status_code == 303
    rule = (await stored(context)).link_rule("partners-join-too")
    assert (rule.when.tiers, rule.when.countries) == (("partner",), ("NO", "GR"))
    assert (rule.grants.network, rule.grants.tier) == ("claire-innovation-network", "member")
    assert (rule.policy.end, rule.policy.grace_days, rule.fee.percent) == ("grace", 30, 25)
    shown = text(await client.get(DRAFT))
    assert "When a member of NORA Industry Network has level Partner, is in Norway or Greece" in shown
    assert "Link rule Partners join, too new" in shown
    page = f"{LINK}?code=partners-join-too"
    assert (await save(client, page, policy__end="with_cause", names__en="Partners come along")).status_code == 303
    rule = (await stored(context)).link_rule("partners-join-too")
    assert (rule.policy.end, rule.policy.grace_days, rule.names["en"]) == ("with_cause", 30, "Partners come along")
    fields = fields_of(await client.get(page))
    gone = await client.post(f"{LINK}/removal", data=fields)
    assert gone.status_code == 303
    assert [r.code for r in (await stored(context)).link_rules] == [PRINCIPAL]


@pytest.mark.parametrize(
    ("page", "changed", "field", "said"),
    [
        (
            LINK,
            {"fee__policy": "percent", "fee__percent": "140"},
            "fee.percent",
            "140 is not a percentage from 0 to 100",
        ),
        (LINK, {"policy__notice_days": "-1"}, "policy.notice_days", "A number of days cannot be negative"),
        (
            LINK,
            {"policy__notice_days": "soon"},
            "policy.notice_days",
            "A whole number is wanted here, and there is “soon”",
        ),
        (LINK, {"agreement": ""}, "agreement", "agreement"),
        (LINK, {"agreement": "nobody-1"}, "agreement", "There is no agreement nobody-1"),
        (LINK, {"grants__level": ""}, "grants.level", "Choose a level."),
        (LINK, {"grants__level": "claire-innovation-network/king"}, "grants.level", "There is no level called king"),
        (LINK, {"grants__level": "nowhere/member"}, "grants.level", "nowhere"),
        (LINK, {"policy__start": "yesterday"}, "policy.start", "is not one of the words that can stand here"),
        (LINK, {"when__countries": ["XX"]}, "when.countries", "There is no country XX."),
        (LINK, {"when__tiers": ["boss"]}, "when.tiers", "There is no level called boss"),
        (LINK, {"names__nb": "", "names__en": " "}, "names.nb", "Write a name in at least one language."),
        (LEVEL, {"rank": "30"}, "rank", "30"),
        (LEVEL, {"votes": "many"}, "votes", "A whole number is wanted here"),
        (LEVEL, {"requires__new": "nowhere/"}, "requires", "nowhere"),
        (WHOLE, {"period__starts__day": "31", "period__starts__month": "02"}, "period.starts", "not a day"),
        (WHOLE, {"effective_from": ""}, "effective_from", "A date is wanted here"),
        (WHOLE, {"effective_from": "2027-02-30"}, "effective_from", "A date is wanted here, and there is “2027-02-30”"),
        (WHOLE, {"notice__months": "1.5"}, "notice.months", "A whole number is wanted here"),
    ],
)
async def test_a_mistake_stands_beside_its_field_and_nothing_is_stored(client, context, page, changed, field, said):
    await sign_in(client)
    await begin(client)
    before = await stored(context)
    good = {
        LINK: {
            "names__en": "New",
            "grants__level": "claire-innovation-network/member",
            "agreement": "nora-claire-2021",
        },
        LEVEL: {"names__en": "New"},
        WHOLE: {},
    }[page]
    answer = await save(client, page, **(good | changed))
    assert answer.status_code == 422
    marked = re.search(
        rf'id="{re.escape(field)}(?:-error)?"[^>]*>(?:.(?!</section>))*?{re.escape(said[:12])}', answer.text, re.S
    )
    assert marked, text(answer)
    assert said in text(answer)
    assert f'href="#{field}"' in answer.text
    assert await stored(context) == before
    kept = fields_of(answer)
    for name, value in changed.items():
        if name.replace("__", ".") in (
            "fee.percent",
            "policy.notice_days",
            "votes",
            "rank",
            "names.nb",
            "notice.months",
        ):
            assert kept[name.replace("__", ".")] == [value]


async def test_rules_that_go_in_a_circle_are_refused_with_the_circle_printed(client, context, actor):
    await sign_in(client)
    async with context.db.tx() as connection:
        await connection.execute(
            "insert into agreement (id, code, source_network_id, target_network_id, names, starts_on)"
            " select gen_random_uuid(), 'back', t.id, s.id, '{}', '2021-06-03' from network s, network t"
            " where s.slug = 'nora-industry-network' and t.slug = 'claire-innovation-network'"
        )
    for draft, code in ((DRAFT, PRINCIPAL), (f"{CLAIRE}/setup/rules/draft", "")):
        await begin(client, draft)
        if code:
            assert (
                await save(client, f"{draft}/link-rule?code={code}", policy__through_linked="yes")
            ).status_code == 303
            shown = await send(
                client, f"{DRAFT.removesuffix('/draft')}/publish", text=(await client.get(f"{draft}/download")).text
            )
            assert shown.status_code == 303, text(shown)
    answer = await save(
        client,
        f"{CLAIRE}/setup/rules/draft/link-rule",
        names__en="Back again",
        grants__level="nora-industry-network/partner",
        agreement="back",
        policy__through_linked="yes",
    )
    assert answer.status_code == 422
    circle = "claire-innovation-network -> nora-industry-network -> claire-innovation-network"
    assert f"The link rules go in a circle: {circle}" in text(answer).replace("-&gt;", "->")
    assert (await stored(context, "claire-innovation-network")).link_rules == ()


async def test_a_level_is_added_and_its_fees_are_left_alone(client, context):
    await sign_in(client)
    await begin(client)
    before = (await stored(context)).tier("principal")
    page = f"{LEVEL}?code=principal"
    shown = await client.get(page)
    assert "NOK 150,000" in text(shown) and f'href="{DRAFT}/fees?code=principal"' in shown.text
    fields = fields_of(shown) | {"benefits.1.nb": [""], "benefits.1.en": [""], "benefits.4.en": ["A chair"]}
    changed = {"votes": "5", "requires__new": "nora/partner", "requires__new__on_loss": "period_end", "public": []}
    assert (await save(client, page, fields, **changed)).status_code == 303
    after = (await stored(context)).tier("principal")
    assert (after.votes, after.public, after.fees) == (5, False, before.fees)
    assert after.benefits == (before.benefits[0], *before.benefits[2:], {"en": "A chair"})
    assert [(r.network, r.tiers, r.on_loss) for r in after.requires] == [("nora", ("partner",), "period_end")]
    assert "membership in NORA" in text(await client.get(DRAFT))
    fields = fields_of(await client.get(page)) | {"requires.0.remove": ["yes"]}
    assert (await save(client, page, fields)).status_code == 303
    assert (await stored(context)).tier("principal").requires == ()
    assert (await save(client, LEVEL, names__nb="Ærespartner", votes="0")).status_code == 303
    new = (await stored(context)).tier("aerespartner")
    assert (new.names, new.rank, new.fees) == ({"nb": "Ærespartner", "en": ""}, 40, ())


async def test_a_level_that_a_rule_needs_is_not_taken_out(client, context):
    await sign_in(client)
    await begin(client)
    answer = await client.post(f"{LEVEL}/removal", data=fields_of(await client.get(f"{LEVEL}?code=principal")))
    assert answer.status_code == 422
    assert f"Elsewhere in the rules, at link_rules.{PRINCIPAL}.when.tiers: There is no level called principal" in text(
        answer
    )
    assert (await stored(context)).tier("principal")
    taken = await client.post(f"{LEVEL}/removal", data=fields_of(await client.get(f"{LEVEL}?code=startup")))
    assert taken.status_code == 303 and (await stored(context)).tier("startup") is None


async def test_what_holds_for_all_levels_is_written(client, context):
    await sign_in(client)
    await begin(client)
    changed = {
        "effective_from": "2027-03-01",
        "effective_from_existing": "",
        "period__kind": "window",
        "period__starts__day": "01",
        "period__starts__month": "09",
        "notice__kind": "months",
        "notice__months": "3",
        "refund": "credit",
        "invoice__payment_days": "14",
    }
    assert (await save(client, WHOLE, **changed)).status_code == 303
    book = await stored(context)
    assert (book.effective_from.isoformat(), book.effective_from_existing) == ("2027-03-01", None)
    assert (book.period.kind, book.period.starts, book.notice.months) == ("window", "09-01", 3)
    assert (book.refund, book.invoice.payment_days) == ("credit", 14)


async def test_the_sentence_is_said_while_it_is_written(client, context):
    await sign_in(client)
    await begin(client)
    fields = fields_of(await client.get(f"{LINK}?code={PRINCIPAL}")) | {
        "when.tiers": ["startup"],
        "fee.policy": ["normal"],
    }
    said = text(await client.post(f"{DRAFT}/words", data=fields))
    assert (
        said.startswith("In words When a member of NORA Industry Network has level Start-up") and "normal fee" in said
    )
    fields["grants.level"] = [""]
    assert "normal fee" in text(await client.post(f"{DRAFT}/words", data=fields))
    assert (await stored(context)).link_rule(PRINCIPAL).when.tiers == ("principal",)


async def test_what_a_level_requires_and_spares_stands_on_the_public_pages(client, context):
    await sign_in(client)
    await begin(client)
    changed = {"requires__new": "nora/partner"}
    assert (await save(client, f"{LEVEL}?code=startup", **changed)).status_code == 303
    held = (await client.get(f"{DRAFT}/download")).text
    less = 'discounts = [{ names = { nb = "m", en = "m" }, network = "claire", percent = 25 }]\namount = 600000'
    held = re.sub(r"amount = 600000", less, held, count=1)
    held = re.sub(r"(effective_from\w*) = 2026-12-01", r"\1 = 2026-11-22", held)
    assert (await send(client, DRAFT.removesuffix("draft") + "publish", text=held)).status_code == 303
    office = text(await client.get(DRAFT.removesuffix("/draft")))
    assert (
        "membership in NORA – Norwegian" in office
        and "at level Partner; when that ends, it ends the same day" in office
    )
    assert "25% less for members of CLAIRE" in office
    public = text(await client.get("/en/networks/nora-industry-network"))
    assert "Requires" in public and "at level Partner" in public and "25% less for members of CLAIRE" in public
    first = await client.get("/en/join/nora-industry-network")
    joining = await client.get(first.headers["location"]) if first.status_code in (302, 303, 307) else first
    assert "Requires membership in NORA" in text(joining) and "25% less for members of CLAIRE" in text(joining)
