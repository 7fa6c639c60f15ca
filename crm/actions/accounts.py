"""Make an account for a person who manages networks."""

from collections.abc import Iterable
from uuid import UUID

from crm import catalogue, forms, passwords
from crm.actor import Actor
from crm.context import Context
from crm.errors import Invalid, Refused
from crm.i18n import LANGUAGES
from crm.store import accounts, audit

PASSWORD_MIN = 12
MANAGER = "manager"


async def create(
    context: Context,
    email: str,
    name: str,
    password: str,
    networks: Iterable[str],
    language: str = "nb",
    actor: Actor | None = None,
    demo: bool = False,
) -> UUID:
    """A new account, manager of the networks with these slugs.

    Invalid lists what is wrong; Refused `account_exists`, RuleViolation `network_unknown`.
    """
    email = email.strip().lower()
    _check(email, name, password, language)
    password_hash = await passwords.hash_of(password)
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        managed = [kept.network(slug).id for slug in networks]
        new = await accounts.add(connection, email, " ".join(name.split()), password_hash, language, demo)
        if new is None:
            raise Refused("account_exists", "email", given=email)
        by = actor or Actor(name, "cli")
        await accounts.add_roles(connection, new, managed, MANAGER, by.name)
        detail = {"email": email, "networks": [str(network) for network in managed]}
        await audit.append(connection, by, "account_created", detail, subject=new)
        return new


def _check(email: str, name: str, password: str, language: str) -> None:
    problems: forms.Problems = []
    forms.text(problems, "name", name, forms.NAME_MAX)
    forms.email(problems, "email", email)
    if len(password) < PASSWORD_MIN:
        problems.append(("password", "too_short", {"least": PASSWORD_MIN}))
    elif len(password) > passwords.LONGEST:
        problems.append(("password", "too_long", {"limit": passwords.LONGEST, "length": len(password)}))
    if language not in LANGUAGES:
        problems.append(("language", "language_unknown", {"given": language[:10], "known": ", ".join(LANGUAGES)}))
    if problems:
        raise Invalid(problems)
