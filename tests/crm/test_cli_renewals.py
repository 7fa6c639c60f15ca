"""`crm renew`: a dry run bills nobody, a run bills and names who needs a person, again it finds nobody."""

from datetime import date

import pytest

from crm import cli_renewals
from crm.context import Context

pytestmark = pytest.mark.anyio

NETWORK = "nora-industry-network"


async def renew(context: Context, dry_run: bool, told: list[tuple[int, int]]) -> list[str]:
    return await cli_renewals._work(
        context, date(2027, 1, 1), [NETWORK], dry_run, True, lambda done, total: told.append((done, total))
    )


async def test_a_dry_run_a_run_and_another(context: Context) -> None:
    told: list[tuple[int, int]] = []
    assert await renew(context, True, told) == [
        f"{NETWORK}: previewed, 0 invoices. 23 due NOK\xa01,392,000; 1 failed NOK\xa0150,000",
        "  Skagervik kommune: buyer_reference_missing",
    ]
    assert told == [(24, 24)]
    done = await renew(context, False, told)
    assert done[0].startswith(f"{NETWORK}: done, 23 invoices.")
    assert done[1].endswith(": buyer_reference_missing") and len(done) == 2
    assert told[-1] == (24, 24)
    assert await renew(context, False, told) == [f"{NETWORK}: done, 0 invoices. Nothing to bill."]
