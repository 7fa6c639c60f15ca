"""What is refused about in-kind contributions, other income and surveys: one entry for each stable code."""

from crm.i18n import N_

FUNDING: dict[str, tuple[str, ...]] = {
    "amount_unreadable": (N_("“%(given)s” is no amount or number."),),
    "column_absent": (N_("Row %(row)s has the headings, and none of them is “%(given)s”."),),
    "contribution_ahead": (N_("What is not given yet cannot be told: the last day is after today."),),
    "contribution_twice": (N_("The same is told already of this member: “%(given)s”."),),
    "grant_is_public": (N_("A public grant is public money."),),
    "hours_or_amount": (N_("Write either hours or an amount."),),
    "income_twice": (N_("The same is told already of this payer: “%(given)s”."),),
    "last_before_first": (N_("The last day comes before the first, %(first)s."),),
    "member_of_none": (N_("No member has the number or the exact name “%(given)s”, now or before."),),
    "member_of_several": (N_("Several members are called “%(given)s”. Write the organisation number."),),
    "rate_currency": (N_("The usual rate is in %(currency)s. Write a rate to count hours in another currency."),),
    "in_kind_rate_missing": (N_("No rate an hour is known for that day. Set the usual rate, or write one here."),),
    "rate_of_day": (N_("A rate from %(day)s is there already. Take it back first."),),
    "rate_without_hours": (N_("A rate goes with hours; an amount needs none."),),
    "survey_answered": (
        N_("This survey is anonymous and was answered by another link. Use that link to change the answers."),
    ),
    "survey_begun": (N_("The survey is open: only wordings and the last day can be changed."),),
    "survey_choices": (N_("Write 2 to %(most)s choices, one a line."),),
    "survey_closed": (N_("The survey is closed."),),
    "survey_draft": (N_("The survey is not open yet."),),
    "survey_empty": (N_("Add a question first."),),
    "survey_full": (N_("A survey has at most %(limit)s questions."),),
    "survey_no_answer": (N_("Answer at least one question."),),
    "survey_over": (N_("The last day is over. Choose a later one first."),),
}
