"""An import taken back: what nothing later rests on goes, what something rests on stays and says why.

An organisation once stored stays known by its numbers, without membership: a later file or application finds it again.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from cluster_rules.fees import Step
from cluster_rules.profiles import restored
from crm.database import Connection
from crm.store import (
    decisions,
    families,
    import_marks,
    import_members,
    member_imports,
    opening_credits,
    opening_items,
    profiles,
)
from crm.store.import_plans import Work

REASON = Step("import_undone")
# Why a membership cannot go: somebody decided about it later, it or what it gave was billed, it has become another's.
_RESTS = """
select m.organisation_id, case
    when exists (select from membership_decision d where d.membership_id = m.id and d.withdrawn_at is null
        and d.id <> all($2) and d.recorded_at > (select min(ours.recorded_at) from membership_decision ours
            where ours.membership_id = m.id and ours.id = any($2))) then 'changed_since'
    when exists (select from membership_transfer t where t.membership_id = m.id and t.withdrawn_at is null)
        or exists (select from organisation o where o.id = m.organisation_id and o.merged_into_id is not null)
        then 'merged_since'
    when exists (select from charge c where c.membership_id = m.id and c.grant_id = any($2))
        or exists (select from membership_grant l join charge c on c.grant_id = l.id
            where l.organisation_id = m.organisation_id and l.cause_id = any($2)) then 'billed_since'
    end as why
from membership m where m.network_id = $1 and m.organisation_id = any($3)
"""
Rows = Sequence[tuple[int, UUID, Any]]


async def by(connection: Connection, wanted: UUID) -> str:
    """Who wants it taken back."""
    return await connection.fetchval("select undone_by from member_import where id = $1", wanted)


async def take_back(connection: Connection, work: Work, rows: Rows) -> int:
    """Take these rows back as far as that can be; how many stay with anything. What stays is told in `made`."""
    owners = sorted({organisation for _, organisation, _ in rows})
    family = {o: await families.of(connection, o) for o in owners}
    await families.lock_many(connection, sorted(set(family.values())))
    decided = [UUID(each) for _, _, made in rows for each in made.get("decisions", ())]
    why = {
        row["organisation_id"]: row["why"]
        for row in await connection.fetch(_RESTS, work.network.id, decided, owners)
        if row["why"]
    }
    items = [UUID(made["opening"]) for _, _, made in rows if made.get("opening")]
    credits = [UUID(made["credit"]) for _, _, made in rows if made.get("credit")]
    paid, used = await opening_items.touched(connection, items), await opening_credits.touched(connection, credits)
    goes = [(row, o, made) for row, o, made in rows if o not in why]
    for _, _, made in goes:
        for decision in made.get("decisions", ()):
            await decisions.withdraw(connection, UUID(decision), work.actor)
    await _facts_back(connection, work, goes)
    for _, organisation, made in goes:
        if before := made.get("billing"):
            await import_marks.billing_back(connection, organisation, before)
    await import_marks.take_back(connection, [made for _, _, made in goes])
    await opening_items.withdraw(connection, [item for item in items if item not in paid], work.today, work.actor.name)
    await opening_credits.withdraw(connection, work, [credit for credit in credits if credit not in used])
    await import_members.follow(connection, work.kept, sorted({family[o] for _, o, _ in goes}), work.today, REASON)
    stays = 0
    told = []
    for row, organisation, made in rows:
        reasons = [why[organisation]] if organisation in why else []
        if made.get("opening") and UUID(made["opening"]) in paid:
            reasons.append("paid_since")
        if made.get("credit") and UUID(made["credit"]) in used:
            reasons.append("used_since")
        if made.get("organisation") and not reasons:
            reasons.append("known")
        stays += any(reason != "known" for reason in reasons)
        told.append((row, organisation, made | {"undone": organisation not in why, "stays": reasons}))
    await member_imports.made(connection, work.source, told)
    return stays


async def _facts_back(connection: Connection, work: Work, rows: Rows) -> None:
    """Facts of organisations that rows changed are what they were, unless they were changed again."""
    for _, organisation, made in rows:
        if "change" not in made:
            continue
        change = await profiles.get(connection, UUID(made["change"]))
        if await profiles.later(connection, change):
            continue
        told = await profiles.told(connection, organisation)
        new = profiles.values_of({name: each["new"] for name, each in change.facts.items()})
        if change.before:
            await profiles.write(connection, organisation, told, restored(told, change.before, new))
        await profiles.withdraw(connection, change.id, work.actor)
