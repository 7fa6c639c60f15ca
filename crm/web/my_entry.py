"""An organisation's entry in the directory: its texts, who sees what, how each reader would see it, who is named."""

from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from cluster_rules import listings as rules
from cluster_rules.errors import RuleViolation
from cluster_rules.listings import Viewer
from crm import directory_words, names, words
from crm.actions import listings as actions
from crm.actions.listings import ListingForm
from crm.errors import Invalid, TooMany, status_of
from crm.i18n import LANGUAGES, N_
from crm.reads import listings as reads
from crm.reads.listings import Facts, Own
from crm.web.fields import fields_of, id_of
from crm.web.my import My, done, reading, routes, show

PATH = "/entry"
DONE = ("published", "waiting", "out", "in", "agreed", "withdrawn")
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


@get(PATH, include_in_schema=False)
async def show_entry(request: Request, my: NamedDependency[My]) -> Response[str]:
    return await _page(request, my)


@post("/entry/texts", include_in_schema=False)
async def save(request: Request, my: NamedDependency[My]) -> Response:
    """Publish, or only look: the preview stands beside the form either way."""
    own = await reads.own(my.context, my.actor, my.organisation.id)
    typed = await fields_of(request)
    form = _form_of(own.facts, typed)
    if typed.get("step") == "look":
        return await _page(request, my, form=form)
    try:
        state = await actions.save(my.context, my.actor, my.organisation.id, form)
    except (RuleViolation, Invalid) as error:
        return await _page(request, my, form=form, error=error)
    return done(my, PATH, state)


@post("/entry/listed", include_in_schema=False)
async def set_listed(request: Request, my: NamedDependency[My]) -> Response:
    listed = (await fields_of(request)).get("listed") == "yes"
    await actions.set_listed(my.context, my.actor, my.organisation.id, listed)
    return done(my, PATH, "in" if listed else "out")


@post("/entry/people/{contact:str}/{word:str}", include_in_schema=False)
async def name_person(my: NamedDependency[My], contact: FromPath[str], word: FromPath[str]) -> Response:
    """A contact agrees to be named, or not any more."""
    wanted = id_of("contact", contact)
    if word == "agree":
        await actions.agree(my.context, my.actor, my.organisation.id, wanted)
    else:
        await actions.withdraw(my.context, my.actor, my.organisation.id, wanted)
    return done(my, PATH, "agreed" if word == "agree" else "withdrawn")


handlers = [reading(show_entry), routes(save, set_listed, name_person)]


def _form_of(facts: Facts, typed: dict[str, str]) -> ListingForm:
    """The form as it was sent: a box for every choice, a list for every field in every network."""
    chosen = {name: [code for code in known if typed.get(f"{name}-{code}")] for name, known in CHOICES.items()}
    seen: dict[str, dict[str, str]] = {}
    for each in facts.memberships:
        said = {field: typed.get(f"see-{each.network}-{field}", "") for field in rules.FIELDS}
        seen[each.network] = {field: level for field, level in said.items() if level}
    summary = {name: typed.get(f"summary-{name}", "") for name in LANGUAGES}
    return ListingForm(summary=summary, visibility={slug: said for slug, said in seen.items() if said}, **chosen)


def _texts(own: Own) -> ListingForm:
    """What the form begins with: the texts that wait, else those that are published."""
    waits = own.newest is not None and own.newest.state == "waiting"
    body = own.newest.body if waits and own.newest else msgspec.structs.asdict(own.facts)
    kept = {name: body[name] for name in ListingForm.__struct_fields__ if name in body}
    # Until it says itself what it works with, the entry shows what its networks have noted.
    kept["fields"] = kept.get("fields") or [code for code in own.facts.own_fields if code in directory_words.FIELDS]
    return ListingForm(**kept)


