"""What personal data, its periods and logos refuse, in words; the codes are stable (docs/api.md)."""

from crm.i18n import N_

PRIVACY: dict[str, tuple[str, ...]] = {
    "person_erased": (
        N_("%(given)s was forgotten at their own wish. They must agree anew before they are stored again."),
        N_("This person was forgotten at their own wish. They must agree anew before they are stored again."),
    ),
    "retention_law": (N_("The Bookkeeping Act asks for at least %(least)s years."),),
    "retention_range": (N_("From %(least)s to %(most)s."),),
}
