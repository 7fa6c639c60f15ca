"""The demo's organisations, memberships, contacts and applications: unique, checked, and the counts hold.

No code of ours is used here: what the files say is judged by the standard library and stdnum.
"""

import re
from collections import Counter
from datetime import date, datetime, timedelta
from itertools import combinations, pairwise

import pytest
from stdnum.no import orgnr
from stdnum.se import vat as se_vat

from tests.demo_data.files import (
    APPLICATIONS,
    CONTACTS,
    DATA,
    FIELDS,
    KINDS,
    MEMBERSHIPS,
    NETWORKS,
    ORGANISATIONS,
    SLUGS,
    TIERS,
    TODAY,
    day,
    kinds_of,
    members,
    read_csv,
    read_toml,
)

EMAIL = re.compile(r"[a-z0-9.]+@[a-z0-9-]+\.example")
COUNTIES = {"03", "11", "15", "18", "31", "32", "33", "34", "39", "40", "42", "46", "50", "55", "56"}
COLUMNS = {
    "organisations.csv": "key,name,legal_name,kind,country,orgnr,vat,lei,ror,employees,founded_on,"
    "municipality,county,website,fields,parent_key,unit,real,as_of",
    "memberships.csv": "network,organisation_key,tier,starts_on,ends_on,note",
    "contacts.csv": "organisation_key,name,email,role,language",
    "applications.csv": "network,tier,organisation_name,kind,country,orgnr,employees,website,contact_name,"
    "contact_email,contact_role,billing_reference,submitted_at,language",
    "sizes.csv": "organisation_key,basis,value,scope,currency,as_of,source",
    "roles.csv": "network,organisation_key,role,starts_on,ends_on,source",
}


def birthday(born, years):
    return born.replace(year=born.year + years, day=min(born.day, 28))


# --- form ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(COLUMNS))
def test_csv_has_exactly_its_columns_and_no_stray_space(name):
    raw = (DATA / name).read_bytes()
    assert not raw.startswith(b"\xef\xbb\xbf")
    assert b"\r" not in raw
    assert raw.endswith(b"\n")
    rows = read_csv(name)
    assert ",".join(rows[0]) == COLUMNS[name]
    for number, row in enumerate(rows, start=2):
        assert None not in row.values(), f"{name} line {number}: too few values"
        assert "too many" not in row, f"{name} line {number}: too many values"
        assert all(v == v.strip() for v in row.values()), f"{name} line {number}: stray space"
        assert not any(v[:1] in "=+@" for v in row.values() if v), f"{name} line {number}: reads as a formula"


def test_there_is_one_rulebook_for_each_network_and_no_other_file():
    found = {p.name for p in (DATA / "rulebooks").iterdir()}
    assert found == {f"{slug}.toml" for slug in SLUGS}
    assert set(NETWORKS) == SLUGS
    assert len(read_toml("networks.toml")["networks"]) == len(SLUGS)


@pytest.mark.parametrize("name", ["hosts.toml", "networks.toml", "agreements.toml", "fields.toml"])
def test_codes_are_unique(name):
    ((_, rows),) = read_toml(name).items()
    codes = [r.get("slug") or r["code"] for r in rows]
    assert len(codes) == len(set(codes))


def test_organisations_are_unique():
    rows = read_csv("organisations.csv")
    for column in ("key", "name", "orgnr", "vat", "lei", "ror", "website"):
        values = [r[column] for r in rows if r[column]]
        doubled = [v for v, n in Counter(values).items() if n > 1]
        assert doubled == [], column


# --- organisations ---------------------------------------------------------------------------------


@pytest.mark.parametrize("key", sorted(ORGANISATIONS))
def test_organisation(key):
    org = ORGANISATIONS[key]
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", key)
    assert org["name"]
    assert org["legal_name"]
    assert org["kind"] in KINDS
    assert re.fullmatch("[A-Z]{2}", org["country"])
    assert {org["unit"], org["real"]} <= {"true", "false"}
    assert day(org["as_of"]) <= TODAY
    assert org["employees"] == "" or int(org["employees"]) > 0
    assert org["founded_on"] == "" or day(org["founded_on"]) < TODAY
    assert (org["county"] in COUNTIES) if org["country"] == "NO" and org["municipality"] else not org["county"]
    assert set(filter(None, org["fields"].split(";"))) <= set(FIELDS)
    assert org["website"] == "" or org["website"].startswith("https://")


@pytest.mark.parametrize("key", sorted(k for k, o in ORGANISATIONS.items() if o["orgnr"] or o["vat"]))
def test_identifiers_have_valid_check_digits(key):
    org = ORGANISATIONS[key]
    if org["orgnr"]:
        assert org["country"] == "NO"
        assert orgnr.is_valid(org["orgnr"])
        assert orgnr.compact(org["orgnr"]) == org["orgnr"]
        assert org["real"] == "true" or org["orgnr"].startswith("3")
    if org["vat"]:
        assert org["country"] == "SE"
        assert se_vat.is_valid(org["vat"])
        assert org["vat"][4:6] == "19", "neither a company's nor a person's number"


