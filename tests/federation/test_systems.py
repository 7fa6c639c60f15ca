"""F1-F15 on two systems with databases of their own: an agreement is made, kept, disturbed and ended."""

from datetime import timedelta
from uuid import UUID, uuid4

import msgspec
import pytest

from cluster_rules import federation
from cluster_rules.networks import LinkFee
from crm.actions import federation as actions
from crm.actions import federation_exchange
from crm.clock import FixedClock
from crm.gateways import federation as peers
from tests.conftest import NOW
from tests.federation.conftest import Two
from tests.federation.two import CLAIRE, HELVE, NORA, RULES, System, Wire, agree, decline, end, organisation, settle

pytestmark = [pytest.mark.anyio, pytest.mark.commits]
TODAY = NOW.date()
HELD = {"SINTEF", "Telenor", "eSmart Systems"}  # in the demo without a number: their names alone merge nobody


async def the_same(two: Two) -> None:
    """F1: registers, digests and effective memberships, on the registers and on what is derived from them."""
    mine, theirs = await two.a.registers(two.code), await two.b.registers(two.code)
    assert mine == theirs
    assert await two.a.digest(two.code) == await two.b.digest(two.code)
    linked = await two.b.linked(two.code)
    effective = {
        offer.body["profile"]["name"]: tier
        for (kind, key), offer in theirs.items()
        if kind == "offer"
        and offer.state == "offered"
        and (tier := federation.effective(offer, theirs.get(("decision", key)), "active", TODAY, True))
    }
    assert linked == effective
    assert {name: tier for name, tier in (await two.a.linked(two.code)).items() if name not in HELD} == linked


async def test_f01_an_agreement_is_made_and_both_sides_are_the_same(two: Two) -> None:
    await the_same(two)
    assert HELVE in await two.b.linked(two.code)
    (cause,) = await two.b.fetch("select names from network where instance <> ''")
    assert cause["names"]["en"] == "NORA Industry Network (a.example)"
    assert not HELD & set(await two.b.linked(two.code))
    await end(two, HELVE)
    two.wire.lost = True
    with_loss = await two.a.agreement(two.code)
    assert await federation_exchange.send(two.a.context, with_loss.id, RULES) is not None
    assert HELVE in await two.b.linked(two.code)
    two.wire.lost = False
    assert (await federation_exchange.compare(two.a.context, two.code, RULES)).matched
    assert HELVE not in await two.b.linked(two.code)
    await the_same(two)


async def test_f02_never_effective_after_a_withdrawal_nor_under_a_suspended_agreement(two: Two) -> None:
    await end(two, HELVE)
    await two.a.send(two.code)
    old = next(said for _, said, _ in two.wire.seen if HELVE.encode() in said and b'"messages"' in said)
    late = msgspec.json.decode(old)
    found = await two.b.agreement(two.code)
    heard = await peers.ask(
        RULES,
        two.b.url,
        two.code,
        "messages",
        {"messages": late["messages"]},
        (await two.a.agreement(two.code)).keys(NOW),
        found.keys(NOW),
        NOW,
    )
    assert {each["result"] for each in heard.body["results"]} <= {"stale", "same"}
    assert HELVE not in await two.b.linked(two.code)
    assert await two.b.linked(two.code)
    await actions.say(two.a.context, two.a.actor, two.code, "suspended")
    await settle(two.a, two.b, two.code)
    assert {await s.agreement(two.code) and (await s.agreement(two.code)).standing for s in (two.a, two.b)} == {
        "suspended"
    }
    assert await two.b.linked(two.code) == {} == await two.a.linked(two.code)
    await actions.say(two.a.context, two.a.actor, two.code, "signed")
    await settle(two.a, two.b, two.code)
    await the_same(two)
    assert await two.b.linked(two.code)


