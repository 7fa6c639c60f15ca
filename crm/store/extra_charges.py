"""One charge more for members of a network, beside their fees: on the draft of whoever pays for each.

The amount is net, in minor units of the network's currency, for one day; its `component` is made of the run that
wants it, so that nothing is charged twice, and no rule about fees takes it for one.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

import msgspec

from cluster_rules import vat
from cluster_rules.components import VatCode
from cluster_rules.errors import RuleViolation
from cluster_rules.fees import FeeLine, Step
from cluster_rules.intents import Charge
from cluster_rules.networks import Rulebook
from cluster_rules.periods import Period
from crm.catalogue import Catalogue, NetworkRow
from crm.database import Connection
from crm.store import charges

REASON = "extra_charge"
ONE_DAY = timedelta(days=1)


class Extra(msgspec.Struct, frozen=True):
    """What is charged: texts by language, net amount, VAT treatment."""

    names: dict[str, str]
    amount: int
    vat_code: VatCode


class Payer(msgspec.Struct, frozen=True):
    """Who is charged for which membership; `grant` None: it is no member on the day. `country` of who pays."""

    membership: UUID
    organisation: UUID
    family: UUID
    country: str
    grant: UUID | None
    tier: str


_PAYERS = """
select m.id as membership, m.organisation_id as organisation, o.family_id as family, coalesce(f.country, '') as country,
    g.id as grant, coalesce(g.tier, '') as tier
from membership m join organisation o on o.id = m.organisation_id
left join lateral (select g.id, g.tier from membership_grant g where g.membership_id = m.id and g.superseded_at is null
    and g.starts_on <= $2 and (g.ends_on is null or g.ends_on > $2) order by g.kind, g.starts_on limit 1) g on true
left join organisation_profile f on f.organisation_id = o.family_id and f.superseded_at is null
    and f.starts_on <= $2 and (f.ends_on is null or f.ends_on > $2)
where m.id = any ($1) order by o.family_id, m.id
"""


async def payers(connection: Connection, memberships: Sequence[UUID], day: date) -> list[Payer]:
    """Who would pay for these memberships, family by family."""
    return [Payer(**dict(row)) for row in await connection.fetch(_PAYERS, list(memberships), day)]


def line(extra: Extra, network: NetworkRow, book: Rulebook, payer: Payer, run: UUID, day: date) -> FeeLine:
    """The line for one of them. RuleViolation: `charge_no_grant`, `vat_rate_unknown`."""
    if payer.grant is None:
        raise RuleViolation("charge_no_grant", "membership")
    code = vat.treatment(book.vat, extra.vat_code, payer.country or None)
    percent = vat.percent(book.vat.country, code, day)
    return FeeLine(
        network.slug,
        payer.tier,
        f"extra-{run.hex[:12]}",
        extra.names,
        Period(day, day + ONE_DAY),
        extra.amount,
        code,
        percent,
        vat.of(extra.amount, percent),
        book.currency,
    )


async def charge(
    connection: Connection, kept: Catalogue, network: NetworkRow, payer: Payer, drawn: FeeLine, run: UUID
) -> list[UUID]:
    """Put the line on the payer's draft; the drafts it is on."""
    assert payer.grant is not None
    wanted = Charge(payer.organisation, network.slug, payer.grant, drawn, Step(REASON, {"run": str(run)}))
    key = (payer.organisation, network.slug)
    return await charges.gather(connection, kept, {key: payer.membership}, [wanted], payer.family)