def test_no_identifier_of_a_real_organisation_is_made_up():
    real = {k: o for k, o in ORGANISATIONS.items() if o["real"] == "true"}
    assert {k: o["orgnr"] for k, o in real.items() if o["orgnr"]} == {
        "uio": "971035854",
        "equinor": "923609016",
    }
    assert {k: o["ror"] for k, o in ORGANISATIONS.items() if o["ror"]} == {"uio": "01xtthb56"}
    assert not any(o["vat"] or o["lei"] for o in real.values())


def test_made_up_organisations_point_nowhere_real():
    for org in ORGANISATIONS.values():
        if org["real"] == "false" and org["website"]:
            assert org["website"].endswith(".example"), org["key"]


def test_a_unit_has_a_parent_that_is_a_legal_entity():
    units = [o for o in ORGANISATIONS.values() if o["unit"] == "true"]
    assert {"havlinje-ai-lab", "granvik-digital"} <= {o["key"] for o in units}
    for org in ORGANISATIONS.values():
        employed = org["kind"] == "person" and org["parent_key"]
        assert bool(org["parent_key"]) == (org["unit"] == "true") or employed, org["key"]
    for unit in units:
        parent = ORGANISATIONS[unit["parent_key"]]
        assert parent["unit"] == "false"
        assert (parent["country"], parent["kind"]) == (unit["country"], unit["kind"])
        assert unit["orgnr"] == unit["vat"] == ""


# --- memberships -----------------------------------------------------------------------------------


@pytest.mark.parametrize("row", MEMBERSHIPS, ids=lambda r: f"{r['network']}:{r['organisation_key']}")
def test_membership(row):
    org = ORGANISATIONS[row["organisation_key"]]
    tier = TIERS[row["network"], row["tier"]]
    starts = day(row["starts_on"])
    assert row["ends_on"] == "" or starts < day(row["ends_on"])
    assert starts >= NETWORKS[row["network"]].get("founded", date.min)
    assert org["founded_on"] == "" or day(org["founded_on"]) < starts
    open_to = tier["open_to"]
    assert org["kind"] in open_to["kinds"]
    assert open_to["countries"] in ([], [org["country"]])
    if open_to["max_employees"]:
        assert int(org["employees"]) <= open_to["max_employees"]
    if open_to["max_age_years"]:
        assert starts < birthday(day(org["founded_on"]), open_to["max_age_years"])
    if any(f["basis"] == "employees" for f in tier["fees"]):
        assert org["employees"], "the fee needs a number of employees"
    if org["real"] == "true":
        assert row["note"].startswith(("source: ", "example: ")), "say what is known"


def test_memberships_of_one_organisation_in_one_network_never_overlap():
    spans = {}
    for m in MEMBERSHIPS:
        end = day(m["ends_on"]) if m["ends_on"] else date.max
        spans.setdefault((m["network"], m["organisation_key"]), []).append((day(m["starts_on"]), end))
    for who, dated in spans.items():
        assert all(a[1] <= b[0] or b[1] <= a[0] for a, b in combinations(dated, 2)), who


@pytest.mark.parametrize(
    ("on", "count"),
    [
        (date(2018, 11, 20), 0),
        (date(2018, 11, 21), 7),
        (date(2019, 4, 1), 9),
        (date(2021, 3, 31), 9),
        (date(2021, 4, 1), 12),
        (date(2021, 6, 30), 12),
        (date(2021, 7, 1), 13),
        (date(2021, 12, 31), 15),
        (TODAY, 15),
    ],
)
def test_nora_partners_on_a_day(on, count):
    assert len(members("nora", on)) == count


def test_nora_composition():
    founders = members("nora", date(2018, 11, 21))
    assert kinds_of(founders) == {"university": 6, "research_institute": 1}
    assert "simula" in founders
    at_the_end_of_2021 = kinds_of(members("nora", date(2021, 12, 31)))
    assert at_the_end_of_2021 == {"university": 8, "university_college": 3, "research_institute": 4}
    assumed = {m["organisation_key"] for m in MEMBERSHIPS if m["network"] == "nora" and "date assumed" in m["note"]}
    assert assumed == {"bi", "nora-partner-15"}


def test_two_clusters_of_one_host():
    sin, nce = members("sin-applied-ai", TODAY), members("nce-smart-energy-markets", TODAY)
    assert (len(sin), len(nce), len(sin & nce), len(sin | nce)) == (43, 72, 9, 106)
    later = date(2028, 1, 1)
    assert (members("sin-applied-ai", later), members("nce-smart-energy-markets", later)) == (sin, nce)
    assert members("sin-applied-ai", TODAY, "initiator") == {
        "smart-innovation-norway",
        "esmart-systems",
        "ife",
    }


