"""What setting up is made of, in words: each step with what is there, and where to go on."""

from typing import Any

from cluster_rules.networks import Rulebook
from crm import names
from crm.actions import networks
from crm.folder import HostRow
from crm.i18n import N_
from crm.store.hosts import Counts
from crm.web.office import Office

# Where hosts of Nordic and European clusters are; the command line takes any country.
COUNTRIES = ("NO", "SE", "DK", "FI", "IS", "BE", "DE", "FR", "GB", "NL", "EE", "LV", "LT", "AT", "CH", "ES", "IT", "PL")
_KINDS = {
    "cluster": N_("Cluster"),
    "industry_network": N_("Industry network"),
    "innovation_network": N_("Innovation network"),
    "startup_network": N_("Network of start-ups"),
    "consortium": N_("Consortium"),
    "association": N_("Association"),
    "meeting": N_("Meeting place"),
}
_COLOURS = {
    "accent": N_("Blue (Klynge)"),
    "nora": N_("Clear blue"),
    "claire": N_("Violet"),
    "sin": N_("Green"),
    "nce": N_("Orange"),
}


def kinds(office: Office) -> list[dict[str, str]]:
    """Kinds of network to choose from."""
    return [{"value": each, "label": office.t.gettext(_KINDS[each])} for each in networks.KINDS]


def colours(office: Office) -> list[dict[str, str]]:
    """The theme's own hues."""
    return [{"value": each, "label": office.t.gettext(_COLOURS[each])} for each in networks.COLOURS]


def steps(office: Office, host: HostRow, counts: Counts, book: Rulebook) -> list[dict[str, Any]]:
    """[{icon, href, title, said, ready}]: in the order in which one sets up; `said` is what is there.

    `ready`: it is done; False: it must be; None: it may be, and is not.
    """
    t, base = office.t, office.base
    lacking = _lacking(office, host)  # of what invoices need
    levels = ", ".join(t.text(tier.names) for tier in book.tiers)
    priced = sum(1 for tier in book.tiers if tier.fees)
    told = {
        "host": (t.gettext("lacks %(what)s", what=", ".join(lacking)) if lacking else host.name, not lacking),
        "network": (t.text(office.network.summary) or t.gettext("no text yet"), bool(t.text(office.network.summary))),
        "rules": (
            t.gettext("%(levels)s; %(n)s of them have a fee", levels=levels, n=t.number(priced)),
            bool(book.tiers),
        ),
        "links": (_links(office, book), _if_any(book.link_rules)),
        "agreements": (
            t.ngettext("%(n)s agreement", "%(n)s agreements", counts.agreements),
            _if_any(counts.agreements),
        ),
        "terms": (
            t.gettext("version %(n)s of your own text", n=counts.terms)
            if counts.terms
            else t.gettext("what the rules say, in words"),
            _if_any(counts.terms),
        ),
        "people": (t.gettext("who manages, keeps the books, reads"), _if_any(counts.people)),
        "mails": (t.gettext("the standard wording, or your own"), _if_any(counts.wordings)),
        "fields": (
            t.ngettext("%(n)s field of your own", "%(n)s fields of your own", counts.fields),
            _if_any(counts.fields),
        ),
        "import": (t.gettext("CSV or Excel, from CiviCRM and Odoo, too"), _if_any(counts.imports)),
        "register": (
            t.gettext("headcounts, bankruptcies, prefill from Enhetsregisteret"),
            _if_any(counts.registers),
        ),
    }
    return [
        {"icon": icon, "href": base + path, "title": t.gettext(title), "said": told[key][0], "ready": told[key][1]}
        for key, icon, path, title in _STEPS
    ]


def host_facts(office: Office, host: HostRow) -> dict[str, list[dict[str, str]]]:
    """What the host's form has, as text for those who may not change it; what nobody told is left out."""
    t = office.t
    place = " ".join(filter(None, (host.postal_code, host.city)))
    registered = t.gettext("Yes") if host.in_business_register else t.gettext("No")
    combined = t.gettext("one invoice for all")
    who = {
        t.gettext("Legal name"): host.name,
        t.gettext("Country"): names.country_name(t, host.country),
        t.gettext("Organisation number"): host.organisation_number,
        t.gettext("VAT number"): host.vat_number,
        t.gettext("It is in the Register of Business Enterprises"): registered,
        t.gettext("Address"): ", ".join(filter(None, (host.street, place))),
        t.gettext("E-mail"): host.email,
    }
    invoices = {
        t.gettext("Norwegian account"): host.bank_account,
        t.gettext("IBAN"): host.iban,
        t.gettext("BIC"): host.bic,
        t.gettext("Invoice numbers begin with"): host.invoice_series,
        t.gettext("Members of several of its networks get"): combined
        if host.invoicing == "combined"
        else t.gettext("an invoice for each network"),
        t.gettext("Time zone"): host.time_zone,
    }
    return {
        part: [{"label": label, "value": value} for label, value in rows.items() if value]
        for part, rows in (("who", who), ("invoices", invoices))
    }


def _if_any(there: object) -> bool | None:
    return True if there else None


def first_steps(office: Office, host: HostRow, members: int) -> list[dict[str, Any]]:
    """What must be there before anything else works, as things to do: none once it is."""
    t, out = office.t, []
    if lacking := _lacking(office, host):
        detail = t.gettext("lacks %(what)s", what=", ".join(lacking))
        text = t.gettext("Tell what invoices need of %(host)s", host=host.name)
        out.append(_to_do("building", text, f"{office.base}/setup/host", detail))
    if not members:
        detail = t.gettext("CSV or Excel, from CiviCRM and Odoo, too")
        out.append(_to_do("upload", t.gettext("Import your members"), f"{office.base}/imports", detail))
    return out


def _to_do(icon: str, text: str, href: str, detail: str) -> dict[str, Any]:
    return {"icon": icon, "color": "warning", "text": text, "href": href, "detail": detail}


def _lacking(office: Office, host: HostRow) -> list[str]:
    """What an invoice needs and the host has not told (bookkeeping regulations 5-1-1; EN 16931)."""
    t = office.t
    wanted = (
        (host.organisation_number or host.vat_number, N_("organisation number")),
        (host.bank_account or host.iban, N_("account")),
        (host.street and host.city, N_("address")),
        (host.email, N_("e-mail")),
    )
    return [t.gettext(word) for there, word in wanted if not there]


def _links(office: Office, book: Rulebook) -> str:
    t = office.t
    if not book.link_rules:
        return t.gettext("no membership gives another one")
    return "; ".join(t.text(rule.names) or rule.code for rule in book.link_rules)


_STEPS = (
    ("host", "building", "/setup/host", N_("Host: who sends the invoices")),
    ("network", "color-swatch", "/setup/network", N_("Network: text, colour, name")),
    ("rules", "book", "/setup/rules", N_("Levels and fees")),
    ("links", "link", "/setup/rules#links", N_("Link rules")),
    ("agreements", "file-text", "/setup/agreements", N_("Agreements")),
    ("terms", "list-details", "/setup/terms", N_("Membership terms")),
    ("people", "users", "/people", N_("People and roles")),
    ("mails", "mail", "/setup/mails", N_("Wording of mails")),
    ("fields", "adjustments-horizontal", "/setup/fields", N_("Fields of your own")),
    ("import", "file-import", "/imports", N_("Import members")),
    ("register", "building", "/setup/register", N_("Register")),
)
