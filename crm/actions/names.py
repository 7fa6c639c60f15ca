"""Another name from a day on, for an organisation or a network. Ids and addresses stay; old names stay findable."""

from datetime import date, timedelta
from uuid import UUID

import msgspec

from cluster_rules.applications import LATEST_START_DAYS
from cluster_rules.errors import RuleViolation
from crm import catalogue, forms
from crm.actor import Actor
from crm.context import Context
from crm.errors import Invalid, NotFound
from crm.store import audit, known_names, organisations

OLDEST_NAME_DAYS = 36_600  # a hundred years: history is written down late


class NetworkNames(msgspec.Struct, frozen=True):
    """A network's name in both languages; `short` is left as it is when it is empty."""

    nb: str
    en: str
    short_nb: str = ""
    short_en: str = ""


async def rename_organisation(context: Context, actor: Actor, organisation: UUID, name: str, on: date) -> None:
    """Call it `name` from `on`. NotFound when none of the actor's networks had to do with it."""
    name = _checked({"name": name})["name"]
    today = context.clock.now().date()
    _in_range(on, today)
    async with context.db.tx() as connection:
        networks = await organisations.networks(connection, organisation, actor.manages, applied=False)
        if not networks:
            raise NotFound("organisation", organisation)
        former = await organisations.name(connection, organisation)
        await known_names.name_organisation(connection, organisation, name, on, actor, today)
        await known_names.tell(
            connection, actor, organisation, {"former": former, "name": name, "on": on.isoformat()}, today
        )
        for network in networks:
            detail = {"name": name, "on": on.isoformat(), "changes": {"name": [former, name]}}
            await audit.append(connection, actor, "organisation_renamed", detail, network, organisation)


async def rename_network(context: Context, actor: Actor, slug: str, names: NetworkNames, on: date) -> None:
    """Call the network so from `on`: its own managers do."""
    told = {"nb": names.nb, "en": names.en}
    short = {"nb": names.short_nb, "en": names.short_en}
    checked = _checked({f"names.{key}": value for key, value in told.items()})
    if any(short.values()):
        checked |= _checked({f"short.{key}": value for key, value in short.items()}, forms.SHORT_MAX)
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        if slug not in kept.by_slug:
            raise NotFound("network", slug)
        network = kept.by_slug[slug]
        actor.must_manage(network.id)
        _in_range(on, context.clock.today(network.zone))
        told = {key: checked[f"names.{key}"] for key in told}
        short = {key: checked[f"short.{key}"] for key in short} if any(short.values()) else {}
        await known_names.name_network(connection, network.id, told, short, on, actor)
        await known_names.turn(connection, context.clock.now())
        await audit.append(connection, actor, "network_renamed", {"names": told, "on": on.isoformat()}, network.id)


def _checked(fields: dict[str, str], most: int = forms.NAME_MAX) -> dict[str, str]:
    """The texts tidied; Invalid names each that is missing, too long or not a text."""
    problems: forms.Problems = []
    for field, value in fields.items():
        forms.text(problems, field, value, most)
    if problems:
        raise Invalid(problems)
    return {field: " ".join(value.split()) for field, value in fields.items()}


def _in_range(on: date, today: date) -> None:
    earliest, latest = today - timedelta(days=OLDEST_NAME_DAYS), today + timedelta(days=LATEST_START_DAYS)
    if not earliest <= on <= latest:
        raise RuleViolation("date_out_of_range", "from", given=on, earliest=earliest, latest=latest)