async def test_f02_not_effective_while_the_two_sides_have_signed_different_terms(two: Two) -> None:
    word = (await two.a.registers(two.code))["granting_word", "agreement"]
    other = msgspec.structs.replace(word, version=2, body={**word.body, "terms": "0" * 64})
    keys, theirs = (await two.a.agreement(two.code)).keys(NOW), (await two.b.agreement(two.code)).keys(NOW)
    body = {"messages": [msgspec.to_builtins(other)]}
    await peers.ask(RULES, two.b.url, two.code, "messages", body, keys, theirs, NOW)
    assert (await two.b.agreement(two.code)).standing == "proposed"
    assert await two.b.linked(two.code) == {}
    again = msgspec.structs.replace(word, version=3)
    body = {"messages": [msgspec.to_builtins(again)]}
    await peers.ask(RULES, two.b.url, two.code, "messages", body, keys, theirs, NOW)
    assert (await two.b.agreement(two.code)).standing == "active"
    assert await two.b.linked(two.code)


async def test_f03_a_register_is_written_by_its_owner_only(two: Two) -> None:
    before = await two.b.registers(two.code), await two.a.registers(two.code)
    key = str(await organisation(two.a, HELVE))
    system = (await two.a.agreement(two.code)).peer_instance
    forged = federation.Register(two.code, key, "offer", 9, 1, system, "withdrawn", {"periods": []})
    heard = await peers.ask(
        RULES,
        two.a.url,
        two.code,
        "messages",
        {"messages": [msgspec.to_builtins(forged)]},
        (await two.b.agreement(two.code)).keys(NOW),
        (await two.a.agreement(two.code)).keys(NOW),
        NOW,
    )
    assert heard.body["results"][0]["result"] == "not_owner"
    assert (await two.b.registers(two.code), await two.a.registers(two.code)) == before


async def test_f05_a_message_ten_times_has_its_effects_once(two: Two) -> None:
    async def effects() -> list[int]:
        counted = ("mail", "membership_decision", "membership_grant", "feed", "charge")
        return [(await two.b.fetch(f"select count(*) as n from {table}"))[0]["n"] for table in counted]

    before = await effects()
    to_b = [said for url, said, _ in two.wire.seen if url.startswith(two.b.url) and url.endswith("/messages")]
    keys, theirs = (await two.a.agreement(two.code)).keys(NOW), (await two.b.agreement(two.code)).keys(NOW)
    for said in to_b * 10:
        body = {"messages": msgspec.json.decode(said)["messages"]}
        await peers.ask(RULES, two.b.url, two.code, "messages", body, keys, theirs, NOW)
    assert len(to_b) == 1
    assert await effects() == before


async def test_f06_after_a_restore_the_second_round_is_clean(two: Two) -> None:
    """A's federation tables are put back to before: silently, as an older backup would."""
    tables = ("federated_outbox", "federated_register")
    for table in tables:
        await two.a.fetch(f"create table old_{table} as table {table}")
    await decline(two, HELVE)
    for name in ("Havlinje Rederi", "Mälarglimt Industri"):
        await end(two, name)
    await settle(two.a, two.b, two.code)
    await two.a.fetch("alter table federated_register disable trigger all")
    for table in tables:
        await two.a.fetch(f"delete from {table}")
        await two.a.fetch(f"insert into {table} table old_{table}")
    await two.a.fetch("alter table federated_register enable trigger all")
    found = await federation_exchange.reconcile(two.b.context, two.code, RULES)
    assert found.differing > 0
    await settle(two.a, two.b, two.code)
    again = await federation_exchange.reconcile(two.a.context, two.code, RULES)
    assert (again.matched, again.rounds, again.differing) == (True, 1, 0)
    assert await two.a.registers(two.code) == await two.b.registers(two.code)
    assert (await two.a.agreement(two.code)).reasserted > 1
    mails = await two.a.fetch("select 1 from mail where kind = 'federation_news' and body_text like '%newer records%'")
    assert len(mails) == 1  # to the one manager who reads English


