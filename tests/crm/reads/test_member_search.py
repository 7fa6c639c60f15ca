"""The member list by bits against the same questions asked of plain rows in Python."""

import itertools
import random
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from cluster_rules import fees
from cluster_rules.organisations import Profile
from cluster_rules.periods import Period
from crm import catalogue
from crm.reads import member_search
from crm.reads.member_query import BALANCES, CURRENT, NONE
from crm.reads.member_search import Field, Filters, Order, Search

pytestmark = pytest.mark.anyio
TODAY = date(2026, 11, 22)
SLUG = "nce-smart-energy-markets"
TRIES = 60
CHOICES = ("solar", "wind", "grid")
# Codes of the register -> what they are filtered by.
INDUSTRIES = {"62.100": ["62", "K"], "62.20": ["62", "K"], "25.11": ["25", "C"], "28.9": ["28", "C"], "00.000": []}


@pytest.fixture
async def listed(context) -> tuple[Search, Any]:
    """The search of a whole network in which some have tags, answers and somebody who looks after them."""
    chance = random.Random(7)
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        network = kept.by_slug[SLUG]
        ids = [r["id"] for r in await connection.fetch("select id from membership where network_id = $1", network.id)]
        tags, fields = [uuid4(), uuid4()], [uuid4(), uuid4(), uuid4()]
        for n, tag in enumerate(tags):
            await connection.execute(
                "insert into tag (id, network_id, name, created_at) values ($1, $2, $3, now())",
                tag,
                network.id,
                f"t{n}",
            )
        for field, kind in zip(fields, ("choice", "number", "yes_no"), strict=True):
            choices = [{"code": c, "names": {"nb": c, "en": c}} for c in CHOICES] if kind == "choice" else []
            await connection.execute(
                "insert into custom_field (id, network_id, code, names, kind, choices, created_at)"
                " values ($1, $2, $3, '{}', $3, $4, now())",
                *(field, network.id, kind, choices),
            )
        account = await connection.fetchval("select id from account order by email limit 1")
        for each in sorted(ids):
            for tag in chance.sample(tags, chance.randint(0, 2)):
                await connection.execute(
                    "insert into membership_tag (id, membership_id, tag_id, network_id, added_at)"
                    " values (gen_random_uuid(), $1, $2, $3, now())",
                    *(each, tag, network.id),
                )
            values = (chance.choice(CHOICES), str(chance.randint(-5, 20)), chance.random() < 0.5)
            for field, value in zip(fields, values, strict=True):
                if chance.random() < 0.6:
                    await connection.execute(
                        "insert into custom_value (id, membership_id, field_id, network_id, value, changed_at)"
                        " values (gen_random_uuid(), $1, $2, $3, $4, now())",
                        *(each, field, network.id, value),
                    )
            if chance.random() < 0.3:
                await connection.execute(
                    "insert into membership_responsible values ($1, $2, $3, now(), '')", each, network.id, account
                )
        await _industries(connection, network.id, chance)
        asked = [Field(id_, kind, kind) for id_, kind in zip(fields, ("choice", "number", "yes_no"), strict=True)]
        tiers = sorted({t.code for b in kept.rulebooks.of(SLUG) for t in b.tiers})
        search = Search(network.id, network.host_id, "NOK", TODAY, tiers, fields=asked)
        search = member_search.with_prices(search, kept.rulebooks, SLUG)
        rows = await _plain(connection, search)
    return search, (rows, tags, account)


async def _industries(connection: Any, network: UUID, chance: random.Random) -> None:
    """The register knows half of the members, by none to three codes."""
    ids = await connection.fetch("select organisation_id as id from membership where network_id = $1", network)
    for n, each in enumerate(sorted({row["id"] for row in ids})):
        if chance.random() < 0.5:
            await connection.execute(
                "insert into register_unit (number, nace, as_of) values ($1, $2, $3)",
                *(f"{800_000_000 + n}", chance.sample(sorted(INDUSTRIES), chance.randint(0, 3)), TODAY),
            )
        await connection.execute(
            "insert into identifier (id, organisation_id, scheme, value)"
            " values (gen_random_uuid(), $1, 'no-orgnr', $2)",
            *(each, f"{800_000_000 + n}"),
        )


