"""The host of networks: made once, and what stands on its invoices changed by those who administer it."""

import re
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from crm import forms
from crm.actor import Actor
from crm.context import Context
from crm.errors import Forbidden, Invalid, NotFound, Refused
from crm.folder import HostRow
from crm.i18n import LANGUAGES
from crm.identifiers import account, iban, normalise
from crm.store import audit, hosts, imports

CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
SERIES = re.compile(r"[A-Z0-9][A-Z0-9-]{0,19}")
BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?")
CODE_MAX = 60


async def create(context: Context, actor: Actor, wanted: HostRow) -> UUID:
    """A new host. Invalid names every wrong field; Refused `host_known` when there is one of this code."""
    checked = check(wanted)
    async with context.db.tx() as connection:
        if await hosts.id_of(connection, checked.code):
            raise Refused("host_known", "code", given=checked.code)
        await imports.add_hosts(connection, [checked])
        made = imports.id_of("host", checked.code)
        await audit.append(connection, actor, "host_created", {"code": checked.code, "name": checked.name})
    return made


async def show(context: Context, actor: Actor, host: UUID) -> HostRow:
    """What is known of a host, for those who administer it or manage a network of it."""
    async with context.db.tx() as connection:
        mine = await hosts.networks(connection, host)
        found = await hosts.one(connection, host)
        if found is None or not (host in actor.hosts or actor.manages & set(mine)):
            raise NotFound("host", host)
        return found


async def change(context: Context, actor: Actor, host: UUID, wanted: HostRow) -> HostRow:
    """Replace what is known but the code. What was issued keeps the words of its day.

    Invalid names every wrong field; Refused `series_used` when numbers of the invoice series were given already.
    """
    if host not in actor.hosts:
        raise Forbidden
    checked = check(wanted)
    async with context.db.tx() as connection:
        before = await hosts.one(connection, host)
        if before is None:
            raise NotFound("host", host)
        checked = msgspec.structs.replace(checked, code=before.code)
        other_series = checked.invoice_series != before.invoice_series
        if other_series and await hosts.has_numbers(connection, host, before.invoice_series):
            raise Refused("series_used", "invoice_series", given=before.invoice_series)
        changes = audit.changes(before, checked)
        if changes:
            await hosts.change(connection, host, checked)
            for network in await hosts.networks(connection, host):
                await audit.append(
                    connection, actor, "host_changed", {"who": checked.name, "changes": changes}, network
                )
    return checked


def check(given: HostRow) -> HostRow:
    """The host with texts trimmed and numbers in their one written form; Invalid lists all that is wrong."""
    texts = {
        name: " ".join(text.split()) for name, text in msgspec.structs.asdict(given).items() if isinstance(text, str)
    }
    wanted = msgspec.structs.replace(given, **{**texts, "vat_number": (given.vat_number or "").strip() or None})
    problems: forms.Problems = []
    if not CODE.fullmatch(wanted.code) or len(wanted.code) > CODE_MAX:
        problems.append(("code", "code_format", {"given": wanted.code[:CODE_MAX]}))
    forms.text(problems, "name", wanted.name, forms.NAME_MAX)
    for field in ("street", "city", "postal_code", "organisation_number"):
        forms.text(problems, field, getattr(wanted, field), forms.SHORT_MAX, required=False)
    if wanted.country not in forms.COUNTRIES:
        problems.append(("country", "country_unknown", {"given": wanted.country[:10]}))
    if wanted.language not in LANGUAGES:
        problems.append(("language", "value_unknown", {"message": wanted.language[:10]}))
    if wanted.email:
        forms.email(problems, "email", wanted.email)
    try:
        ZoneInfo(wanted.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        problems.append(("time_zone", "time_zone_unknown", {"given": wanted.time_zone[:60]}))
    if not SERIES.fullmatch(wanted.invoice_series):
        problems.append(("invoice_series", "series_format", {"given": wanted.invoice_series[:20]}))
    if wanted.bic and not BIC.fullmatch(wanted.bic):
        problems.append(("bic", "bic_format", {"given": wanted.bic[:20]}))
    wanted = _numbers(problems, wanted)
    if problems:
        raise Invalid(problems)
    return wanted


def _numbers(problems: forms.Problems, wanted: HostRow) -> HostRow:
    """Numbers with check digits, each written as registers and banks write it."""
    made: dict[str, str] = {}
    for field, scheme in (("organisation_number", "no-orgnr"), ("vat_number", "vat")):
        given = getattr(wanted, field)
        if given and (scheme == "vat" or wanted.country == "NO"):
            try:
                made[field] = normalise(scheme, given, field)
            except Refused as refused:
                problems.append((field, refused.code, refused.params))
    for field, checked in (("bank_account", account), ("iban", iban)):
        if given := getattr(wanted, field):
            try:
                made[field] = checked(given)
            except ValueError:
                problems.append((field, f"{field}_wrong", {"given": given[:40]}))
    return msgspec.structs.replace(wanted, **made)
