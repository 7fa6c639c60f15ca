"""What the roles of people are called, and what each may do, in the reader's language."""

from crm.i18n import N_, Translator

NAMES = {
    "host_admin": N_("Administrator of the host"),
    "manager": N_("Manager"),
    "treasurer": N_("Treasurer"),
    "viewer": N_("Reader"),
    "organisation_admin": N_("Administrator"),
    "organisation_member": N_("Member of staff"),
}
MAY = {
    "host_admin": N_("Everything in all networks of the host, and who its people are."),
    "manager": N_("Everything in the network: members, money, rules and people."),
    "treasurer": N_("Invoices, payments, late payment and annual bills. Reads the rest."),
    "viewer": N_("Reads everything, changes nothing."),
    "organisation_admin": N_("The organisation's memberships, invoices, entry and people."),
    "organisation_member": N_("Reads the organisation's memberships and invoices."),
}


def role_name(t: Translator, role: str) -> str:
    """The role, as it stands alone."""
    return t.gettext(NAMES[role]) if role in NAMES else role


def role_may(t: Translator, role: str) -> str:
    """What somebody with this role may do, in a sentence."""
    return t.gettext(MAY[role]) if role in MAY else ""
