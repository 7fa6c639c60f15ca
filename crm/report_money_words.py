"""The reports of money in words: what each is for, and the definition that stands beside each figure."""

from crm.i18n import N_
from crm.reports import ReportWords

_PER_YEAR = N_(
    "The yearly fee of every own membership that is active on the day: what is agreed for a whole year, without VAT, "
    "after discounts and before anything is shared with another network. Entry fees are left out. "
    "It is read from the newest bill, up to a year after its last day."
)
_OPEN = N_(
    "What was owed of invoices at the end of the day: with VAT, fees and interest, less payments, credit notes and "
    "write-offs booked by then. What was booked later changes nothing."
)
_OVERDUE = N_("The part of it that is owed of invoices whose due day had passed.")
_INVOICED = N_(
    "What invoices issued in the period came to, with VAT. Credit notes are not taken off; opening balances of an"
    " import were invoiced elsewhere and are not in it."
)
_PAID = N_("What had been paid of those invoices by the day, less what was paid back.")
_CREDITED = N_("What credit notes issued by the day took back of those invoices, with VAT.")
_WRITTEN_OFF = N_("What had been given up of those invoices by the day.")
_STILL_OWED = N_("What was still owed of those invoices at the end of the day. Below zero: too much was paid.")
_PAYING = N_("Own memberships, active on the day, with a yearly fee.")

REPORTS: dict[str, ReportWords] = {
    "revenue": ReportWords(
        N_("Yearly fees and how they move"),
        N_("What members have agreed to pay a year, and why that is more or less than before the period."),
        {
            "arr": (N_("Yearly fees"), _PER_YEAR),
            "paying": (N_("Memberships with a fee"), _PAYING),
            "mrr": (N_("Fees a month"), N_("The yearly fees divided by twelve.")),
            "opening": (N_("Yearly fees before"), N_("The yearly fees at the end of the day before the period.")),
            "new": (
                N_("New fees"),
                N_("Yearly fees of memberships that had none before the period and never had one."),
            ),
            "reactivation": (
                N_("Fees come back"),
                N_("Yearly fees of memberships that had none before the period, but had one once."),
            ),
            "expansion": (N_("Fees that rose"), N_("By how much yearly fees rose that were there before and after.")),
            "contraction": (N_("Fees that fell"), N_("By how much yearly fees fell that were there before and after.")),
            "churn": (
                N_("Fees lost"),
                N_("Yearly fees from before the period of memberships that have none after it."),
            ),
            "closing": (
                N_("Yearly fees after"),
                N_("Before, plus new, come back and risen, less fallen and lost."),
            ),
            "moved": (N_("Difference"), N_("By how much the yearly fees changed.")),
            "moved_members": (N_("Memberships"), N_("Memberships whose yearly fee changed.")),
            "gross_retention": (
                N_("Fees kept, gross"),
                N_("The fees before, less those lost and fallen, divided by the fees before."),
            ),
            "net_retention": (
                N_("Fees kept, net"),
                N_("The same with the fees that rose added. New members and those who came back do not count."),
            ),
        },
        {
            "by_tier": N_("Yearly fees by level"),
            "by_network": N_("Yearly fees by network"),
            "by_move": N_("What changed the yearly fees"),
            "moves_by_tier": N_("Movements by level"),
        },
    ),
    "collected": ReportWords(
        N_("Fees invoiced and paid"),
        N_(
            "What was invoiced in the period and what has become of it, money received, and how much of "
            "what fell due is paid."
        ),
        {
            "invoiced": (N_("Invoiced"), _INVOICED),
            "invoiced_net": (N_("Invoiced without VAT"), N_("The same invoices without VAT.")),
            "invoices": (N_("Invoices"), N_("Invoices issued in the period.")),
            "claimed": (
                N_("Fees and interest"),
                N_("Reminder fees, interest and compensation claimed on those invoices."),
            ),
            "paid": (N_("Paid"), _PAID),
            "credited": (N_("Credited"), _CREDITED),
            "written_off": (N_("Written off"), _WRITTEN_OFF),
            "owed": (N_("Still owed"), _STILL_OWED),
            "received": (
                N_("Money received"),
                N_("Payments put on invoices in the period, whenever those were issued, less what was paid back."),
            ),
            "due": (
                N_("Fell due"),
                N_(
                    "What invoices with a due day in the period, up to the day, are to be paid with: less"
                    " credited and written off."
                ),
            ),
            "due_paid": (N_("Paid of what fell due"), N_("What had been paid of those by the day.")),
            "collection_rate": (N_("Collection rate"), N_("Paid of what fell due, divided by what fell due.")),
        },
        {
            "by_month": N_("By the month of the invoice"),
            "by_tier": N_("By level"),
            "by_network": N_("By network"),
            "received_by_month": N_("Money received by month"),
            "received_by_rail": N_("Money received by way"),
            "due_by_tier": N_("Fell due and paid, by level"),
        },
    ),
    "aging": ReportWords(
        N_("Outstanding by age"),
        N_("What is owed on a day by how late it is, and what members have to their credit."),
        {
            "open": (N_("Outstanding"), _OPEN),
            "overdue": (N_("Overdue"), _OVERDUE),
            "open_invoices": (N_("Unpaid invoices"), N_("Invoices of which something is owed.")),
            "overdue_invoices": (N_("Overdue invoices"), N_("Unpaid invoices whose due day had passed.")),
            "credit": (
                N_("Credit not used"),
                N_(
                    "Paid too much, or paid and on no invoice, by organisations that are known. Not taken"
                    " off what is owed."
                ),
            ),
            "billed_12": (N_("Invoiced in a year"), N_("What invoices issued in the 365 days up to the day came to.")),
            "days_of_sales": (
                N_("Days of sales outstanding"),
                N_("Outstanding divided by what was invoiced in 365 days, times 365."),
            ),
        },
        {
            "by_age": N_("By age"),
            "by_tier": N_("By level"),
            "by_network": N_("By network"),
            "by_stage": N_("By the newest reminder"),
            "by_member": N_("By member"),
        },
    ),
    "deferred": ReportWords(
        N_("Fees by the days they are for"),
        N_("Invoiced fees month by month of the service they pay for, and what is invoiced for days still to come."),
        {
            "recognised": (
                N_("Recognised"),
                N_(
                    "The part of issued invoice lines, without VAT and less credited, that is for days of"
                    " the period up to the day."
                ),
            ),
            "deferred": (
                N_("Deferred"),
                N_(
                    "The part of lines issued by the day that is for later days. It is a debt: members have paid ahead."
                ),
            ),
            "earned": (N_("Recognised"), N_("The part of issued lines that is for days of the month.")),
        },
        {
            "by_month": N_("By month, those to come among them"),
            "by_tier": N_("By level"),
            "by_network": N_("By network"),
            "by_last_year": N_("Deferred by the year in which the line ends"),
        },
    ),
    "fee-shares": ReportWords(
        N_("Shared fees"),
        N_("What networks owe each other of collected fees, because a link rule says so."),
        {
            "share_owed": (
                N_("Owed to others"),
                N_("Shares of collected fees booked as owed to other networks, without VAT."),
            ),
            "share_received": (
                N_("To be received"),
                N_("Shares of other networks’ collected fees booked for these, without VAT."),
            ),
            "share_balance": (N_("Balance"), N_("To be received less owed to others.")),
        },
        {"by_partner": N_("By network and partner"), "by_rule": N_("By link rule"), "by_month": N_("By month")},
    ),
    "lifetime": ReportWords(
        N_("Worth of a membership"),
        N_("The average yearly fee, how long memberships last, and the two multiplied."),
        {
            "fees": (N_("Yearly fees"), _PER_YEAR),
            "paying": (N_("Memberships with a fee"), _PAYING),
            "paid_before": (N_("A year before"), N_("Memberships with a yearly fee 365 days before the day.")),
            "lost": (N_("Of these gone"), N_("Those of them that have none on the day.")),
            "mean_fee": (N_("Average yearly fee"), N_("Yearly fees divided by the memberships that have one.")),
            "fee_churn": (N_("Lost in a year"), N_("Memberships gone divided by those of a year before.")),
            "life": (
                N_("Expected years"),
                N_(
                    "One divided by the share lost in a year, and never more than the most years asked for: a year "
                    "without loss does not say that nobody will ever leave."
                ),
            ),
            "lifetime_value": (N_("Worth of a membership"), N_("Average yearly fee times expected years.")),
        },
        {"by_tier": N_("By level")},
        {"most_years": N_("Years at most")},
    ),
}

