"""F1-F8 and F10 against two real processes with a faulty wire between them: one story, one start of both.

The parts follow each other on purpose: what one leaves is what the next begins with, as with real partners.
"""

from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest

from tests.federation.conftest import AGREED
from tests.federation.proxy import FAULTS
from tests.federation.running import Process, both, until
from tests.federation.two import CLAIRE, NORA, Wire
from tests.postgres import Server
from tests.seed import Keys

pytestmark = pytest.mark.commits
LEAVE = 3  # of the five that stand


@pytest.fixture(scope="module")
def pair(server: Server, seeded: Keys, agreed: tuple[str, Wire]) -> Iterator[tuple[Process, Process]]:
    with both(server, AGREED, seeded.manager_key, agreed[0]) as processes:
        yield processes


def calm(a: Process, b: Process) -> None:
    for each in (a, b):
        each.proxy.faults, each.proxy.only = ("none",), ""


def the_same(a: Process, b: Process) -> None:
    """F1, after one healing phase; F6: it takes two rounds at most, and then there is nothing left to do."""
    calm(a, b)
    until(lambda: b.compare().get("matched") is True, "B finds both the same")
    found = a.compare()
    assert (found["matched"], found["rounds"], found["differing"]) == (True, 1, 0)
    assert a.links() == b.links()


def test_f01_to_f10_against_two_processes(pair: tuple[Process, Process]) -> None:
    a, b = pair
    the_same(a, b)
    members = b.members()
    assert len(members) > LEAVE
    _faulty_wire(a, b, members)
    _replayed_and_forged(a, b)
    _cut_list(a, b)
    _killed_while_it_takes_in_and_after_it_has_sent(a, b)
    _no_way_back(a, b)
    _restored(a, b)


def _faulty_wire(a: Process, b: Process, members: set[str]) -> None:
    """F1, F2, F4, F5, F6: members leave while the wire does everything a wire can do."""
    for each in (a, b):
        each.proxy.faults = FAULTS
    versions = {key: said[1] for key, said in b.links().items()}
    for key in sorted(members)[:2]:
        a.end_membership(key)
        for each in (a, b, a):
            each.compare()
        for again, said in b.links().items():
            assert said[1] >= versions.get(again, 0)  # F4
            versions[again] = said[1]
    assert len({*a.proxy.met, *b.proxy.met}) > 4, "the wire was hardly faulty"
    the_same(a, b)
    assert b.members() == members - set(sorted(members)[:2])
    assert {said[1] for key, said in b.links().items() if key in sorted(members)[:2]} == {2}  # F5: one change each


def _replayed_and_forged(a: Process, b: Process) -> None:
    """F2, F3, F5: all that ever went to B comes once more, and what A said is told to A as if it were B's."""
    before = a.links(), b.links()
    said = [each for each in b.proxy.seen if b"/messages" in each.split(b"\r\n", 1)[0]]
    assert said
    for request in said:
        head, _, body = request.partition(b"\r\n\r\n")
        fields = dict(line.decode().split(": ", 1) for line in head.split(b"\r\n")[1:])
        signed = {
            name: value for name, value in fields.items() if name.lower().startswith(("webhook-", "content-type"))
        }
        path = head.split(b" ")[1].decode()
        assert b.client.post(f"http://127.0.0.1:{b.port}{path}", content=body, headers=signed).status_code == 200
        assert b.client.post(f"http://127.0.0.1:{a.port}{path}", content=body, headers=signed).status_code == 401
        changed = body.replace(b"withdrawn", b"offered__")
        if changed != body:
            assert b.client.post(f"http://127.0.0.1:{b.port}{path}", content=changed, headers=signed).status_code == 401
    assert (a.links(), b.links()) == before


def _cut_list(a: Process, b: Process) -> None:
    """F7: B asks for what differs and gets the half of it, again and again: nobody is gone."""
    members = b.members()
    a.proxy.faults, a.proxy.only = ("cut",), "/buckets"
    b.proxy.faults = ("drop",)  # A cannot say it by itself
    leaving = min(members)
    a.end_membership(leaving)
    for _ in range(2):
        assert b.compare() == {}
        assert b.members() == members
    the_same(a, b)
    assert b.members() == members - {leaving}


def _killed_while_it_takes_in_and_after_it_has_sent(a: Process, b: Process) -> None:
    """F10: B dies between taking in and committing, A between B's receipt and its own note of it."""
    members = b.members()
    leaving = min(members)
    b.kill()
    b.start(crash_at="federation_taken")
    a.end_membership(leaving)
    until(b.died, "B is killed as it takes the withdrawal in")
    a.kill()
    b.kill()
    b.start()
    assert leaving in b.members()  # rolled back, not half done
    a.start(crash_at="federation_sent")
    a.client.timeout = 60
    with suppress(httpx.HTTPError):
        a.compare()  # what waits is sent, and A dies with its answer
    until(a.died, "A is killed after B has answered")
    assert leaving not in b.members()
    a.kill()
    a.start()
    the_same(a, b)


def _no_way_back(a: Process, b: Process) -> None:
    """F8: B offers its members to A under an agreement of its own, and not those who are members through A."""
    invited = b.client.post(f"http://127.0.0.1:{b.port}/api/v1/networks/{CLAIRE}/federated-agreements", json={}).json()
    levels = [{"source": "member", "target": "partner"}]
    answered = a.ask("POST", f"/networks/{NORA}/federated-agreements/answers", link=invited["link"], levels=levels)
    assert answered.status_code == 201, answered.text
    back = f"/networks/{CLAIRE}/federated-agreements/{invited['agreement']}"
    signed = b.ask("POST", f"{back}/words", word="signed")
    assert signed.status_code < 300, signed.text
    until(lambda: bool(b.ask("GET", f"{back}/memberships").json()["items"]), "B offers its own members")
    offered = {each["organisation_id"] for each in b.ask("GET", f"{back}/memberships").json()["items"]}
    through_a = b.ask("GET", f"{b.agreement}/memberships").json()["items"]
    only_linked = set()
    for each in through_a:
        listed = b.ask("GET", f"/organisations/{each['organisation_id']}/memberships").json().get("items", [])
        claire = next((m for m in listed if m["network"] == CLAIRE), None)
        if claire and claire["origin"] == "linked":
            only_linked.add(each["organisation_id"])
    assert only_linked
    assert not only_linked & offered


def _restored(a: Process, b: Process) -> None:
    """F1, F6: A's database is put back to the day of the agreement, and nobody says so."""
    before = b.members()
    a.kill()
    a.fill()
    a.meet()
    a.start()
    assert a.members() > before  # A believes again that they are members
    the_same(a, b)
    assert b.members() == a.members() > before  # and A's word about its own members counts (somebody is told)
    assert b.standing() == a.standing() == "active"
