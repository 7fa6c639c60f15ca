"""The reports of links, hosts and programmes in words, and the columns and codes of all reports of members."""

from crm.i18n import N_
from crm.reports import ReportWords

_COMMITTED = N_(
    "Active members that have, in the months asked for up to the day, done at least one of what is asked for: a "
    "payment on an invoice of the network; agreed to its terms, or signed a fee of their own that holds on the day; "
    "took part in as many of its activities as are asked for."
)
_TYPE = N_("By type of member")

REPORTS: dict[str, ReportWords] = {
    "links": ReportWords(
        N_("Linked memberships"),
        N_("Memberships by rule, given and ended; who is a member by itself, by rule or both; how networks overlap."),
        {
            "links_start": (
                N_("Links before the period"),
                N_(
                    "Linked grants, given by these networks’ rules or to these networks, that stood on the "
                    "day before the period."
                ),
            ),
            "granted": (N_("Links given"), N_("Those whose first day is in the period.")),
            "ended": (N_("Links ended"), N_("Those whose first day without the link is in the period.")),
            "links_end": (
                N_("Links at the end"),
                N_("Those that stand at the end of the period: before + given − ended."),
            ),
            "own_only": (
                N_("Own membership alone"),
                N_("Active members on the day with memberships of their own, and none by rule."),
            ),
            "by_rule_only": (
                N_("By rule alone"),
                N_("Active members on the day with memberships by rule, and none of their own."),
            ),
            "own_and_by_rule": (
                N_("Both"),
                N_("Active members on the day that are members by themselves and by a rule. Each counts once."),
            ),
            "members": (N_("Active members"), N_("Own membership alone + by rule alone + both.")),
            "in_both": (
                N_("In both"),
                N_(
                    "Organisations that are active members of both networks on the day; other networks are "
                    "those you may see."
                ),
            ),
        },
        {
            "by_rule": N_("By link rule"),
            "by_origin": N_("By origin of the membership"),
            "overlap": N_("Members in common with other networks"),
        },
    ),
    "host": ReportWords(
        N_("All networks of the host"),
        N_("Memberships of each network, and how many different organisations they are together."),
        {
            "members": (
                N_("Different organisations"),
                N_(
                    "Organisations that are active members of at least one of the networks on the day, each"
                    " counted once."
                ),
            ),
            "memberships": (
                N_("Memberships"),
                N_("Active memberships on the day: an organisation in two networks has two."),
            ),
            "in_several": (
                N_("In several networks"),
                N_("Different organisations that stand in more than one of the networks."),
            ),
            "suspended": (
                N_("Suspended members"),
                N_("Organisations whose memberships in the networks are all suspended on the day."),
            ),
        },
        {
            "by_network": N_("Memberships by network"),
            "distinct_by_network": N_("Different organisations by the network they are in"),
            "distinct_by_kind": N_("Different organisations by kind"),
        },
    ),
    "innovation-norway": ReportWords(
        N_("List for Innovation Norway"),
        N_("Everybody who was a member in a reporting year, with number, role, name, joined and left."),
        {
            "listed": (
                N_("Members in the period"),
                N_(
                    "Organisations that were members on at least one day of the period. Joined is the first"
                    " day of the unbroken membership it was then in; left the first day after its last, if "
                    "that is in the period."
                ),
            ),
            "joined": (N_("Joined in the period"), N_("Those of them whose membership began in the period.")),
            "left": (N_("Left in the period"), N_("Those of them whose last day was in the period.")),
            "without_number": (
                N_("Norwegian, without a number"),
                N_(
                    "Those of them in Norway without an organisation number. Innovation Norway cannot look "
                    "them up: complete them first."
                ),
            ),
            "abroad": (N_("Abroad"), N_("Those of them that are in another country than Norway.")),
        },
        {"by_type": _TYPE, "by_country": N_("By country")},
    ),
    "committed": ReportWords(
        N_("Committed members"),
        N_("Members that show that they take part, by a definition you choose."),
        {
            "committed": (N_("Committed members"), _COMMITTED),
            "not_committed": (
                N_("Without a sign of it"),
                N_("Active members for which none of what is asked for is known."),
            ),
            "members": (N_("Active members"), N_("Active members on the day, committed or not.")),
            "share_committed": (N_("Share committed"), N_("Committed members divided by active members.")),
        },
        {"by_type": _TYPE, "by_how": N_("By what shows it"), "by_tier": N_("By level")},
        {
            "months": N_("Within months"),
            "paid": N_("An invoice paid"),
            "signed": N_("Terms or a fee agreed"),
            "in_kind": N_("Something given in kind"),
            "attended": N_("Activities taken part in"),
            "events": N_("At least so many activities"),
        },
    ),
    "eccp": ReportWords(
        N_("Ready for the ECCP"),
        N_("What the European Cluster Collaboration Platform asks of a profile, criterion by criterion."),
        {
            "committed": (N_("Committed members"), _COMMITTED),
            "members": (
                N_("Members"),
                N_("Active members on the day: what the profile asks as the total number of members."),
            ),
            "sme": (
                N_("Small and medium-sized companies"),
                N_("Active members that are companies with fewer than 250 employees. Turnover is not looked at."),
            ),
            "large": (N_("Large companies"), N_("Active members that are companies with 250 employees or more.")),
            "company_unknown": (
                N_("Companies of unknown size"),
                N_("Active members that are companies and whose number of employees is not known."),
            ),
            "research": (
                N_("Research and education"),
                N_("Active members that are universities, university colleges or research institutes."),
            ),
            "criteria_met": (
                N_("Criteria met"),
                N_(
                    "At least 15 committed members, of at least 2 types; a team of at least half a full-"
                    "time equivalent; a website in English."
                ),
            ),
            "criteria_failed": (
                N_("Criteria not met"),
                N_("Each is named in the table of criteria, with what is reached and what is needed."),
            ),
            "criteria_unknown": (
                N_("Criteria not known here"),
                N_("The team and the website are not kept here: say them above."),
            ),
        },
        {"criteria": N_("Criteria"), "by_type": _TYPE},
        {
            "months": N_("Within months"),
            "paid": N_("An invoice paid"),
            "signed": N_("Terms or a fee agreed"),
            "in_kind": N_("Something given in kind"),
            "attended": N_("Activities taken part in"),
            "events": N_("At least so many activities"),
            "team": N_("Team, hundredths of a full-time equivalent"),
            "website": N_("A website in English"),
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
    "reason": N_("Reason"),
    "last_tier": N_("Level"),
    "tier_after": N_("Level after"),
    "direction": N_("Direction"),
    "month_in": N_("Month of joining"),
    "month_out": N_("Month of leaving"),
    "day": N_("Day"),
    "movement": N_("Movement"),
    "days": N_("Length"),
    "band": N_("Length"),
    "turn": N_("Day of the turn"),
    "outcome": N_("Outcome"),
    "back_on": N_("Back from"),
    "stood": N_("At the end of"),
    "source": N_("From network"),
    "granted_on": N_("Given from"),
    "ended_on": N_("Ended from"),
    "other": N_("Other network"),
    "type": N_("Type of member"),
    "how": N_("Shown by"),
    "shown_on": N_("Last shown on"),
    "criterion": N_("Criterion"),
    "reached": N_("Reached"),
    "needed": N_("Needed"),
    "verdict": N_("Verdict"),
}
VALUES: dict[str, dict[str, str]] = {
    "size": {
        "micro": N_("Micro (under 10 employees)"),
        "small": N_("Small (10–49 employees)"),
        "medium": N_("Medium (50–249 employees)"),
        "large": N_("Large (250 employees or more)"),
    },
    "status": {"active": N_("Active"), "suspended": N_("Suspended")},
    "origin": {"direct": N_("Own"), "linked": N_("By rule"), "both": N_("Own and by rule")},
    "role": {"core": N_("Core member"), "initiator": N_("Initiator"), "award_winner": N_("Award winner")},
    "reason": {
        "merged": N_("Merged with another organisation"),
        "transferred": N_("The network was merged"),
        "link_ended": N_("The link ended"),
        "unpaid": N_("On hold when the year turned"),
        "resigned": N_("Ended by a decision"),
        "other": N_("Other"),
    },
    "direction": {"up": N_("Up"), "down": N_("Down"), "same": N_("Same")},
    "stayed": {"stayed": N_("Stayed"), "left": N_("Left"), "came": N_("Came")},
    "band": {
        "0": N_("Under 1 year"),
        "1": N_("1–2 years"),
        "2": N_("2–5 years"),
        "5": N_("5–10 years"),
        "9": N_("10 years or more"),
    },
    "outcome": {
        "renewed": N_("Renewed"),
        "late": N_("Renewed late"),
        "lost": N_("Not renewed"),
        "open": N_("Still open"),
        "excluded": N_("Left out"),
    },
    "type": {
        "business": N_("Business"),
        "research": N_("Research and education"),
        "public": N_("Public bodies"),
        "other": N_("Other"),
    },
    "how": {
        "paid": N_("Invoice paid"),
        "signed": N_("Terms or fee agreed"),
        "in_kind": N_("Gave in kind"),
        "attended": N_("Activities taken part in"),
    },
    "criterion": {
        "members": N_("At least 15 clearly committed members"),
        "types": N_("Members of at least 2 types"),
        "team": N_("A team of at least 0.5 full-time equivalents"),
        "website": N_("A website in English that shows activity"),
    },
    "verdict": {"met": N_("Met"), "failed": N_("Not met"), "unknown": N_("Not known here")},
    # choices of questions
    "paid": {"yes": N_("Counts"), "no": N_("Does not count")},
    "signed": {"yes": N_("Counts"), "no": N_("Does not count")},
    "in_kind": {"yes": N_("Counts"), "no": N_("Does not count")},
    "attended": {"yes": N_("Counts"), "no": N_("Does not count")},
    "website": {"unknown": N_("Not known"), "yes": N_("Yes"), "no": N_("No")},
}
