"""Exports of CiviCRM and Odoo as they come: levels mapped, states left out, money owed, and totals that add up."""

from datetime import date

import pytest

from crm.actions import member_imports, verify
from crm.actor import Actor
from crm.context import Context
from crm.import_columns import ColumnMapping
from tests.crm.actions.test_member_imports import NETWORK, imported, looked, shown, standing

pytestmark = pytest.mark.anyio

# Headings as "Find Memberships" exports them; an inherited membership names the one it rests on.
CIVI = (
    "Contact ID|Display Name|Legal Identifier|Membership Type|Member Since|Membership Start Date|"
    "Membership Expiration Date|Source|Membership Status|Primary Membership ID|Email|Street Address|"
    "City|Postal Code\n"
    "101|Fjordvind Måling AS|982463718|Hovedpartner|2019-03-01|2026-01-01|2026-12-31|Import|Current|"
    "|post@fjordvind.example|Kaien 4|Halden|1767\n"
    "102|Fjordvind Drift AS||Hovedpartner|2019-03-01|2026-01-01|2026-12-31||Current|7|||Halden|\n"
    "103|Nattlys Forlag AS||Medlem|2021-06-15|2026-01-01|2026-12-31||Grace|||||\n"
    "104|Gamle Bryggen AS||Medlem|2015-01-01|2020-01-01|2020-12-31||Expired|||||\n"
    "105|Trekkspill AS||Medlem|2026-05-01|2026-05-01|2026-12-31||Cancelled|||||\n"
)
ODOO = (
    "Partner|Partner/Company Registry|Membership|From|To|Join Date|Membership Fee|Status|"
    "Invoice Due Date|Invoice\n"
    "Fjordvind Måling AS|982463718|Hovedpartner 2026|2026-01-01|2026-12-31|2019-03-01|60000.00|"
    "Paid Member||INV/2026/0007\n"
    "Nattlys Forlag AS||Medlem 2026|2026-01-01|2026-12-31|2021-06-15|12500.50|Invoiced Member|"
    "2026-03-31|INV/2026/0008\n"
    "Gratis Venner AS||Medlem 2026|2026-01-01|2026-12-31|2022-01-01|0.00|Free Member||\n"
    "Gamle Bryggen AS||Medlem 2026|2020-01-01|2020-12-31|2015-01-01|12500.00|Old Member||\n"
    "Venter Ennå AS||Medlem 2026|2026-01-01|2026-12-31|2026-01-01|12500.00|Waiting Member||\n"
)
LEVELS = {"Hovedpartner": "principal", "Medlem": "partner"}
YEARLY = {"Hovedpartner 2026": "principal", "Medlem 2026": "partner"}


async def mapped(context: Context, actor: Actor, text: str, levels: dict[str, str], **more: str) -> ColumnMapping:
    """The columns as they are recognised, with words for levels."""
    wanted = await member_imports.upload(context, actor, NETWORK, "export.csv", text.encode())
    found, _ = await shown(context, wanted)
    return ColumnMapping(found.mapping.source, found.mapping.columns, levels, **more)


def adds_up(groups: dict[str, dict[str, int]], rows: int) -> bool:
    """Rows read are those taken over, left out and refused, in every group and in all."""
    parts = ("new", "change", "same", "left_out", "refused")
    good = all(group["read"] == sum(group.get(part, 0) for part in parts) for group in groups.values())
    return good and sum(group["read"] for group in groups.values()) == rows


async def test_civicrm(context: Context, actor: Actor) -> None:
    mapping = await mapped(context, actor, CIVI, LEVELS)
    assert mapping.source == "civicrm"
    assert mapping.columns["joined"] == "Member Since" and mapping.columns["inherited"] == "Primary Membership ID"
    wanted = await imported(context, actor, CIVI.encode(), mapping=mapping)
    found, rows = await shown(context, wanted)
    assert found.verdicts == {"new": 2, "left_out": 3}
    assert [(row.detail.left_out, row.detail.status) for row in rows if row.verdict == "left_out"] == [
        ("inherited", "Current"),
        ("status", "Expired"),
        ("status", "Cancelled"),
    ]
    assert adds_up(found.counts["states"], 5) and adds_up(found.counts["levels"], 5)
    assert found.counts["levels"]["Medlem"] == {"read": 3, "level": "partner", "new": 1, "left_out": 2}
    assert (NETWORK, "principal", "direct", date(2019, 3, 1)) in await standing(context, "Fjordvind Måling AS")
    assert await standing(context, "Gamle Bryggen AS") == []
    assert await verify.run(context) == []
    again, _ = await shown(context, await looked(context, actor, CIVI.encode(), mapping=mapping))
    assert again.verdicts == {"same": 2, "left_out": 3}, "a second export finds them by their numbers in CiviCRM"


async def test_civicrm_inherited_as_memberships_of_their_own(context: Context, actor: Actor) -> None:
    mapping = await mapped(context, actor, CIVI, LEVELS, inherited="direct")
    wanted = await imported(context, actor, CIVI.encode(), mapping=mapping)
    assert (await shown(context, wanted))[0].verdicts == {"new": 3, "left_out": 2}
    assert (NETWORK, "principal", "direct", date(2019, 3, 1)) in await standing(context, "Fjordvind Drift AS")


async def test_odoo_with_what_was_invoiced_and_not_paid(context: Context, actor: Actor) -> None:
    mapping = await mapped(context, actor, ODOO, YEARLY)
    assert mapping.source == "odoo" and mapping.columns["opening_amount"] == "Membership Fee"
    assert mapping.columns["joined"] == "Join Date"
    wanted = await imported(context, actor, ODOO.encode(), mapping=mapping)
    found, _ = await shown(context, wanted)
    assert found.verdicts == {"new": 3, "left_out": 2}
    assert adds_up(found.counts["states"], 5) and adds_up(found.counts["levels"], 5)
    assert found.counts["money"]["file"] == found.counts["money"]["new"] == found.counts["booked"] == 1250050
    async with context.db.tx() as connection:
        item = await connection.fetchrow(
            "select o.name, i.due_on, p.reference from opening_item p join invoice i on i.id = p.invoice_id"
            " join organisation o on o.id = i.organisation_id where p.import_id = $1",
            wanted,
        )
    assert tuple(item) == ("Nattlys Forlag AS", date(2026, 3, 31), "INV/2026/0008")
    assert await standing(context, "Venter Ennå AS") == []


async def test_a_status_nobody_knows_is_refused(context: Context, actor: Actor) -> None:
    mapping = await mapped(context, actor, CIVI, LEVELS)
    wanted = await looked(context, actor, CIVI.replace("Grace", "Sabbatical").encode(), mapping=mapping)
    _, rows = await shown(context, wanted, "refused")
    assert [(row.number, row.detail.problems[0].code) for row in rows] == [(4, "status_unknown")]
