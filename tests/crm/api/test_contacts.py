"""Contact persons and wordings of mails by the API: told, changed, refused by field, and closed to other networks."""

from typing import Any

import httpx
import pytest

from crm.actions import keys

pytestmark = pytest.mark.anyio
OWN, OTHER = "nora-industry-network", "sin-applied-ai"
TEXTS = f"/networks/{OWN}/mail-texts"
KARI = {"name": "Kari  Nordmann", "email": "KARI@fjellheim.example", "role": "CEO", "language": "en"}


@pytest.fixture
async def ask(client: httpx.AsyncClient, context: Any) -> Any:
    """Ask with a key of OWN (or another network, or one that only reads)."""
    secrets = {slug: (await keys.create(context, "Test", "manager", slug))[1] for slug in (OWN, OTHER)}
    secrets["partner"] = (await keys.create(context, "Test", "partner", OWN))[1]

    async def send(method: str, path: str, body: Any = None, key: str = OWN) -> httpx.Response:
        headers = {"authorization": f"Bearer {secrets[key]}"}
        more = {} if body is None else {"json": body}
        return await client.request(method, f"/api/v1{path}", headers=headers, **more)

    return send


@pytest.fixture
async def contacts(context: Any) -> str:
    """Where the contacts of a member of OWN alone are."""
    async with context.db.tx() as connection:
        organisation = await connection.fetchval(
            "select m.organisation_id from membership m join network n on n.id = m.network_id where n.slug = $1"
            " and not exists (select from membership x where x.organisation_id = m.organisation_id"
            " and x.network_id <> n.id) order by 1 limit 1",
            OWN,
        )
    return f"/organisations/{organisation}/contacts"


async def test_a_contact_is_added_and_changed(ask, contacts):
    before = (await ask("GET", contacts)).json()["items"]
    made = await ask("POST", contacts, KARI)
    assert made.status_code == 201, made.text
    told = made.json()
    assert (told["name"], told["email"], told["main"]) == ("Kari Nordmann", "kari@fjellheim.example", not before)
    changed = await ask("POST", f"{contacts}/{told['id']}", KARI | {"name": "Kari Berg", "main": True})
    assert changed.status_code == 200 and changed.json() == told | {"name": "Kari Berg", "main": True}
    listed = (await ask("GET", contacts)).json()["items"]
    assert listed[0] == changed.json() and [each["main"] for each in listed].count(True) == 1
    assert len(listed) == len(before) + 1


@pytest.mark.parametrize(
    ("changed", "field"),
    [({"name": " "}, "name"), ({"email": "kari"}, "email"), ({"language": "sv"}, "language"), ({"role": 1}, "role")],
)
async def test_a_wrong_contact_is_named_and_not_stored(ask, contacts, changed, field):
    before = (await ask("GET", contacts)).json()
    answer = await ask("POST", contacts, KARI | changed)
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == field, answer.text
    assert (await ask("GET", contacts)).json() == before


async def test_a_mail_is_worded_and_goes_back_to_the_standard(ask):
    one = f"{TEXTS}/membership_approved/nb"
    worded = await ask("POST", one, {"mode": "around", "top": "Velkommen fra oss alle."})
    assert worded.status_code == 200, worded.text
    assert (worded.json()["version"], worded.json()["top"]) == (1, "Velkommen fra oss alle.")
    listed = (await ask("GET", TEXTS)).json()["items"]
    assert [each for each in listed if each["version"]] == [worded.json()] and len(listed) > 20
    assert (await ask("POST", one, {"mode": "standard"})).json()["version"] == 2
    unknown = await ask("POST", one, {"mode": "around", "top": "{shoe_size}"})
    assert unknown.status_code == 422 and unknown.json()["errors"][0]["field"] == "top"
    for path in (f"{TEXTS}/no_such_mail/nb", f"{TEXTS}/membership_approved/sv"):
        assert (await ask("POST", path, {"mode": "standard"})).status_code == 404


async def test_other_networks_and_readers_have_no_way_in(ask, contacts):
    told = (await ask("POST", contacts, KARI)).json()
    for key, status in ((OTHER, 404), ("partner", 403)):
        for method, path, body in (
            ("GET", contacts, None),
            ("POST", contacts, KARI | {"email": "b@fjellheim.example"}),
            ("POST", f"{contacts}/{told['id']}", KARI),
            ("GET", TEXTS, None),
            ("POST", f"{TEXTS}/membership_approved/nb", {"mode": "standard"}),
        ):
            assert (await ask(method, path, body, key)).status_code == status, (key, method, path)