async def _plain(connection: Any, s: Search) -> dict[UUID, dict[str, Any]]:
    """Every membership as plain facts, put together here and not by the statement under test."""
    out: dict[UUID, dict[str, Any]] = {}
    periods = await connection.fetch(
        "select * from membership_period where network_id = $1 and superseded_at is null order by starts_on", s.network
    )
    for membership, found in itertools.groupby(
        sorted(periods, key=lambda p: (str(p["membership_id"]), p["starts_on"])), key=lambda p: p["membership_id"]
    ):
        own = list(found)
        covers = [p for p in own if p["starts_on"] <= TODAY and (p["ends_on"] is None or p["ends_on"] > TODAY)]
        later = [p for p in own if p["starts_on"] > TODAY]
        shown = covers[0] if covers else later[0] if later else own[-1]
        open_end = any(p["ends_on"] is None for p in own)
        state = "ended"
        if shown["starts_on"] > TODAY:
            state = "pending"
        elif covers:
            state = "suspended" if shown["status"] == "suspended" else "active" if open_end else "ending"
        out[membership] = {
            "organisation": shown["organisation_id"],
            "tier": shown["tier"],
            "origin": shown["origin"],
            "state": state,
            "since": own[0]["starts_on"],
            "ends_on": None if open_end else max(p["ends_on"] for p in own),
        }
    for each in out.values():
        o = await connection.fetchrow(
            "select name, sort_name, fields from organisation where id = $1", each["organisation"]
        )
        p = await connection.fetchrow(
            "select * from organisation_profile where organisation_id = $1 and superseded_at is null"
            " and starts_on <= $2 and (ends_on is null or ends_on > $2)",
            *(each["organisation"], TODAY),
        )
        each |= dict(o) | {"county": p["county"], "kind": p["kind"], "country": p["country"]}
        told = await connection.fetch(
            "select u.nace from register_unit u join identifier i on i.value = u.number where i.organisation_id = $1",
            each["organisation"],
        )
        each["nace"] = sorted({mark for u in told for code in u["nace"] for mark in INDUSTRIES.get(code, [code[:2]])})
        n = p["employees"]
        each["size"] = "" if n is None else "1-9" if n < 10 else "10-49" if n < 50 else "50-249" if n < 250 else "250"
        each["contact"] = await connection.fetchval(
            "select exists (select from contact where organisation_id = $1)", each["organisation"]
        )
    for membership, each in out.items():
        each["tag"] = [
            str(r["tag_id"])
            for r in await connection.fetch("select tag_id from membership_tag where membership_id = $1", membership)
        ]
        each["responsible"] = await connection.fetchval(
            "select account_id::text from membership_responsible where membership_id = $1", membership
        )
        rows = await connection.fetch(
            "select f.kind, v.value from custom_value v join custom_field f on f.id = v.field_id"
            " where v.membership_id = $1",
            membership,
        )
        each["answers"] = {r["kind"]: r["value"] for r in rows}
    return out


def _values(row: dict[str, Any], group: str) -> list[str]:
    """What a row has of one group of filters."""
    if group == "field":
        return list(row["fields"])
    if group == "nace":
        return row["nace"]
    if group == "tag":
        return row["tag"] or [NONE]
    if group == "responsible":
        return [row["responsible"] or NONE]
    if group == "contact":
        return [] if row["contact"] else [NONE]
    if group == "leaving":
        days = (row["ends_on"] - TODAY).days if row["ends_on"] and row["state"] in ("ending", "suspended") else None
        return [n for n in ("30", "90", "365") if days is not None and days <= int(n)]
    if group == "balance":
        return []
    return [row[group]]


def _fits(row: dict[str, Any], f: Filters, without: str = "") -> bool:
    if f.text and f.text.lower() not in row["name"].lower():
        return False
    if (f.joined_from and row["since"] < f.joined_from) or (f.joined_to and row["since"] > f.joined_to):
        return False
    if without != "state" and row["state"] not in f.states:
        return False
    for group, picked in f.picked.items():
        if group not in (without, "state") and not set(_values(row, group)) & set(picked):
            return False
    for code, said in f.fields.items():
        value = row["answers"].get(code)
        if f"f.{code}" == without:
            continue
        if "is" in said:
            has = NONE if value is None else ("yes" if value else "no") if code == "yes_no" else value
            if has not in said["is"]:
                return False
        elif value is None or not said.get("from", -99) <= float(value) <= said.get("to", 99):
            return False
    return True


def _asked(chance: random.Random, rows: dict[UUID, dict[str, Any]], tags: list[UUID], account: UUID) -> Filters:
    """Some filters at random, of what there is and what there is not."""
    every = list(rows.values())
    offers = {
        "tier": [*sorted({r["tier"] for r in every}), "nothing"],
        "state": ["active", "ending", "ended", "pending"],
        "origin": ["direct", "linked", "both"],
        "kind": sorted({r["kind"] for r in every}),
        "size": ["1-9", "10-49", "50-249", "250"],
        "county": sorted({r["county"] for r in every}),
        "country": ["NO", "SE"],
        "field": ["energy", "climate", "vision"],
        "nace": ["62", "K", "25", "C", "99"],
        "tag": [*map(str, tags), NONE],
        "balance": list(BALANCES),
        "leaving": ["30", "90", "365"],
        "contact": [NONE],
        "responsible": [str(account), NONE],
    }
    groups = chance.sample(sorted(offers), chance.randint(0, 3))
    picked = {g: tuple(chance.sample(offers[g], chance.randint(1, min(3, len(offers[g]))))) for g in groups}
    fields: dict[str, Any] = {}
    if chance.random() < 0.4:
        fields["choice"] = {"is": tuple(chance.sample([*CHOICES, NONE], 2)), "typed": {}}
    if chance.random() < 0.3:
        fields["yes_no"] = {"is": (chance.choice(["yes", "no", NONE]),), "typed": {}}
    if chance.random() < 0.3:
        fields["number"] = {"from": chance.randint(-3, 5), "to": chance.randint(6, 19), "typed": {}}
    text = chance.choice(["", "", "", "e", "nett", "%"])
    since = date(2015, 1, 1) + timedelta(days=chance.randint(0, 4000)) if chance.random() < 0.3 else None
    return Filters(text, picked, fields, since, None, CURRENT)