def test_nora_industry_network_and_whom_the_claire_rule_reaches():
    network = "nora-industry-network"
    tiers = [len(members(network, TODAY, t)) for t in ("principal", "partner", "startup")]
    assert tiers == [8, 9, 7]
    reached = {
        k
        for k in members(network, TODAY, "principal")
        if (ORGANISATIONS[k]["kind"], ORGANISATIONS[k]["country"]) == ("company", "NO")
        and ORGANISATIONS[k]["unit"] == "false"
    }
    assert reached == {"telenor", "esmart-systems", "havlinje-rederi", "fjordsyn-helse", "lysverk-industrier"}
    missed = {
        ORGANISATIONS[k]["kind"] + ":" + ORGANISATIONS[k]["country"] for k in members(network, TODAY, "principal")
    }
    assert missed >= {"public_body:NO", "company:SE", "research_institute:NO"}
    claire = members("claire-innovation-network", TODAY)
    assert (len(claire), claire & reached, len(claire | reached)) == (7, {"fjordsyn-helse"}, 11)
    assert "havlinje-ai-lab" in claire


def test_a_fall_from_principal_to_partner_is_planned():
    before, after = date(2026, 12, 31), date(2027, 1, 1)
    network = "nora-industry-network"
    assert members(network, before, "principal") - members(network, after, "principal") == {"lysverk-industrier"}
    assert "lysverk-industrier" in members(network, after, "partner")


def test_nora_startup():
    companies = members("nora-startup", TODAY, "company")
    researchers = members("nora-startup", TODAY, "researcher")
    assert (len(companies), len(researchers)) == (31, 33)
    assert kinds_of(researchers) == {"person": 33}
    grown = {k for k in companies if birthday(day(ORGANISATIONS[k]["founded_on"]), 5) <= TODAY}
    assert grown == {"eikespor-ai", "frostglimt"}


def test_the_past_is_not_empty():
    for network in sorted(SLUGS - {"nora", "claire"}):
        rows = [m for m in MEMBERSHIPS if m["network"] == network]
        assert any(m["ends_on"] and day(m["ends_on"]) <= TODAY for m in rows), network
    changes = [
        (a, b)
        for a, b in pairwise(sorted(MEMBERSHIPS, key=lambda m: (m["network"], m["organisation_key"], m["starts_on"])))
        if (a["network"], a["organisation_key"]) == (b["network"], b["organisation_key"])
    ]
    assert len(changes) == 8
    assert all(a["ends_on"] == b["starts_on"] and a["tier"] != b["tier"] for a, b in changes)


# --- contacts and applications ------------------------------------------------------------------------


def test_contacts():
    keys = [c["organisation_key"] for c in CONTACTS]
    assert len(keys) == len(set(keys))
    assert set(keys) <= set(ORGANISATIONS)
    assert len({c["email"] for c in CONTACTS}) == len(CONTACTS)
    for contact in CONTACTS:
        assert EMAIL.fullmatch(contact["email"]), contact
        assert contact["name"]
        assert contact["role"]
        assert contact["language"] in {"nb", "en"}
    active = set().union(*(members(slug, TODAY) for slug in SLUGS))
    assert len(active - set(keys)) <= 5


def test_applications():
    wanted = [(a["network"], a["tier"]) for a in APPLICATIONS]
    assert Counter(network for network, _ in wanted) == {"nora-industry-network": 4, "sin-applied-ai": 2}
    assert [t for n, t in wanted if n == "nora-industry-network"] == [
        "principal",
        "partner",
        "startup",
        "principal",
    ]
    known = {o["orgnr"] for o in ORGANISATIONS.values()}
    assert len({a["orgnr"] for a in APPLICATIONS} - known) == len(APPLICATIONS)
    for a in APPLICATIONS:
        tier = TIERS[a["network"], a["tier"]]
        assert tier["public"]
        assert a["kind"] in tier["open_to"]["kinds"]
        assert not tier["open_to"]["max_employees"] or int(a["employees"]) <= tier["open_to"]["max_employees"]
        assert orgnr.is_valid(a["orgnr"])
        assert a["orgnr"].startswith("3")
        assert EMAIL.fullmatch(a["contact_email"])
        assert a["website"].endswith(".example")
        assert a["language"] in {"nb", "en"}
        submitted = datetime.fromisoformat(a["submitted_at"])
        assert submitted.utcoffset() == timedelta(hours=1)
        assert submitted.date() <= TODAY
    principals = {a["kind"] for a in APPLICATIONS if a["tier"] == "principal"}
    assert principals == {"company", "public_body"}


def test_the_readme_names_every_file():
    text = (DATA / "README.md").read_text(encoding="utf-8")
    for name in [*COLUMNS, "hosts.toml", "networks.toml", "agreements.toml", "fields.toml", "agreed_fees.csv"]:
        assert f"`{name}`" in text
