"""Invitations, roles and claims: who may give what to whom, and links that are good once."""

import msgspec
import pytest

from crm import mail_domains
from crm.actions import claims, people, sessions
from crm.actions.claims import ClaimForm
from crm.actions.people import Wanted
from crm.errors import Forbidden, Invalid, NotFound, Refused, TooMany
from crm.reads import people as reads
from crm.store.people import INVITED_FOR
from crm.web.session import actor_of
from tests.crm.actions.people import (
    FJORDSYN,
    HERE,
    MANAGER,
    MEMBER,
    STAFF,
    mails,
    network,
    organisation,
    secret_in,
    session_of,
)

pytestmark = pytest.mark.anyio
NEW = "ny@klynge.example"
CLAIRE = "claire@klynge.example"


async def _actor(context, email=MANAGER):
    return actor_of(await session_of(context, email))


async def _invited(context, role="viewer", email=NEW, by=MANAGER, place=None):
    """(id, link's secret) of an invitation."""
    wanted = Wanted(email, "Nina Ny", role, place or await network(context), "nb")
    before = [each["body_text"] for each in await mails(context, "invitation")]
    made = await people.invite(context, await _actor(context, by), wanted)
    [text] = [each["body_text"] for each in await mails(context, "invitation") if each["body_text"] not in before]
    return made, secret_in(text, "/invitation")


async def test_an_invitation_makes_an_account_with_its_role_and_is_good_once(context):
    _, secret = await _invited(context)
    shown = await people.look(context, secret, HERE)
    assert (shown.email, shown.role, shown.known, shown.invited_by) == (NEW, "viewer", False, "Ingrid Vik")
    done = await people.accept(context, secret, " Nina  Ny ", HERE)
    found = await sessions.current(context, done.opened.token)
    assert (found.email, found.name, found.strong) == (NEW, "Nina Ny", False)
    assert found.views == {await network(context)} and not found.manages
    for act in (people.look(context, secret, HERE), people.accept(context, secret, "x", HERE)):
        with pytest.raises(Refused) as again:
            await act
        assert again.value.code == "invitation_over"


async def test_an_invited_manager_manages_nothing_before_a_second_factor(context):
    _, secret = await _invited(context, "manager")
    done = await people.accept(context, secret, "", HERE)
    found = await sessions.current(context, done.opened.token)
    assert found.must_secure and not found.manages


async def test_an_invitation_does_not_sign_in_an_account_that_has_its_own_ways(context):
    """A mail is no proof of a second factor: the role is given, the person signs in as always."""
    _, secret = await _invited(context, email=CLAIRE)
    done = await people.accept(context, secret, "", HERE)
    assert done.opened is None and done.email == CLAIRE
    assert await network(context) in (await session_of(context, CLAIRE)).views


async def test_an_invitation_is_sent_again_taken_back_and_runs_out(context):
    made, first = await _invited(context)
    actor = await _actor(context)
    before = [each["body_text"] for each in await mails(context, "invitation")]
    await people.resend(context, actor, made)
    [text] = [each["body_text"] for each in await mails(context, "invitation") if each["body_text"] not in before]
    second = secret_in(text, "/invitation")
    with pytest.raises(Refused):
        await people.look(context, first, HERE)
    assert (await people.look(context, second, HERE)).email == NEW
    context.clock.moment += INVITED_FOR
    with pytest.raises(Refused):
        await people.accept(context, second, "Nina", HERE)
    context.clock.moment -= INVITED_FOR
    await people.revoke(context, actor, made)
    with pytest.raises(Refused):
        await people.accept(context, second, "Nina", HERE)
    with pytest.raises(Refused) as over:
        await people.resend(context, actor, made)
    assert over.value.code == "invitation_over"


async def test_a_second_invitation_to_the_same_place_replaces_the_first(context):
    _, first = await _invited(context)
    _, second = await _invited(context, "treasurer")
    with pytest.raises(Refused):
        await people.look(context, first, HERE)
    assert (await people.look(context, second, HERE)).role == "treasurer"


@pytest.mark.parametrize(
    ("by", "role", "error"),
    [
        (CLAIRE, "viewer", NotFound),
        ("leser@klynge.example", "viewer", Forbidden),
        ("kasserer@klynge.example", "manager", Forbidden),
        (MEMBER, "viewer", NotFound),
        ("vert@klynge.example", "manager", None),
    ],
)
async def test_only_who_manages_a_network_gives_roles_in_it(context, by, role, error):
    if error is None:
        await _invited(context, role, by=by)
    else:
        with pytest.raises(error):
            await _invited(context, role, by=by)


