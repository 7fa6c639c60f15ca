"""What payments, bank files and write-offs refuse, in words (crm/sentences.py takes them in)."""

from crm.i18n import N_

PAYMENTS: dict[str, tuple[str, ...]] = {
    "share_nothing_owed": (N_("For these days nothing is owed."),),
    "share_settled": (N_("Some of these days are settled already. Take that back first, or choose other days."),),
    "amount_invalid": (N_("Enter an amount above zero."),),
    "bank_account_other": (
        N_("The file is about account %(account)s, which is not this host's."),
        N_("Choose the host whose account it is, or correct the host's account number."),
    ),
    "bank_file_field": (N_("%(element)s is missing or wrong in entry %(entry)s of the file. Nothing was imported."),),
    "bank_file_kind": (N_("This is not a camt.053 or camt.054 file. Ask the bank for one of these."),),
    "bank_file_large": (N_("The file is too large (limit: %(limit)s)."),),
    "bank_file_unreadable": (N_("The file is not XML that may be read (line %(line)s). Nothing was imported."),),
    "bank_file_version": (N_("%(given)s is a version that is not known. Known are .001.02 to .001.13."),),
    "card_paid_on": (N_("A card payment is paid back on the day the provider says. Leave paid_on out."),),
    "card_refund": (N_("A card payment is paid back by the card provider. Start the refund there."),),
    "credit_short": (N_("The organisation has not that much credit."),),
    "host_unknown": (N_("No host, or more than one, fits %(given)s. Name the host by its code."),),
    "more_than_owed": (N_("That is more than is owed."),),
    "not_held": (N_("That money is not there any more: it was moved or paid back."),),
    "not_reversible": (N_("This booking cannot be taken back. An invoice is credited, a payment by bank is placed."),),
    "parts_exceed": (N_("The parts are more than the payment."),),
    "parts_number": (N_("Give between 1 and %(limit)s parts."),),
    "place_same": (N_("The money is there already."),),
    "refund_exceeds": (N_("More would be paid back than is left of the payment."),),
    "return_placed": (N_("The payment this takes back is known already."),),
    "rounding_invalid": (N_("Rounding is at most one øre or cent for each line."),),
    "second_person": (N_("Somebody else than %(proposed_by)s has to approve this, signed in as a person."),),
    "target_missing": (N_("Choose an invoice or an organisation for each part."),),
    "write_off_decided": (N_("This write-off has been decided already."),),
    "write_off_exceeds": (N_("That is more than is owed."),),
    "write_off_open": (N_("A write-off of this invoice waits for a second person already."),),
}
