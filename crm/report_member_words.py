"""The reports of members in words: what each is for, and the definition that stands beside each figure."""

from crm.i18n import N_
from crm.reports import ReportWords

_ACTIVE = N_(
    "Organisations whose membership covers the day and is not suspended. "
    "One that is in several of the networks asked for counts once."
)
_SUSPENDED = N_("Organisations whose membership covers the day and is suspended in every network asked for.")

REPORTS: dict[str, ReportWords] = {
    "members": ReportWords(
        N_("Members as at a day"),
        N_("Everybody who is a member on a day, with number, kind, size, place, level and dates: the list to send."),
        {
            "members": (N_("Active members"), _ACTIVE),
            "suspended": (N_("Suspended members"), _SUSPENDED),
            "ending": (
                N_("Leaving members"),
                N_("Active members whose last day is known. How many of the members above are on their way out."),
            ),
            "linked_only": (
                N_("Members by rule alone"),
                N_("Active members without a membership of their own: link rules give them theirs."),
            ),
        },
        {
            "by_tier": N_("By level"),
            "by_joined_year": N_("By the year in which the unbroken membership began"),
        },
    ),
    "composition": ReportWords(
        N_("Composition"),
        N_("What the members of a day are made of, by every dimension, and what has changed."),
        {"members": (N_("Active members"), _ACTIVE), "suspended": (N_("Suspended members"), _SUSPENDED)},
        {
            "by_kind": N_("By kind of organisation"),
            "by_size": N_("By size"),
            "by_tier": N_("By level"),
            "by_county": N_("By county"),
            "by_country": N_("By country"),
            "by_origin": N_("By origin of the membership"),
            "by_kind_and_size": N_("By kind and size"),
            "by_kind_and_tier": N_("By kind and level"),
            "by_all": N_("By kind, size, county, country and level at once"),
        },
    ),
}

COLUMNS = {
    "name": N_("Name"),
    "orgnr": N_("Organisation number"),
    "kind": N_("Kind"),
    "size": N_("Size"),
    "employees": N_("Employees"),
    "country": N_("Country"),
    "county": N_("County"),
    "municipality": N_("Municipality"),
    "tier": N_("Level"),
    "status": N_("Status"),
    "origin": N_("Origin"),
    "network": N_("Network"),
    "role": N_("Role"),
    "joined": N_("Joined"),
    "left_on": N_("No longer a member from"),
    "joined_year": N_("Year of joining"),
    "organisation_id": N_("ID"),
}
