"""Keys of a network's own system and its partners: what each may write, made (shown once), another secret, revoked."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from crm.actions import keys as actions
from crm.errors import Invalid, NotFound, Refused, status_of
from crm.i18n import N_
from crm.reads import keys as reads
from crm.store.keys import SCOPES
from crm.web.fields import fields_of
from crm.web.office import Office, routes, show
from crm.web.office_consequences import problems
from crm.web.session import NOT_KEPT

PATH = "/sync/keys"
OVERLAP_HOURS = 24
OVERLAPS = {
    "0": N_("It ends at once"),
    "24": N_("For one day"),
    "168": N_("For a week"),
    "720": N_("For 30 days"),
}
SAID = {
    "links": N_("Acknowledge linked memberships, and object to them"),
    "profiles": N_("Suggest corrections"),
    "members": N_("Push the list of its own system"),
}


@get(PATH, include_in_schema=False)
async def show_keys(request: Request, office: NamedDependency[Office]) -> Response[str]:
    return await _page(request, office, {}, [])


@post(PATH, include_in_schema=False)
async def make_key(request: Request, office: NamedDependency[Office]) -> Response[str]:
    """The page that answers is the only one that ever shows the key."""
    typed = await fields_of(request)
    scopes = [scope for scope in SCOPES if typed.get(f"scope_{scope}")]
    try:
        _, text = await actions.create_own(
            office.context, office.actor, office.network.slug, typed.get("name", ""), scopes
        )
    except Invalid as refused:
        return await _page(request, office, typed, problems(office, refused, {"name": "name"}), status_code=422)
    return await _page(request, office, {}, [], made=text, headers=NOT_KEPT)


@get(PATH + "/{prefix:str}/revoke", include_in_schema=False)
async def show_revocation(request: Request, office: NamedDependency[Office], prefix: FromPath[str]) -> Response[str]:
    """What stops when the key does: asked first, because there is no way back."""
    row = next((each for each in await _own(office) if each.prefix == prefix and not each.revoked_at), None)
    if row is None:
        raise NotFound("key", prefix)
    words = [office.t.gettext(SAID[scope]) for scope in row.scopes]
    return await show(request, office, "office/key_revocation.html", "sync", row=row, words=words)


@post(PATH + "/{prefix:str}/revoke", include_in_schema=False)
async def revoke_key(office: NamedDependency[Office], prefix: FromPath[str]) -> Redirect:
    await actions.revoke_own(office.context, office.actor, office.network.id, prefix)
    return Redirect(f"{office.base}{PATH}", status_code=303, headers=NOT_KEPT)


@post(PATH + "/{prefix:str}/secrets", include_in_schema=False)
async def rotate_key(request: Request, office: NamedDependency[Office], prefix: FromPath[str]) -> Response[str]:
    """The page that answers shows the key with its new secret, this once."""
    hours = (await fields_of(request)).get(f"hours-{prefix}", "")
    known = int(hours) if hours in OVERLAPS else OVERLAP_HOURS
    try:
        _, text, until = await actions.rotate_own(office.context, office.actor, office.network.id, prefix, known)
    except Refused as refused:
        return await _page(request, office, {}, problems(office, refused, {}), status_code=status_of(refused))
    return await _page(request, office, {}, [], made=text, until=until if known else None, headers=NOT_KEPT)


handlers = [routes(show_keys, make_key, rotate_key, show_revocation, revoke_key)]


async def _own(office: Office) -> list[reads.KeyRow]:
    """Keys of the open network's own system, revoked ones among them."""
    async with office.context.db.tx() as connection:
        listed = await reads.listed(connection, [office.network.id])
    return [row for row in listed if row.network_id == office.network.id and row.role == "partner"]


async def _page(
    request: Request, office: Office, typed: dict[str, str], errors: list[dict[str, str]], made: str = "", **more: Any
) -> Response[str]:
    own = [row for row in await _own(office) if not row.revoked_at]
    shown = {
        "keys": [(row, [office.t.gettext(SAID[scope]) for scope in row.scopes]) for row in own],
        "scopes": [(scope, office.t.gettext(SAID[scope])) for scope in SCOPES],
        "typed": typed,
        "errors": errors,
        "made": made,
        "until": None,
        "overlaps": [{"value": value, "label": office.t.gettext(said)} for value, said in OVERLAPS.items()],
        "now": office.now,
    }
    at = f"{office.base}{PATH}"
    return await show(request, office, "office/keys.html", "sync", at=at, **shown | more)
