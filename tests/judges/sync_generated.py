"""A partner's copy of a network's members, written against the package that openapi-python-client made.

The same program as sync.ts: state in on standard input, state and the buckets that differ out. Members go through the
generated classes and back: what those lose or bend is seen in the digest.
"""

import json
import os
import sys
from hashlib import sha256
from typing import Any

from klynge_api import AuthenticatedClient
from klynge_api.api.networks import list_members
from klynge_api.api.sync import list_changes, show_digest
from klynge_api.types import UNSET

CLIENT = AuthenticatedClient(os.environ["ADDRESS"], os.environ["KEY"], raise_on_unexpected_status=True)
NETWORK = os.environ["NETWORK"]
Members = dict[str, dict[str, Any]]


def fetch_list() -> tuple[str, Members]:
    members: Members = {}
    place, cursor = "", UNSET
    while True:
        page = list_members.sync(NETWORK, client=CLIENT, limit=7, cursor=cursor)
        place = page.as_of_cursor or place
        members |= {str(each.id): each.to_dict() for each in page.items}
        if page.next_cursor is None:
            return place, members
        cursor = page.next_cursor


def follow(place: str, members: Members) -> tuple[str, Members]:
    while True:
        page = list_changes.sync(NETWORK, client=CLIENT, after=place, limit=3)
        for change in page.items:
            if change.member:
                members[str(change.id)] = change.member.to_dict()
            elif not os.environ.get("FORGET"):
                members.pop(str(change.id), None)
        place = page.next_cursor
        if not page.has_more:
            return place, members


def differing(members: Members) -> list[str]:
    lines: dict[str, str] = {}
    for each in sorted(members.values(), key=lambda m: m["id"]):
        if each.get("status") != "pending":
            body = json.dumps(each, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
            bucket = sha256(each["id"].encode()).hexdigest()[:2]
            lines[bucket] = lines.get(bucket, "") + f"{each['id']}|{each['version']}|{sha256(body).hexdigest()}\n"
    ours = {bucket: sha256(text.encode()).hexdigest() for bucket, text in lines.items()}
    theirs = {each.bucket: each.hash_ for each in show_digest.sync(NETWORK, client=CLIENT).buckets}
    return sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))


if __name__ == "__main__":
    before = json.load(sys.stdin)
    place, members = follow(*((before["cursor"], before["members"]) if before else fetch_list()))
    json.dump({"cursor": place, "members": members, "differing": differing(members)}, sys.stdout)
