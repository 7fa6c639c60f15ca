"""Where the palette leads: pages and acts of an office and of an organisation's own pages, by who reads.

The texts are those of the pages themselves; `also` are other words people look for. Found by every word that is typed.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from crm.i18n import N_, Translator

Need = Literal["read", "books", "manage"]


class Place(msgspec.Struct, frozen=True):
    """A page, or an act that begins on one: `path` under the network's or organisation's address, `need` to see it."""

    path: str
    drawing: str
    label: str
    need: Need = "read"
    also: str = ""


# Other words for pages of the sidebar (templates/layouts/places.html), by their keys there.
ALSO = {
    "overview": N_("home start figures"),
    "members": N_("list organisations export"),
    "applications": N_("queue waiting join"),
    "reviews": N_("levels conditions"),
    "places": N_("queue full limit"),
    "reports": N_("board figures statistics"),
    "tasks": N_("to do follow up"),
    "invoices": N_("bills money credit notes"),
    "renewals": N_("next year annual bill"),
    "payments": N_("bank file camt"),
    "dunning": N_("overdue reminders"),
    "links": N_("rules differences"),
    "partners": N_("suggestions objections lists"),
    "sync": N_("api feed webhooks partners"),
    "activities": N_("events meetings participants working groups"),
    "labels": N_("ESCA NCE quality mark programme"),
    "rules": N_("levels fees rulebook"),
    "people": N_("access staff invite"),
}
# Pages the sidebar does not name.
OFFICE: tuple[Place, ...] = (
    Place("/duplicates", "git-merge", N_("Maybe registered twice"), "manage", N_("duplicates merge")),
    Place("/renewals/notices", "mail", N_("Told ahead"), "manage", N_("renewal notices")),
    Place("/invoices/card-books", "receipt", N_("Card payments compared"), "books", N_("stripe books")),
    Place("/shares", "git-merge", N_("Shared fees"), "manage", N_("owed settle networks")),
    Place("/sync/keys", "key", N_("Keys"), "manage", N_("API secret access")),
    Place("/sync/compare", "table", N_("Compare a list"), "manage", N_("copy partner differences")),
    Place("/setup/rules/price", "award", N_("Try a price"), also=N_("what does it cost fee")),
    Place("/setup/agreements", "note", N_("Agreements"), "manage", N_("contracts networks")),
    Place("/setup/register", "building", N_("Register"), "manage", N_("enhetsregisteret bankrupt headcount")),
    Place("/setup/systems", "network", N_("Agreements with other systems"), "manage", N_("federation")),
    Place("/name", "pencil", N_("Name of the network"), "manage"),
)
ACTS: tuple[Place, ...] = (
    Place("/setup/rules/draft/link-rule", "link-plus", N_("New link rule"), "manage", N_("linked membership")),
    Place("/sync/keys", "key", N_("New API key"), "manage", N_("API secret access")),
    Place("/invoices/issue", "send", N_("Issue invoices"), "books", N_("send bills drafts")),
    Place("/dunning/confirm", "clock", N_("Send reminders"), "books", N_("overdue late")),
    Place("/invoices/suspense", "receipt", N_("Import payments from the bank"), "books", N_("camt file")),
    Place("/renewals", "refresh", N_("Begin an annual bill"), "books", N_("renewal next year")),
    Place("/people", "users", N_("Invite a person"), "manage", N_("give role access")),
    Place("/sync/rehearsal", "player-play", N_("Make test data"), "manage", N_("rehearsal try feed")),
)
MY: tuple[Place, ...] = (
    Place("", "id", N_("Memberships"), also=N_("why level leave")),
    Place("/invoices", "file-text", N_("Invoices"), also=N_("pay bill")),
    Place("/people", "users", N_("People"), also=N_("roles contacts invite")),
    Place("/entry", "building-community", N_("Directory entry"), also=N_("presentation logo publish")),
    Place("/sharing", "network", N_("Who sees what"), also=N_("consent privacy visibility")),
    Place("/data", "shield-check", N_("Your data"), also=N_("export download erase")),
)
ANYWHERE: tuple[Place, ...] = (
    Place("/account", "user", N_("Your account"), also=N_("passkey password sign in codes sessions")),
    Place("/account/data", "shield-check", N_("What is stored about yourself"), also=N_("privacy export")),
)


def fitting(places: Iterable[Place], t: Translator, text: str, may: Sequence[Need]) -> list[Place]:
    """The places the reader may open whose words hold every word of the text; with no text, all of them."""
    return [each for each in places if each.need in may and fits(t, text, t.gettext(each.label), each.also)]


def fits(t: Translator, text: str, label: str, also: str = "") -> bool:
    """Does every word of the text stand in a label, or in the other words for it?"""
    heap = f"{label} {t.gettext(also) if also else ''}".casefold()
    return all(word in heap for word in text.casefold().split())
