"""`crm verify` is only worth something when it sees damage: each kind is inflicted here, and named by it."""

from datetime import date
from typing import Any

import pytest

from cluster_rules.errors import RuleViolation
from crm.actions import applications, verify
from crm.actor import Actor
from crm.context import Context
from crm.store import verify_courses, verify_invoices, verify_renewals, verify_shares
from crm.store.verify import CHECKS, Difference

pytestmark = pytest.mark.anyio

STARTS = date(2026, 12, 1)
NOWHERE = "00000000-0000-4000-8000-000000000000"
OTHER_NETWORK = "(select id from network where slug = 'nora-startup')"
OF_MEMBER = "where membership_id = '{membership}'"
OF_LINKED = "where membership_id = '{linked}'"
APPLICATION = "where id = '{application}'"

# (check that must speak, what it must name, the damage)
DAMAGES = [
    ("family_root", "organisation", "update organisation set family_id = '{other}' where id = '{organisation}'"),
    ("merged_mark", "organisation", "update organisation set merged_into_id = '{other}', merged_on = '2027-01-01'"
     " where id = '{organisation}'"),
    ("seniority", "membership", "update membership set carried_since = '2015-01-01' where id = '{membership}'"),
    ("row_elsewhere", "membership_grant", f"update membership_grant set network_id = {OTHER_NETWORK} {OF_MEMBER}"),
    ("row_elsewhere", "membership_period", f"update membership_period set network_id = {OTHER_NETWORK} {OF_MEMBER}"),
    ("row_elsewhere", "feed", f"update feed set organisation_id = '{{other}}' {OF_MEMBER}"),
    ("row_elsewhere", "feed", "delete from membership where id = '{linked}'"),
    ("grant_missing", "Straumvik", f"update membership_grant set superseded_at = now() {OF_LINKED}"),
    ("grant_missing", "Straumvik", f"delete from membership_grant {OF_MEMBER}"),
    ("grant_unfounded", "Straumvik", f"update membership_decision set withdrawn_at = now() {OF_MEMBER}"),
    ("grant", "Straumvik", f"update membership_grant set tier = 'partner' {OF_MEMBER}"),
    ("grant", "Straumvik", f"update membership_grant set ends_on = '2027-05-01' {OF_LINKED}"),
    ("grant", "Straumvik", f"update membership_grant set starts_on = '2026-11-30' {OF_LINKED}"),
    ("grant_unrooted", "membership_grant", f"update membership_grant set cause_id = '{NOWHERE}' {OF_LINKED}"),
    ("timeline", "Straumvik", f"update membership_period set status = 'suspended' {OF_MEMBER}"),
    ("timeline", "Straumvik", f"update membership_period set origin = 'both' {OF_LINKED}"),
    ("timeline", "Straumvik", f"delete from membership_period {OF_MEMBER}"),
    ("feed_version", "{membership}", f"update feed set version = 3 {OF_MEMBER}"),
    ("feed_version", "{membership}", f"insert into feed select nextval('feed_seq_seq'), network_id, organisation_id,"
     f" membership_id, op, reason, version, recorded_at from feed {OF_MEMBER}"),
    ("feed_version", "{membership}", f"update feed_member set version = version + 1 {OF_MEMBER}"),
    ("feed_missing", "{linked}", f"delete from feed_member {OF_LINKED}"),
    ("feed_body", "{membership}", f"update feed_member set body = replace(body, 'AS', 'ASA') {OF_MEMBER}"),
    ("feed_body", "{linked}", f"update feed_member set listed = not listed {OF_LINKED}"),
    ("feed_body", "{linked}", f"update feed_member set body_hash = '' {OF_LINKED}"),
    ("feed_body", "{membership}", "update organisation set name = 'Another' where id = '{organisation}'"),
    ("feed_newest", "feed", f"update feed set op = 'remove' {OF_MEMBER}"),
    ("feed_newest", "feed", f"delete from membership_period {OF_LINKED}"),
    ("audit_chain", "audit 1", "update audit set detail = '{{}}' where seq = 1"),
    ("audit_chain", "audit", "delete from audit where seq = 2"),
    ("audit_chain", "audit", "delete from audit where seq = (select max(seq) from audit)"),
    ("audit_chain", "audit", "update audit set recorded_at = recorded_at + interval '1 second' where seq = 3"),
    ("charge_net", "charge", f"update charge set net = net + 1 {OF_MEMBER}"),
    ("charge_net", "charge", f"update charge set steps = '[]' {OF_MEMBER}"),
    ("charge_vat", "charge", f"update charge set vat = vat + 1 {OF_MEMBER}"),
    ("charge_vat_rate", "charge", f"update charge set vat_percent = 24 {OF_MEMBER}"),
    ("invoice_empty", "invoice", f"delete from charge {OF_MEMBER}"),
    ("invoice_second_draft", "invoice", "drop index invoice_one_draft; insert into invoice select '" + NOWHERE +
     "', host_id, organisation_id, status, currency, buyer_reference, payment_days, created_at from invoice"),
    ("charge_elsewhere", "another host", "update invoice set host_id = (select id from host where code = 'claire')"),
    ("charge_elsewhere", "in EUR", f"update charge set currency = 'EUR' {OF_MEMBER}"),
    ("charge_elsewhere", "head of the member", "update invoice set organisation_id = '{other}'"),
    ("charge_elsewhere", "is gone", "delete from invoice"),
    ("charge_elsewhere", "is gone", "delete from membership where id = '{membership}'"),
    ("charge_unfounded", "charge", f"update charge set grant_id = '{NOWHERE}' {OF_MEMBER}"),
    ("waiver_unfounded", "fee_waiver", "insert into fee_waiver (id, membership_id, grant_id, starts_on, recorded_at)"
     f" values ('{NOWHERE}', '{{membership}}', '{NOWHERE}', '2027-01-01', now())"),
    ("fee_missing", "membership_decision", f"delete from charge {OF_MEMBER}"),
    ("application_decision", "no decision", f"delete from membership_decision {OF_MEMBER}"),
    ("application_decision", "2026-12-02", f"update application set starts_on = '2026-12-02' {APPLICATION}"),
    ("application_decision", "another", f"update application set organisation_id = '{{other}}' {APPLICATION}"),
    ("decision_application", "sent", f"update application set status = 'sent' {APPLICATION}"),
    ("decision_application", "gone", f"delete from application {APPLICATION}"),
    ("application_history", "0 times", "delete from application_event where application_id = '{application}'"),
    ("application_audit", "0 times", "delete from audit where action = 'application_approved'"),
    ("mail_without_job", "mail", "delete from pgqueuer"),
    ("mail_without_job", "mail", "update mail set status = 'queued' where status = 'sent'"),
]  # fmt: skip
OF_RULES = {"grant_missing", "grant_unfounded", "grant", "timeline", "family"}
OF_CHARGES = {"charge_net", "charge_vat", "charge_vat_rate", "fee_missing"}


