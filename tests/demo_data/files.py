"""The demo data files as Python values, read by the standard library only; for the tests beside this file."""

import csv
import tomllib
from collections import Counter
from datetime import date
from importlib.resources import files

DATA = files("crm") / "demo_data"
TODAY = date(2026, 11, 22)
SLUGS = {
    "nora",
    "nora-industry-network",
    "claire",
    "claire-innovation-network",
    "nora-startup",
    "sin-applied-ai",
    "nce-smart-energy-markets",
}
KINDS = {
    "company",
    "university",
    "university_college",
    "research_institute",
    "public_body",
    "association",
    "network",
    "person",
}


def read_toml(name):
    return tomllib.loads((DATA / name).read_text(encoding="utf-8"))


def read_csv(name):
    text = (DATA / name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines(), restkey="too many", strict=True))


HOSTS = {h["code"]: h for h in read_toml("hosts.toml")["hosts"]}
NETWORKS = {n["slug"]: n for n in read_toml("networks.toml")["networks"]}
AGREEMENTS = {a["code"]: a for a in read_toml("agreements.toml")["agreements"]}
FIELDS = {f["code"]: f for f in read_toml("fields.toml")["fields"]}
RULEBOOKS = {slug: read_toml(f"rulebooks/{slug}.toml") for slug in sorted(SLUGS)}
TIERS = {(slug, t["code"]): t for slug, book in RULEBOOKS.items() for t in book["tiers"]}
ORGANISATIONS = {o["key"]: o for o in read_csv("organisations.csv")}
MEMBERSHIPS = read_csv("memberships.csv")
CONTACTS = read_csv("contacts.csv")
APPLICATIONS = read_csv("applications.csv")


def day(text):
    return date.fromisoformat(text)


def members(network, on, tier=None):
    return {
        m["organisation_key"]
        for m in MEMBERSHIPS
        if m["network"] == network
        and tier in (None, m["tier"])
        and day(m["starts_on"]) <= on
        and (not m["ends_on"] or on < day(m["ends_on"]))
    }


def kinds_of(keys):
    return Counter(ORGANISATIONS[k]["kind"] for k in keys)


def both_languages(texts):
    return set(texts) == {"nb", "en"} and all(t and t == t.strip() for t in texts.values())
