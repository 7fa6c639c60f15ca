"""The guide for partners in five steps: one text for the page at /api/guide and for docs/sync.md, with what to copy.

`BASE` and the key are the reader's; the address and the network are filled in. tests/crm/test_guide.py runs all of it,
in both languages of programs, against a served instance, and holds docs/sync.md to it.
"""

import msgspec

from crm.i18n import N_


class Step(msgspec.Struct, frozen=True):
    """One step: what to do, why it is right, and how with curl and with Python. The Python parts are one program."""

    title: str
    text: str
    curl: str
    python: str


SETUP_CURL = """BASE={address}/api/v1/networks/{network}
AUTH="Authorization: Bearer $KLYNGE_KEY"
"""
SETUP_PYTHON = """import hashlib, json, os
from urllib.error import HTTPError
from urllib.request import Request, urlopen

BASE = "{address}/api/v1/networks/{network}"


def ask(path, accept="application/json"):
    headers = {{"Authorization": "Bearer " + os.environ["KLYNGE_KEY"], "Accept": accept}}
    with urlopen(Request(f"{{BASE}}/{{path}}", headers=headers), timeout=60) as answer:
        return answer.read(), answer.headers
"""
INTRO = N_(
    "You need the address, the network's slug and a key. Whoever manages the network makes one on the page “Keys”. Put "
    "it into the environment as KLYNGE_KEY, never into a file that others read."
)
REHEARSE = N_(
    "Try it first with made-up members: put /rehearsal at the end of BASE. There you make every kind of change happen "
    "yourself, and nothing of it is real."
)
CLIENT = N_(
    "One file does all of this into an SQLite file, whatever interrupts it. It needs Python and nothing else; also for "
    "what an agreement discloses (agreements/CODE in the place of the slug)."
)
CLIENT_CURL = """curl -s {address}/api/client.py -o client.py
KLYNGE_KEY=kly_... python client.py {address} {network} members.sqlite
"""
REHEARSE_CURL = """curl -s "$BASE/rehearsal/members?limit=3" -H "$AUTH"
curl -s "$BASE/rehearsal/changes" -H "$AUTH" -H 'Content-Type: application/json' -d '{"kind": "left"}'
"""

STEPS = (
    Step(
        N_("Fetch the whole list"),
        N_(
            "One member a line, and in a header the cursor where the changes go on. A stream that is cut off has no "
            "end: throw it away and ask again."
        ),
        """curl -sD head.txt "$BASE/members" -H "$AUTH" -H 'Accept: application/x-ndjson' --compressed -o members.ndjson
CURSOR=$(sed -n 's/^klynge-as-of-cursor: *\\([^ \\r]*\\).*/\\1/ip' head.txt)
wc -l members.ndjson
""",
        """

def fetch_list():
    body, headers = ask("members", "application/x-ndjson")
    listed = [json.loads(line) for line in body.splitlines()]
    return {{member["id"]: member for member in listed}}, headers["Klynge-As-Of-Cursor"]


members, cursor = fetch_list()
print(len(members), "members")
""",
    ),
    Step(
        N_("Follow the changes"),
        N_(
            "Upsert: this is the member now. Remove: it is gone. Store the page and its next_cursor in one transaction "
            "of yours; then each change takes effect exactly once, wherever you are interrupted."
        ),
        """curl -s "$BASE/changes?after=$CURSOR&limit=1000" -H "$AUTH"
""",
        """

def follow(wait=0):
    global cursor
    while True:
        page = json.loads(ask(f"changes?after={{cursor}}&limit=1000&wait={{wait}}")[0])
        for change in page["items"]:
            members.pop(change["id"], None)
            if change["op"] == "upsert":
                members[change["id"]] = change["member"]
        cursor = page["next_cursor"]  # your transaction ends here
        if not page["has_more"]:
            return


follow()
""",
    ),
    Step(
        N_("Wait for more"),
        N_(
            "With wait the answer comes when something is new, at the latest after so many seconds. A webhook wakes "
            "you, too."
        ),
        """curl -s "$BASE/changes?after=$CURSOR&wait=25" -H "$AUTH"
""",
        """
follow(wait=25)
""",
    ),
    Step(
        N_("Prove that nothing is missing"),
        N_(
            "Compare your buckets with the network's digest; once a night is plenty. What differs is fetched with "
            "digest/BUCKET, or send your copy to comparisons and see the fields that differ."
        ),
        """curl -s "$BASE/digest" -H "$AUTH"
curl -s "$BASE/comparisons" -H "$AUTH" -H 'Content-Type: application/x-ndjson' --data-binary @members.ndjson
""",
        """

def digest():
    lines = {{}}
    for id, member in sorted(members.items()):
        if member.get("status") == "pending":
            continue  # only announced
        text = json.dumps(member, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        line = f"{{id}}|{{member['version']}}|{{hashlib.sha256(text.encode()).hexdigest()}}\\n"
        lines.setdefault(hashlib.sha256(id.encode()).hexdigest()[:2], []).append(line)
    return {{name: hashlib.sha256("".join(rows).encode()).hexdigest() for name, rows in lines.items()}}


told = json.loads(ask("digest")[0])
differing = {{each["bucket"]: each["hash"] for each in told["buckets"]}}.items() ^ digest().items()
print("equal" if not differing else sorted(differing))
""",
    ),
    Step(
        N_("Find the way back after a long silence"),
        N_(
            "Changes are kept for at least 90 days. A cursor from before gets 410, and the Link header says where to "
            "begin: with the list, at step 1."
        ),
        """curl -s -o /dev/null -w '%{http_code}\\n' "$BASE/changes?after=$CURSOR" -H "$AUTH"
""",
        """
try:
    follow()
except HTTPError as error:
    if error.code != 410:
        raise
    members, cursor = fetch_list()
""",
    ),
)


def filled(text: str, address: str, network: str) -> str:
    """A Python part, or a part with the address in it, as it is copied."""
    return text.format(address=address, network=network)


def markdown(address: str, network: str) -> str:
    """The five steps as docs/sync.md has them."""
    out = [INTRO, "", "```sh", filled(SETUP_CURL, address, network).rstrip(), "```", "```python"]
    out += [filled(SETUP_PYTHON, address, network).rstrip(), "```", ""]
    for number, step in enumerate(STEPS, 1):
        out += [f"### {number}. {step.title}", step.text, "", "```sh", step.curl.strip(), "```"]
        out += ["```python", filled(step.python, address, network).strip(), "```", ""]
    return "\n".join([*out, f"{REHEARSE}", "", "```sh", REHEARSE_CURL.strip(), "```", ""])
