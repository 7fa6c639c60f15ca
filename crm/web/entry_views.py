"""A directory entry as a form and as each reader would see it: for the member's own pages and for the office."""

from typing import Any

import msgspec

from cluster_rules import listings as rules
from cluster_rules.listings import Viewer
from crm import directory_words, names, words
from crm.actions.listings import ListingForm
from crm.catalogue import Catalogue
from crm.errors import Invalid
from crm.i18n import LANGUAGES, N_, Translator
from crm.reads import listings as reads
from crm.reads.listings import Facts, Own

FIELDS = {
    "membership": N_("That you are a member"),
    "tier": N_("Level"),
    "summary": N_("Presentation"),
    "fields": N_("What you work with"),
    "offers": N_("What you offer and look for"),
    "website": N_("Website"),
    "size": N_("Size"),
    "place": N_("Place"),
    "people": N_("People"),
}
LEVELS = {
    "public": N_("Everybody"),
    "partners": N_("Members and partner networks"),
    "members": N_("Members only"),
    "hidden": N_("Nobody"),
}
CHOICES = {
    "fields": directory_words.FIELDS,
    "offers": directory_words.OFFERS,
    "seeks": directory_words.OFFERS,
    "languages": directory_words.LANGUAGES,
}


class Words(msgspec.Struct, frozen=True):
    """Whose language it is, and what networks are called."""

    t: Translator
    kept: Catalogue


def form_of(facts: Facts, typed: dict[str, str]) -> ListingForm:
    """The form as it was sent: a box for every choice, a list for every field in every network."""
    chosen = {name: [code for code in known if typed.get(f"{name}-{code}")] for name, known in CHOICES.items()}
    seen: dict[str, dict[str, str]] = {}
    for each in facts.memberships:
        said = {field: typed.get(f"see-{each.network}-{field}", "") for field in rules.FIELDS}
        seen[each.network] = {field: level for field, level in said.items() if level}
    summary = {name: typed.get(f"summary-{name}", "") for name in LANGUAGES}
    return ListingForm(summary=summary, visibility={slug: said for slug, said in seen.items() if said}, **chosen)


def texts_of(own: Own) -> ListingForm:
    """What the form begins with: the texts that wait, else those that are published."""
    body = msgspec.structs.asdict(own.facts)
    if own.newest is not None and own.newest.state == "waiting":
        body |= own.newest.body
    kept = {name: body[name] for name in ListingForm.__struct_fields__ if name in body}
    # Until it says itself what it works with, the entry shows what its networks have noted.
    kept["fields"] = kept.get("fields") or [code for code in own.facts.own_fields if code in directory_words.FIELDS]
    return ListingForm(**kept)


def values_of(say: Words, own: Own, texts: ListingForm, networks: frozenset[str] | None = None) -> dict[str, Any]:
    """What the form's template asks for. `networks`: only in these it is said who sees what; None: in all."""
    after = reads.changed(own.facts, msgspec.to_builtins(texts))
    named = [each.network for each in own.facts.memberships if networks is None or each.network in networks]
    return {
        "facts": own.facts,
        "newest": own.newest,
        "texts": texts,
        "choices": {name: _choices(say, name, getattr(texts, name)) for name in CHOICES},
        "sees": [_sees(say, own.facts, slug, texts) for slug in named],
        "levels": [{"value": code, "label": say.t.gettext(label)} for code, label in LEVELS.items()],
        "previews": [preview(say, after, label, reader) for label, reader in _readers(say, own.facts)],
        "logo_waits": bool(own.newest and own.newest.state == "waiting" and own.newest.body.get("logo")),
    }


def mistakes(say: Words, error: Any) -> list[dict[str, str]]:
    """What is wrong, by field of the form."""
    if error is None:
        return []
    listed = error.problems if isinstance(error, Invalid) else [(error.field, error.code, error.params)]
    return [
        {"field": field.replace(".", "-"), "text": words.refusal(say.t, say.kept, code, params)}
        for field, code, params in listed
    ]


def preview(say: Words, facts: Facts, label: str, reader: Viewer) -> dict[str, Any]:
    """The entry as one reader would see it, by the directory's own rule."""
    body, people = reads.seen_by(facts, reader)
    t = say.t
    rows = [(t.gettext("Networks"), ", ".join(_membership(say, each) for each in body["memberships"]))]
    rows += told(t, body)
    rows += [
        (t.gettext("Website"), body.get("website", "")),
        (t.gettext("Size"), directory_words.size_name(t, body["size"]) if body.get("size") else ""),
        (t.gettext("Place"), body.get("municipality", "")),
        (t.gettext("People"), ", ".join(each.name for each in people)),
    ]
    return {"reader": label, "rows": [{"label": name, "value": value} for name, value in rows if value]}


def told(t: Translator, body: dict[str, Any]) -> list[tuple[str, str]]:
    """What a member tells of itself, in words: (what, text)."""
    return [
        (t.gettext("Presentation"), t.text(body["summary"]) if body.get("summary") else ""),
        (t.gettext("What you work with"), ", ".join(directory_words.field_name(t, c) for c in body.get("fields", ()))),
        (t.gettext("Offers"), ", ".join(directory_words.offer_name(t, code) for code in body.get("offers", ()))),
        (t.gettext("Looks for"), ", ".join(directory_words.offer_name(t, code) for code in body.get("seeks", ()))),
    ]


def _choices(say: Words, name: str, chosen: list[str]) -> list[dict[str, Any]]:
    return [
        {"id": f"{name}-{code}", "label": say.t.gettext(label), "chosen": code in chosen}
        for code, label in CHOICES[name].items()
    ]


def _sees(say: Words, facts: Facts, slug: str, texts: ListingForm) -> dict[str, Any]:
    """Who sees each field in one network: what the member says, "" leaves it to the network."""
    policies = {each.network: each.visibility for each in facts.memberships}
    rows = []
    for field in rules.FIELDS:
        otherwise = rules.level(field, slug, {}, policies)
        rows.append(
            {
                "id": f"see-{slug}-{field}",
                "label": say.t.gettext(FIELDS[field]),
                "value": texts.visibility.get(slug, {}).get(field, ""),
                "empty": say.t.gettext("As the network says: %(level)s", level=say.t.gettext(LEVELS[otherwise])),
            }
        )
    return {"network": names.network_name(say.t, say.kept, slug), "rows": rows}


def _readers(say: Words, facts: Facts) -> list[tuple[str, Viewer]]:
    """Who might look: anybody, and a member of each of its networks."""
    out = [(say.t.gettext("Everybody"), rules.ANYBODY)]
    for each in facts.memberships:
        name = names.network_name(say.t, say.kept, each.network)
        out.append((say.t.gettext("A member of %(network)s", network=name), Viewer(frozenset({each.network}))))
    return out


def _membership(say: Words, each: dict[str, Any]) -> str:
    network = names.network_name(say.t, say.kept, each["network"])
    return f"{network} ({names.tier_name(say.t, say.kept, each['network'], each['tier'])})" if each["tier"] else network
