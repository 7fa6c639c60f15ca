"""The directory in words: groups of choices with their counts, chips, rows, the map. No decision is made here."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

import msgspec
from markupsafe import Markup

from crm import directory_words as words
from crm import names
from crm.catalogue import Catalogue
from crm.i18n import LANGUAGES, N_, Translator, translator
from crm.reads.directory import GROUPS, Asked, Found, Row
from crm.sentences import KINDS
from crm.web.rendering import environment_for

SHOWN_AT_ONCE = 6
ROWS_KEPT = 4096
SHADES = (0, 1, 3, 7, 10, 15)  # from how many on a county has the next shade
# Where a county's name stands on the map, in units of templates/macros/counties.html; names are about so large.
NAME_AT = {
    "03": (140, 518), "11": (95, 556), "15": (95, 400), "18": (228, 217), "31": (150, 560), "32": (150, 500),
    "33": (95, 507), "34": (130, 466), "39": (116, 554), "40": (95, 543), "42": (95, 580), "46": (95, 471),
    "50": (162, 356), "55": (320, 99), "56": (384, 63),
}  # fmt: skip
NAMED, NAME_WIDTH, NAME_HEIGHT = 4, 130, 20
LEGENDS = {
    "network": N_("Network"),
    "level": N_("Membership level"),
    "field": N_("Works with"),
    "kind": N_("Kind of organisation"),
    "size": N_("Size"),
    "offers": N_("Offers"),
    "seeks": N_("Looks for"),
    "county": N_("County"),
    "country": N_("Country"),
    "language": N_("Works in"),
    "origin": N_("Membership"),
}
_IN_ORDER = ("size",)  # everything else by count


class Address(msgspec.Struct, frozen=True):
    """Where the directory is and what is asked of it: every link on its page is another question."""

    path: str
    asked: Asked
    view: str = "list"

    def query(self, **other: Any) -> str:
        """The question as it stands in an address, with other values; a page further on is not part of it."""
        said = {"q": self.asked.text, "sort": self.asked.sort, "view": self.view, "after": "", **other}
        chosen = {**self.asked.chosen, **said.pop("chosen", {})}
        pairs = [("q", said["q"])] if said["q"] else []
        pairs += [(group, code) for group in GROUPS for code in chosen.get(group, ())]
        pairs += [("sort", said["sort"])] if said["sort"] != "name" else []
        pairs += [("view", said["view"])] if said["view"] != "list" else []
        pairs += [("after", said["after"])] if said["after"] else []
        return urlencode(pairs)

    def to(self, **other: Any) -> str:
        """The same as an address."""
        query = self.query(**other)
        return f"{self.path}?{query}" if query else self.path

    def without(self, group: str, code: str) -> str:
        """Without one choice."""
        return self.to(chosen={group: tuple(c for c in self.asked.chosen.get(group, ()) if c != code)})

    def only(self, group: str, code: str) -> str:
        """With this choice alone in its group; without it when it is that already."""
        now = self.asked.chosen.get(group, ())
        return self.to(chosen={group: () if now == (code,) else (code,)})


def label(t: Translator, kept: Catalogue, group: str, code: str) -> str:
    """What a choice is called."""
    if group in ("network", "with"):
        return names.network_name(t, kept, code)
    if group == "level":
        network, _, tier = code.partition("/")
        return names.tier_name(t, kept, network, tier)
    if group == "kind":
        name = names.kind_name(t, code)
        return name[:1].upper() + name[1:]
    if group == "country":
        return names.country_name(t, code)
    if group == "origin":
        return t.gettext("Linked from another network")
    known = {
        "field": words.field_name, "size": words.size_name, "offers": words.offer_name, "seeks": words.offer_name,
        "language": words.language_name,
    }  # fmt: skip
    return known[group](t, code) if group in known else words.county_name(code)


def groups(t: Translator, kept: Catalogue, address: Address, found: Found) -> list[dict[str, Any]]:
    """Every group of which something can be chosen; levels belong to a network that is chosen."""
    networks = address.asked.chosen.get("network", ())
    out = []
    for group, legend in LEGENDS.items():
        taken = address.asked.chosen.get(group, ())
        listed = {code: n for code, n in found.counts[group].items() if n or code in taken}
        if group == "level":
            listed = {c: n for c, n in listed.items() if c.partition("/")[0] in networks or c in taken}
        choices = []
        for code, count in {**dict.fromkeys(taken, 0), **listed}.items():
            name = _facet(t, kept, group, code, networks)
            html = _choice(t.language, group, code, name, count, code in taken)
            choices.append({"value": code, "label": name, "count": count, "checked": code in taken, "html": html})
        if group in _IN_ORDER:
            choices.sort(key=lambda each: list(words.SIZES).index(each["value"]) if each["value"] in words.SIZES else 9)
        else:
            choices.sort(key=lambda each: (not each["checked"], -each["count"], each["label"]))
        if choices:
            at_once = max(SHOWN_AT_ONCE, len(taken))
            many = len(choices) > at_once + 1
            out.append({
                "name": group, "legend": t.gettext(legend), "choices": choices[:at_once] if many else choices,
                "more": choices[at_once:] if many else [], "all": len(choices),
            })  # fmt: skip
    return out


_CHOICE = Markup(
    '<label class="facet"><input type="checkbox" id="{id}" name="{group}" value="{code}"{checked}>'
    '<span>{label}</span><span class="count">{count}</span></label>'
)


@lru_cache(ROWS_KEPT)
def _choice(language: str, group: str, code: str, name: str, count: int, checked: bool) -> Markup:
    """A box to tick, with how many there would be. (A page has a hundred of them: half its time in a template.)"""
    ticked = Markup(" checked") if checked else ""
    values = {"id": f"{group}-{code}".replace("/", "-"), "group": group, "code": code, "label": name}
    return _CHOICE.format(checked=ticked, count=_number(language, count), **values)


@lru_cache(ROWS_KEPT)
def _number(language: str, count: int) -> str:
    return translator(language).number(count)


def _facet(t: Translator, kept: Catalogue, group: str, code: str, networks: Sequence[str]) -> str:
    name = label(t, kept, group, code)
    if group == "level" and len(networks) > 1 and (found := kept.by_slug.get(code.partition("/")[0])):
        return f"{name} ({t.text(found.short)})"
    return name


def chips(t: Translator, kept: Catalogue, address: Address) -> list[dict[str, str]]:
    """Everything that narrows the list, each with the way out of it."""
    out = []
    if address.asked.text:
        out.append({"label": f"\N{LEFT DOUBLE QUOTATION MARK}{address.asked.text}\N{RIGHT DOUBLE QUOTATION MARK}",
                    "href": address.to(q="")})  # fmt: skip
    prefixes = {"offers": t.gettext("Offers"), "seeks": t.gettext("Looks for"), "with": t.gettext("Also in")}
    for group in GROUPS:
        prefix = prefixes.get(group)
        for code in address.asked.chosen.get(group, ()):
            name = label(t, kept, group, code)
            out.append({"label": f"{prefix}: {name}" if prefix else name, "href": address.without(group, code)})
    return out


def county_map(t: Translator, address: Address, found: Found) -> dict[str, Any]:
    """The counties with their counts and shades, the largest first, and where a click on each leads."""
    counts = found.counts["county"]
    taken = address.asked.chosen.get("county", ())
    rows = [
        {"code": code, "name": name, "count": counts.get(code, 0), "said": _number(t.language, counts.get(code, 0)),
         "shade": _shade(counts.get(code, 0)),
         "href": address.only("county", code), "current": code in taken}
        for code, name in words.COUNTIES.items()
    ]  # fmt: skip
    named: list[dict[str, Any]] = []  # the largest, but no name over another
    for row in sorted(rows, key=lambda row: -row["count"]):
        (x, y), apart = NAME_AT[row["code"]], True
        for other in named:
            apart &= abs(other["x"] - x) > NAME_WIDTH or abs(other["y"] - y) > NAME_HEIGHT
        if row["count"] and apart and len(named) < NAMED:
            named.append({**row, "x": x, "y": y})
    edges = [*SHADES[1:], 0]
    legend = [{"shade": place + 1, "label": _span(t, low, high)} for place, (low, high) in enumerate(pairwise(edges))]
    return {"rows": rows, "named": named, "legend": legend}


def _shade(count: int) -> int:
    return max(place for place, least in enumerate(SHADES) if count >= least)


def _span(t: Translator, low: int, following: int) -> str:
    if not following:
        return t.gettext("%(n)s or more", n=low)
    return f"{low}\N{EN DASH}{following - 1}" if following - 1 > low else str(low)


@lru_cache(ROWS_KEPT)
def row(language: str, kept: "_ById", slug: str, name: str, raw: str, network: str) -> Markup:
    """A row of the list. Written once for what it shows: most of a page's time would be spent on the same rows."""
    t = translator(language)
    body = msgspec.json.decode(raw)
    values = {"lang": language, "slug": slug, "name": name, **card(t, kept.catalogue, body, network)}
    return Markup(environment_for(language).get_template("public/directory_row.html").render(values))  # noqa: S704


