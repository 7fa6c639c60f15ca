"""Who is in charge hears ahead of what ends: once at each distance, in their language, and of nothing that goes on."""

from datetime import date, timedelta

import msgspec
import pytest

from crm.actions import endings, labels
from crm.actions.labels import LabelForm
from crm.clock import FixedClock
from crm.store import mail
from tests.conftest import NOW
from tests.crm.web.office import NORA_ONLY, count

pytestmark = pytest.mark.anyio
MAILS = "select count(*) from mail where kind = 'ending_soon'"
BODY = "select body_text from mail where kind = 'ending_soon' and recipient = $1 order by created_at desc limit 1"
BEGAN = date(2024, 1, 1)


def on(context, day):
    return msgspec.structs.replace(context, clock=FixedClock(NOW + timedelta(days=(day - date(2026, 11, 22)).days)))


async def nora(context):
    return await count(context, "select id from network where slug = 'nora-industry-network'")


async def told(context, actor, name, last_on, **more):
    return await labels.add(
        context, actor, await nora(context), LabelForm(name, issued_on=BEGAN, last_on=last_on, **more)
    )


@pytest.mark.parametrize(("left", "distance"), [(0, 7), (7, 7), (8, 30), (30, 30), (31, 90), (90, 90)])
def test_which_distance_is_reached(left, distance):
    today = date(2026, 11, 22)
    assert endings.distance(today + timedelta(days=left + 1), today) == distance


async def test_a_label_is_told_of_once_at_each_distance(context, actor):
    last = date(2027, 2, 28)
    gold = await told(context, actor, "ESCA", last, level="Gold")
    await told(context, actor, "Arena", None)
    people = await count(
        context,
        "select count(distinct r.account_id) from role r join network n on n.slug = 'nora-industry-network'"
        " where r.role = 'manager' and r.network_id = n.id or r.role = 'host_admin' and r.host_id = n.host_id",
    )
    assert people >= 2
    assert await endings.tell(on(context, last - timedelta(days=91))) == 0
    for left in (90, 30, 7):
        for _ in range(2):  # told once, however often it is looked at
            sent = await endings.tell(on(context, last - timedelta(days=left)))
        assert sent == 0
    assert await count(context, MAILS) == 3 * people
    assert await endings.tell(on(context, last + timedelta(days=1))) == 0, "what is over is no mail"
    form = LabelForm("ESCA", level="Gold", issued_on=BEGAN, last_on=date(2027, 3, 31))
    await labels.change(context, actor, await nora(context), gold, form)
    assert await endings.tell(on(context, date(2027, 3, 29))) == people, "another end is told of anew"


async def test_each_reads_it_in_their_language(context, actor):
    async with context.db.tx() as connection:
        await connection.execute("update account set language = 'en' where email = $1", NORA_ONLY)
    await told(context, actor, "ESCA", date(2026, 12, 1), level="Gold")
    await endings.tell(context)
    said = await count(context, BODY, NORA_ONLY)
    assert (
        "ESCA Gold: the last day is 1 Dec 2026, in 9 days." in said and "/n/nora-industry-network/setup/labels" in said
    )
    others = "select count(*) from mail where kind = 'ending_soon' and body_text like $1"
    assert await count(context, others, "%siste dag er 1. des. 2026, om 9 dager.%") >= 1


async def test_what_goes_on_under_its_name_is_not_told_of(context, actor):
    await told(context, actor, "ESCA", date(2026, 12, 1), level="Bronze")
    await told(context, actor, "esca", date(2029, 12, 1), level="Gold")
    assert await endings.tell(context) == 0


async def test_an_agreement_is_told_of_in_both_networks(context, actor):
    async with context.db.tx() as connection:
        changed = await connection.execute(
            "update agreement set ends_on = $1 where id = (select a.id from agreement a join network s on"
            " s.id = a.source_network_id and s.slug = 'nora-industry-network' join network t on"
            " t.id = a.target_network_id and t.slug = 'claire-innovation-network' limit 1)",
            date(2026, 12, 20),
        )
    assert await endings.tell(context) > 0
    assert changed == "UPDATE 1"
    networks = "select count(distinct network_id) from mail where kind = 'ending_soon' and body_text like '%20%2026%'"
    assert await count(context, networks) == 2
    assert await endings.tell(context) == 0


async def test_it_is_noted_with_its_mails_or_not_at_all(context, actor, monkeypatch):
    await told(context, actor, "ESCA", date(2026, 12, 1))

    async def broken(*_):
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(mail, "queue", broken)
        with pytest.raises(RuntimeError):
            await endings.tell(context)
    assert await count(context, "select count(*) from ending_notice") == 0
    assert await endings.tell(context) > 0


async def test_who_takes_charge_later_is_told_then(context, actor):
    await told(context, actor, "ESCA", date(2026, 12, 1))
    async with context.db.tx() as connection:
        await connection.execute("delete from role")
    assert await endings.tell(context) == 0
    assert await count(context, "select count(*) from ending_notice") == 0
