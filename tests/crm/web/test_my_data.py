"""Data to take along, and people to forget: what is in the ZIP, what goes, what stays, and who may."""

import csv
import io
import json
import re
import zipfile

import asyncpg
import pytest

from cluster_rules.errors import RuleViolation
from crm.actions import erasures
from crm.actor import Actor
from crm.errors import Forbidden, NotFound
from crm.store.audit import broken_links
from tests.crm.web import office
from tests.crm.web.office import send, sign_in, text

pytestmark = pytest.mark.anyio
ADMIN, STAFF = "medlem@klynge.example", "ansatt@klynge.example"
FJORDSYN, HEIDI = "Fjordsyn Helse", "heidi.odegrind@fjordsyn-helse.example"


@pytest.fixture
async def base(context):
    """The address of the administrator's organisation."""
    organisation, _ = await office.member(context, FJORDSYN)
    return f"/my/{organisation}"


def _unpacked(answer):
    """(names, data.json, README.txt) of a downloaded archive."""
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        tables = {name: archive.read(name).decode("utf-8-sig") for name in archive.namelist()}
    return tables, json.loads(tables["data.json"]), tables["README.txt"]


async def test_an_organisation_takes_everything_along_and_no_secret(client, context, base):
    await sign_in(client, STAFF)
    assert (await client.get(f"{base}/data")).status_code == 200
    assert (await client.get(f"{base}/data/export")).status_code == 403
    await sign_in(client, ADMIN, "nb")
    page = await client.get(f"{base}/data")
    assert "Last ned alt" in text(page) and "contacts.csv" in page.text
    async with context.db.tx() as connection:
        await connection.execute("update contact set role = '=1+1' where email = $1", HEIDI)
    tables, data, readme = _unpacked(await client.get(f"{base}/data/export"))
    sections = data["sections"]
    assert sections["organisation"][0]["name"] == FJORDSYN and len(sections["memberships"]) == 2
    assert {row["kind"] for row in sections["membership_reasons"]} == {"direct", "linked"}
    assert sections["contacts"][0]["email"] == HEIDI and "Alt Klynge har lagret om Fjordsyn Helse" in readme
    [head, row, *_] = csv.reader(io.StringIO(tables["contacts.csv"]))
    assert dict(zip(head, row, strict=True))["role"] == "'=1+1", "no formula"
    assert all(f"{name}.csv" in readme for name, rows in sections.items() if rows)
    whole = tables["data.json"]
    assert "token_hash" not in whole and "password_hash" not in whole and "Cyviz" not in whole


async def test_a_person_takes_their_own_along(client, base):
    await sign_in(client, ADMIN)
    assert "Take it along" in text(await client.get("/account/data"))
    _, data, _ = _unpacked(await client.get("/account/data/export"))
    account = data["sections"]["account"][0]
    assert account["email"] == ADMIN and account["has_password"] and "password_hash" not in account
    assert len(data["sections"]["roles"]) == 2 and data["sections"]["sessions"]
    assert not re.search("token_hash|csrf|ansatt@", json.dumps(data))


async def test_a_contact_is_looked_at_then_forgotten_with_a_receipt(client, context, base):
    contact = await office.count(context, "select id from contact where email = $1", HEIDI)
    here = f"{base}/people/contacts/{contact}/erase"
    await sign_in(client, STAFF)
    assert (await client.get(here)).status_code == (await send(client, here)).status_code == 403
    await sign_in(client, ADMIN)
    looked = text(await client.get(here))
    assert "Forget Heidi Ødegrind" in looked and "What stays" in looked
    assert await office.count(context, "select count(*) from contact where id = $1", contact) == 1
    assert (await send(client, here, reason="x" * 2001)).status_code == 422
    gone = await send(client, here, reason="She has left")
    page = await client.get(gone.headers["location"])
    assert "This is the receipt." in text(page) and "She has left" in text(page)
    for path in ("/people", "", "/data", "/sharing"):
        assert "Ødegrind" not in (await client.get(f"{base}{path}")).text, path
    assert (await client.get(here)).status_code == (await send(client, here)).status_code == 404
    async with context.db.tx() as connection:
        assert await broken_links(connection) == []
        with pytest.raises(asyncpg.exceptions.RestrictViolationError):
            async with connection.transaction():
                await connection.execute("update erasure set actor = 'somebody'")


async def test_who_may_forget_whom(context, base):
    organisation, _ = await office.member(context, FJORDSYN)
    contact = await office.count(context, "select id from contact where email = $1", HEIDI)
    networks = await office.count(context, "select array_agg(id) from network where slug = 'nora-industry-network'")
    with pytest.raises(NotFound):
        await erasures.look(context, Actor("X", "web"), organisation, contact)
    with pytest.raises(Forbidden):
        await erasures.erase_contact(context, Actor("X", "web", reads=frozenset(networks)), organisation, contact)
    other, _ = await office.member(context, "Cyviz")
    with pytest.raises(NotFound):
        await erasures.look(context, Actor("X", "web", runs=frozenset({other})), other, contact)
    found = await erasures.look(context, Actor("X", "web", manages=frozenset(networks)), organisation, contact)
    assert found.email == HEIDI


async def test_oneself_is_forgotten_with_every_way_in(client, context, base):
    await sign_in(client, STAFF)
    assert (await send(client, "/account/data/erase")).status_code == 422
    gone = await send(client, "/account/data/erase", sure="yes")
    shown = await client.get(gone.headers["location"])
    assert "You are forgotten" in text(shown) and STAFF not in shown.text and "Anders" not in shown.text
    assert (await client.get(base)).status_code == 303
    assert await office.count(context, "select count(*) from account where email = $1", STAFF) == 0
    told = await office.count(context, "select detail::text from audit where action = 'person_erased'")
    assert "ansatt" not in told
    receipt = gone.headers["location"].rsplit("/", 1)[1]
    assert (await client.get(f"/forgotten/{receipt[:-4]}0000")).status_code == 404
    # Nobody else would run NORA without her and the host's administrator.
    await office.count(context, "delete from role where role = 'host_admin' returning 1")
    manager = await office.count(context, "select id from account where email = 'claire@klynge.example'")
    await office.count(context, "delete from role where role = 'manager' and account_id <> $1 returning 1", manager)
    with pytest.raises(RuleViolation) as refused:
        await erasures.erase_account(context, manager)
    assert refused.value.code == "last_manager"
