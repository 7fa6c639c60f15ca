"""The demo's hosts, networks, agreement and rulebooks: complete, in both languages, references resolve."""

from datetime import date
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from stdnum.no import mva

from tests.demo_data.files import (
    AGREEMENTS,
    HOSTS,
    KINDS,
    MEMBERSHIPS,
    NETWORKS,
    ORGANISATIONS,
    RULEBOOKS,
    SLUGS,
    TIERS,
    TODAY,
    both_languages,
    day,
)

NETWORK_KINDS = {"consortium", "industry_network", "innovation_network", "startup_network", "cluster"}
COLOURS = {"accent", "nora", "claire", "sin", "nce", "rose", "moss"}
TIER_KEYS = {
    "code",
    "rank",
    "names",
    "summary",
    "benefits",
    "votes",
    "open_to",
    "approval",
    "public",
    "fees",
}
FEE_KEYS = {"code", "names", "basis", "proration", "vat", "example", "source"}
OPEN_TO_KEYS = {"kinds", "countries", "max_employees", "max_age_years"}
RULE_KEYS = {
    "when": {"tiers", "kinds", "countries", "standing", "unit", "min_employees", "max_employees"},
    "grants": {"network", "tier"},
    "policy": {
        "start",
        "end",
        "grace_days",
        "suspension",
        "acceptance",
        "through_linked",
        "notice_days",
    },
    "fee": {"policy", "percent", "own_membership"},
}


# --- hosts, networks, agreements ---------------------------------------------------------------------


def test_hosts():
    assert set(HOSTS) == {"nora", "claire", "smart-innovation-norway"}
    assert len({h["invoice_series"] for h in HOSTS.values()}) == len(HOSTS)
    for host in HOSTS.values():
        assert host["organisation"] in ORGANISATIONS
        assert host["country"] == ORGANISATIONS[host["organisation"]]["country"]
        assert host["language"] in {"nb", "en"}
        assert ZoneInfo(host["time_zone"])
    assert mva.is_valid(HOSTS["nora"]["vat_number"])
    assert ORGANISATIONS["uio"]["orgnr"] in HOSTS["nora"]["vat_number"]
    assert HOSTS["claire"]["country"] == "BE"


@pytest.mark.parametrize("slug", sorted(SLUGS))
def test_network(slug):
    network = NETWORKS[slug]
    expected = "nora" if slug.startswith("nora") else "claire" if slug.startswith("claire") else None
    assert network["host"] == (expected or "smart-innovation-norway")
    assert network.get("parent") in {None, "nora", "claire"} - {slug}
    assert network["kind"] in NETWORK_KINDS
    assert all(both_languages(network[k]) for k in ("names", "short", "summary"))
    assert network["website"].startswith("https://")
    assert network["time_zone"] == HOSTS[network["host"]]["time_zone"]
    assert type(network.get("founded", TODAY)) is date


def test_networks_can_be_told_apart():
    assert {n["colour"] for n in NETWORKS.values()} == COLOURS
    for language in ("nb", "en"):
        assert len({n["short"][language] for n in NETWORKS.values()}) == len(NETWORKS)
    assert "CAIRNE" in NETWORKS["claire"]["aliases"]


def test_the_agreement_between_nora_and_claire():
    assert set(AGREEMENTS) == {"nora-claire-2021"}
    agreement = AGREEMENTS["nora-claire-2021"]
    assert agreement["source"] == "nora-industry-network"
    assert agreement["target"] == "claire-innovation-network"
    assert agreement["starts_on"] == date(2021, 6, 3)
    assert "ends_on" not in agreement
    assert agreement["on_end"] in {"end_links", "period_end", "grandfather"}
    assert agreement["notice_days"] > 0
    assert agreement["shared_fields"] == ["name", "identifiers", "country", "tier", "website"]
    assert all(both_languages(agreement[k]) for k in ("names", "purpose", "legal_basis"))


# --- rulebooks -------------------------------------------------------------------------------------


