"""AC-14: January billing of two clusters of one host, on one invoice for those who are in both, or on two."""

from collections import Counter
from datetime import date
from uuid import UUID

import msgspec
import pytest

from cluster_rules import fees
from cluster_rules.documents import Document
from cluster_rules.explanations import Step
from cluster_rules.intents import Charge
from crm import catalogue
from crm.actions import invoices, verify
from crm.actor import Actor
from crm.context import Context
from crm.errors import Forbidden
from crm.reads import invoices as reads
from crm.store import charges, families
from crm.store.apply import open_membership

pytestmark = pytest.mark.anyio

JANUARY = date(2027, 1, 1)
CLUSTERS = ("sin-applied-ai", "nce-smart-energy-markets")


async def bill(context: Context) -> tuple[list[UUID], Counter[str], dict[str, set[UUID]]]:
    """Every own membership of the two clusters is charged for 2027; the drafts, each cluster's net, its members."""
    drafts: dict[UUID, None] = {}
    members: dict[str, set[UUID]] = {slug: set() for slug in CLUSTERS}
    net: Counter[str] = Counter()
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        networks = [kept.network(slug).id for slug in CLUSTERS]
        for family in await families.touched(connection, [], networks):
            facts = await families.load(connection, kept, family)
            made = []
            for grant in facts.grants:
                book = kept.rulebooks.governing(grant.network, grant.period.start, JANUARY)
                if grant.kind != "direct" or grant.network not in CLUSTERS or not grant.period.covers(JANUARY):
                    continue
                assert book
                members[grant.network].add(grant.organisation)
                tier, year = book.tier(grant.tier), book.period.containing(JANUARY, grant.period.start)
                assert tier
                profile = facts.organisation(grant.organisation).profile_on(JANUARY)
                for line in fees.yearly(book, tier, profile, year):
                    made.append(Charge(grant.organisation, grant.network, grant.id, line, Step("renewal")))
                    net[grant.network] += line.net
            keys = {(c.organisation, c.network): kept.network(c.network).id for c in made}
            memberships = {key: await open_membership(connection, key[0], network) for key, network in keys.items()}
            for draft in await charges.gather(connection, kept, memberships, made, family):
                drafts[draft] = None
    return list(drafts), net, members


async def documents(context: Context) -> list[Document]:
    async with context.db.tx() as connection:
        rows = await connection.fetch("select document from invoice_document")
    return [msgspec.convert(row["document"], Document) for row in rows]


async def income(context: Context) -> Counter[str]:
    """What the ledger says each network earned (income is credit: negative)."""
    async with context.db.tx() as connection:
        rows = await connection.fetch(
            "select n.slug, -sum(e.amount)::bigint as earned from ledger_entry e join network n on n.id = e.network_id"
            " where e.account = 'income' group by n.slug"
        )
    return Counter({row["slug"]: row["earned"] for row in rows})


async def setting(context: Context, invoicing: str) -> None:
    async with context.db.tx() as connection:
        await connection.execute("update host set invoicing = $1 where code = 'smart-innovation-norway'", invoicing)


@pytest.mark.parametrize(("invoicing", "papers"), [("combined", 1), ("separate", 2)])
async def test_ac_14_january_billing_combined_or_separate(
    context: Context, actor: Actor, invoicing: str, papers: int
) -> None:
    await setting(context, invoicing)
    drafts, net, members = await bill(context)
    assert len(members[CLUSTERS[0]] & members[CLUSTERS[1]]) == 9
    issued, unfit = await invoices.issue_many(context, actor, drafts)
    refused = {each.why.code for each in unfit}
    assert refused <= {"buyer_reference_missing"}  # public bodies that have given none
    async with context.db.tx() as connection:
        for each in unfit:
            await connection.execute(
                "insert into billing (organisation_id, buyer_reference, updated_at) values ($1, '4711', now())"
                " on conflict (organisation_id) do update set buyer_reference = '4711'",
                each.organisation_id,
            )
    more, none = await invoices.issue_many(context, actor, [each.id for each in unfit])
    assert none == []
    shown = await documents(context)
    assert len(shown) == len(issued) + len(more) == len(drafts)

    def networks(document: Document) -> set[str]:
        return {line.network for line in document.lines}

    buyers: dict[str, list[Document]] = {}
    for d in shown:
        buyers.setdefault(d.buyer.name, []).append(d)
    pay_both = [some for some in buyers.values() if set().union(*map(networks, some)) == set(CLUSTERS)]
    assert len(pay_both) == 8  # the ninth, a university, is a member of one of them for nothing
    assert {len(some) for some in pay_both} == {papers}
    assert sum(networks(d) == set(CLUSTERS) for d in shown) == (8 if papers == 1 else 0)

    assert net == await income(context)  # to the øre
    by_network: Counter[str] = Counter()
    for d in shown:
        for line in d.lines:
            by_network[line.network] += line.net
    assert by_network == net
    assert await verify.run(context) == []


async def test_ac_14_a_manager_of_one_cluster_issues_nothing_of_the_other(context: Context, actor: Actor) -> None:
    await setting(context, "combined")
    drafts, _, _ = await bill(context)
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        shared = await connection.fetchval(
            "select c.invoice_id from charge c join membership m on m.id = c.membership_id where c.invoice_id = any($1)"
            " group by c.invoice_id having count(distinct m.network_id) = 2 limit 1",
            drafts,
        )
    own = frozenset({kept.network(CLUSTERS[0]).id})
    one = Actor("Cluster Manager", "web", manages=own, reads=own)
    with pytest.raises(Forbidden):
        await invoices.issue(context, one, shared)
    async with context.db.reading(own) as connection:
        (shown,) = await reads.some(connection, kept, [shared])
    assert {line.network for line in shown.lines} == {CLUSTERS[0]}
    await invoices.issue(context, actor, shared)
    async with context.db.reading(own) as connection:
        assert await reads.document(connection, shared) is None  # it would show the other cluster's lines
        (shown,) = await reads.some(connection, kept, [shared])
        assert not shown.whole
        assert {line.network for line in shown.lines} == {CLUSTERS[0]}
    async with context.db.reading(actor.manages) as connection:
        assert await reads.document(connection, shared)
