"""What issuing, crediting and delivering invoices refuses, in words (crm/sentences.py takes them in)."""

from crm.i18n import N_

INVOICES: dict[str, tuple[str, ...]] = {
    "again_not_whole": (N_("Only an invoice that is credited as a whole can be billed again."),),
    "already_issued": (N_("The invoice is issued already and does not change. Credit it instead."),),
    "buyer_reference_missing": (
        N_("%(organisation)s is a public body: the invoice needs its reference. Enter it with its billing details."),
    ),
    "credit_exceeds": (N_("More would be credited than is left of what was billed."),),
    "exchange_rate_missing": (
        N_("The VAT of an invoice in %(currency)s must be told in %(own)s, too. Enter the exchange rate first."),
    ),
    "exchange_rate_old": (N_("The exchange rate is for another time. Enter one of the last %(days)s days."),),
    "rate_wrong": (N_("Write the rate with at most four decimals, such as 11.7345."),),
    "credit_note_waiting": (N_("A credit note on this invoice waits to be issued. Issue it first."),),
    "document_incomplete": (N_("The invoice would not be a valid one (%(rule)s). Complete the billing details."),),
    "line_unknown": (N_("This is no line of the invoice, or it is named twice."),),
    "no_address": (N_("There is no e-mail address to send to. Enter one."),),
    "not_issued": (N_("Only an issued invoice can be credited."),),
    "not_issued_yet": (N_("A draft has no document yet. Issue it first."),),
    "nothing_to_credit": (N_("All of this invoice is credited already."),),
    "nothing_to_issue": (N_("There is nothing to bill on this draft."),),
    "peppol_id_format": (N_("Write the e-invoice address like 0192:971035854."),),
    "seller_number_missing": (N_("%(host)s has no organisation number yet. Without it there is no invoice."),),
}