@pytest.mark.parametrize("slug", sorted(SLUGS))
def test_rulebook_frame(slug):
    book = RULEBOOKS[slug]
    frame = {"network", "version", "effective_from", "currency", "time_zone", "period", "notice", "invoice"}
    assert set(book) - {"effective_from_existing", "link_rules", "dunning"} == frame | {"tiers"}
    assert (book["network"], book["version"]) == (slug, 1)
    assert book["currency"] == ("EUR" if slug.startswith("claire") else "NOK")
    assert book["time_zone"] == NETWORKS[slug]["time_zone"]
    assert book["period"]["kind"] in {"calendar_year", "window", "anniversary", "open_ended"}
    assert ("starts" in book["period"]) == (book["period"]["kind"] == "window")
    notice = {"fixed_date": {"by", "effect"}, "months": {"months"}, "none": set()}
    assert set(book["notice"]) - {"kind", "renewal_days"} == notice[book["notice"]["kind"]]
    assert book["invoice"]["payment_days"] == 30
    first = min(day(m["starts_on"]) for m in MEMBERSHIPS if m["network"] == slug)
    assert book["effective_from"] <= first


@pytest.mark.parametrize("slug", sorted(SLUGS))
def test_tiers(slug):
    tiers = RULEBOOKS[slug]["tiers"]
    assert len({t["code"] for t in tiers}) == len({t["rank"] for t in tiers}) == len(tiers)
    assert any(t["public"] for t in tiers)
    for tier in tiers:
        assert set(tier) == TIER_KEYS
        assert both_languages(tier["names"])
        assert both_languages(tier["summary"])
        assert tier["benefits"]
        assert all(both_languages(b) for b in tier["benefits"])
        assert tier["approval"] == "manager"
        assert tier["votes"] >= 0
        assert set(tier["open_to"]) == OPEN_TO_KEYS
        assert set(tier["open_to"]["kinds"]) <= KINDS


@pytest.mark.parametrize(("slug", "code"), sorted(TIERS))
def test_fees(slug, code):
    fees = TIERS[slug, code]["fees"]
    assert len({f["code"] for f in fees}) == len(fees)
    for fee in fees:
        assert set(fee) == FEE_KEYS | {"amount" if fee["basis"] == "fixed" else "bands"}
        assert both_languages(fee["names"])
        assert fee["proration"] in {"none", "days", "months", "half_year"}
        assert fee["vat"] in {"standard", "exempt_3_13", "outside", "zero"}
        assert fee["example"] or fee["source"], "a figure without a source must be labelled as an example"
        if fee["basis"] == "fixed":
            assert fee["amount"] > 0
        else:
            assert fee["basis"] in {"employees", "turnover"}
            assert_bands_cover_everything_once(fee["bands"])


def assert_bands_cover_everything_once(bands):
    assert bands[0]["from"] == 0
    assert "below" not in bands[-1]
    for lower, upper in pairwise(bands):
        assert lower["from"] < lower["below"] == upper["from"]
        assert lower["amount"] < upper["amount"]


def test_known_fees_and_splits():
    industry = [t["fees"][0]["amount"] for t in RULEBOOKS["nora-industry-network"]["tiers"]]
    assert industry == [150_000_00, 45_000_00, 6_000_00]
    for free in ("nora", "claire", "nora-startup"):
        assert all(t["fees"] == [] for t in RULEBOOKS[free]["tiers"])
    for cluster in ("sin-applied-ai", "nce-smart-energy-markets"):
        paying = [t for t in RULEBOOKS[cluster]["tiers"] if t["fees"]]
        assert len(paying) >= 2
        for tier in paying:
            vat = [(f["code"], f["vat"]) for f in tier["fees"]]
            assert vat == [("membership", "exempt_3_13"), ("service", "standard")]


def test_the_one_link_rule():
    assert [slug for slug, b in RULEBOOKS.items() if "link_rules" in b] == ["nora-industry-network"]
    (rule,) = RULEBOOKS["nora-industry-network"]["link_rules"]
    assert set(rule) == {"code", "names", "agreement"} | set(RULE_KEYS)
    for part, keys in RULE_KEYS.items():
        assert set(rule[part]) == keys, part
    assert both_languages(rule["names"])
    agreement = AGREEMENTS[rule["agreement"]]
    assert (agreement["source"], agreement["target"]) == ("nora-industry-network", rule["grants"]["network"])
    assert (rule["grants"]["network"], rule["grants"]["tier"]) in TIERS
    assert rule["when"]["tiers"] == ["principal"]
    assert (rule["when"]["kinds"], rule["when"]["countries"]) == (["company"], ["NO"])
    assert (rule["policy"]["start"], rule["policy"]["acceptance"]) == ("same_day", "automatic")
    assert (rule["fee"]["policy"], rule["policy"]["through_linked"]) == ("waived", False)