@pytest.mark.parametrize(
    ("by", "error"), [(MEMBER, None), (STAFF, Forbidden), (CLAIRE, None), ("sindre@klynge.example", NotFound)]
)
async def test_an_organisation_is_run_by_its_admins_and_helped_by_its_networks(context, by, error):
    place = await organisation(context)
    if error is None:
        await _invited(context, "organisation_member", by=by, place=place)
    else:
        with pytest.raises(error):
            await _invited(context, "organisation_member", by=by, place=place)


async def test_host_admins_are_made_by_host_admins(context):
    async with context.db.tx() as connection:
        host = await connection.fetchval("select id from host where code = 'nora'")
    with pytest.raises(NotFound):
        await _invited(context, "host_admin", place=host)
    _, secret = await _invited(context, "host_admin", by="vert@klynge.example", place=host)
    assert (await people.look(context, secret, HERE)).place_names["nb"] == "NORA"


async def test_an_invitation_with_wrong_fields_names_all_of_them(context):
    with pytest.raises(Invalid) as wrong:
        wanted = Wanted("no address", "x" * 500, "king", await network(context), "sv")
        await people.invite(context, await _actor(context), wanted)
    assert {field for field, _, _ in wrong.value.problems} == {"email", "name", "role", "language"}
    with pytest.raises(Refused) as held:
        await _invited(context, email="leser@klynge.example")
    assert held.value.code == "role_held_already"


async def test_invitations_are_limited(context, monkeypatch):
    monkeypatch.setattr(people, "INVITATIONS_PER_PLACE", 1)
    await _invited(context)
    with pytest.raises(TooMany):
        await _invited(context, email="enda-en@klynge.example")


async def test_a_changed_role_counts_at_once_and_a_removed_one_too(context):
    reader = await session_of(context, "leser@klynge.example")
    actor, here = await _actor(context), await network(context)
    await people.change_role(context, actor, reader.account, here, "treasurer")
    assert here in (await session_of(context, "leser@klynge.example")).books
    await people.remove(context, actor, reader.account, "network", here)
    assert not (await session_of(context, "leser@klynge.example")).sees
    with pytest.raises(NotFound):
        await people.remove(context, actor, reader.account, "network", here)
    with pytest.raises(Invalid):
        await people.change_role(context, actor, reader.account, here, "king")


async def test_somebody_always_decides_in_a_network(context):
    async with context.db.tx() as connection:
        await connection.execute("delete from role where role = 'host_admin'")
        await connection.execute(
            "delete from role using account a where a.id = account_id and a.email = 'demo@klynge.example'"
        )
    me, here = await session_of(context), await network(context)
    for act in (
        people.remove(context, actor_of(me), me.account, "network", here),
        people.change_role(context, actor_of(me), me.account, here, "viewer"),
    ):
        with pytest.raises(Refused) as last:
            await act
        assert last.value.code == "last_manager"


async def test_the_office_sees_its_people_and_nobody_elses(context):
    me, here = await session_of(context), await network(context)
    async with context.db.tx() as connection:
        host = await connection.fetchval("select host_id from network where id = $1", here)
    await _invited(context)
    async with context.db.reading(me.sees) as connection:
        listed = await reads.of_network(connection, here, host)
        waiting = await reads.invited(connection, "network", here)
    roles = {each.email: each.role for each in listed}
    assert roles[MANAGER] == "manager" and roles["vert@klynge.example"] == "host_admin" and CLAIRE not in roles
    assert [each.email for each in waiting] == [NEW]
    async with context.db.reading((await session_of(context, CLAIRE)).sees) as connection:
        assert not await reads.invited(connection, "network", here)
        assert {each.email for each in await reads.of_network(connection, here, host)} == set()


async def test_an_organisations_people_see_it_and_nothing_of_others(context):
    who, own = await session_of(context, MEMBER), await organisation(context)
    async with context.db.reading_own([own]) as connection:
        assert {each.email for each in await reads.of_organisation(connection, own)} == {MEMBER, STAFF}
        seen = await connection.fetch("select distinct organisation_id from membership")
        assert {row["organisation_id"] for row in seen} == {own} and own in who.runs
    async with context.db.reading_own([]) as connection:
        assert not await connection.fetchval("select count(*) from membership")
        assert not await reads.of_organisation(connection, own)


# --- claims


async def _claimed(context, email, number=FJORDSYN, note=""):
    before = [each["body_text"] for each in await mails(context, "claim_link")]
    await claims.ask(context, ClaimForm("no-orgnr", number, "Ola Ny", email, note), "nb", HERE)
    new = [each["body_text"] for each in await mails(context, "claim_link") if each["body_text"] not in before]
    return secret_in(new[0], "/claim") if new else ""


