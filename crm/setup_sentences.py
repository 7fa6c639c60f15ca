"""Refusals while setting up: hosts, networks, agreements, terms (for crm/sentences.py)."""

from crm.i18n import N_

SETUP: dict[str, tuple[str, ...]] = {
    "agreement_known": (N_("There is an agreement with the code %(given)s already."),),
    "agreement_one_network": (N_("An agreement is between two networks."),),
    "agreement_unsigned": (N_("Say who signed for each of the two networks."),),
    "bank_account_wrong": (N_("“%(given)s” is no Norwegian account: eleven digits, the last one checks them."),),
    "bic_format": (N_("“%(given)s” is no BIC: 8 or 11 capital letters and digits."),),
    "code_format": (N_("“%(given)s” cannot be used: small letters, digits and hyphens, such as energy-cluster."),),
    "colour_format": (N_("“%(given)s” is no colour: # and six of 0-9 and a-f, such as #1d5fb8."),),
    "host_known": (N_("There is a host with the code %(given)s already."),),
    "iban_wrong": (N_("“%(given)s” is no IBAN: the check digits do not fit."),),
    "levels_number": (N_("Name 1 to %(limit)s levels."),),
    "network_known": (N_("The address %(given)s is taken by another network."),),
    "period_backwards": (N_("The last day is before the first."),),
    "series_format": (
        N_("“%(given)s” cannot begin invoice numbers: capital letters, digits and hyphens, at most 20."),
    ),
    "series_used": (N_("Invoices of the series %(given)s were issued: it stays."),),
    "time_zone_unknown": (N_("There is no time zone “%(given)s”. Write one such as Europe/Oslo."),),
}
