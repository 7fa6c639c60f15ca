"""What the demo's made-up members tell of themselves in the directory: crm/demo_data/listings.csv."""

import csv
from pathlib import Path

from crm.actions import listings
from crm.actions.listings import ListingForm
from crm.actor import Actor
from crm.context import Context
from crm.store.imports import id_of

FILE = "listings.csv"
_LISTS = ("offers", "seeks", "languages")


async def load(context: Context, actor: Actor, data: Path) -> int:
    """Load them; how many."""
    with (data / FILE).open(encoding="utf-8", newline="") as file:
        rows = [(id_of("organisation", row["organisation_key"]), _form(row)) for row in csv.DictReader(file)]
    return await listings.load(context, actor, rows)


def _form(row: dict[str, str]) -> ListingForm:
    lists = {name: row[name].split(";") if row[name] else [] for name in _LISTS}
    return ListingForm(summary={"nb": row["summary_nb"], "en": row["summary_en"]}, **lists)
