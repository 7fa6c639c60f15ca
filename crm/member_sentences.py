"""What is refused about the member list, tags, custom fields, views and bulk runs (see crm/sentences.py)."""

from crm.i18n import N_

MEMBERS: dict[str, tuple[str, ...]] = {
    "bulk_running": (N_("It is still at work. Wait until it is done."),),
    "bulk_changed_since": (N_("It was changed again since, and stays as it is now."),),
    "bulk_not_undoable": (N_("This cannot be taken back here. Credit what was billed instead."),),
    "charge_no_grant": (N_("Not a member on this day, so there is nothing to bill it for."),),
    "field_choice": (N_("There is no “%(given)s” to choose."), N_("Choose one of the answers there are.")),
    "field_choices": (N_("Choose some of the answers there are."),),
    "field_code_format": (N_("A code is small letters, digits and _, and begins with a letter."),),
    "field_code_known": (N_("There is a field with this code already, perhaps a deleted one."),),
    "field_choices_missing": (N_("Say which answers there are to choose from."),),
    "field_choices_unneeded": (N_("Only fields to choose from have answers."),),
    "field_choice_used": (N_("The answer “%(given)s” is in use by %(count)s members and has to stay."),),
    "field_day": (N_("Write a day like 2026-11-22."),),
    "field_kind_fixed": (N_("What kind of field it is cannot change. Make another one."),),
    "field_money": (N_("Write an amount like 1500 or 1500.50."),),
    "field_number": (N_("Write a number, with at most six decimals."),),
    "field_text": (N_("Write a text."),),
    "field_unknown_code": (N_("There is no field called “%(given)s” here."),),
    "field_yes_no": (N_("Answer yes or no."),),
    "fields_full": (N_("A network has at most %(limit)s fields. Delete one first."),),
    "responsible_unknown": (N_("Only people with a role in this network can look after its members."),),
    "selection_changed": (N_("The list has changed: it has %(count)s members now, not %(given)s. Look again."),),
    "selection_empty": (N_("Select at least one member."),),
    "selection_wrong": (N_("That is no selection of members. Go back to the list and select them again."),),
    "tag_known": (N_("There is a tag called “%(given)s” already."),),
    "tag_same": (N_("A tag cannot be merged into itself."),),
    "tag_unknown": (N_("There is no such tag here."),),
    "tags_full": (N_("A network has at most %(limit)s tags. Delete or merge some first."),),
}
