"""Words for what agreements disclose: refusals (crm/sentences.py takes them in), fields, legal bases, choices."""

from crm.i18n import N_

SHARES: dict[str, tuple[str, ...]] = {
    "agreement_choose": (
        N_("More than one agreement discloses members of this network to yours. Read one of them: %(addresses)s."),
    ),
    "choice_not_open": (N_("Under this legal basis there is nothing to object or to consent to."),),
    "day_not_kept": (N_("What an agreement discloses is always of today. Leave out the day and the moment."),),
    "persons_basis_missing": (N_("Contacts are disclosed only on a stated basis: consent or notice."),),
}
FIELDS = {
    "name": N_("name"),
    "identifiers": N_("organisation number"),
    "country": N_("country"),
    "kind": N_("kind of organisation"),
    "website": N_("website"),
    "tier": N_("level"),
    "status": N_("status of the membership"),
    "origin": N_("direct or linked"),
    "starts_on": N_("member since"),
    "ends_on": N_("end of the membership"),
    "contact_name": N_("name of the contact"),
    "contact_email": N_("e-mail address of the contact"),
}
BASES = {
    "consent": N_("Consent"),
    "contract": N_("Contract"),
    "legal_obligation": N_("Legal obligation"),
    "public_task": N_("Public task"),
    "legitimate_interest": N_("Legitimate interest"),
}
PERSONS = {
    "": N_("No persons"),
    "consent": N_("Consent of each person"),
    "notice": N_("Each person is told beforehand and may object"),
}
CHOICES = {
    "consents": N_("has consented"),
    "objects": N_("has objected"),
    "erased": N_("has had it erased"),
}
READINGS = {
    "list": N_("list"),
    "stream": N_("whole list"),
    "changes": N_("changes"),
    "bucket": N_("part of the proof"),
    "compare": N_("comparison with a copy"),
}
