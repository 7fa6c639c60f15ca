"""The reports of how networks are financed and of what members answer in words (kinds of income for pages, too)."""

from crm.i18n import N_
from crm.reports import ReportWords

REPORTS: dict[str, ReportWords] = {
    "finance": ReportWords(
        N_("Fees and other income"),
        N_("How the network is financed: fees, other income by its source, and what members give in kind."),
        {
            "fees_invoiced": (N_("Fees invoiced"), N_("Fee income booked in the period, without VAT.")),
            "fees_credited": (
                N_("Fees credited"),
                N_("Fee income taken back by credit notes in the period, without VAT."),
            ),
            "fees": (N_("Fee income"), N_("Fees invoiced less fees credited.")),
            "other_private": (
                N_("Other private income"),
                N_(
                    "Other income that is private money, as told. What is for several months counts by its days, up to "
                    "the day."
                ),
            ),
            "public": (
                N_("Public income"),
                N_("Public grants and other income that is public money, as told; by its days, up to the day."),
            ),
            "income": (N_("All income"), N_("Fee income, other private income and public income.")),
            "in_kind": (
                N_("Given in kind"),
                N_(
                    "What members gave in hours or things, as told. Hours count what an hour counted as when they were "
                    "told. By its days, up to the day."
                ),
            ),
            "in_kind_hours": (
                N_("Hours in kind"),
                N_("The hours among what was given in kind, by their days, up to the day. Their rows are those of it."),
            ),
            "in_kind_hundredths": (N_("Hundredths of hours"), N_("The same hours in hundredths, as they are stored.")),
            "members_give": (N_("Financed by members"), N_("Fee income and what members gave in kind.")),
            "financing": (N_("Income and in kind"), N_("Income of every source, and what members gave in kind.")),
            "private_share": (
                N_("Private share"),
                N_(
                    "Fee income and other private income divided by all income. None while no other income is told of "
                    "the period."
                ),
            ),
            "private_share_in_kind": (
                N_("Private share with in kind"),
                N_("The same with what members gave in kind added to both sides."),
            ),
        },
        {
            "by_source": N_("By source"),
            "by_network": N_("By network"),
            "by_month": N_("By month"),
            "by_account": N_("By account"),
        },
    ),
    "surveys": ReportWords(
        N_("Surveys of members"),
        N_("How many of those asked have answered, and what, question by question."),
        {
            "asked": (N_("Asked"), N_("Members that were asked in surveys opened in the period; each survey counts.")),
            "answered": (N_("Have answered"), N_("Those of them that have answered at least one question.")),
            "response_rate": (N_("Response rate"), N_("Members that have answered divided by members asked.")),
            "answers": (
                N_("Answers"),
                N_("Answers to single questions, the newest of each member. Anonymous surveys are not among them."),
            ),
            "scale_mean": (
                N_("Average on the scale"),
                N_("The average of all answers on scales from 1 to 6. Anonymous surveys are not among them."),
            ),
            "number_sum": (N_("Sum"), N_("The sum of answers that are numbers.")),
            "picked": (N_("How often"), N_("How often an answer was picked.")),
            "anonymous_answers": (
                N_("Anonymous answers"),
                N_(
                    "Answers in anonymous surveys that are closed, to questions with at least five of them. Their rows "
                    "are these sums: which member answered what is not known."
                ),
            ),
            "anonymous_mean": (
                N_("Average, anonymous"),
                N_("The average of the anonymous answers on a scale from 1 to 6."),
            ),
        },
        {
            "by_survey": N_("By survey"),
            "by_question": N_("By question"),
            "by_answer": N_("How the answers spread"),
            "by_anonymous_question": N_("By question, anonymous"),
        },
    ),
}
COLUMNS = {
    "survey": N_("Survey"),
    "question": N_("Question"),
    "answer": N_("Answer"),
    "anonymous": N_("Anonymous"),
    "many": N_("Answers"),
    "average": N_("Average"),
    "source": N_("Source"),
    "sector": N_("Whose money"),
    "what": N_("What for"),
    "hours": N_("Hours"),
}
KINDS = {
    "public_grant": N_("Public grant"),
    "project": N_("Project"),
    "own": N_("The host’s own money"),
    "other": N_("Other"),
}
VALUES: dict[str, dict[str, str]] = {
    "source": {"fees": N_("Fees"), "in_kind": N_("In kind"), **KINDS},
    "income_kind": KINDS,
    "anonymous": {"yes": N_("Yes"), "no": N_("No")},
    "sector": {"private": N_("Private"), "public": N_("Public")},
}
