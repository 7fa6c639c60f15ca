"""A new agreement between two networks of this system: parties, days, notice, purpose, who signed it, when and how."""

import re
from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

import msgspec

from crm import catalogue, forms
from crm.actor import Actor
from crm.context import Context
from crm.errors import Forbidden, Invalid, NotFound, Refused
from crm.folder import AgreementRow
from crm.store import agreements, audit, imports

ENDS = ("end_links", "period_end", "grandfather")
CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
CODE_MAX = 60
MOST_NOTICE = 3_660
MOST_AHEAD = timedelta(days=3_660)
OLDEST = date(1990, 1, 1)


class Signature(msgspec.Struct, frozen=True):
    """Who signed for one of the networks (its slug), as what, on which day."""

    network: str
    name: str
    role: str
    on: date


class Wanted(msgspec.Struct, frozen=True):
    """What was agreed. `source` gives memberships, `target` has them; days are half-open; texts are {nb, en}.

    `mutual`: who manages only one of the two says that the other agrees; that is kept with the names of who signed.
    """

    code: str
    source: str
    target: str
    names: dict[str, str]
    starts_on: date
    ends_on: date | None
    on_end: str
    notice_days: int
    purpose: dict[str, str]
    signatures: Sequence[Signature]
    mutual: bool = False


async def create(context: Context, actor: Actor, wanted: Wanted) -> UUID:
    """Store it; link rules of the source may rest on it from then on. What is disclosed is said on its own page.

    Invalid names every wrong field; Refused `agreement_known`; Forbidden when neither network is the actor's.
    """
    async with context.db.tx() as connection:
        await catalogue.rule(connection)
        kept = await catalogue.load(connection)
        for slug in (wanted.source, wanted.target):
            if slug not in kept.by_slug:
                raise NotFound("network", slug)
        ids = {slug: kept.by_slug[slug].id for slug in (wanted.source, wanted.target)}
        if not actor.manages & {*ids.values()}:
            raise Forbidden
        both = {*ids.values()} <= actor.manages
        today = context.clock.today(kept.by_slug[wanted.source].zone)
        _check(wanted, both, today)
        if await agreements.find(connection, wanted.code):
            raise Refused("agreement_known", "code", given=wanted.code)
        row = AgreementRow(
            code=wanted.code,
            source=wanted.source,
            target=wanted.target,
            names=wanted.names,
            starts_on=wanted.starts_on,
            ends_on=wanted.ends_on,
            on_end=wanted.on_end,
            notice_days=wanted.notice_days,
            purpose=wanted.purpose,
        )
        await imports.add_agreements(connection, [row])
        made = imports.id_of("agreement", wanted.code)
        signed = [msgspec.to_builtins(each) for each in wanted.signatures]
        await agreements.sign(connection, made, signed)
        told = {"agreement": wanted.code, "title": wanted.names["en"], "signatures": signed, "mutual": wanted.mutual}
        for network in sorted(ids.values(), key=str):
            await audit.append(connection, actor, "agreement_made", told, network, None, made)
        return made


def _check(wanted: Wanted, both: bool, today: date) -> None:
    problems: forms.Problems = []
    if not CODE.fullmatch(wanted.code) or len(wanted.code) > CODE_MAX:
        problems.append(("code", "code_format", {"given": wanted.code[:CODE_MAX]}))
    if wanted.source == wanted.target:
        problems.append(("target", "agreement_one_network", {}))
    for language in ("nb", "en"):
        forms.text(problems, f"names.{language}", wanted.names.get(language, ""), forms.NAME_MAX)
        forms.text(problems, f"purpose.{language}", wanted.purpose.get(language, ""), forms.NOTE_MAX, required=False)
    if not OLDEST <= wanted.starts_on <= today + MOST_AHEAD:
        problems.append(("starts_on", "date_out_of_range", {"given": wanted.starts_on.isoformat()}))
    if wanted.ends_on and wanted.ends_on <= wanted.starts_on:
        problems.append(("ends_on", "period_backwards", {}))
    if wanted.on_end not in ENDS:
        problems.append(("on_end", "value_unknown", {"message": wanted.on_end[:30]}))
    if not 0 <= wanted.notice_days <= MOST_NOTICE:
        problems.append(("notice_days", "number_out_of_range", {"least": 0, "most": MOST_NOTICE}))
    signers = {each.network for each in wanted.signatures}
    for place, each in enumerate(wanted.signatures, 1):
        forms.text(problems, f"signature-{place}-name", each.name, forms.NAME_MAX)
        forms.text(problems, f"signature-{place}-role", each.role, forms.SHORT_MAX, required=False)
        if not OLDEST <= each.on <= today:
            problems.append((f"signature-{place}-on", "date_out_of_range", {"given": each.on.isoformat()}))
    if {wanted.source, wanted.target} - signers:
        problems.append(("signatures", "agreement_unsigned", {}))
    if not both and not wanted.mutual:
        problems.append(("mutual", "agreement_both", {}))
    if problems:
        raise Invalid(problems)