async def test_f07_a_truncated_bucket_removes_nobody(two: Two) -> None:
    members = await two.b.linked(two.code)
    await end(two, HELVE)
    await two.a.fetch("delete from federated_outbox")

    def cut(url: str, answer: bytes) -> bytes:
        return answer[: len(answer) // 2] if url.endswith("/buckets") else answer

    two.wire.change = cut
    with pytest.raises(peers.PeerFailed):
        await federation_exchange.reconcile(two.b.context, two.code, RULES)
    assert await two.b.linked(two.code) == members
    two.wire.change = None
    assert (await federation_exchange.reconcile(two.b.context, two.code, RULES)).matched
    assert HELVE not in await two.b.linked(two.code)


async def test_f08_linked_members_are_not_offered_on(two: Two) -> None:
    """B offers its own members back to A's NORA: those who are there through A are not among them."""
    back = await agree(_as(two.b, CLAIRE), _as(two.a, NORA), TODAY, (("member", "partner"),))
    offered = {key for kind, key in await two.b.registers(back) if kind == "offer"}
    linked = {str(await organisation(two.b, name)) for name in await two.b.linked(two.code)}
    direct = await two.b.fetch(
        "select distinct g.organisation_id::text as id from membership_grant g join network n on n.id = g.network_id"
        " where n.slug = $1 and g.kind = 'direct' and g.superseded_at is null",
        CLAIRE,
    )
    assert offered <= {row["id"] for row in direct}
    assert linked - {row["id"] for row in direct} and not (linked - {row["id"] for row in direct}) & offered


def _as(system: System, network: str) -> System:
    made = System(system.context, system.application, network)
    made.actor = system.actor
    return made


async def test_f09_nothing_outside_the_allow_list_ever_leaves(strangers: tuple[System, System, Wire]) -> None:
    a, b, wire = strangers
    canary = "CANARY-7f3a"
    await a.fetch("update organisation set website = $1", f"https://{canary.lower()}.example")
    await a.fetch("update contact set name = $1, role = $1", canary)
    code = await agree(a, b, TODAY, (("principal", "member"),), fields=("name", "country", "kind"))
    assert len(await b.linked(code)) == 0  # without numbers nobody is known here for sure, so people are asked
    assert not any(canary.lower() in (said + heard).decode().lower() for _, said, heard in wire.seen)
    told = [r.body["profile"] for r in (await b.registers(code)).values() if r.register == "offer"]
    assert told and all(set(each) == {"name", "country", "kind"} for each in told)
    loud = msgspec.structs.replace(
        next(r for r in (await a.registers(code)).values() if r.register == "offer"),
        version=9,
        body={"periods": [], "profile": {**told[0], "website": "https://x.example"}},
    )
    heard = await peers.ask(
        RULES,
        b.url,
        code,
        "messages",
        {"messages": [msgspec.to_builtins(loud)]},
        (await a.agreement(code)).keys(NOW),
        (await b.agreement(code)).keys(NOW),
        NOW,
    )
    assert heard.body["results"][0]["reason"] == "field_not_agreed body"


async def test_f12_no_step_of_a_rotation_refuses_a_genuine_message_or_accepts_a_forged_one(two: Two) -> None:
    async def asks(keys: tuple[str, ...], moment: object = NOW) -> None:
        theirs = (await two.b.agreement(two.code)).keys(NOW)
        await peers.ask(RULES, two.b.url, two.code, "digest", {}, keys, theirs, moment)  # type: ignore[arg-type]

    first = (await two.a.agreement(two.code)).keys(NOW)
    two.wire.mute = True  # the new secret arrives, the receipt does not
    with pytest.raises(Exception, match="peer_failed"):
        await federation_exchange.rotate(two.a.context, two.a.actor, two.code, RULES)
    two.wire.mute = False
    during = (await two.a.agreement(two.code)).keys(NOW)
    assert len(during) == 2 and first[0] in during
    for keys in (first, during, during[:1]):
        await asks(keys)
    await federation_exchange.rotate(two.a.context, two.a.actor, two.code, RULES)
    assert (await two.a.agreement(two.code)).keys(NOW) == during
    await asks(during)
    later = FixedClock(NOW + timedelta(days=3))
    assert (await two.a.agreement(two.code)).keys(later.now()) == during[:1]
    assert (await two.b.agreement(two.code)).peer_keys(later.now()) == during[:1]
    for forged in (("whsec_" + "A" * 43 + "=",), (await two.b.agreement(two.code)).keys(NOW)):
        with pytest.raises(peers.PeerFailed, match="401"):
            await asks(forged)
    for stale in (timedelta(minutes=-6), timedelta(minutes=6)):
        with pytest.raises(peers.PeerFailed, match="401"):
            await asks(during, NOW + stale)


async def test_f13_numbers_lead_to_the_same_organisation_and_names_alone_to_a_person(two: Two) -> None:
    held = await two.b.fetch("select key, held from federated_link where held <> ''")
    assert {row["held"] for row in held} == {"alike"}
    before = await two.b.fetch("select count(*) as n from organisation")
    key = str(await organisation(two.a, "SINTEF"))
    await actions.point(two.b.context, two.b.actor, two.code, key, await organisation(two.b, "SINTEF"))
    assert "SINTEF" in await two.b.linked(two.code)
    with pytest.raises(Exception, match="nothing_held"):
        await actions.point(two.b.context, two.b.actor, two.code, key, None)
    other = str(await organisation(two.a, "Telenor"))
    with pytest.raises(Exception, match="already_linked"):
        await actions.point(two.b.context, two.b.actor, two.code, other, await organisation(two.b, "SINTEF"))
    assert await two.b.fetch("select count(*) as n from organisation") == before
    await settle(two.a, two.b, two.code)
    assert (await two.a.registers(two.code))["decision", key].state == "accepted"


async def fees(system: System, code: str) -> dict[UUID, int]:
    """How many charges each linked grant under the agreement has."""
    rows = await system.fetch(
        "select g.id, (select count(*) from charge c where c.grant_id = g.id) as n from membership_grant g"
        " where g.agreement = $1 and g.superseded_at is null",
        code,
    )
    return {row["id"]: row["n"] for row in rows}


async def test_f14_a_linked_membership_costs_nothing_unless_the_terms_say_so_and_never_twice(
    strangers: tuple[System, System, Wire],
) -> None:
    a, b, wire = strangers
    free = await agree(a, b, TODAY, (("principal", "member"),))
    assert set((await fees(b, free)).values()) == {0}
    at_a_fee = await agree(a, b, TODAY, (("partner", "member"),), fee=LinkFee(policy="normal"))
    charged = await fees(b, at_a_fee)
    assert charged
    assert set(charged.values()) == {1}
    sent = [msgspec.json.decode(said) for url, said, _ in wire.seen if at_a_fee in url and url.startswith(b.url)]
    for each in sent:
        if "messages" in each:
            keys, theirs = (await a.agreement(at_a_fee)).keys(NOW), (await b.agreement(at_a_fee)).keys(NOW)
            await peers.ask(RULES, b.url, at_a_fee, "messages", {"messages": each["messages"]}, keys, theirs, NOW)
    assert await fees(b, at_a_fee) == charged
    mirrored = (
        "select 1 from charge c join membership m on m.id = c.membership_id join network n on n.id = m.network_id"
    )
    assert await b.fetch(mirrored + " where n.instance <> ''") == []


async def test_f15_one_poisoned_record_blocks_no_other(two: Two) -> None:
    registers = await two.a.registers(two.code)
    good = [r for r in registers.values() if r.register == "offer"]
    poisoned = [
        msgspec.structs.replace(
            good[0],
            key=str(uuid4()),
            body={"periods": [{"tier": "gold", "starts_on": "2026-01-01", "source_tier": "principal"}]},
        ),
        msgspec.structs.replace(good[0], key=str(uuid4()), body={"periods": "yesterday"}),
        msgspec.structs.replace(good[0], key=str(uuid4()), body={"periods": [], "profile": {"name": "\u0000"}}),
        msgspec.structs.replace(
            good[0],
            key=str(uuid4()),
            body={"periods": [], "profile": {"name": "X", "country": "ZZ", "kind": "company"}},
        ),
        msgspec.structs.replace(good[0], key=str(uuid4()), version=0),
    ]
    changed = msgspec.structs.replace(good[1], version=good[1].version + 1, state="withdrawn", body={"periods": []})
    heard = await peers.ask(
        RULES,
        two.b.url,
        two.code,
        "messages",
        {"messages": msgspec.to_builtins([*poisoned, changed])},
        (await two.a.agreement(two.code)).keys(NOW),
        (await two.b.agreement(two.code)).keys(NOW),
        NOW,
    )
    assert [each["result"] for each in heard.body["results"]] == ["refused"] * 5 + ["applied"]
    assert good[1].body["profile"]["name"] not in await two.b.linked(two.code)
