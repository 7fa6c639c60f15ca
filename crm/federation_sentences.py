"""Words of federation: what is refused about agreements with other systems, standings, states, reasons."""

from crm.i18n import N_

FEDERATION: dict[str, tuple[str, ...]] = {
    "agreement_elsewhere": (N_("This agreement is with another system. End it among those."),),
    "agreement_over": (N_("The agreement has been terminated, for good. A new one begins with a new invitation."),),
    "already_linked": (N_("That organisation is offered under this agreement already."),),
    "field_not_agreed": (N_("The terms do not cover this: %(given)s."),),
    "field_not_shareable": (N_("%(given)s cannot be shared with another system. What can: %(known)s."),),
    "fields_missing": (N_("Without these fields nobody can be told apart: %(missing)s."),),
    "instance_unknown": (N_("%(given)s is not the system that the agreement is with."),),
    "invitation_link": (N_("That is no invitation's link. It ends in /federation/invitations/ and a long code."),),
    "invitation_own": (N_("This invitation is from this very system. Networks here agree without one."),),
    "lease_wrong": (N_("An unconfirmed membership may stand for 1 to %(limit)s days, not %(given)s."),),
    "level_not_agreed": (N_("The terms say nothing of members at %(given)s becoming %(tier)s."),),
    "level_twice": (N_("The level %(given)s has more than one line."),),
    "levels_missing": (N_("Choose what at least one level gives, and no more than %(limit)s."),),
    "not_active": (N_("The agreement is not active, so there is nothing to compare."),),
    "not_answered": (N_("Nobody has answered the invitation yet, so there are no terms to sign."),),
    "nothing_held": (N_("Nothing waits to be decided about this organisation."),),
    "other_terms": (N_("The terms are others than those that were read. Read them again."),),
    "peer_failed": (N_("The other system did not answer as it should: %(why)s."),),
    "periods_overlap": (N_("Two stretches of an offer overlap on %(on)s."),),
    "register_malformed": (N_("A register may not say that here."),),
    "secret_wrong": (N_("A secret is whsec_ and the base64 of 32 random bytes."),),
    "too_many_registers": (N_("At most %(limit)s registers fit in one message."),),
    "version_too_high": (N_("The version %(given)s is too high to go on from."),),
}
STANDINGS = {
    "draft": N_("Draft"),
    "proposed": N_("Proposed"),
    "active": N_("Active"),
    "suspended": N_("Suspended"),
    "terminated": N_("Terminated"),
}
STATES = {
    "offered": N_("offered"),
    "withdrawn": N_("withdrawn"),
    "held": N_("held"),
    "accepted": N_("accepted"),
    "declined": N_("declined"),
    "left": N_("has left"),
}
HELD = {
    "unit": N_("It is a unit of another organisation, and units are not guessed."),
    "alike": N_("An organisation here looks alike, but no number says that it is the same."),
    "ids_disagree": N_("Its numbers lead to different organisations here."),
    "main_unit": N_("Its number is that of a unit of an organisation here, or the other way round."),
    "other_id": N_("The organisation with its number is known under another id."),
    "unknown": N_("Nothing was said about it that could be looked up."),
}
