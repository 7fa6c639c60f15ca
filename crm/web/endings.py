"""What the overview says of labels, programmes and agreements that end soon or have ended."""

from typing import Any

from crm.reads.endings import Ending
from crm.web.office import Office

_AT = {"label": ("award", "/setup/labels"), "agreement": ("file-text", "/setup/agreements")}


def to_renew(office: Office, found: list[Ending]) -> list[dict[str, Any]]:
    """For "to do" on the overview: each with its last day, the ended ones first."""
    t, out = office.t, []
    for each in found:
        icon, place = _AT[each.kind]
        said = {"name": t.text(each.names), "day": office.last_day(each.ends_on)}
        past = each.ends_on <= office.today
        out.append(
            {
                "icon": icon,
                "color": "danger" if past else "warning",
                "text": t.gettext("%(name)s ended %(day)s", **said)
                if past
                else t.gettext("%(name)s ends %(day)s", **said),
                "href": f"{office.base}{place}",
                "detail": t.gettext("Tell its new last day if it goes on") if past else t.gettext("Renew it in time"),
            }
        )
    return out