class _ById:
    """A catalogue as a key: the same one as long as nothing in it has changed."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    def __hash__(self) -> int:
        return id(self.catalogue)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ById) and other.catalogue is self.catalogue


def rows(language: str, kept: Catalogue, found: Sequence[Row], network: str) -> list[Markup]:
    """The rows of a page; `network`: of which the level is told, "" for each one's own first."""
    key = _ById(kept)
    return [row(language, key, each.slug, each.name, each.raw, network) for each in found]


def card(t: Translator, kept: Catalogue, body: Mapping[str, Any], network: str = "") -> dict[str, Any]:
    """What is told of a member in a row, in a table and on its own page, in words."""
    memberships = [membership(t, kept, each) for each in body["memberships"]]
    first = next((m for m in memberships if m["slug"] == network), memberships[0] if memberships else None)
    place = body["municipality"] or words.county_name(body["county"])
    if body["country"] != "NO":
        place = ", ".join(filter(None, [place, names.country_name(t, body["country"])]))
    fields = [words.field_name(t, code) for code in body["fields"]]
    kind = names.kind_name(t, body["kind"])
    return {
        "kind": kind[:1].upper() + kind[1:],
        "picture": body.get("logo", ""),
        "fields": fields,
        "summary": t.text(body["summary"]),
        "place": place,
        "county": words.county_name(body["county"]),
        "country": names.country_name(t, body["country"]),
        "size": words.size_name(t, body["size"]) if body["size"] else "",
        "website": body["website"],
        "offers": [words.offer_name(t, code) for code in body["offers"]],
        "seeks": [words.offer_name(t, code) for code in body["seeks"]],
        "languages": [words.language_name(t, code) for code in body["languages"]],
        "memberships": memberships,
        "level": first["tier"] if first else "",
    }


