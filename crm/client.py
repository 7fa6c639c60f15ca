"""A partner's copy of a network's member list: one file to take along, with nothing but the standard library.

    KLYNGE_KEY=kly_... python client.py https://klynge.example nora-industry-network members.sqlite

It may be stopped at any moment and started again: each page is stored together with the cursor that comes after it.
docs/sync.md explains the protocol; nothing of Klynge is imported here.
"""

import hashlib
import json
import os
import sqlite3
import sys
import zlib
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

PAGE = 1000
CHUNK = 64 * 1024
TIMEOUT = 60  # seconds without a byte
ROUNDS = 5  # of comparing while others write
Member = dict[str, Any]

_TABLES = """
create table if not exists member (id text primary key, version integer not null, body text);
create table if not exists place (one integer primary key check (one = 1), cursor text not null);
"""


class Incomplete(Exception):
    """The stream ended before the list did; nothing of it was stored."""


def canonical(member: Member) -> bytes:
    """A member as RFC 8785 has it: keys in order, no spaces, UTF-8."""
    return json.dumps(member, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def bucket_of(member_id: str) -> str:
    """Which of the 256 buckets: the first byte of the id's SHA-256."""
    return hashlib.sha256(member_id.encode()).hexdigest()[:2]


def digests(members: list[Member]) -> dict[str, str]:
    """The hash of each bucket that has members."""
    lines: dict[str, list[str]] = {}
    for each in sorted(members, key=lambda m: m["id"]):
        line = f"{each['id']}|{each['version']}|{hashlib.sha256(canonical(each)).hexdigest()}\n"
        lines.setdefault(bucket_of(each["id"]), []).append(line)
    return {name: hashlib.sha256("".join(lines[name]).encode()).hexdigest() for name in sorted(lines)}


class Mirror:
    """The copy, in an SQLite file."""

    def __init__(self, address: str, network: str, key: str, path: str) -> None:
        """`network`: its slug, or `agreements/<code>` for what an agreement discloses of another network."""
        self._base = f"{address.rstrip('/')}/api/v1/{network if '/' in network else f'networks/{network}'}"
        self._key = key
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.executescript(_TABLES)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def members(self) -> list[Member]:
        """Who is a member today, in the order of ids. What is only announced (`pending`) is not."""
        rows = self._db.execute("select body from member where body is not null order by id")
        return [m for m in (json.loads(body) for (body,) in rows) if m.get("status") != "pending"]

    def sync(self, wait: int = 0) -> int:
        """Catch up with everything there is, waiting up to `wait` seconds for the first change; how many changes."""
        if self._cursor() is None:
            self._snapshot()
        seen = 0
        while True:
            try:
                page = self._get("changes", after=self._cursor(), limit=PAGE, wait=wait)
            except HTTPError as error:
                if error.code != 410:
                    raise
                self._snapshot()  # too long away: the way back is the whole list
                continue
            self._apply(page)
            seen += len(page["items"])
            wait = 0
            if not page["has_more"]:
                return seen

    def prove(self) -> list[str]:
        """Compare with the network's own digest, and fetch again what differs; the buckets that did.

        A list that changes all the time is compared again after catching up: only what differs at one moment counts.
        """
        repaired: list[str] = []
        for _ in range(ROUNDS):
            self.sync()
            theirs = self._get("digest")
            ours = digests(self.members())
            told = {each["bucket"]: each["hash"] for each in theirs["buckets"]}
            differing = sorted(name for name in {*ours, *told} if ours.get(name) != told.get(name))
            if not differing:
                return repaired
            if theirs["settled"] and theirs["as_of_cursor"] == self._cursor():
                repaired += [name for name in differing if self._repair(name)]
        raise RuntimeError("the list changed faster than it could be compared")

    # --- one step each

    def _snapshot(self) -> None:
        """The whole list at once: stored when it has come to its end, and not before."""
        with self._open("members", {"Accept": "application/x-ndjson", "Accept-Encoding": "gzip"}) as answer:
            cursor = answer.headers["Klynge-As-Of-Cursor"]
            rows = [(m["id"], m["version"], json.dumps(m)) for m in _lines(answer)]
        self._begin()
        self._db.execute("delete from member")
        self._db.executemany("insert into member values (?, ?, ?)", rows)
        self._move(cursor)

    def _apply(self, page: dict[str, Any]) -> None:
        """All changes of a page and its cursor, or nothing. What is gone keeps its version, so that it stays gone."""
        self._begin()
        for change in page["items"]:
            body = None if change["member"] is None else json.dumps(change["member"])
            self._db.execute(
                "insert into member values (?, ?, ?) on conflict (id) do update"
                " set version = excluded.version, body = excluded.body where excluded.version > member.version",
                (change["id"], change["version"], body),
            )
        self._move(page["next_cursor"])

    def _repair(self, bucket: str) -> bool:
        """Take a bucket as the network has it, if it has not moved on meanwhile."""
        told = self._get(f"digest/{bucket}")
        if not told["settled"] or told["as_of_cursor"] != self._cursor():
            return False
        self._begin()
        gone = [(m["id"],) for m in self.members() if bucket_of(m["id"]) == bucket]
        self._db.executemany("delete from member where id = ?", gone)
        self._db.executemany(
            "insert or replace into member values (?, ?, ?)",
            [(m["id"], m["version"], json.dumps(m)) for m in told["items"]],
        )
        self._db.execute("commit")
        return True

    def _cursor(self) -> str | None:
        row = self._db.execute("select cursor from place").fetchone()
        return row[0] if row else None

    def _begin(self) -> None:
        """What an interruption has left open is undone first."""
        if self._db.in_transaction:
            self._db.execute("rollback")
        self._db.execute("begin immediate")

    def _move(self, cursor: str) -> None:
        self._db.execute("insert or replace into place values (1, ?)", (cursor,))
        self._db.execute("commit")

    def _get(self, path: str, **parameters: Any) -> dict[str, Any]:
        given = {name: value for name, value in parameters.items() if value is not None}
        with self._open(f"{path}?{urlencode(given)}" if given else path, {}) as answer:
            found: dict[str, Any] = json.loads(answer.read())
        return found

    def _open(self, path: str, headers: dict[str, str]) -> Any:
        asked = Request(f"{self._base}/{path}", headers={"Authorization": f"Bearer {self._key}", **headers})  # noqa: S310
        return urlopen(asked, timeout=TIMEOUT)  # noqa: S310


def _lines(answer: Any) -> Iterator[Member]:
    """The members of a stream, to its very end. Incomplete: it was cut off."""
    packed = answer.headers["Content-Encoding"] == "gzip"
    opener = zlib.decompressobj(wbits=31)
    rest = b""
    while chunk := answer.read(CHUNK):
        *lines, rest = (rest + (opener.decompress(chunk) if packed else chunk)).split(b"\n")
        yield from map(json.loads, lines)
    if rest or (packed and not opener.eof):
        raise Incomplete


def main() -> None:
    """Follow a network until stopped."""
    address, network, path = sys.argv[1:]
    mirror = Mirror(address, network, os.environ["KLYNGE_KEY"], path)
    repaired = mirror.prove()
    print(f"{len(mirror.members())} members, {len(repaired)} buckets repaired", flush=True)
    while True:
        if seen := mirror.sync(wait=25):
            print(f"{seen} changes, {len(mirror.members())} members", flush=True)


if __name__ == "__main__":
    main()
