"""The wall of people who act for organisations, on the pool of a running service: each reader sees its own."""

import asyncpg
import pytest

from tests.conftest import context_on
from tests.crm.actions.people import FJORDSYN

pytestmark = [pytest.mark.anyio, pytest.mark.commits]
READABLE = """
select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'public'
and c.relkind = 'r' and has_table_privilege('crm_member', c.oid, 'select') and not c.relrowsecurity order by 1
"""
# What is open to everybody who is signed in: names, numbers and rules, as public pages show them.
OPEN = {"directory_entry", "directory_slug", "directory_state"}  # made of what everybody is shown
OPEN |= {"known_name", "main_unit"}  # what registers say of anybody
OPEN |= {"agreement", "host", "identifier", "network", "organisation", "organisation_profile", "rulebook", "terms"}


async def test_one_connection_serves_the_office_and_a_member_in_turns(own_database):
    async with context_on(own_database, size=1) as context:
        async with context.db.tx() as connection:
            own = await connection.fetchval("select organisation_id from identifier where value = $1", FJORDSYN)
            network = await connection.fetchval("select id from network where slug = 'nora-industry-network'")
        for _ in range(2):
            async with context.db.reading([network]) as connection:
                assert await connection.fetchval("select current_user") == "crm_reader"
                office = await connection.fetchval("select count(distinct organisation_id) from membership")
            async with context.db.reading_own([own]) as connection:
                assert await connection.fetchval("select current_user") == "crm_member"
                seen = await connection.fetch("select distinct organisation_id from membership")
            assert office > 10 and {row["organisation_id"] for row in seen} == {own}
            async with context.db.reading_own([]) as connection:
                assert await connection.fetchval("select count(*) from membership") == 0
        for sql in ("update membership set id = id", "select * from session", "select password_hash from account"):
            with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.ReadOnlySQLTransactionError)):
                async with context.db.reading_own([own]) as connection:
                    await connection.execute(sql)


async def test_every_table_a_member_may_see_is_behind_the_wall_or_open_to_all(context):
    async with context.db.tx() as connection:
        assert {row["relname"] for row in await connection.fetch(READABLE)} - OPEN == set()
        await connection.execute(
            "create table forgotten (organisation_id uuid); grant select on forgotten to crm_member"
        )
        assert {row["relname"] for row in await connection.fetch(READABLE)} - OPEN == {"forgotten"}
        policies = await connection.fetch(
            "select tablename, qual from pg_policies where 'crm_member' = any(roles) and tablename <> 'account'"
        )
    assert len(policies) >= 8
    # Either the setting itself is asked, or another table that stands behind the same wall.
    asked = ("crm_organisations", "crm.organisations", "EXISTS ( SELECT")
    assert [row["tablename"] for row in policies if not any(each in row["qual"] for each in asked)] == []
