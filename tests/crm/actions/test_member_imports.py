"""Members by file: broken files refused with row and reason, good ones stored whole by the rules, taken back whole."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from cluster_rules import kid
from crm.actions import member_imports, memberships, payments, verify
from crm.actions.memberships import Change
from crm.actor import Actor
from crm.context import Context
from crm.database import Connection
from crm.errors import Forbidden, NotFound, Refused
from crm.i18n import LANGUAGES, translator
from crm.import_columns import ColumnMapping
from crm.import_words import problem
from crm.reads import invoices
from crm.reads import member_imports as reads
from crm.reads.member_imports import Import, Row
from crm.store import opening_items
from crm.store.invoices import KID_SCHEME
from crm.words import refusal
from tests.broken_files import FIRST, HEAD, SECOND, Broken, book, csv, files

pytestmark = pytest.mark.anyio

NETWORK, CLAIRE = "nora-industry-network", "claire-innovation-network"
STORED = (
    "select (select count(*) from organisation), (select count(*) from identifier), (select count(*) from contact),"
    " (select count(*) from membership_decision), (select count(*) from membership_grant), (select count(*) from feed),"
    " (select count(*) from invoice), (select count(*) from ledger_entry), (select count(*) from mail),"
    " (select count(*) from billing)"
)
BROKEN = list(files())


async def stored(context: Context) -> tuple[int, ...]:
    async with context.db.tx() as connection:
        return tuple(await connection.fetchrow(STORED))


async def looked(
    context: Context, actor: Actor, content: bytes, network: str = NETWORK, mapping: ColumnMapping | None = None
) -> UUID:
    """A file uploaded, mapped as it seems (or so), and every row looked at."""
    wanted = await member_imports.upload(context, actor, network, "members", content)
    await member_imports.map_columns(context, actor, wanted, mapping)
    await member_imports.check(context, wanted)
    return wanted


async def shown(context: Context, wanted: UUID, verdict: str = "all") -> tuple[Import, list[Row]]:
    async with context.db.tx() as connection:
        found = await reads.one(connection, wanted)
        assert found is not None
        return found, await reads.rows(connection, wanted, verdict, 0, 1000)


async def imported(context: Context, actor: Actor, content: bytes, **how: Any) -> UUID:
    wanted = await looked(context, actor, content, **how)
    found, rows = await shown(context, wanted, "refused")
    assert found.status == "checked" and not rows, (found.problem, rows)
    await member_imports.confirm(context, actor, wanted)
    await member_imports.load(context, wanted)
    return wanted


async def undone(context: Context, actor: Actor, wanted: UUID) -> list[Row]:
    await member_imports.undo(context, actor, wanted)
    await member_imports.take_back(context, wanted)
    return (await shown(context, wanted))[1]


async def standing(context: Context, name: str) -> list[tuple[str, str, str, date]]:
    """(network, level, origin, first day) of what an organisation is a member of."""
    async with context.db.tx() as connection:
        rows = await connection.fetch(
            "select n.slug, p.tier, p.origin, p.starts_on from membership_period p join organisation o"
            " on o.id = p.organisation_id join network n on n.id = p.network_id where o.name = $1"
            " and p.superseded_at is null order by 1, 4",
            name,
        )
    return [tuple(row) for row in rows]


def test_there_are_forty_broken_files() -> None:
    assert len(BROKEN) >= 40 and len({each.name for each in BROKEN}) == len(BROKEN)


@pytest.mark.parametrize("broken", BROKEN, ids=[each.name.replace(" ", "-") for each in BROKEN])
async def test_a_broken_file_is_refused_with_row_and_reason_and_nothing_is_stored(
    context: Context, actor: Actor, broken: Broken
) -> None:
    before = await stored(context)
    try:
        wanted = await looked(context, actor, broken.make())
    except Refused as refused:
        said, code, row = (
            [refusal(translator(t), None, refused.code, refused.params) for t in LANGUAGES],
            refused.code,
            0,
        )
        row = int(refused.params.get("row", 0))
    else:
        found, rows = await shown(context, wanted, "refused")
        if found.status == "failed":
            assert found.problem
            code, row = found.problem["code"], int(found.problem["params"].get("row", 0))
            said = [refusal(translator(t), None, code, found.problem["params"]) for t in LANGUAGES]
        else:
            assert rows, f"taken: {found.counts}"
            wrong = next(
                (p for r in rows for p in r.detail.problems if p.code == broken.code), rows[0].detail.problems[0]
            )
            code, row = wrong.code, next(r.number for r in rows if wrong in r.detail.problems)
            assert wrong.field == broken.field
            said = [problem(translator(t), wrong) for t in LANGUAGES]
            with pytest.raises(Refused, match="import_refused_rows"):
                await member_imports.confirm(context, actor, wanted)
    assert (code, row) == (broken.code, broken.row) or (broken.row == 0 and code == broken.code)
    assert len(set(said)) == len(LANGUAGES) and all(said)
    assert await stored(context) == before


@pytest.mark.parametrize(
    ("encoding", "separator"),
    [("utf-8", ";"), ("utf-8-sig", ","), ("utf-16", "\t"), ("cp1252", ";"), ("latin-1", "|"), ("utf-16-le", ";")],
)
async def test_a_good_file_is_read_however_it_was_written(
    context: Context, actor: Actor, encoding: str, separator: str
) -> None:
    quoted = ("982463718", '"Fjordvind\nMåling AS"', *FIRST[2:])
    wanted = await looked(context, actor, csv(quoted, SECOND, encoding=encoding, separator=separator))
    found, rows = await shown(context, wanted)
    assert (rows[0].number, rows[0].verdict, rows[0].name) == (2, "new", "Fjordvind Måling AS"), rows
    assert found.found and found.found.separator == separator and found.verdicts.get("refused") is None


async def test_a_workbook_gives_days_and_numbers_as_what_they_are(context: Context, actor: Actor) -> None:
    row = (982463718, "Fjordvind Måling AS", "Partner", date(2024, 2, 1), "kari@fjordvind.example", 12)
    wanted = await looked(context, actor, book(row))
    found, rows = await shown(context, wanted)
    assert (rows[0].verdict, rows[0].identifier, rows[0].detail.joined) == ("new", "982463718", "2024-02-01")
    assert found.format == "xlsx" and found.found and found.found.sheets == ("Medlemmer",)


async def test_members_come_through_the_rules_and_verify_agrees(context: Context, actor: Actor) -> None:
    head = (*HEAD, "Inngående saldo", "Forfall", "Fakturanr", "Utmeldt", "Tagger", "Notat")
    rows = (
        ("982463718", "Fjordvind Måling AS", "principal", "01.02.2026", "k@f.example", "12", "12 500,50", "15.03.2026",
         "F-77", "", "vind, måling", "Ringer i mai"),
        ("", "Nattlys Forlag AS", "partner", "1.3.2020", "", "", "", "", "", "31.12.2024", "", ""),
    )  # fmt: skip
    mails = (await stored(context))[8]
    wanted = await imported(context, actor, csv(*rows, head=head))
    found, listed = await shown(context, wanted)
    assert found.status == "done" and found.counts["stored"] == 2
    assert await standing(context, "Fjordvind Måling AS") == [
        (CLAIRE, "member", "linked", date(2026, 2, 1)),
        (NETWORK, "principal", "direct", date(2026, 2, 1)),
    ]
    assert await standing(context, "Nattlys Forlag AS") == [(NETWORK, "partner", "direct", date(2020, 3, 1))]
    assert listed[0].detail.links[0]["network"] == CLAIRE
    assert found.counts["booked"] == found.counts["money"]["file"] == 1250050, "the reconciliation total"
    async with context.db.tx() as connection:
        told = await connection.fetchrow(
            "select f.op, a.action from feed f, audit a where f.organisation_id = $1 and a.organisation_id = $1"
            " and a.action = 'member_imported'",
            listed[0].organisation_id,
        )
        tags = await connection.fetchval("select array_agg(name order by name) from tag")
        note = await connection.fetchval("select text from note where organisation_id = $1", listed[0].organisation_id)
        kept = await connection.fetchval("select count(*) from member_import where file is not null")
        personal = await connection.fetchval("select count(*) from member_import_row where member is not null")
    assert tuple(told) == ("upsert", "member_imported") and {"vind", "måling"} <= set(tags) and note == "Ringer i mai"
    assert kept == personal == 0, "what names people stands where it belongs, and nowhere else"
    assert (await stored(context))[8] == mails, "nobody is written to"
    assert await verify.run(context) == []


async def test_an_opening_balance_ages_from_its_own_day_and_is_paid_like_an_invoice(
    context: Context, actor: Actor
) -> None:
    head = (*HEAD, "Inngående saldo", "Forfall", "Fakturanr")
    wanted = await imported(context, actor, csv((*FIRST, "1000", "01.09.2026", "F-1"), head=head))
    row = (await shown(context, wanted))[1][0]
    async with context.db.tx() as connection:
        item = await connection.fetchrow(
            "select i.id, i.host_id, i.series, i.net, i.vat, i.due_on, i.kid from invoice i join opening_item o"
            " on o.invoice_id = i.id where i.organisation_id = $1",
            row.organisation_id,
        )
        aging = await invoices.aging(connection, [item["host_id"]], date(2026, 11, 22))
        income = await connection.fetchval(
            "select count(*) from ledger_entry where invoice_id = $1 and account = 'income'", item["id"]
        )
    assert item["series"].endswith("-IB") and (item["net"], item["vat"]) == (100000, 0)
    said = kid.read(KID_SCHEME, item["kid"])
    assert said.invoice > opening_items.KID_FROM, "the same number of the series of invoices is paid by another KID"
    assert any((each.from_days, each.below_days) == (61, 91) and each.amount >= 100000 for each in aging), aging
    assert income == 0, "it was income where it was billed"
    await payments.record(context, actor, item["id"], 40000, "NOK", date(2026, 11, 20))
    rows = await undone(context, actor, wanted)
    assert rows[0].stays == ("paid_since",)
    assert await standing(context, FIRST[1]) == []
    assert await verify.run(context) == []


async def test_an_opening_credit_pays_an_invoice_is_paid_back_and_stays_what_it_was_used_for(
    context: Context, actor: Actor
) -> None:
    head = (*HEAD, "Inngående saldo", "Forfall", "Fakturanr", "Til gode")
    both = (*FIRST, "1000", "01.09.2026", "F-1", "2 500,50")
    minus = (*SECOND, "-300", "", "KN-7", "")
    wanted = await imported(context, actor, csv(both, minus, head=head))
    found, rows = await shown(context, wanted)
    sums = {"new": 280050, "known": 0, "refused": 0, "left_out": 0, "file": 280050, "currency": "NOK"}
    assert found.counts["credits"] == sums and found.counts["credited"] == 280050
    assert found.counts["money"]["file"] == found.counts["booked"] == 100000, "credit is no negative debt"
    again, same = await shown(context, await looked(context, actor, csv(both, minus, head=head)))
    assert again.verdicts == {"same": 2} and again.counts["credits"]["known"] == 280050, same
    async with context.db.tx() as connection:
        ledger = await account(connection, rows[0].organisation_id)
        item, paid_with = await connection.fetchrow(
            "select (select invoice_id from opening_item where import_id = $1), (select payment_id from opening_credit"
            " where import_id = $1 and amount = 250050)",
            wanted,
        )
    assert ledger == {"owed": 100000, "credit": 250050}
    assert await verify.run(context) == []
    await payments.use_credit(context, actor, item, 100000)
    await payments.refund(context, actor, paid_with, 50, date(2026, 11, 22), "Too much")
    async with context.db.tx() as connection:
        assert await account(connection, rows[0].organisation_id) == {"owed": 0, "credit": 150000}
    rows = await undone(context, actor, wanted)
    assert [row.stays for row in rows] == [("paid_since", "used_since"), ()]
    async with context.db.tx() as connection:
        assert await account(connection, rows[0].organisation_id) == {"owed": 0, "credit": 150000}
        assert await account(connection, rows[1].organisation_id) == {"owed": 0, "credit": 0}
    assert await verify.run(context) == []


async def test_a_credit_is_said_once_and_without_a_minus(context: Context, actor: Actor) -> None:
    head = (*HEAD, "Inngående saldo", "Forfall", "Fakturanr", "Tilgodehavende")
    wrong = csv((*FIRST, "-100", "", "", "200"), (*SECOND, "", "", "", "-5"), head=head)
    found, rows = await shown(context, await looked(context, actor, wrong), "refused")
    assert [(r.number, r.detail.problems[0].field, r.detail.problems[0].code) for r in rows] == [
        (2, "opening_credit", "opening_credit_twice"),
        (3, "opening_credit", "opening_credit_sign"),
    ]
    assert found.counts["credits"]["refused"] == found.counts["credits"]["file"] == 20000


async def account(connection: Connection, organisation: UUID | None) -> dict[str, int]:
    """What the books have of an organisation: minor units owed, and to its credit."""
    row = await connection.fetchrow(
        "select coalesce(sum(amount) filter (where account = 'receivable'), 0)::bigint as owed,"
        " -coalesce(sum(amount) filter (where account = 'member_credit'), 0)::bigint as credit"
        " from ledger_entry where organisation_id = $1",
        organisation,
    )
    return dict(row)


async def test_a_second_time_nothing_is_new_and_what_differs_is_a_change(context: Context, actor: Actor) -> None:
    first = await imported(context, actor, csv(FIRST))
    again, rows = await shown(context, await looked(context, actor, csv(FIRST)))
    assert again.verdicts == {"same": 1} and rows[0].organisation_id
    with pytest.raises(Refused, match="import_nothing"):
        await member_imports.confirm(context, actor, again.id)
    other = (*FIRST[:2], "principal", FIRST[3], "ny@fjordvind.example", "30")
    changed = await imported(context, actor, csv(other))
    _, rows = await shown(context, changed)
    assert [(d.field, d.old, d.new) for d in rows[0].detail.differences] == [
        ("employees", "12", "30"),
        ("contact_email", "", "ny@fjordvind.example"),
        ("level", "partner", "principal"),
    ]
    assert (NETWORK, "principal", "direct", date(2026, 11, 22)) in await standing(context, FIRST[1])
    assert (await undone(context, actor, first))[0].stays == ("changed_since",)
    assert (await undone(context, actor, changed))[0].stays == ()
    assert await standing(context, FIRST[1]) == [(NETWORK, "partner", "direct", date(2024, 2, 1))]
    async with context.db.tx() as connection:
        employees = await connection.fetchval(
            "select employees from organisation_profile where organisation_id = $1 and superseded_at is null"
            " order by starts_on desc limit 1",
            rows[0].organisation_id,
        )
    assert employees == 12
    assert await verify.run(context) == []


async def test_an_undo_leaves_what_something_rests_on(context: Context, actor: Actor) -> None:
    wanted = await imported(context, actor, csv(FIRST, ("", "Nattlys Forlag AS", *FIRST[2:4], "", "")))
    _, rows = await shown(context, wanted)
    async with context.db.tx() as connection:
        held = await connection.fetchval(
            "select m.id from membership m where m.organisation_id = $1", rows[0].organisation_id
        )
    await memberships.make(context, actor, held, Change("tier_change", date(2026, 12, 1), "principal"))
    before = await stored(context)
    rows = await undone(context, actor, wanted)
    assert [row.stays for row in rows] == [("changed_since",), ("known",)]
    assert await standing(context, "Nattlys Forlag AS") == []
    assert len(await standing(context, FIRST[1])) > 1
    assert (await stored(context))[0] == before[0], "organisations stay known"
    again = await looked(context, actor, csv(("", "Nattlys Forlag AS", *FIRST[2:4], "", "")))
    assert (await shown(context, again))[1][0].verdict == "new"


async def test_who_was_forgotten_does_not_come_back_by_a_file(
    context: Context, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def blocked(_connection: Any, emails: Any) -> set[str]:
        return {each for each in emails if each == "kari@fjordvind.example"}

    monkeypatch.setattr("crm.store.erasures.blocked", blocked)
    _, rows = await shown(context, await looked(context, actor, csv(FIRST)))
    assert rows[0].detail.problems[0].code == "person_erased"


async def test_rows_are_judged_while_those_before_are_stored(
    context: Context, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(member_imports, "STORED_AT_A_TIME", 1)
    joining = (*FIRST[:2], "principal", *FIRST[3:])
    wanted = await imported(context, actor, csv(joining, SECOND, ("", "Nattlys Forlag AS", *FIRST[2:4], "", "")))
    found, rows = await shown(context, wanted)
    assert (found.counts["stored"], [row.number for row in rows]) == (3, [2, 3, 4])
    assert {network for network, *_ in await standing(context, FIRST[1])} == {NETWORK, CLAIRE}
    assert [len(await standing(context, name)) > 0 for name in (SECOND[1], "Nattlys Forlag AS")] == [True, True]
    assert await verify.run(context) == []


@pytest.mark.parametrize("at_a_time", [1, 1000])
async def test_a_row_that_no_longer_fits_stores_nothing(
    context: Context, actor: Actor, monkeypatch: pytest.MonkeyPatch, at_a_time: int
) -> None:
    monkeypatch.setattr(member_imports, "STORED_AT_A_TIME", at_a_time)
    one, other = await looked(context, actor, csv(FIRST, SECOND)), await looked(context, actor, csv(FIRST))
    await member_imports.confirm(context, actor, other)
    await member_imports.load(context, other)
    async with context.db.tx() as connection:  # left meanwhile: the file's day lies before that
        await connection.execute(
            "update member_import_row set member = jsonb_set(member, '{level}', '\"gone\"') where import_id = $1", one
        )
    before = await stored(context)
    await member_imports.confirm(context, actor, one)
    await member_imports.load(context, one)
    found, _ = await shown(context, one)
    assert found.status == "failed" and found.problem and found.problem["code"] == "import_stale"
    assert await stored(context) == before


async def test_only_who_manages_the_network_imports_into_it(context: Context, actor: Actor) -> None:
    wanted = await looked(context, actor, csv(FIRST))
    stranger = Actor("Stranger", "web")
    for deed in (member_imports.confirm, member_imports.undo, member_imports.drop):
        with pytest.raises((Forbidden, NotFound)):
            await deed(context, stranger, wanted)
    with pytest.raises((Forbidden, NotFound)):
        await member_imports.upload(context, stranger, NETWORK, "x", csv(FIRST))
    await member_imports.drop(context, actor, wanted)
    async with context.db.tx() as connection:
        assert await connection.fetchval("select count(*) from member_import_row") == 0
        assert await connection.fetchval("select file from member_import where id = $1", wanted) is None


async def test_a_file_nobody_stores_is_not_kept(context: Context, actor: Actor) -> None:
    old, young = await looked(context, actor, csv(FIRST)), await looked(context, actor, csv(SECOND))
    async with context.db.tx() as connection:
        await connection.execute(
            "update member_import set created_at = $2 where id = $1", old, datetime(2026, 10, 1, tzinfo=UTC)
        )
    assert await member_imports.drop_old(context) == 1
    assert [(await shown(context, each))[0].status for each in (old, young)] == ["dropped", "checked"]
