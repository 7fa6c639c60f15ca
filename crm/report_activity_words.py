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
}
COLUMNS = {
    "level": N_("Level"),
    "issuer": N_("Given by"),
    "awarded_on": N_("Given on"),
    "expires_on": N_("Not held any more from"),
    "days_left": N_("Days left"),
    "note": N_("Note"),
}
VALUES: dict[str, dict[str, str]] = {
    "label_kind": {"label": N_("Quality label"), "programme": N_("Programme")},
    "label_status": {"held": N_("Held"), "expiring": N_("Ends soon"), "expired": N_("Run out")},
}
