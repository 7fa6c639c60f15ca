"""Webhooks: verified before they are told, one message at a time, retried by plan, changed over, never telling whom."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from crm.actions import webhook_deliveries, webhooks
from crm.actions.webhook_deliveries import RETRY_AFTER
from crm.actor import Actor
from crm.context import Context
from crm.errors import Forbidden, Invalid, NotFound, Refused
from crm.settings import Settings
from tests.crm.webhooks import NETWORK, OTHER, World
from tests.receiver import PATIENT, receiving

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(context: Context) -> AsyncIterator[World]:
    async with receiving() as receiver:
        made = World(context, receiver)
        await made.set_up()
        yield made


async def test_a_webhook_is_told_of_changes_when_it_has_answered(world: World) -> None:
    await world.create(verified=False)
    assert (await world.row())["status"] == "unverified"
    await webhook_deliveries.tell(world.context, PATIENT)
    assert [row["kind"] for row in await world.waiting()] == ["ping"]  # nothing else before it answers
    await world.work()
    (ping,) = world.receiver.heard
    assert ping.said["type"] == "ping" and ping.said["data"] == {}
    assert (await world.row())["status"] == "enabled"
    await world.work()  # at once where the feed is: nothing falls between the list they have and now
    assert world.receiver.heard[1].said["type"] == "members.changed"


async def test_who_does_not_answer_stays_unverified(world: World) -> None:
    world.receiver.always = "500 Not today"
    await world.create(verified=False)
    waits = []
    while (wait := await world.work()) is not None:
        waits.append(wait)
        world.later(wait)
    assert waits == list(RETRY_AFTER[:3])
    assert (await world.row())["status"] == "unverified" and not await world.waiting()
    world.receiver.always = "204 No Content"
    await webhooks.go_on(world.context, world.actor, world.hook)
    await world.work()
    assert (await world.row())["status"] == "enabled"


async def test_the_body_says_where_the_feed_is_and_nothing_of_members(world: World) -> None:
    await world.create(verified=False)
    await world.work()
    await world.work()
    heard = world.receiver.heard[1]
    said = Webhook(world.secret).verify(heard.body, heard.headers)
    base = world.context.settings.base_url
    assert set(said) == {"specversion", "id", "source", "type", "subject", "timestamp", "data"}
    assert said["specversion"] == "1.0" and said["source"] == base and said["id"] == heard.id
    assert said["subject"] == f"networks/{NETWORK}"
    assert set(said["data"]) == {"network", "agreement", "head_cursor", "changes"}
    assert said["data"]["changes"] == f"{base}/api/v1/networks/{NETWORK}/changes"
    names = await world.fetch(
        "select o.name from feed_member f join organisation o on o.id = f.organisation_id join network n"
        " on n.id = f.network_id where n.slug = $1",
        NETWORK,
    )
    assert names and not [row["name"] for row in names if row["name"].encode() in heard.body]


async def test_one_message_waits_and_takes_over_the_newest_head(world: World) -> None:
    await world.create()
    await world.moved()
    (first,) = await world.waiting()
    await world.fetch("update webhook_delivery set xid = 1, seq = 1 where id = $1", first["id"])
    await world.moved()
    assert [row["id"] for row in await world.waiting()] == [first["id"]]
    (head,) = await world.fetch("select xid, seq from webhook_delivery where id = $1", first["id"])
    assert head["xid"] > 1 and head["seq"] > 1
    assert await webhook_deliveries.tell(world.context, PATIENT) == (0, False)  # told: nothing more


async def test_what_was_tried_stays_as_it_is_and_the_next_follows_it(world: World) -> None:
    await world.create()
    await world.moved()
    world.receiver.answers = ["503 Busy"]
    assert await world.work() == RETRY_AFTER[0]
    await world.moved()
    assert len(await world.waiting()) == 1
    world.later(RETRY_AFTER[0])
    await world.work()
    first, again = world.receiver.heard
    assert first.id == again.id and first.body == again.body
    assert first.headers["webhook-timestamp"] != again.headers["webhook-timestamp"]
    (following,) = await world.waiting()  # what moved meanwhile
    await world.work()
    assert world.receiver.heard[2].id == str(following["id"]) != first.id


async def test_the_plan_of_retries_and_its_end(world: World) -> None:
    await world.create()
    await world.moved()
    world.receiver.always = "500 Broken\nX-Not: read"
    waits = []
    while (wait := await world.work()) is not None:
        waits.append(wait)
        world.later(wait)
    assert waits == list(RETRY_AFTER) and sum(waits, timedelta()) == timedelta(hours=75, minutes=35, seconds=5)
    assert len(world.receiver.heard) == 10 and len({each.id for each in world.receiver.heard}) == 1
    row = await world.row()
    assert (row["status"], row["reason"]) == ("disabled", "failing") and row["failing_since"]
    mails = await world.fetch("select subject, body_text, language from mail where kind = 'webhook_disabled'")
    managers = await world.fetch(
        "select r.account_id from role r join network n on n.id = r.network_id where n.slug = $1 and role = 'manager'",
        NETWORK,
    )
    assert len(mails) == len(managers) > 0
    assert all("CRM" in mail["subject"] and str(world.hook) in mail["body_text"] for mail in mails)
    await world.moved()
    assert not await world.waiting()


async def test_jitter_is_a_tenth_either_way() -> None:
    result = webhook_deliveries.Result(500)
    for chance, factor in ((0.0, 0.9), (0.5, 1.0), (1.0, 1.1)):
        policy = webhook_deliveries.Policy(chance=lambda chance=chance: chance)  # type: ignore[misc]
        assert webhook_deliveries._wait(2, result, policy) == timedelta(minutes=5) * factor


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        ("120", timedelta(seconds=120)),
        ("1", RETRY_AFTER[0]),  # the plan is the least
        ("999999999", timedelta(hours=24)),  # and a day the most
        ("soon", RETRY_AFTER[0]),
        ("-5", RETRY_AFTER[0]),
    ],
)
async def test_retry_after_is_honoured(world: World, said: str, wait: timedelta) -> None:
    await world.create()
    await world.moved()
    world.receiver.answers = [f"429 Slowly\nRetry-After: {said}"]
    assert await world.work() == wait


async def test_retry_after_may_be_a_date(world: World) -> None:
    await world.create()
    await world.moved()
    day = (world.clock.moment + timedelta(hours=1)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    world.receiver.answers = [f"503 Busy\nRetry-After: {day}"]
    wait = await world.work()
    assert wait and timedelta(minutes=59) < wait <= timedelta(hours=1)


async def test_410_stops_at_once(world: World) -> None:
    await world.create()
    await world.moved()
    world.receiver.answers = ["410 Gone"]
    assert await world.work() is None
    row = await world.row()
    assert (row["status"], row["reason"]) == ("disabled", "gone")
    assert await world.fetch("select 1 from mail where kind = 'webhook_disabled'")


@pytest.mark.parametrize("answer", ["301 Moved\nLocation: /elsewhere", "307 There\nLocation: /hooks", "404 No", None])
async def test_only_2xx_is_a_receipt(world: World, answer: str | None) -> None:
    await world.create()
    await world.moved()
    world.receiver.answers = [answer]
    assert await world.work() == RETRY_AFTER[0]
    assert len(world.receiver.heard) == 1  # nobody went where it pointed


async def test_both_secrets_sign_until_the_old_one_ends(world: World) -> None:
    await world.create()
    old = world.secret
    made = await webhooks.rotate(world.context, world.actor, world.hook, 2)
    assert made.old_until == world.clock.moment + timedelta(hours=2) and made.secret != old
    await world.moved()
    await world.work()
    (heard,) = world.receiver.heard
    for secret in (old, made.secret):
        Webhook(secret).verify(heard.body, heard.headers)
    world.later(timedelta(hours=2))
    await world.moved()
    await world.work()
    heard = world.receiver.heard[1]
    assert " " not in heard.headers["webhook-signature"]
    assert (await world.row())["old_secret"] == old
    await webhook_deliveries.forget(world.context)
    assert (await world.row())["old_secret"] == ""
    world.clock.moment = datetime.now(UTC)
    again = await webhooks.rotate(world.context, world.actor, world.hook, 0)
    await world.moved()
    await world.work()
    heard = world.receiver.heard[2]
    Webhook(again.secret).verify(heard.body, heard.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(made.secret).verify(heard.body, heard.headers)


async def test_a_quiet_feed_has_a_heartbeat_and_clocks_are_compared(world: World) -> None:
    await world.create()
    world.later(webhook_deliveries.QUIET - timedelta(seconds=1))
    assert await webhook_deliveries.tell(world.context, PATIENT) == (0, False)
    world.later(timedelta(seconds=2))
    await webhook_deliveries.tell(world.context, PATIENT)
    theirs = world.clock.moment + timedelta(minutes=3)
    world.receiver.answers = [f"200 OK\nDate: {theirs.strftime('%a, %d %b %Y %H:%M:%S GMT')}"]
    await world.work()
    (heard,) = world.receiver.heard
    assert heard.said["type"] == "heartbeat"
    assert heard.said["data"]["head_cursor"]  # type: ignore[index]
    assert 178 <= (await world.row())["skew_seconds"] <= 180


async def test_paused_it_hears_nothing_and_afterwards_where_the_feed_is(world: World) -> None:
    await world.create()
    await world.moved()
    await webhooks.pause(world.context, world.actor, world.hook)
    await webhooks.pause(world.context, world.actor, world.hook)
    assert not await world.waiting()
    await world.moved()
    assert not await world.waiting() and not world.receiver.heard
    await webhooks.go_on(world.context, world.actor, world.hook)
    await world.work()
    await world.work()
    assert [heard.said["type"] for heard in world.receiver.heard] == ["ping", "members.changed"]


async def test_a_message_is_sent_again_under_its_own_id(world: World) -> None:
    await world.create()
    await world.moved()
    await world.work()
    (first,) = world.receiver.heard
    await webhooks.send_again(world.context, world.actor, world.hook, UUID(first.id))
    world.receiver.answers = ["500 No"]
    assert await world.work() is None  # one try, no consequences
    assert (await world.row())["status"] == "enabled" and not await world.waiting()
    assert (world.receiver.heard[1].id, world.receiver.heard[1].body) == (first.id, first.body)
    log = await world.fetch(
        "select number, status_code, why from webhook_attempt where delivery_id = $1 order by number", UUID(first.id)
    )
    assert [tuple(row.values()) for row in log] == [(1, 204, ""), (2, 500, "status")]
    await webhooks.pause(world.context, world.actor, world.hook)
    with pytest.raises(Refused, match="webhook_not_enabled"):
        await webhooks.send_again(world.context, world.actor, world.hook, UUID(first.id))


async def test_a_revoked_key_is_told_nothing_more(world: World) -> None:
    await world.create()
    await world.moved()
    await world.fetch("update api_key set revoked_at = now() where id = $1", world.key)
    assert await world.work() is None
    row = await world.row()
    assert (row["status"], row["reason"]) == ("disabled", "key_revoked") and not world.receiver.heard
    with pytest.raises(Refused, match="webhook_key_revoked"):
        await webhooks.go_on(world.context, world.actor, world.hook)


async def test_a_revoked_keys_webhook_is_stopped_within_the_minute(world: World) -> None:
    await world.create()
    await world.moved()
    await world.fetch("update api_key set revoked_at = now() where id = $1", world.key)
    await webhook_deliveries.sweep(world.context, PATIENT)
    assert (await world.row())["reason"] == "key_revoked" and not await world.waiting()


async def test_a_lost_sender_is_replaced_when_its_lease_is_over(world: World) -> None:
    await world.create()
    await world.moved()
    (row,) = await world.waiting()
    async with world.context.db.tx() as connection:
        claim = webhook_deliveries.webhook_deliveries.claim
        assert await claim(connection, row["id"], world.clock.moment, PATIENT.lease)  # and then nothing
    assert await world.work() == PATIENT.lease
    world.later(PATIENT.lease)
    await world.work()
    log = await world.fetch("select why from webhook_attempt where delivery_id = $1 order by number", row["id"])
    assert [each["why"] for each in log] == ["interrupted", ""]
    assert not await world.waiting()


async def test_a_lost_job_is_replaced(world: World) -> None:
    await world.create()
    await world.moved()
    (row,) = await world.waiting()
    await world.fetch("delete from pgqueuer where entrypoint = 'send_webhook'")
    assert await webhook_deliveries.sweep(world.context, PATIENT) == []
    world.later(PATIENT.overdue + timedelta(seconds=1))
    assert await webhook_deliveries.sweep(world.context, PATIENT) == [row["id"]]
    assert await webhook_deliveries.sweep(world.context, PATIENT) == []


async def test_the_log_is_kept_for_a_month(world: World) -> None:
    await world.create()
    await world.moved()
    before = await world.fetch("select 1 from webhook_delivery where webhook_id = $1", world.hook)
    world.later(timedelta(days=31))
    assert await webhook_deliveries.forget(world.context) == len(before) - 1  # not what still waits
    assert len(await world.waiting()) == 1


# --- who may, and what is refused


async def test_only_its_key_and_who_manages_its_networks_have_a_word(world: World, actor: Actor) -> None:
    await world.create()
    (network,) = world.actor.reads
    stranger = Actor("other key", "api", reads=world.actor.reads, id=UUID(int=7))
    for act in (webhooks.pause, webhooks.go_on, webhooks.rotate, webhooks.remove):
        with pytest.raises(NotFound):
            await act(world.context, stranger, world.hook)
    manager = Actor("manager", "web", manages=frozenset({network}))
    await webhooks.pause(world.context, manager, world.hook)
    await webhooks.remove(world.context, actor, world.hook)
    assert not await world.fetch("select 1 from webhook where id = $1", world.hook)
    assert not await world.fetch("select 1 from webhook_delivery where webhook_id = $1", world.hook)


async def test_who_manages_only_one_of_its_networks_is_forbidden(world: World, actor: Actor) -> None:
    keys = await world.fetch("select id from api_key where role = 'manager' and network_id is null")
    wanted = webhooks.Wanted(world.receiver.url, "Both", [NETWORK, OTHER])
    made = await webhooks.create(world.context, actor, keys[0]["id"], wanted)
    (network,) = world.actor.reads
    with pytest.raises(Forbidden):
        await webhooks.pause(world.context, Actor("manager", "web", manages=frozenset({network})), made.id)


async def test_a_key_hears_only_of_what_it_reads(world: World) -> None:
    for wanted in (webhooks.Wanted(world.receiver.url, "", [OTHER]), webhooks.Wanted(world.receiver.url, "", ["none"])):
        with pytest.raises(Refused, match="network_unknown"):
            await webhooks.create(world.context, world.actor, world.key, wanted)
    with pytest.raises(Refused, match="agreement_unknown"):
        await webhooks.create(world.context, world.actor, world.key, webhooks.Wanted(world.receiver.url, "", (), ["x"]))


async def test_an_address_inside_is_refused(world: World) -> None:
    outside = Context(world.context.db, world.clock, Settings(development=True))
    for url, code in (("http://partner.example/", "address_scheme"), ("https://127.1/", "address_not_public")):
        with pytest.raises(Invalid) as refused:
            await webhooks.create(outside, world.actor, world.key, webhooks.Wanted(url, ""))
        assert [(field, rule) for field, rule, _ in refused.value.problems] == [("url", code)]


async def test_a_key_has_so_many_webhooks(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "MOST_OF_KEY", 1)
    await world.create(verified=False)
    with pytest.raises(Refused, match="webhooks_full"):
        await world.create(verified=False)
