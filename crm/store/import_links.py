"""Which linked memberships would follow from the rows of a members' file: the rules asked, nothing written."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from cluster_rules import cascades
from cluster_rules.intents import StartGrant
from crm.database import Connection
from crm.import_verdicts import Judged
from crm.store import families
from crm.store.import_plans import REASON, Work, decided, newcomer

ANYBODY = UUID(int=0)  # who comes with a row has no id before it is stored


async def preview(connection: Connection, work: Work, judged: Sequence[Judged]) -> dict[int, list[dict[str, str]]]:
    """{row: [{network, tier, rule}]} of every row that would be stored and makes a linked membership begin."""
    wanted = [each for each in judged if each.verdict in ("new", "change")]
    known = sorted({each.known.family for each in wanted if each.known})
    stored = dict(zip(known, await families.load_many(connection, work.kept, known), strict=True)) if known else {}
    out: dict[int, list[dict[str, str]]] = {}
    for each in wanted:
        facts = stored[each.known.family] if each.known else newcomer(work, each, ANYBODY)
        some = decided(work, each, each.known.id if each.known else ANYBODY, families.moment(facts, work.now))
        after = msgspec.structs.replace(facts, decisions=(*facts.decisions, *some))
        links = [
            {"network": i.grant.network, "tier": i.grant.tier, "rule": i.grant.rule}
            for i in cascades.repair(after, work.today, REASON)
            if isinstance(i, StartGrant) and i.grant.kind == "linked"
        ]
        if links:
            out[each.member.row] = links
    return out