@pytest.fixture
async def approved(context: Context, actor: Actor) -> dict[str, Any]:
    """An approved application with everything that follows: linked membership, charges, feed, mails."""
    async with context.db.tx() as connection:
        row = await connection.fetchrow(
            "select a.id, a.organisation_id from application a join network n on n.id = a.network_id"
            " where n.slug = 'nora-industry-network' and a.tier = 'principal' and a.status = 'sent'"
        )
        made = await applications.approve(context, actor, row["id"], STARTS)
        other = await connection.fetchval("select id from organisation where name = 'Universitetet i Oslo'")
        sent = await connection.fetchval("select id from mail order by id limit 1")
        await connection.execute("update mail set status = 'sent' where id = $1", sent)
        await connection.execute(
            "delete from pgqueuer where convert_from(payload, 'UTF8')::jsonb ->> 'mail' = $1", str(sent)
        )
    membership, linked = made.memberships
    return {
        "application": row["id"],
        "organisation": row["organisation_id"],
        "membership": membership,
        "linked": linked,
        "other": other,
    }


async def damage(context: Context, sql: str) -> None:
    """As somebody with a password and no manners: triggers and foreign keys asleep."""
    async with context.db.tx() as connection:
        await connection.execute("set local session_replication_role = replica")
        await connection.execute(sql)
        await connection.execute("set local session_replication_role = origin")


async def test_the_demo_data_is_what_its_facts_give(context: Context) -> None:
    assert await verify.run(context) == []


async def test_an_approval_leaves_nothing_to_find(context: Context, approved: dict[str, Any]) -> None:
    heard: list[tuple[int, int]] = []
    assert await verify.run(context, lambda done, total: heard.append((done, total))) == []
    assert heard[-1][0] == heard[-1][1] > 200


@pytest.mark.parametrize(("check", "named", "sql"), DAMAGES, ids=[f"{n}-{d[0]}" for n, d in enumerate(DAMAGES)])
async def test_damage_is_named(context: Context, approved: dict[str, Any], check: str, named: str, sql: str) -> None:
    await damage(context, sql.format(**approved))
    found = await verify.run(context)
    told = [f"{each.row} {each.why}" for each in found if each.check == check]
    assert any(named.format(**approved) in each for each in told), found


async def test_a_membership_that_has_ended_must_not_stay_on_the_feed(context: Context, actor: Actor) -> None:
    async with context.db.tx() as connection:
        seq = await connection.fetchval(
            "select f.seq from feed f join membership_period p using (membership_id)"
            " where f.op = 'remove' and p.superseded_at is null order by f.seq limit 1"
        )
    assert seq, "the demo data has members that left"
    await damage(context, f"update feed set op = 'upsert' where seq = {seq}")
    (found,) = await verify.run(context)
    assert (found.check, found.row) == ("feed_newest", f"feed {seq}")


async def test_a_family_the_rules_refuse_is_a_difference_too(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise RuleViolation("rule_cycle", "link_rules", rules=["a"])

    monkeypatch.setattr(verify, "repair", refuse)
    found = await verify.run(context)
    assert {each.check for each in found} == {"family"}


def test_every_check_has_its_damage() -> None:
    # test_verify_{invoices,renewals,shares}.py
    own_tests = {
        "family",
        *verify_courses.CHECKS,
        *verify_invoices.CHECKS,
        *verify_renewals.CHECKS,
        *verify_shares.CHECKS,
    }
    assert {each[0] for each in DAMAGES} | own_tests == {*CHECKS, *OF_RULES, *OF_CHARGES, "feed_newest", "audit_chain"}


def test_a_difference_says_check_row_and_why() -> None:
    assert Difference.__struct_fields__ == ("check", "row", "why")