COLUMNS = {
    "number": N_("Invoice"),
    "issued_on": N_("Invoice date"),
    "due_on": N_("Due"),
    "days_late": N_("Days late"),
    "age": N_("Age"),
    "stage": N_("Newest reminder"),
    "gross": N_("With VAT"),
    "net": N_("Without VAT"),
    "to_pay": N_("To pay"),
    "invoice_id": N_("Invoice id"),
    "membership_id": N_("Membership id"),
    "month": N_("Month"),
    "on_date": N_("Booked on"),
    "rail": N_("Way"),
    "payer": N_("Payer"),
    "amount": N_("Amount"),
    "tier_before": N_("Level before"),
    "fee": N_("Fee a year"),
    "move": N_("Movement"),
    "starts_on": N_("From"),
    "last_on": N_("Last day"),
    "last_year": N_("Year"),
    "partner": N_("Partner network"),
    "rule": N_("Rule"),
    "side": N_("Direction"),
    "account": N_("Account"),
}
VALUES: dict[str, dict[str, str]] = {
    "age": {
        "not_due": N_("Not due"),
        "d001_030": N_("1–30 days"),
        "d031_060": N_("31–60 days"),
        "d061_090": N_("61–90 days"),
        "d091_120": N_("91–120 days"),
        "d121": N_("Over 120 days"),
    },
    "move": {
        "new": N_("New"),
        "reactivation": N_("Come back"),
        "expansion": N_("Risen"),
        "contraction": N_("Fallen"),
        "churn": N_("Lost"),
        "same": N_("Unchanged"),
    },
    "rail": {"bank": N_("Bank"), "card": N_("Card")},
    "side": {"owes": N_("Owed"), "gets": N_("To be received")},
    "stage": {
        "none": N_("None"),
        "reminder": N_("Reminder"),
        "collection_notice": N_("Collection notice"),
        "suspension": N_("Suspension"),
        "export": N_("To a collector"),
    },
}
