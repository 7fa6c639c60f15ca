"""The reports of labels and activity in words, and their columns and codes (for crm/report_words.py)."""

from crm.i18n import N_
from crm.reports import ReportWords

REPORTS: dict[str, ReportWords] = {
    "labels": ReportWords(
        N_("Labels and programmes"),
        N_("What the network holds on a day, what ends soon, and what has ended."),
        {
            "held": (
                N_("Held"),
                N_(
                    "Labels and programmes whose days have begun and not ended on the day, those that "
                    "end soon among them."
                ),
            ),
            "expiring": (
                N_("End soon"),
                N_("Of those held, the ones that end within the months asked for, counted from the day."),
            ),
            "expired": (N_("Run out"), N_("Labels and programmes whose last day was before the day.")),
        },
        {"by_kind": N_("By kind"), "by_issuer": N_("By who gave it"), "by_network": N_("By network")},
        {"ending": N_("Ends within months")},
    ),
    "activity": ReportWords(
        N_("Activity"),
        N_("What was done in a period, how many took part, which members, and what of it was international."),
        {
            "activities": (
                N_("Activities"),
                N_("Events, working groups, meetings, mobility and projects of the period."),
            ),
            "international_activities": (N_("International"), N_("Those of them that are marked as international.")),
            "participants": (
                N_("People"),
                N_("People that took part, of members and from elsewhere. Who came twice counts twice."),
            ),
            "participations": (
                N_("Participations"),
                N_("Members and former members at each activity, added up: a member at two activities counts twice."),
            ),
            "participating": (
                N_("Members that took part"),
                N_("Active members at the end of the period that took part in at least one activity in it."),
            ),
            "members": (
                N_("Active members"),
                N_("Active members at the end of the period, or of the part of it that is over."),
            ),
            "share_participating": (
                N_("Share that took part"),
                N_("Members that took part divided by active members."),
            ),
        },
        {
            "by_activity": N_("By kind of activity"),
            "by_month": N_("By month"),
            "by_tier": N_("By level"),
            "by_kind": N_("By kind of member"),
        },
    ),
}
COLUMNS = {
    "title": N_("Title"),
    "on_day": N_("Day"),
    "activity_kind": N_("Kind of activity"),
    "organisations": N_("Organisations"),
    "others": N_("People from elsewhere"),
    "people": N_("People"),
    "international": N_("International"),
    "partner_countries": N_("Countries of partners"),
    "times": N_("Times"),
    "last_time": N_("Last time"),
    "level": N_("Level"),
    "issuer": N_("Given by"),
    "awarded_on": N_("Given on"),
    "expires_on": N_("Not held any more from"),
    "days_left": N_("Days left"),
    "note": N_("Note"),
}
VALUES: dict[str, dict[str, str]] = {
    "activity_kind": {
        "event": N_("Event"),
        "working_group": N_("Working group"),
        "meeting": N_("Meeting"),
        "mobility": N_("Mobility"),
        "project": N_("Project"),
    },
    "international": {"yes": N_("Yes"), "no": N_("No")},
    "label_kind": {"label": N_("Quality label"), "programme": N_("Programme")},
    "label_status": {"held": N_("Held"), "expiring": N_("Ends soon"), "expired": N_("Run out")},
}
