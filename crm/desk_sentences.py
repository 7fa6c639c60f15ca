"""Refusals of the desk: notes, tasks, documents, contacts, mailings, wording of mails (for crm/sentences.py)."""

from crm.i18n import N_

DESK: dict[str, tuple[str, ...]] = {
    "assignee_unknown": (N_("A task is given to somebody who has a role in this network."),),
    "contact_known": (N_("This organisation has a contact with that e-mail address already."),),
    "contact_unknown": (N_("%(given)s is no contact of this member."),),
    "document_about": (N_("Say which member the document is about, or which agreement."),),
    "document_empty": (N_("The file is empty."),),
    "document_too_large": (N_("The file is larger than %(limit)s MB."),),
    "document_type_differs": (N_("The name ends with “%(ending)s”, but by its content the file is “%(found)s”."),),
    "document_type_unknown": (N_("Files of these kinds can be kept: %(known)s."),),
    "mail_field_malformed": (N_("Braces are for fields such as {organisation}. This one is not closed: %(given)s."),),
    "mail_field_missing": (N_("The mail is of no use without {%(given)s}."),),
    "mail_field_unknown": (N_("There is no field {%(given)s}. There are: %(known)s."),),
    "mailing_begun": (N_("This mailing has been sent already. Make a new one."),),
    "mailing_nobody": (N_("Nobody would get this mailing."),),
    "mailing_changed": (N_("There are %(count)s recipients now, not %(given)s. Look again before you send."),),
    "valid_before_signed": (N_("It cannot be valid only until before it was signed."),),
}
