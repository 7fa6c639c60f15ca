"""`crm verify` sees damage to what partners are told: each kind is inflicted here, and named by it."""

import pytest

from crm.actions import verify
from crm.context import Context
from crm.store.verify_shares import CHECKS
from tests.crm.actions.test_verify import damage

pytestmark = pytest.mark.anyio
ONE = "(select min(row_id) from share where op = 'upsert')"
WIDER = 'replace(body, \'"tier"\', \'"contact":{"email":"x@y.example"},"tier"\')'

DAMAGES = [
    ("share_terms", "not 1", "update disclosure set in_force = 0"),
    ("share_terms", "not 0", "update agreement set ends_on = '2026-01-01'"),
    ("share_missing", "never looked at", f"delete from share where row_id = {ONE}"),
    ("share_stranger", "share", "update share set disclosure_id = (select id from disclosure d where d.id <>"
     f" share.disclosure_id order by d.id limit 1) where row_id = {ONE}"),
    ("share_body", "x@y.example", f"update share set body = {WIDER}, body_hash = sha256(convert_to({WIDER}, 'UTF8'))"
     f" where row_id = {ONE}"),
    ("share_body", "sees", f"update share set body_hash = '' where row_id = {ONE}"),
    ("share_body", "sees", f"update share set terms_version = 7 where row_id = {ONE}"),
    ("share_body", "nobody", "update disclosure_terms set tiers = '[\"no_such\"]'"),
    ("share_body", "nobody", "insert into share_choice (id, disclosure_id, organisation_id, about, choice, recorded_at)"
     " select gen_random_uuid(), disclosure_id, organisation_id, 'organisation', 'objects', now() from share"
     f" where row_id = {ONE}"),
    ("share_log", "version 1", "delete from share_version"),
    ("share_log", "upsert", "update share_version set op = 'remove', body_hash = null"),
]  # fmt: skip


@pytest.mark.parametrize(("check", "named", "sql"), DAMAGES, ids=[f"{n}-{d[0]}" for n, d in enumerate(DAMAGES)])
async def test_damage_to_shares_is_named(context: Context, check: str, named: str, sql: str) -> None:
    await damage(context, sql)
    found = await verify.run(context)
    assert any(named in f"{each.row} {each.why}" for each in found if each.check == check), found


def test_every_check_of_shares_has_its_damage() -> None:
    assert {each[0] for each in DAMAGES} == set(CHECKS)
