"""What keeps a document from being issued or sent, in words: a sentence for each rule of `document_checks`."""

from crm.i18n import N_, Translator

_SUMS = N_("The sums do not add up.")
_COUNTRY = N_("The country is not a code like NO.")
_VAT_NEEDED = N_("The seller needs a VAT number for lines like these.")
_ORGANISATION = N_("The organisation number has a wrong check digit or length.")
_REASON = N_("A line without VAT must say why, and only such a line.")
_RATE = N_("The VAT rate does not fit the kind of VAT.")
_REASON_CODE = N_("The code of the reason does not fit the kind of VAT.")

_WORDS = {
    "BR-02": N_("The number is missing."),
    "BR-05": N_("We do not bill in this currency."),
    "BR-06": N_("The seller's name is missing."),
    "BR-07": N_("The buyer's name is missing."),
    "BR-09": _COUNTRY,
    "BR-11": _COUNTRY,
    "BR-16": N_("There is no line."),
    "BR-22": N_("The quantity is missing."),
    "BR-25": N_("A line has no name."),
    "BR-27": N_("A price is negative."),
    "BR-42": N_("A discount has no reason."),
    "BR-53": N_("VAT in the accounting currency does not fit the rate."),
    "BR-55": N_("A credit note must name an earlier invoice, and an invoice must not."),
    "BR-62": N_("The e-invoice address is empty."),
    "BR-CO-10": _SUMS,
    "BR-CO-14": _SUMS,
    "BR-CO-15": _SUMS,
    "BR-CO-16": _SUMS,
    "BR-CO-17": _SUMS,
    "BR-CO-18": _SUMS,
    "BR-S-08": _SUMS,
    "KLYNGE-08": _SUMS,
    "BR-CO-09": N_("A VAT number begins with the letters of its country."),
    "BR-CO-25": N_("The due date is missing."),
    "BR-CO-26": N_("The seller's organisation number is missing."),
    "BR-S-02": _VAT_NEEDED,
    "BR-E-02": _VAT_NEEDED,
    "BR-Z-02": _VAT_NEEDED,
    "BR-G-02": _VAT_NEEDED,
    "BR-AE-02": N_("Reverse charge needs the VAT numbers of both."),
    "BR-O-02": N_("A seller with a VAT number cannot bill outside the scope of VAT."),
    "BR-O-11": N_("Lines outside the scope of VAT cannot stand beside others."),
    "BR-S-05": _RATE,
    "BR-E-05": _RATE,
    "BR-E-10": _REASON,
    "BR-S-10": _REASON,
    "NO-R-001": N_("A Norwegian VAT number is NO, the organisation number and MVA."),
    "NO-R-002": N_("A company's invoice must say Foretaksregisteret."),
    "PEPPOL-EN16931-R003": N_("The buyer's reference or order number is missing."),
    "PEPPOL-EN16931-R005": N_("The accounting currency is that of the invoice."),
    "PEPPOL-EN16931-R010": N_("The buyer has no e-invoice address."),
    "PEPPOL-EN16931-R020": N_("The seller has no e-invoice address."),
    "PEPPOL-EN16931-R110": N_("The period of a line lies outside that of the invoice."),
    "PEPPOL-EN16931-CL008": N_("This kind of e-invoice address is not known to Peppol."),
    "PEPPOL-EN16931-P0104": _REASON_CODE,
    "PEPPOL-EN16931-P0105": _REASON_CODE,
    "PEPPOL-EN16931-P0106": _REASON_CODE,
    "PEPPOL-EN16931-P0107": _REASON_CODE,
    "PEPPOL-EN16931-P0108": _REASON_CODE,
    "PEPPOL-EN16931-P0109": _REASON_CODE,
    "PEPPOL-EN16931-P0110": _REASON_CODE,
    "PEPPOL-EN16931-P0111": _REASON_CODE,
    "PEPPOL-COMMON-R040": _ORGANISATION,
    "PEPPOL-COMMON-R041": _ORGANISATION,
    "PEPPOL-COMMON-R042": _ORGANISATION,
    "PEPPOL-COMMON-R043": _ORGANISATION,
    "PEPPOL-COMMON-R049": _ORGANISATION,
    "KLYNGE-01": N_("More is given back than billed: this is a credit note."),
    "KLYNGE-02": N_("The check digit of the KID does not fit."),
    "KLYNGE-03": N_("The account number or IBAN has a wrong check digit."),
    "KLYNGE-04": N_("Norwegian VAT must be told in kroner too."),
    "KLYNGE-05": N_("It would be due before it is issued."),
    "KLYNGE-06": N_("A discount makes a line dearer."),
    "KLYNGE-07": N_("A line belongs to a network that is not named."),
    "KLYNGE-09": N_("There are control characters in the text."),
    "KLYNGE-10": N_("A text is missing in the language of the invoice."),
    "KLYNGE-11": N_("The seller has no account to pay to."),
}


def mistake(t: Translator, rule: str) -> str:
    """The rule in words with its id, which a bookkeeper can look up; the id alone for a rule we do not know."""
    return f"{t.gettext(_WORDS[rule])} {rule}" if rule in _WORDS else rule