async def test_the_organisations_own_domain_lets_in_and_the_first_one_runs_it(context):
    async with context.db.tx() as connection:
        await connection.execute("delete from role where role like 'organisation_%'")
    secret = await _claimed(context, "ola@fjordsyn-helse.example")
    assert (await claims.look(context, secret)).organisation == "Fjordsyn Helse"
    done = await claims.confirm(context, secret, HERE)
    found = await sessions.current(context, done.opened.token)
    assert done.joined and found.runs == {await organisation(context)}
    with pytest.raises(Refused):
        await claims.confirm(context, secret, HERE)
    later = await claims.confirm(context, await _claimed(context, "eva@avd.fjordsyn-helse.example"), HERE)
    found = await sessions.current(context, later.opened.token)
    assert later.joined and not found.runs and found.acts_for == {await organisation(context)}


@pytest.mark.parametrize("email", ["ola@gmail.com", "ola@annet.example", "ola@xfjordsyn-helse.example"])
async def test_any_other_address_waits_for_a_decision(context, email):
    done = await claims.confirm(context, await _claimed(context, email, note="Daglig leder"), HERE)
    assert not done.joined and not (await sessions.current(context, done.opened.token)).acts_for
    claire = await session_of(context, CLAIRE)
    async with context.db.reading(claire.sees) as connection:
        [waiting] = await reads.claims_of_network(connection, await network(context, "claire-innovation-network"))
    assert (waiting.email, waiting.note, waiting.organisation) == (email, "Daglig leder", "Fjordsyn Helse")
    with pytest.raises(NotFound):
        await claims.decide(context, await _actor(context, "sindre@klynge.example"), waiting.id, True)
    with pytest.raises(Forbidden):
        reader = msgspec.structs.replace(await _actor(context), manages=frozenset(), reads=claire.sees)
        await claims.decide(context, reader, waiting.id, True)
    await claims.decide(context, actor_of(claire), waiting.id, True, "organisation_admin")
    assert await organisation(context) in (await session_of(context, email)).runs
    [mail] = [each for each in await mails(context, "claim_decided") if each["recipient"] == email]
    assert "tilgang" in mail["subject"]
    with pytest.raises(Refused) as twice:
        await claims.decide(context, actor_of(claire), waiting.id, False)
    assert twice.value.code == "claim_over"


async def test_a_declined_claim_gives_nothing_and_a_colleague_decides_too(context):
    done = await claims.confirm(context, await _claimed(context, "ola@gmail.com"), HERE)
    colleague = await session_of(context, MEMBER)
    async with context.db.reading_own(colleague.acts_for) as connection:
        [waiting] = await reads.claims_of_organisation(connection, await organisation(context))
    await claims.decide(context, actor_of(colleague), waiting.id, False)
    assert not (await sessions.current(context, done.opened.token)).acts_for


async def test_nobody_learns_which_organisations_there_are(context, monkeypatch):
    written = []
    real = claims.compose
    monkeypatch.setattr(claims, "compose", lambda *values: written.append(values[0]) or real(*values))
    assert await _claimed(context, "ola@gmail.com", "974760673") == "" and written == ["claim_link"]
    with pytest.raises(Invalid) as wrong:
        await claims.ask(context, ClaimForm("no-orgnr", "123", " ", "x"), "nb", HERE)
    assert {field for field, _, _ in wrong.value.problems} == {"value", "name", "email"}


async def test_claims_are_limited(context, monkeypatch):
    monkeypatch.setattr(claims, "ASKS_PER_EMAIL", 1)
    await _claimed(context, "ola@gmail.com")
    with pytest.raises(TooMany):
        await _claimed(context, "ola@gmail.com")


@pytest.mark.parametrize(
    ("email", "website", "speaks"),
    [
        ("a@uio.no", "https://www.uio.no/forskning", True),
        ("a@ifi.uio.no", "uio.no", True),
        ("a@UIO.NO", "https://uio.no", True),
        ("a@notuio.no", "https://uio.no", False),
        ("a@uio.no.evil.example", "https://uio.no", False),
        ("a@uio.no", "https://ifi.uio.no", False),
        ("a@gmail.com", "https://gmail.com", False),
        ("a@online.no", "http://www.online.no/~firma", False),
        ("a@firma.github.io", "https://firma.github.io", False),
        ("a@facebook.com", "https://www.facebook.com/firma", False),
        ("a@no", "https://no", False),
        ("a@uio.no", "", False),
        ("a@uio.no", "http://[", False),
    ],
)
def test_only_an_organisations_own_domain_speaks_for_it(email, website, speaks):
    assert mail_domains.speaks_for(email, website) is speaks