async def test_filters_counts_and_totals_are_those_of_plain_rows(context, listed):
    search, (rows, tags, account) = listed
    chance = random.Random(11)
    some = 0
    async with context.db.reading({search.network}) as connection:
        for _ in range(TRIES):
            f = _asked(chance, rows, tags, account)
            asked = _with(search, f)
            wanted = {id_ for id_, row in rows.items() if _fits(row, f)}
            assert set(await member_search.ids(connection, asked)) == wanted, f
            found = await member_search.search(connection, asked)
            assert found.totals.members == len(wanted), f
            for group in ("tier", "state", "origin", "kind", "size", "county", "country", "field", "nace", "tag",
                          "leaving", "contact", "responsible", "f.choice", "f.yes_no"):  # fmt: skip
                assert found.counts.get(group, {}) == _counted(rows, f, group), (group, f)
            some += bool(wanted) and len(wanted) < len(rows)
    assert some > TRIES / 4, "most filters let nobody or everybody through: the test says little"


def _with(search: Search, filters: Filters) -> Search:
    return Search(**{n: getattr(search, n) for n in Search.__struct_fields__} | {"filters": filters})


def _counted(rows: dict[UUID, dict[str, Any]], f: Filters, group: str) -> dict[str, int]:
    out: dict[str, int] = {}
    for row in rows.values():
        if not _fits(row, f, group):
            continue
        if group == "f.choice":
            values = [row["answers"].get("choice", NONE)]
        elif group == "f.yes_no":
            values = [{True: "yes", False: "no"}.get(row["answers"].get("yes_no"), NONE)]
        else:
            values = _values(row, group)
        for value in values:
            out[value] = out.get(value, 0) + 1
    return out


@pytest.mark.parametrize("by", [*member_search.SORTS])
@pytest.mark.parametrize("back", [False, True])
async def test_pages_follow_each_other_in_every_order(context, listed, monkeypatch, by, back):
    search, (rows, _, _) = listed
    monkeypatch.setattr(member_search, "PAGE", 30)
    seen, after, firsts = [], None, []
    async with context.db.reading({search.network}) as connection:
        while True:
            found = await member_search.search(connection, search, Order(by, back), after)
            assert found.page.before == len(seen)
            firsts.append(after)
            if len(firsts) > 2:
                assert found.page.previous == firsts[-2], "the page before begins where it began"
            seen += [place.id for place in found.page.places]
            if not found.page.more:
                break
            after = found.page.places[-1].key
        every = [m.id async for batch in member_search.every_member(connection, search, Order(by, back)) for m in batch]
    assert len(firsts) == 3
    assert seen == every and set(seen) == {id_ for id_, row in rows.items() if row["state"] in CURRENT}
    if by in ("name", "since"):
        value = (lambda r: r["sort_name"]) if by == "name" else (lambda r: r["since"])
        values = [value(rows[id_]) for id_ in seen]
        assert values == sorted(values, reverse=back == (by == "name"))


async def test_fees_are_what_the_rules_say_of_each_member_alone(context, listed):
    """Fees are worked out once for all who pay alike; asked member by member they are the same."""
    search, (rows, _, _) = listed
    async with context.db.reading({search.network}) as connection:
        kept = await catalogue.load(connection)
        found = await member_search.search(connection, search)
        members = await member_search.members(connection, search, sorted(rows))
        facts = await connection.fetch("select * from organisation_profile where superseded_at is null")
    profiles = {f["organisation_id"]: f for f in facts}
    current = [m for m in members if m.state in CURRENT]
    for m in current:
        f, book = profiles[m.organisation_id], kept.rulebooks.governing(SLUG, m.since, TODAY)
        profile = Profile(Period(TODAY), f["kind"], f["country"], f["employees"], founded_on=f["founded_on"])
        lines = fees.yearly(book, book.tier(m.tier), profile, book.period.containing(TODAY, m.since))
        assert m.fee == sum(line.net for line in lines), m.name
    assert sum(m.fee or 0 for m in current) == found.totals.fee
    assert len({m.fee for m in current}) > 4, "by level and size"


async def test_another_networks_reader_finds_nobody(context, listed):
    search, _ = listed
    async with context.db.reading({uuid4()}) as connection:
        assert await member_search.ids(connection, search) == []
        assert (await member_search.search(connection, search)).counts == {}