async def _page(
    request: Request,
    my: My,
    form: ListingForm | None = None,
    error: RuleViolation | Invalid | TooMany | None = None,
) -> Response[str]:
    own = await reads.own(my.context, my.actor, my.organisation.id)
    texts = form or _texts(own)
    after = reads.changed(own.facts, msgspec.to_builtins(texts))
    said = request.query_params.get("done", "")
    return show(
        request,
        my,
        "my/entry.html",
        "entry",
        f"{my.base}{PATH}" if request.method == "POST" else "",
        status_code=status_of(error) if error else 200,
        errors=_mistakes(my, error),
        facts=own.facts,
        newest=own.newest,
        texts=texts,
        most=actions.SUMMARY_MAX,
        choices={name: _choices(my, name, getattr(texts, name)) for name in CHOICES},
        sees=[_sees(my, own.facts, each.network, texts) for each in own.facts.memberships],
        levels=[{"value": code, "label": my.t.gettext(label)} for code, label in LEVELS.items()],
        previews=[_preview(my, after, label, reader) for label, reader in _readers(my, own.facts)],
        consent=my.t.gettext(directory_words.CONSENTS[actions.CONSENT_VERSION]),
        done=said if said in DONE else "",
    )


def _mistakes(my: My, error: Any) -> list[dict[str, str]]:
    if error is None:
        return []
    listed = error.problems if isinstance(error, Invalid) else [(error.field, error.code, error.params)]
    return [
        {"field": field.replace(".", "-"), "text": words.refusal(my.t, my.kept, code, params)}
        for field, code, params in listed
    ]


def _choices(my: My, name: str, chosen: list[str]) -> list[dict[str, Any]]:
    return [
        {"id": f"{name}-{code}", "label": my.t.gettext(label), "chosen": code in chosen}
        for code, label in CHOICES[name].items()
    ]


def _sees(my: My, facts: Facts, slug: str, texts: ListingForm) -> dict[str, Any]:
    """Who sees each field in one network: what the member says, "" leaves it to the network."""
    policies = {each.network: each.visibility for each in facts.memberships}
    rows = []
    for field in rules.FIELDS:
        otherwise = rules.level(field, slug, {}, policies)
        rows.append(
            {
                "id": f"see-{slug}-{field}",
                "label": my.t.gettext(FIELDS[field]),
                "value": texts.visibility.get(slug, {}).get(field, ""),
                "empty": my.t.gettext("As the network says: %(level)s", level=my.t.gettext(LEVELS[otherwise])),
            }
        )
    return {"network": names.network_name(my.t, my.kept, slug), "rows": rows}


def _readers(my: My, facts: Facts) -> list[tuple[str, Viewer]]:
    """Who might look: anybody, and a member of each of its networks."""
    out = [(my.t.gettext("Everybody"), rules.ANYBODY)]
    for each in facts.memberships:
        label = my.t.gettext("A member of %(network)s", network=names.network_name(my.t, my.kept, each.network))
        out.append((label, Viewer(frozenset({each.network}))))
    return out


def _preview(my: My, facts: Facts, label: str, reader: Viewer) -> dict[str, Any]:
    """The entry as one reader would see it, by the directory's own rule."""
    body, people = reads.seen_by(facts, reader)
    t = my.t
    rows = [
        (t.gettext("Networks"), ", ".join(_membership(my, each) for each in body["memberships"])),
        (t.gettext("Presentation"), t.text(body["summary"]) if body.get("summary") else ""),
        (t.gettext("What you work with"), ", ".join(directory_words.field_name(t, c) for c in body.get("fields", ()))),
        (t.gettext("Offers"), ", ".join(directory_words.offer_name(t, code) for code in body.get("offers", ()))),
        (t.gettext("Looks for"), ", ".join(directory_words.offer_name(t, code) for code in body.get("seeks", ()))),
        (t.gettext("Website"), body.get("website", "")),
        (t.gettext("Size"), directory_words.size_name(t, body["size"]) if body.get("size") else ""),
        (t.gettext("Place"), body.get("municipality", "")),
        (t.gettext("People"), ", ".join(each.name for each in people)),
    ]
    return {"reader": label, "rows": [{"label": name, "value": value} for name, value in rows if value]}


def _membership(my: My, each: dict[str, Any]) -> str:
    network = names.network_name(my.t, my.kept, each["network"])
    return f"{network} ({names.tier_name(my.t, my.kept, each['network'], each['tier'])})" if each["tier"] else network
