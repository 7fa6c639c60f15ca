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
    "movements": ReportWords(
        N_("Movements"),
        N_("Who came and who went in a period, why they left, and who changed level."),
        {
            "start": (
                N_("Members before the period"),
                N_(
                    "Organisations that were members on the day before the first day of the period, "
                    "suspended ones among them."
                ),
            ),
            "new": (
                N_("New"),
                N_(
                    "Memberships that began in the period, of organisations that had never been members of "
                    "the networks asked for."
                ),
            ),
            "reinstated": (
                N_("Reinstated"),
                N_(
                    "Memberships that began in the period after a break, of organisations that had been members before."
                ),
            ),
            "lapsed": (
                N_("Lapsed"),
                N_(
                    "Memberships whose first day without membership is in the period. A membership that "
                    "goes on without a break has not lapsed; one that is suspended has not, either."
                ),
            ),
            "end": (
                N_("Members at the end"),
                N_(
                    "Organisations that are members on the last day of the period, or on the day it is "
                    "asked as of if that comes first. Always: before + new + reinstated − lapsed."
                ),
            ),
            "net": (N_("Net change"), N_("New and reinstated less lapsed.")),
            "joined": (N_("Joined"), N_("New and reinstated.")),
            "standing": (
                N_("Members on the day"),
                N_("Organisations that were members on the day, suspended ones among them."),
            ),
            "upgraded": (
                N_("Upgraded"),
                N_(
                    "Memberships that stand on both sides of the period, with a higher level at its end than before it."
                ),
            ),
            "downgraded": (
                N_("Downgraded"),
                N_("Memberships that stand on both sides of the period, with a lower level at its end than before it."),
            ),
            "changed": (
                N_("Changed level"),
                N_("Memberships that stand on both sides of the period, with another level at its end than before it."),
            ),
        },
        {
            "by_reason": N_("Why memberships lapsed"),
            "by_kind": N_("By kind of organisation"),
            "by_size": N_("By size"),
            "by_county": N_("By county"),
            "by_change_of_level": N_("Changes of level"),
            "by_month": N_("Month by month"),
        },
    ),
    "retention": ReportWords(
        N_("Retention"),
        N_("Which share of the members from before a period are still members at its end."),
        {
            "start": (
                N_("Members before the period"),
                N_(
                    "Organisations that were members on the day before the first day of the period, "
                    "suspended ones among them."
                ),
            ),
            "kept": (
                N_("Of these still members"),
                N_(
                    "Those of them that are members at the end of the period. Who left and came back within"
                    " it counts as kept; new members do not count."
                ),
            ),
            "lost": (N_("Of these gone"), N_("Those of them that are not members at the end of the period.")),
            "retention": (
                N_("Retention"),
                N_(
                    "Still members divided by members before the period, as sets: new members cannot make "
                    "up for lost ones."
                ),
            ),
            "churn": (N_("Churn"), N_("1 − retention, of this very period: a month of it is not a twelfth of a year.")),
        },
        {
            "by_tier": N_("By level before the period"),
            "by_kind": N_("By kind of organisation"),
            "by_size": N_("By size"),
            "by_county": N_("By county"),
        },
    ),
    "tenure": ReportWords(
        N_("Tenure"),
        N_("How long memberships have lasted: those that go on and those that are over."),
        {
            "running": (
                N_("Memberships that go on"),
                N_("Unbroken stretches of membership that had begun by the day and go on after it."),
            ),
            "running_mean": (
                N_("Their mean length"),
                N_("Days from the first day up to and with the day asked about, added up and divided by their number."),
            ),
            "running_median": (N_("Their median length"), N_("Half of them have lasted longer, half shorter.")),
            "completed": (
                N_("Memberships that are over"),
                N_("Unbroken stretches of membership that ended by the day."),
            ),
            "completed_mean": (
                N_("Mean length of those over"),
                N_("Days from the first to the last one, added up and divided by their number."),
            ),
            "completed_median": (N_("Median length of those over"), N_("Half of them lasted longer, half shorter.")),
            "all_mean": (
                N_("Mean length of all"),
                N_(
                    "Completed and running stretches together. Those that go on will be longer yet: this is"
                    " a lower bound."
                ),
            ),
            "all_median": (
                N_("Median length of all"),
                N_("Completed and running stretches together; half longer, half shorter."),
            ),
        },
        {"by_length": N_("By length")},
    ),
    "cohorts": ReportWords(
        N_("Renewals and cohorts"),
        N_("Which memberships went on when their year turned, and what is left of each year’s joiners."),
        {
            "due": (
                N_("Up for renewal"),
                N_(
                    "Own memberships whose membership year turns on a day of the period, and that still "
                    "stood the day before. A membership goes on by itself until it is ended, so none is "
                    "renewed early. Those that ended by a merger or because the organisation is no more are"
                    " left out."
                ),
            ),
            "renewed": (
                N_("Renewed"),
                N_("Those due that are members on the day the new year begins, or are back within the days of grace."),
            ),
            "late": (
                N_("Renewed late"),
                N_("Those of the renewed that had ended and came back within the days of grace."),
            ),
            "lost": (
                N_("Not renewed"),
                N_("Those due that ended when the year turned and did not come back within the days of grace."),
            ),
            "open": (
                N_("Still open"),
                N_(
                    "Those due whose turn is after the day asked about, or whose days of grace are not "
                    "over. They are in no rate."
                ),
            ),
            "excluded": (
                N_("Left out"),
                N_(
                    "Memberships that ended on the turn of the year by a merger, or because the "
                    "organisation is no more."
                ),
            ),
            "rate": (
                N_("Renewal rate"),
                N_("Renewed divided by renewed and not renewed; open ones and those left out do not count."),
            ),
            "first_year_rate": (
                N_("First-year renewal"),
                N_(
                    "The same of memberships in their first year: the first of the organisation in the "
                    "network, begun at most a year before the turn."
                ),
            ),
            "joiners": (N_("Joined in the year"), N_("Organisations whose first membership of all began in the year.")),
            "stretches": (N_("Unbroken memberships"), N_("Stretches of membership that had begun by the day.")),
            "still": (N_("Still members"), N_("Of those, the share that are members on 31 December of the year.")),
        },
        {
            "by_tier": N_("By level"),
            "by_kind": N_("By kind of organisation"),
            "by_turn": N_("By the day on which the year turned"),
            "cohorts": N_("Share of each year’s joiners who were members at the end of that year and of those after"),
        },
        {"grace": N_("Days of grace")},
    ),
}
