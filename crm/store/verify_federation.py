"""What must hold between registers and memberships (`crm verify`): hashes, and what is effective stands."""

from datetime import date
from typing import Any

import msgspec

from cluster_rules import federation
from cluster_rules.federated_terms import Terms
from cluster_rules.federation import Register
from crm.database import Connection
from crm.store.verify import Difference

_REGISTERS = """
select a.code, r.key, r.register, r.version, r.grant_no, r.instance, r.state, r.body, r.body_hash
from federated_register r join federated_agreement a on a.id = r.agreement_id order by a.code, r.key, r.register
"""
# Of the receiving side: who is pointed at, both registers, and the linked grant that stands on the day.
_LINKS = """
select a.code, a.terms, a.matched_on, l.key, l.organisation_id, offer.applied_on,
    row(offer.version, offer.grant_no, offer.instance, offer.state) as offer, offer.body as offer_body,
    row(said.version, said.grant_no, said.instance, said.state) as said, said.body as said_body,
    (select g.tier from membership_grant g where g.organisation_id = l.organisation_id and g.agreement = a.code
     and g.kind = 'linked' and g.superseded_at is null and g.starts_on <= $1 and (g.ends_on is null or g.ends_on > $1)
     limit 1) as tier
from federated_agreement a join federated_link l on l.agreement_id = a.id
join federated_register offer on offer.agreement_id = a.id and offer.key = l.key and offer.register = 'offer'
join federated_register said on said.agreement_id = a.id and said.key = l.key and said.register = 'decision'
where a.side = 'receiving' and a.standing = 'active' and l.organisation_id is not null and not l.stale
order by a.code, l.key
"""


async def check(connection: Connection, today: date) -> list[Difference]:
    """Registers whose hash is not what they say, and linked memberships that are not what both registers give."""
    out = []
    for row in await connection.fetch(_REGISTERS):
        values = dict(row)
        stored = values.pop("body_hash")
        register = Register(values.pop("code"), **values)
        if register.body_hash != stored:
            name = f"register {register.agreement} {register.register} {register.key}"
            out.append(Difference("federation_hash", name, f"says {register.body_hash}, stored is {stored}"))
    for row in await connection.fetch(_LINKS, today):
        wanted, stands = _effective(row, today), row["tier"] or ""
        if wanted != stands:
            name = f"link {row['code']} {row['key']}"
            why = f"both registers give {wanted or 'nothing'}, {stands or 'nothing'} stands"
            out.append(Difference("federation_effective", name, why))
    return out


def _effective(row: Any, today: date) -> str:
    offer = Register(row["code"], row["key"], "offer", *row["offer"], row["offer_body"])
    said = Register(row["code"], row["key"], "decision", *row["said"], row["said_body"])
    terms = msgspec.convert(row["terms"], Terms)
    fresh = federation.fresh(row["matched_on"], row["applied_on"], today, terms.lease_days)
    return federation.effective(offer, said, "active", today, fresh)
