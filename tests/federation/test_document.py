"""docs/federation.md: its vectors are what the code gives, and what another implementation gets from the text."""

import json
import re
from datetime import UTC, datetime
from hashlib import sha256

import msgspec
from standardwebhooks import Webhook

from cluster_rules.federated_terms import Terms
from cluster_rules.federation import Register
from cluster_rules.reconciliation import digest
from crm.gateways.federation import genuine
from tests.processes import ROOT

TEXT = (ROOT / "docs" / "federation.md").read_text(encoding="utf-8")
VECTORS = json.loads(TEXT.split("<!-- vectors -->\n```json\n")[1].split("\n```")[0])
SECRET = re.findall(r"`(whsec_[^`]+)`", TEXT)[0]


def test_the_vectors_are_what_the_product_computes() -> None:
    registers = []
    for told in VECTORS["registers"]:
        wanted = told["body_hash"]
        register = msgspec.convert({k: v for k, v in told.items() if k != "body_hash"}, Register)
        assert register.body_hash == wanted
        registers.append(register)
    found = digest(registers)
    assert (found.buckets, found.hash) == (VECTORS["buckets"], VECTORS["hash"])


def test_another_implementation_from_the_text_alone_computes_the_same() -> None:
    lines: dict[str, list[str]] = {}
    for told in VECTORS["registers"]:
        said = {name: told[name] for name in ("agreement", "body", "grant_no", "key", "register", "state")}
        raw = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        hashed = sha256(raw).hexdigest()
        bucket = sha256(told["key"].encode()).hexdigest()[:2]
        lines.setdefault(bucket, []).append(f"{told['register']}|{told['key']}|{told['version']}|{hashed}\n")
    buckets = {at: sha256("".join(sorted(held)).encode()).hexdigest() for at, held in lines.items()}
    assert buckets == VECTORS["buckets"]
    whole = "".join(f"{at}|{buckets[at]}\n" for at in sorted(buckets))
    assert sha256(whole.encode()).hexdigest() == VECTORS["hash"]


def test_terms_have_the_hash_that_another_system_computes_from_them() -> None:
    told = TEXT.split("<!-- terms -->\n```json\n")[1].split("\n```")[0]
    wanted = re.findall(r"these terms have the hash `([0-9a-f]{64})`", TEXT)[0]
    assert sha256(told.encode()).hexdigest() == wanted
    assert msgspec.json.decode(told, type=Terms).hash == wanted


def test_the_signature_is_that_of_standard_webhooks_and_a_changed_byte_is_refused() -> None:
    body = re.findall(r'`(\{"agreement":"fed-0123456789","call":"digest"\})`', TEXT)[0]
    signature = re.findall(r"gives `(v1,[^`]+)`", TEXT)[0]
    moment = datetime.fromtimestamp(int(re.findall(r"timestamp `(\d+)`", TEXT)[0]), UTC)
    name = re.findall(r"id `([0-9a-f-]{36})`", TEXT)[0]
    assert Webhook(SECRET).sign(name, moment, body) == signature
    headers = {"webhook-id": name, "webhook-timestamp": str(int(moment.timestamp())), "webhook-signature": signature}
    assert genuine((SECRET,), headers, body.encode(), moment)
    assert genuine(("whsec_AAAA", SECRET), headers, body.encode(), moment)
    assert not genuine((SECRET,), headers, body.replace("digest", "buckets").encode(), moment)
    assert not genuine((SECRET,), {**headers, "webhook-id": "x"}, body.encode(), moment)
    assert not genuine((), headers, body.encode(), moment)
