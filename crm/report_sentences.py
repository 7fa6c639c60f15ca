"""What is refused about reports: one entry for each stable code."""

from crm.i18n import N_

REPORTS: dict[str, tuple[str, ...]] = {
    "figure_unknown": (N_("There is no figure %(given)s in this report."),),
    "label_days": (N_("The last day comes before the day it was given, %(issued)s."),),
    "labels_full": (N_("A network has at most %(limit)s labels and programmes. Withdraw some first."),),
    "participant_people": (N_("Line %(line)s: write how many people as a whole number from 1 to %(most)s."),),
    "participant_several": (
        N_("Line %(line)s: several members are called “%(given)s”. Write the organisation number."),
    ),
    "participant_twice": (N_("Line %(line)s: “%(given)s” is there already."),),
    "participant_unknown": (
        N_("Line %(line)s: no member has the number or the exact name “%(given)s”, now or before."),
    ),
    "report_compare": (N_("%(given)s is no period to compare with: previous, year, or two days with / between."),),
    "report_hosts": (N_("Networks of one report are all of one host; these are of several."),),
    "report_option": (N_("%(given)s cannot be asked for here; what can: %(allowed)s."),),
    "report_option_unknown": (N_("This report has no question %(given)s."),),
    "report_reader": (N_("Who gets the report by mail needs a role in every network it is about."),),
    "report_period": (N_("A period ends after it begins, and has at most %(most)s years."),),
}