def membership(t: Translator, kept: Catalogue, each: Mapping[str, Any]) -> dict[str, Any]:
    """One membership: the network's face, the level, and for a linked one by which network it came."""
    network = kept.by_slug[each["network"]]
    via = kept.by_slug.get(each["via"])
    tier = names.tier_name(t, kept, network.slug, each["tier"]) if each["tier"] else ""
    return {
        "slug": network.slug,
        "face": {"name": t.text(network.names), "short": t.text(network.short), "colour": network.colour},
        "tier": tier,
        "linked": each["origin"] == "linked",
        "since": each["since"],
        "via": t.text(via.names) if via else "",
        "why": t.gettext("linked from %(network)s", network=t.text(via.names))
        if via
        else t.gettext("linked membership"),
        "rule": each["rule"],
        "via_slug": each["via"],
    }


def story(t: Translator, kept: Catalogue, name: str, each: Mapping[str, Any], others: Sequence[Any]) -> dict[str, str]:
    """Why somebody is in a network they never applied to: because of which level in which other one, by which rule."""
    cause = next((other for other in others if other["slug"] == each["via_slug"]), None)
    told = {"name": name, "network": each["face"]["name"], "via": each["via"], "tier": cause["tier"] if cause else ""}
    sentence = (
        t.gettext("%(name)s is in %(network)s because it is %(tier)s in %(via)s.", **told)
        if told["tier"]
        else t.gettext("%(name)s is in %(network)s because it is a member of %(via)s.", **told)
    )
    books = reversed(kept.rulebooks.of(each["via_slug"]))
    rule = next((r for book in books for r in book.link_rules if r.code == each["rule"]), None)
    return {"sentence": sentence, "rule": t.text(rule.names) if rule else "", "slug": each["slug"]}


def searched_names(kept: Catalogue) -> list[tuple[str, str]]:
    """Every tag with a name, in both languages, as a search spells it: (tag, name)."""
    return _searched(_ById(kept))


@lru_cache(4)
def _searched(key: _ById) -> list[tuple[str, str]]:
    kept = key.catalogue
    codes = {
        "field": list(words.FIELDS), "kind": [k for k in KINDS if k != "person"], "county": list(words.COUNTIES),
        "network": [n.slug for n in kept.networks], "offers": list(words.OFFERS),
    }  # fmt: skip
    out = []
    for language in LANGUAGES:
        t = translator(language)
        out += [
            (GROUPS[g] + code, words.key(label(t, kept, g, code))) for g, listed in codes.items() for code in listed
        ]
        out += [(GROUPS["network"] + n.slug, words.key(t.text(n.short))) for n in kept.networks]
    return sorted(set(out))
