"""Events that change a level, written on the page of the level: added, changed, taken out; mistakes named."""

import pytest

from tests.crm.web.office import sign_in, text
from tests.crm.web.rule_forms import LEVEL, begin, save, stored

pytestmark = pytest.mark.anyio
PAGE = f"{LEVEL}?code=partner"
NEW = {
    "upgrades__new__names__nb": "Tilskudd innvilget",
    "upgrades__new__names__en": "Grant awarded",
    "upgrades__new__to": "principal",
    "upgrades__new__lock_in": "months",
    "upgrades__new__lock_months": "12",
}


async def test_an_event_is_added_changed_and_taken_out(client, context):
    await sign_in(client)
    await begin(client)
    assert (await save(client, PAGE, **NEW)).status_code == 303
    (made,) = (await stored(context)).tier("partner").upgrades
    assert (made.event, made.to, made.lock_in, made.lock_months) == ("grant_awarded", "principal", "months", 12)
    assert made.names == {"nb": "Tilskudd innvilget", "en": "Grant awarded"}
    changed = {
        "upgrades__0__names__en": "Project funded",
        "upgrades__0__lock_in": "none",
        "upgrades__0__lock_months": "",
    }
    assert (await save(client, PAGE, **changed)).status_code == 303
    (now,) = (await stored(context)).tier("partner").upgrades
    assert (now.event, now.names["en"], now.lock_in, now.lock_months) == ("grant_awarded", "Project funded", "none", 0)
    assert (await save(client, PAGE, upgrades__0__remove="yes")).status_code == 303
    assert (await stored(context)).tier("partner").upgrades == ()


@pytest.mark.parametrize(
    ("changed", "field", "said"),
    [
        ({"upgrades__new__lock_months": "0"}, "upgrades", "months"),
        ({"upgrades__new__lock_months": "soon"}, "upgrades.new.lock_months", "“soon”"),
        ({"upgrades__new__names__nb": "", "upgrades__new__names__en": ""}, "upgrades.new.names.nb", "Write a name"),
        ({"upgrades__new__to": "king"}, "upgrades", "There is no level called king"),
        ({"upgrades__new__to": "partner"}, "upgrades", "partner"),
    ],
)
async def test_what_no_event_can_be_is_named_and_nothing_is_stored(client, context, changed, field, said):
    await sign_in(client)
    await begin(client)
    before = await stored(context)
    answer = await save(client, PAGE, **(NEW | changed))
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text and said in text(answer)
    assert await stored(context) == before
