"""What personal data, its periods and logos refuse, in words; the codes are stable (docs/api.md)."""

from crm.i18n import N_

PRIVACY: dict[str, tuple[str, ...]] = {
    "password_guessable": (
        N_("Anybody who knows you or this place would try that. Take several words that have nothing to do with it."),
    ),
    "person_erased": (
        N_("%(given)s was forgotten at their own wish. They must agree anew before they are stored again."),
        N_("This person was forgotten at their own wish. They must agree anew before they are stored again."),
    ),
    "logo_broken": (N_("The picture cannot be read: the file is cut off or broken."),),
    "logo_kind": (N_("A logo is a PNG, JPEG or WebP picture."),),
    "logo_large": (N_("A logo has at most %(limit)s KB; this one has %(given)s."),),
    "logo_size": (N_("A logo is %(least)s to %(most)s points wide and high; this one is %(width)s by %(height)s."),),
    "retention_law": (N_("The Bookkeeping Act asks for at least %(least)s years."),),
    "retention_range": (N_("From %(least)s to %(most)s."),),
}
