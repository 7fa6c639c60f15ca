"""Why something that a partner writes is refused or held back: by code, beside those of crm/sentences.py."""

from crm.i18n import N_

PARTNERS: dict[str, tuple[str, ...]] = {
    "already_said": (N_("Somebody has said whom this row means already."),),
    "cells_too_many": (N_("The row has more cells than there are columns."),),
    "column_unknown": (N_("A column is not known or is there twice. There are: %(known)s."),),
    "csv_unreadable": (N_("The CSV file cannot be read: %(message)s."),),
    "external_id_taken": (N_("Another organisation has this id in your system already."),),
    "field_not_shared": (N_("The agreement does not share this field with you."),),
    "grant_ambiguous": (N_("More than one link stands behind this membership. Name the grant."),),
    "held_alike": (N_("An organisation that is known here looks the same, and no number says whether it is."),),
    "held_ended_here": (N_("The membership was ended here, and the row says that it goes on."),),
    "held_ids_disagree": (N_("What the row is known by leads to more than one organisation, or contradicts itself."),),
    "held_main_unit": (N_("The number is that of a part of an organisation that is known here."),),
    "held_other_id": (N_("The organisation is in your list under another id already."),),
    "key_revoked": (N_("The key is revoked. Make a new one."),),
    "line_too_long": (N_("A row is longer than %(limit)s bytes."),),
    "list_unreadable": (N_("The list cannot be read: %(message)s."),),
    "list_empty": (N_("A complete list with no rows would end everybody. Send at least one row."),),
    "not_a_candidate": (N_("The row was not found to be like this organisation."),),
    "not_linked": (N_("No link stands behind this membership."),),
    "objection_closed": (N_("This objection has been answered already."),),
    "only_complete": (N_("This belongs to a complete list only."),),
    "only_to_take": (N_("Name the organisation to take it, and only then."),),
    "parent_unknown": (N_("No organisation is known here by the id %(given)s."),),
    "refused_here": (N_("Somebody who manages the network has refused this row."),),
    "row_twice": (N_("This is in more than one row of the list, also in: %(rows)s."),),
    "rows_unsettled": (N_("Nobody was ended, because %(count)s rows were refused or wait for a person."),),
    "scope_missing": (N_("This key may not write that: it lacks the scope “%(scope)s”."),),
    "scope_unknown": (N_("These scopes cannot be given to this key: %(given)s. There are: %(known)s."),),
    "suggestion_closed": (N_("This suggestion has been answered already."),),
    "suggestion_empty": (N_("Suggest at least one value."),),
    "suggestion_same": (N_("That is what is told here already."),),
    "suggestion_stale": (N_("The value has changed since you looked. Look again, then decide."),),
    "too_many_absent": (
        N_(
            "Nobody was ended: %(count)s of %(of)s members are not on the list, more than %(percent)s percent."
            " Send it again with confirm=%(count)s if that is right."
        ),
    ),
}
