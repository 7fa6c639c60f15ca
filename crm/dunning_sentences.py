"""What dunning refuses, in words (crm/sentences.py takes them in)."""

from crm.i18n import N_

DUNNING: dict[str, tuple[str, ...]] = {
    "dunning_claims": (N_("Interest and compensation come with the collection notice, and a letter has no `by`."),),
    "dunning_days": (N_("At most %(limit)s; a step is at least one day after the due date."),),
    "dunning_decided": (N_("This step has been decided already."),),
    "dunning_fee": (N_("Only a letter has a fee, of 0 or more; one with standard compensation has none."),),
    "dunning_missing": (N_("The rulebook of %(network)s has no steps for invoices that are not paid."),),
    "dunning_none": (N_("No membership on this invoice can be put on hold."),),
    "dunning_notice": (
        N_("At least %(least)s days: the payer gets that long, and a collector nothing before a notice has run out."),
    ),
    "dunning_once": (N_("There is one step of this kind at most: %(given)s."),),
    "dunning_order": (N_("Each step comes more days after the due date than the one before it."),),
    "not_overdue": (N_("Nothing of this invoice is overdue."),),
    "not_paused": (N_("Reminders of this invoice are not paused."),),
    "rate_missing": (
        N_(
            "No rate of late interest is known for %(starts_on)s to %(last_on)s (%(currency)s). It is not guessed: "
            "enter it in the table of rates."
        ),
    ),
    "rates_unreadable": (N_("The table of rates of late interest cannot be read (%(message)s)."),),
}
