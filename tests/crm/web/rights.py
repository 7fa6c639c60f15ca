"""What every route says of itself, and every kind of person there is: for the matrix of routes and roles."""

import re
from collections.abc import Iterator

import msgspec
from litestar import Litestar
from litestar.routes import HTTPRoute

from crm.web import mailbox, origin, session

SIGN_IN, SECURE, CONFIRM = "/sign-in", "/account/secure", "/account/confirm"
OWN, OTHER = "nora-industry-network", "claire"
_PARAMETER = re.compile(r"\{(\w+):\w+\}")
_RULES = {
    session.signed_in: "signed_in",
    session.confirmed: "confirmed",
    session.reads_network: "reads",
    session.reads_books: "reads",
    session.keeps_books: "books",
    session.manages_network: "manages",
    session.acts_for: "acts_for",
    session.runs: "runs",
}
_OF_ANYBODY = {mailbox.in_development, origin.same_origin}
OFFICE, MINE = "/n/{slug:str}", "/my/{organisation:str}"

# What a person may do at home, by role: in the network OWN, and in an organisation of their own.
_SELF = {"signed_in", "confirmed"}
POWERS: dict[str, set[str]] = {
    "nobody": set(),
    "manager": _SELF | {"reads", "books", "manages"},
    "host_admin": _SELF | {"reads", "books", "manages"},
    "treasurer": _SELF | {"reads", "books"},
    "viewer": _SELF | {"reads"},
    "organisation_admin": _SELF | {"acts_for", "runs"},
    "organisation_member": _SELF | {"acts_for"},
    "weak manager": _SELF,
    "stale manager": {"signed_in", "reads", "books", "manages"},
}
LOGINS = {
    "manager": "ingrid@klynge.example",
    "host_admin": "vert@klynge.example",
    "treasurer": "kasserer@klynge.example",
    "viewer": "leser@klynge.example",
    "organisation_admin": "medlem@klynge.example",
    "organisation_member": "ansatt@klynge.example",
}


class Declared(msgspec.Struct, frozen=True):
    """One method of one path, and its rule: a name of `_RULES`, `public` or `key`; "" when it says none, or several."""

    method: str
    path: str
    rule: str

    @property
    def has_tenant(self) -> bool:
        """Does the address name a network or an organisation?"""
        return self.path.startswith((OFFICE, MINE))

    def at(self, network: str, organisation: str) -> str:
        """The address with names filled in; other objects are nobody's, for a rule does not look at them."""
        named = {"slug": network, "organisation": organisation}
        if not self.path.startswith(MINE):
            named.pop("organisation")
        return _PARAMETER.sub(lambda found: named.get(found[1], "00000000-0000-4000-8000-000000000000"), self.path)


def declared(app: Litestar) -> Iterator[Declared]:
    """Every route; OPTIONS, which Litestar makes, only says which methods there are."""
    for route in app.routes:
        assert isinstance(route, HTTPRoute), f"{route.path} is not HTTP: teach this file about it"
        for handler in route.route_handlers:
            if handler.http_methods == {"OPTIONS"}:
                continue
            guards = set(handler.resolve_guards())
            rules = [name for guard, name in _RULES.items() if guard in guards]
            rules += [name for name in ("public", "key") if handler.opt.get(name) is True]
            if guards & _OF_ANYBODY and not rules:
                rules.append("public")
            for method in sorted(handler.http_methods - {"OPTIONS", "HEAD"}):
                yield Declared(method, route.path, rules[0] if len(rules) == 1 else "")


def expected(role: str, each: Declared, own: bool) -> str:
    """What must happen: "reached", a status, or the page one is sent to first."""
    if each.rule == "public":
        return "reached"
    if each.rule == "key":
        return "401"  # a person's cookie is no key
    if role == "nobody":
        return SIGN_IN
    if each.path.startswith(OFFICE):
        if role == "weak manager":
            return SECURE
        if not own or "reads" not in POWERS[role]:
            return "404"
    elif each.path.startswith(MINE) and (not own or "acts_for" not in POWERS[role]):
        return "404"
    if each.rule == "confirmed" and role == "stale manager":
        return CONFIRM
    return "reached" if each.rule in POWERS[role] else "403"


def happened(status: int, location: str, reached: int) -> str:
    """What did happen, in the same words."""
    if status == reached:
        return "reached"
    return location.split("?")[0] if status == 303 else str(status)
