"""What renewal runs refuse, in words (crm/sentences.py takes them in)."""

from crm.i18n import N_

RENEWALS: dict[str, tuple[str, ...]] = {
    "renewal_day": (N_("Choose a day of a membership year that is near."),),
    "renewal_not_previewed": (N_("This run does not wait to be confirmed."),),
    "renewal_over": (N_("This run is over."),),
    "renewal_notices_missing": (N_("This network's rules tell nobody ahead of a period."),),
    "renewal_running": (N_("Another run of the same host is billing now. Wait until it is done."),),
}
