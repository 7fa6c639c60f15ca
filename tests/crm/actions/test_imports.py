"""Importing a folder: all of it or nothing, twice is once, and every mistake is told with file, row and field."""

import shutil
from pathlib import Path

import pytest

from crm.actions import imports, verify
from crm.actions.imports import Imported
from crm.actor import Actor
from crm.context import Context
from crm.folder import FolderError
from crm.gateways import folder

pytestmark = pytest.mark.anyio

DATA = Path(imports.__file__).parents[1] / "demo_data"
IMPORTER = Actor("Test", "import")
COUNTS = (
    "select (select count(*) from network), (select count(*) from rulebook), (select count(*) from organisation),"
    " (select count(*) from identifier), (select count(*) from contact), (select count(*) from membership_decision),"
    " (select count(*) from membership_grant), (select count(*) from membership_period), (select count(*) from feed),"
    " (select count(*) from agreement), (select count(*) from host)"
)
NEW_ORGANISATION = "ny-bedrift,Ny Bedrift AS,,company,NO,,,,,10,,Oslo,03,,,,false,false,2026-11-01"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A copy of the demo data to write in."""
    return Path(shutil.copytree(DATA, tmp_path / "data"))


def replace(place: Path, file: str, old: str, new: str) -> None:
    """The first occurrence, which must be there."""
    text = (place / file).read_text()
    assert old in text
    (place / file).write_text(text.replace(old, new, 1))


def append(place: Path, file: str, line: str) -> int:
    """Add a line to a CSV file; the number of its row."""
    with (place / file).open("a") as out:
        out.write(line + "\n")
    return len(list(folder.read(place).organisations)) + 1 if file == "organisations.csv" else 0


async def load(context: Context, place: Path) -> Imported:
    return await imports.load(context, IMPORTER, folder.read(place))


async def counts(context: Context) -> tuple[int, ...]:
    async with context.db.tx() as connection:
        return tuple(await connection.fetchrow(COUNTS))


async def test_twice_is_once(context: Context, place: Path) -> None:
    before = await counts(context)
    again = await load(context, place)
    assert (again.rulebooks, again.organisations, again.decisions) == (0, 0, 0)
    assert await counts(context) == before
    assert await verify.run(context) == []


async def test_new_rows_are_added_and_linked_memberships_follow(context: Context, place: Path) -> None:
    append(place, "organisations.csv", NEW_ORGANISATION)
    append(place, "memberships.csv", "nora-industry-network,ny-bedrift,partner,2022-01-01,2023-01-01,")
    append(place, "memberships.csv", "nora-industry-network,ny-bedrift,principal,2023-01-01,2024-07-01,")
    append(place, "memberships.csv", "nora-industry-network,ny-bedrift,principal,2025-01-01,,came back")
    new = await load(context, place)
    assert (new.organisations, new.decisions) == (1, 4)  # joining, tier change, ending, joining
    async with context.db.tx() as connection:
        rows = await connection.fetch(
            "select n.slug, p.tier, p.origin, p.starts_on::text, p.ends_on::text from membership_period p"
            " join network n on n.id = p.network_id join organisation o on o.id = p.organisation_id"
            " where o.name = 'Ny Bedrift AS' order by n.slug, p.starts_on"
        )
    assert [tuple(row) for row in rows] == [
        ("claire-innovation-network", "member", "linked", "2023-01-01", "2024-07-01"),
        ("claire-innovation-network", "member", "linked", "2025-01-01", None),
        ("nora-industry-network", "partner", "direct", "2022-01-01", "2023-01-01"),
        ("nora-industry-network", "principal", "direct", "2023-01-01", "2024-07-01"),
        ("nora-industry-network", "principal", "direct", "2025-01-01", None),
    ]
    assert await verify.run(context) == []


async def test_a_new_rulebook_reaches_those_who_are_members_already(context: Context, place: Path) -> None:
    shutil.copy(place / "rulebooks/nora-industry-network.toml", place / "rulebooks/zz-next.toml")
    replace(place, "rulebooks/zz-next.toml", "version = 1", "version = 2")
    replace(place, "rulebooks/zz-next.toml", "effective_from = 2020-01-01", "effective_from = 2026-07-01")
    replace(place, "rulebooks/zz-next.toml", "existing = 2020-01-01", "existing = 2026-07-01")
    replace(place, "rulebooks/zz-next.toml", 'tiers = ["principal"]', 'tiers = ["principal", "partner"]')
    async with context.db.tx() as connection:
        before = await connection.fetchval(LINKED)
    new = await load(context, place)
    async with context.db.tx() as connection:
        after = await connection.fetchval(LINKED)
    assert (new.rulebooks, new.organisations, new.decisions) == (1, 0, 0)
    assert after > before
    assert await verify.run(context) == []


async def test_a_new_agreement_reaches_those_who_are_members_already(context: Context, place: Path) -> None:
    """The rule was there and waited for an agreement."""
    shutil.copy(place / "rulebooks/nora-industry-network.toml", place / "rulebooks/zz-next.toml")
    replace(place, "rulebooks/zz-next.toml", "version = 1", "version = 2")
    replace(place, "rulebooks/zz-next.toml", "existing = 2020-01-01", "existing = 2026-07-01")
    replace(place, "rulebooks/zz-next.toml", 'agreement = "nora-claire-2021"', 'agreement = "nora-claire-2026"')
    await load(context, place)
    assert await verify.run(context) == []
    async with context.db.tx() as connection:
        before = await connection.fetchval(LINKED)
    text = (place / "agreements.toml").read_text()
    (place / "agreements.toml").write_text(
        text.replace("nora-claire-2021", "nora-claire-2026").replace("2021-06-03", "2026-06-03")
    )
    await load(context, place)
    async with context.db.tx() as connection:
        assert await connection.fetchval(LINKED) > before
    assert await verify.run(context) == []


LINKED = (
    "select count(*) from membership_grant where kind = 'linked' and superseded_at is null"
    " and (ends_on is null or ends_on > '2026-11-22')"
)

# (file, what stands there, what is written instead, the field that must be named, part of the reason)
MISTAKES = [
    ("hosts.toml", 'code = "claire"', 'code = "nora"', "code", "twice"),
    ("hosts.toml", 'country = "BE"', 'country = "Belgium"', "country", "Belgium"),
    ("hosts.toml", 'time_zone = "Europe/Brussels"', 'time_zone = "Europe/Brussel"', "time_zone", "no time zone"),
    ("hosts.toml", 'language = "en"', 'language = "fr"', "language", "fr"),
    ("hosts.toml", 'invoice_series = "NORA"', 'invoice_series = ""', "invoice_series", "characters"),
    ("hosts.toml", 'name = "NORA"', 'name = "NORA"\nowner = "x"', "row", "owner"),
    ("networks.toml", 'host = "nora"', 'host = "norah"', "host", "norah"),
    ("networks.toml", 'parent = "nora"', 'parent = "none"', "parent", "none"),
    ("networks.toml", 'slug = "nora"', 'slug = "NORA og venner"', "slug", "not a code"),
    ("networks.toml", "founded = 2018-11-21", "founded = 2018-11-31", "document", ""),
    ("agreements.toml", 'source = "nora-industry-network"', 'source = "nowhere"', "source", "nowhere"),
    ("agreements.toml", 'on_end = "period_end"', 'on_end = "never"', "on_end", "never"),
    ("agreements.toml", "starts_on = 2021-06-03", "starts_on = 2207-06-03", "starts_on", "2207"),
    ("agreements.toml", "notice_days = 180", "notice_days = -1", "notice_days", "3660"),
    ("rulebooks/nora.toml", 'network = "nora"', 'network = "nowhere"', "network", "nowhere"),
    ("rulebooks/nora.toml", "rank = ", "rang = ", "", "rang"),
    ("rulebooks/nora.toml", "[period]", "[period", "document", ""),
    ("organisations.csv", "971035854", "971035855", "orgnr", "identifier_checksum"),
    ("organisations.csv", "971035854", "97103585", "orgnr", "identifier_length"),
    ("organisations.csv", "01xtthb56", "01xtthb57", "ror", "identifier_checksum"),
    ("organisations.csv", "university,NO", "school,NO", "kind", "school"),
    ("organisations.csv", "university,NO", "university,NX", "country", "NX"),
    ("organisations.csv", "\nuib,", "\nuio,", "key", "twice"),
    ("organisations.csv", "\nuib,", "\nU I B,", "key", "not a code"),
    ("organisations.csv", "\nuib,Universitetet i Bergen", "\nuib,", "row", "name"),
    ("organisations.csv", ",granvik-entreprenor,true", ",nobody,true", "parent_key", "nobody"),
    ("organisations.csv", ",false,true,2021-12-31", ",maybe,true,2021-12-31", "unit", "bool"),
    ("organisations.csv", ",2021-12-31", ",31.12.2021", "as_of", "31.12.2021 is not a date; write YYYY-MM-DD"),
    ("organisations.csv", ",2021-12-31", "", "row", "columns"),
    ("organisations.csv", "Universitetet i Oslo", '"Universitetet i Oslo', "row", ""),
    ("organisations.csv", "key,name", "key,surname", "row", "surname"),
    ("memberships.csv", "nora,nmbu", "norah,nmbu", "network", "norah"),
    ("memberships.csv", "nora,nmbu", "nora,nobody", "organisation_key", "nobody"),
    ("memberships.csv", "nmbu,partner", "nmbu,owner", "tier", "owner"),
    ("memberships.csv", "2018-11-21,,", "2018-11-21,2018-11-21,", "ends_on", "not after"),
    ("memberships.csv", "2018-11-21,,", "2207-11-21,,", "starts_on", "2207"),
    ("memberships.csv", "2018-11-21,,", "1618-11-21,,", "starts_on", "1618"),
    ("memberships.csv", "nora,oslomet", "nora,nmbu", "starts_on", "overlaps"),
    ("contacts.csv", "\nuio,", "\nnobody,", "organisation_key", "nobody"),
    ("contacts.csv", "vilde.hagefoss@uio.example", "vilde.hagefoss", "email", "email_format"),
    ("contacts.csv", "Vilde Hagefoss,", "Vilde \u2028 Hagefoss,", "name", "control_characters"),
    ("contacts.csv", "(eksempel),nb", "(eksempel),se", "language", "se"),
    ("sizes.csv", "\nfjordsyn-helse,", "\nnobody,", "organisation_key", "nobody"),
    ("sizes.csv", "helse,turnover", "helse,colour", "basis", "colour"),
    ("sizes.csv", ",own,NOK", ",mine,NOK", "scope", "mine"),
    ("sizes.csv", ",own,NOK", ",own,", "currency", "NOK"),
    ("sizes.csv", "1850,group", "1850,own", "basis", "organisations.csv"),
    ("sizes.csv", "21400000000", "-1", "value", "not 0 to"),
    ("sizes.csv", "2025-12-31", "last year", "as_of", "YYYY-MM-DD"),
    ("sizes.csv", "fjordsyn-helse,turnover", "lysverk-industrier,turnover", "as_of", "twice"),
    ("roles.csv", "smart-innovation-norway,", "nobody,", "organisation_key", "nobody"),
    ("roles.csv", "\nsin-applied-ai,ife", "\nsin,ife", "network", "sin"),
    ("roles.csv", "ife,initiator", "ife,Initiator!", "role", "not a code"),
    ("roles.csv", "2019-09-04,,", "2019-09-04,2019-09-04,", "ends_on", "not after"),
    ("roles.csv", "sin-applied-ai,ife", "sin-applied-ai,esmart-systems", "starts_on", "overlaps"),
    ("roles.csv", "ife,initiator", "ife,", "row", "role"),
]


@pytest.mark.parametrize(
    ("file", "old", "new", "field", "why"), MISTAKES, ids=[f"{m[0]}-{m[3]}-{m[4]}" for m in MISTAKES]
)
async def test_a_mistake_is_told_and_nothing_is_stored(
    context: Context, place: Path, file: str, old: str, new: str, field: str, why: str
) -> None:
    append(place, "organisations.csv", NEW_ORGANISATION)  # what is right is not stored either
    replace(place, file, old, new)
    before = await counts(context)
    with pytest.raises(FolderError) as told:
        await load(context, place)
    assert Path(file).stem in str(told.value).replace("rulebook of nowhere", "nora")
    assert told.value.field.startswith(field)
    assert why in told.value.why
    assert await counts(context) == before


async def test_the_row_is_the_one_a_spreadsheet_shows(context: Context, place: Path) -> None:
    row = append(place, "organisations.csv", NEW_ORGANISATION.replace("company", "shop"))
    with pytest.raises(FolderError, match=f"organisations.csv, row {row}, kind"):
        await load(context, place)


async def test_an_identifier_belongs_to_one_organisation(context: Context, place: Path) -> None:
    """Known under another key: in the database (the first try), or in the folder itself."""
    for key in ("uio-igjen", "uio-to"):
        append(
            place, "organisations.csv", f"{key},UiO,,university,NO,971 035 854,,,,,,Oslo,03,,,,false,true,2021-12-31"
        )
        with pytest.raises(FolderError, match=r"orgnr: 971035854 is another organisation's already"):
            await load(context, place)


async def test_text_with_a_nul_is_refused(context: Context, place: Path) -> None:
    replace(place, "hosts.toml", 'name = "NORA"', 'name = "NO\\u0000RA"')
    with pytest.raises(FolderError, match=r"hosts.toml, row 1, name: control_characters"):
        await load(context, place)


async def test_a_published_rulebook_cannot_be_changed(context: Context, place: Path) -> None:
    replace(place, "rulebooks/nora.toml", "rank = ", "rank = 1")
    before = await counts(context)
    with pytest.raises(FolderError, match="rulebook of nora version 1, version: is published"):
        await load(context, place)
    assert await counts(context) == before


async def test_progress_is_told(context: Context, place: Path) -> None:
    heard: list[tuple[int, int]] = []
    await imports.load(context, IMPORTER, folder.read(place), lambda done, total: heard.append((done, total)))
    assert heard[-1][0] == heard[-1][1] > 100


AGREED = "network,organisation_key,component,amount,currency,starts_on,ends_on,source\n"


async def test_sizes_and_roles_are_facts_and_never_overwritten(context: Context, place: Path) -> None:
    async with context.db.tx() as connection:
        query = "select count(*) from {} where superseded_at is null"
        before = [await connection.fetchval(query.format(t)) for t in ("organisation_size", "organisation_role")]
        assert before == [5, 3]
        await connection.execute("update organisation_size set superseded_at = now() where basis = 'inhabitants'")
    replace(place, "sizes.csv", "21400000000", "1")
    append(place, "roles.csv", "sin-applied-ai,cyviz,core,2020-01-01,2021-01-01,Board")
    await load(context, place)
    async with context.db.tx() as connection:
        assert [await connection.fetchval(query.format(t)) for t in ("organisation_size", "organisation_role")] == [
            4,
            4,
        ]
        assert await connection.fetchval("select count(*) from organisation_size where value = 1") == 0
    assert await verify.run(context) == []


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("nora-industry-network,telenor,membership,100,NOK,2026-01-01,,Contract", "component"),
        ("nora-industry-network,telenor,membership,-1,NOK,2026-01-01,,Contract", "amount"),
        ("nora-industry-network,telenor,membership,100,NOK,2026-01-01,,", "row"),
        ("nora-industry-network,nobody,membership,100,NOK,2026-01-01,,Contract", "organisation_key"),
    ],
)
async def test_an_agreed_fee_that_cannot_be_is_told(context: Context, place: Path, line: str, field: str) -> None:
    (place / "agreed_fees.csv").write_text(AGREED + line + "\n")
    with pytest.raises(FolderError) as told:
        await load(context, place)
    assert (told.value.file, told.value.row, told.value.field) == ("agreed_fees.csv", 2, field)


async def test_earlier_names_of_a_network_are_kept(context: Context, place: Path) -> None:
    history = (
        '\n[[networks.names_history]]\nnames = {nb = "Gammel", en = "Old"}\nuntil = 2020-01-01\n'
        '[[networks.names_history]]\nnames = {nb = "Eldre", en = "Older"}\nuntil = 2022-01-01\n'
    )
    path = place / "networks.toml"
    path.write_text(path.read_text() + history)
    await load(context, place)
    await load(context, place)
    async with context.db.tx() as connection:
        rows = await connection.fetch(
            "select k.names ->> 'en' as name, k.starts_on from known_name k join network n on n.id = k.network_id"
            " where n.slug = 'nce-smart-energy-markets' order by k.starts_on nulls first"
        )
        assert [(r["name"], str(r["starts_on"])) for r in rows][:2] == [("Old", "None"), ("Older", "2020-01-01")]
        now = await connection.fetchval("select names ->> 'en' from network where slug = 'nce-smart-energy-markets'")
    assert (rows[2]["name"], str(rows[2]["starts_on"]), len(rows)) == (now, "2022-01-01", 3)
    path.write_text(path.read_text().replace("until = 2022-01-01", "until = 2019-01-01"))
    with pytest.raises(FolderError) as told:
        await load(context, place)
    assert told.value.field == "names_history"
