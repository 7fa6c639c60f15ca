"""How partners' systems follow the lists: one sentence for each key and list, its place beside the newest one."""

from datetime import timedelta
from typing import Any

from crm.i18n import N_
from crm.reads import feed_readers, keys, shares
from crm.reads.feed_readers import MOST_COUNTED, Reader
from crm.web.office import Office

DAY_SECONDS = 86_400
LEAST = timedelta(seconds=1)  # "in 0 seconds" is no time
BADGES = {
    "current": ("success", N_("Up to date")),
    "behind": ("info", N_("Behind")),
    "late": ("warning", N_("Silent")),
    "lost": ("danger", N_("Must begin anew")),
    "never": ("neutral", N_("Has never asked")),
    "stopped": ("neutral", N_("Stopped")),
}


async def health(office: Office) -> list[dict[str, Any]]:
    """Every system that reads this network's members, and every key of the network: the ones that need help first."""
    network = office.network.id
    async with office.context.db.tx() as connection:
        readers = await feed_readers.of_network(connection, network)
        own = [key for key in await keys.listed(connection, [network]) if key.network_id == network]
        told = await shares.find(connection, [network])
    rows = [_row(office, each) for each in readers]
    heard = {each.key_id for each in readers}
    rows += [
        _silent(office, key.name, key.prefix, office.t.gettext("its own members"))
        for key in own
        if key.id not in heard and not key.revoked_at and key.role == "partner"
    ]
    read = {(each.agreement, each.network_id) for each in readers}
    for each in told:
        if each.network_id == network and each.in_force and (each.agreement, network) not in read:
            rows.append(_silent(office, _name(office, each.to_network_id), "", each.agreement))
    return sorted(rows, key=lambda row: (row["order"], row["system"]))


def sentence(office: Office, row: Reader) -> tuple[str, str]:
    """(state, how a system does in one sentence)."""
    t, ago = office.t, office.t.ago(min(row.asked_at, office.now - LEAST), office.now)
    if row.revoked_at:
        return "stopped", t.gettext("Stopped: its key is revoked. It last asked %(ago)s.", ago=ago)
    if row.too_old:
        said = t.gettext(
            "It was away for so long that it must begin anew with the list; it last asked %(ago)s.", ago=ago
        )
        return "lost", said
    if row.behind == 0:
        return "current", t.gettext("It has everything, and last asked %(ago)s.", ago=ago)
    if row.behind > MOST_COUNTED:
        said = t.gettext(
            "It is more than %(n)s changes behind, and last asked %(ago)s.", n=t.number(MOST_COUNTED), ago=ago
        )
    else:
        n = row.behind
        said = t.ngettext(
            "It is %(n)s change behind, and last asked %(ago)s.",
            "It is %(n)s changes behind, and last asked %(ago)s.",
            n,
            ago=ago,
        )
    return "late" if (office.now - row.asked_at).total_seconds() > DAY_SECONDS else "behind", said


def _row(office: Office, row: Reader) -> dict[str, Any]:
    state, said = sentence(office, row)
    foreign = row.reader_network_id is not None and row.reader_network_id != office.network.id
    own = row.network_id == office.network.id
    what = (
        office.t.gettext("its own members")
        if own and not row.agreement
        else row.agreement or _name(office, row.network_id)
    )
    return {
        **_face(office, state),
        "system": f"{_name(office, row.reader_network_id)}: {row.name}" if foreign else row.name,
        "prefix": "" if foreign else row.prefix,
        "what": what,
        "sentence": said,
        "at": f"{row.xid}.{row.seq}",
        "newest": f"{row.newest_xid}.{row.newest_seq}",
    }


def _silent(office: Office, system: str, prefix: str, what: str) -> dict[str, Any]:
    said = office.t.gettext("It has never asked.")
    return {
        **_face(office, "never"),
        "system": system,
        "prefix": prefix,
        "what": what,
        "sentence": said,
        "at": "",
        "newest": "",
    }


def _face(office: Office, state: str) -> dict[str, Any]:
    colour, word = BADGES[state]
    order = ("lost", "late", "behind", "never", "current", "stopped").index(state)
    return {"badge": {"text": office.t.gettext(word), "color": colour}, "order": order, "state": state}


def _name(office: Office, network: Any) -> str:
    return str(office.face(office.kept.by_id[network])["name"])
