"""Two systems and the wire between them, as a model: every rule is the product's, only storage and wire are toys.

`Parts` switches single parts of the protocol off: each mutant must be caught (sync_security 2.7), or known to be
healed by the others.
"""

import copy
from datetime import date
from typing import NamedTuple

from cluster_rules import federation, reconciliation
from cluster_rules.federation import AGREEMENT_KEY, OWNER, Name, Register, Shown, Side

DAY = date(2026, 11, 22)
AGREEMENT = "a1"
KEYS = ("org-1", "org-2", "org-3")
TIERS = ("full", "basic")
MOST_ROUNDS = 12


class Parts(NamedTuple):
    """What is switched on."""

    digest: bool = True
    versions: bool = True
    reasserts: bool = True
    tombstones: bool = True
    outbox: bool = True


ALL = Parts()


class Node:
    """One system: its registers and copies, what waits to be sent, and what its own rules and people want."""

    def __init__(self, side: Side, parts: Parts = ALL) -> None:
        self.side = side
        self.parts = parts
        self.registers: dict[Name, Register] = {}
        self.outbox: list[Register] = []
        self.effects: list[tuple[Name, int]] = []  # one mail, one fee for each change of a register that counts
        self.matched_on: date | None = DAY
        word: Name = (f"{side}_word", AGREEMENT_KEY)
        self.word = word

    # what its own people and rules decide
    def sign(self, state: str = "signed") -> None:
        own = self.registers.get(self.word)
        body = {"terms": "t1"}
        if own and own.state == "terminated":
            return
        if own:
            self._write(federation.changed(own, self.side, state, body))
        else:
            self._write(federation.first(AGREEMENT, AGREEMENT_KEY, self.word[0], self.side, state, body))

    def offer(self, key: str, tier: str | None, lost: bool = False) -> None:
        own = self.registers.get(("offer", key))
        body = {"periods": [{"tier": tier, "starts_on": "2026-01-01"}] if tier else []}
        made = federation.offer(own, AGREEMENT, key, self.side, "offered" if tier else "withdrawn", body)
        if made is None or made is own:
            return
        if made.state == "withdrawn" and not self.parts.tombstones:
            self.registers.pop(made.name)
            return
        self._write(made, lost)

    def decide(self, key: str, state: str, lost: bool = False) -> None:
        offered = self.registers.get(("offer", key))
        if offered is None:
            return
        self._write(federation.decision(self.registers.get(("decision", key)), offered, self.side, state, {}), lost)

    # the wire
    def receive(self, message: Register, sender: Side) -> Shown | None:
        """Take a message in; the answer tells what is held now."""
        have = self.registers.get(message.name)
        result = federation.receive(have, message, sender, self.standing)
        if result == "stale" and not self.parts.versions:
            result = "applied"
        if result == "applied":
            self.registers[message.name] = message
            self.effects.append((message.name, message.version))
            if message.register == "offer":
                self.policy(message)
        held = self.registers.get(message.name)
        return held.shown if held and OWNER[held.register] == sender else None

    def policy(self, offered: Register) -> None:
        """The receiving side accepts what it was not asked about before; a word about that very offer stays."""
        own = self.registers.get(("decision", offered.key))
        if offered.state == "offered" and (own is None or own.grant_no < offered.grant_no or own.state == "held"):
            self.decide(offered.key, "accepted")

    def see(self, copy: Shown) -> None:
        """The other side shows what it has of a register of mine."""
        if OWNER[copy.register] != self.side or not self.parts.reasserts:
            return
        again = federation.reasserted(self.registers.get((copy.register, copy.key)), copy, AGREEMENT, self.side)
        if again:
            self._write(again)
            offered = self.registers.get(("offer", copy.key))
            if copy.register == "decision" and offered:
                self.policy(offered)

    def _write(self, register: Register, lost: bool = False) -> None:
        if self.registers.get(register.name) == register:
            return
        self.registers[register.name] = register
        if not lost or self.parts.outbox:
            self.outbox.append(register)

    @property
    def standing(self) -> federation.Standing:
        return federation.standing(*federation.words(self.registers))

    def effective(self, key: str) -> str:
        have = self.registers
        fresh = federation.fresh(self.matched_on, DAY, DAY)
        return federation.effective(have.get(("offer", key)), have.get(("decision", key)), self.standing, DAY, fresh)

    def digest(self) -> reconciliation.Digest:
        return reconciliation.digest(self.registers.values())

    def bucket(self, at: str) -> dict[Name, Register]:
        return {n: r for n, r in self.registers.items() if reconciliation.bucket_of(r.key) == at}


class World:
    """Both, with messages that may come late, twice, in any order or not at all."""

    def __init__(self, parts: Parts = ALL) -> None:
        self.parts = parts
        self.a, self.b = Node("granting", parts), Node("receiving", parts)
        self.wire: list[tuple[Node, Node, Register]] = []
        self.backups: dict[Side, Node] = {}
        for node in (self.a, self.b):
            node.sign()
        self.settle()
        for node in (self.a, self.b):
            self.back_up(node)

    def other(self, node: Node) -> Node:
        return self.b if node is self.a else self.a

    def send(self, node: Node) -> None:
        """What waits goes on the wire; it leaves the outbox only when it was delivered once."""
        for message in node.outbox:
            self.wire.append((node, self.other(node), message))
        node.outbox.clear()

    def deliver(self, number: int, again: bool = False) -> None:
        """One message of the wire arrives; `again` leaves it there to arrive once more."""
        sender, receiver, message = self.wire[number % len(self.wire)]
        if not again:
            self.wire.pop(number % len(self.wire))
        held = receiver.receive(message, sender.side)
        if held:
            sender.see(held)

    def drop(self, number: int) -> None:
        self.wire.pop(number % len(self.wire))

    def back_up(self, node: Node) -> None:
        kept = copy.copy(node)
        kept.registers, kept.outbox = dict(node.registers), list(node.outbox)
        self.backups[node.side] = kept

    def restore(self, node: Node) -> None:
        """An older database is put back, and nobody says so."""
        kept = self.backups[node.side]
        node.registers, node.outbox = dict(kept.registers), list(kept.outbox)

    def settle(self) -> None:
        """Everything on its way arrives, in order; what is answered goes on its way, too."""
        for _ in range(MOST_ROUNDS):
            self.send(self.a)
            self.send(self.b)
            if not self.wire:
                return
            while self.wire:
                self.deliver(0)
        raise AssertionError("messages never end")

    def reconcile(self, node: Node, cut: bool = False) -> int:
        """`node` compares with the other and puts right what differs; how many buckets that were."""
        other = self.other(node)
        buckets = reconciliation.differing(node.digest(), other.digest())
        for at in buckets:
            theirs = other.bucket(at)
            if cut:
                theirs = dict(list(theirs.items())[:1])
            found = reconciliation.exchange(node.bucket(at), theirs, node.side, complete=not cut)
            for each in found.apply:
                node.receive(each, other.side)
            for each in found.reassert:
                node.see(each.shown)
            for each in found.send:
                held = other.receive(each, node.side)
                if held:
                    node.see(held)
            for each in found.show:
                other.see(each.shown)
        return len(buckets)

    def heal(self) -> int:
        """What waits arrives, and the nightly comparison runs until it finds nothing; how many rounds that took."""
        self.settle()
        if not self.parts.digest:
            return 0
        for turn in range(MOST_ROUNDS):
            node = self.a if turn % 2 == 0 else self.b
            if self.reconcile(node) == 0:
                return turn + 1
            self.settle()
        raise AssertionError("reconciliation never ends")
