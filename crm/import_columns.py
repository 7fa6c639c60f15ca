"""Columns of a members' file: which field each one is, known by its heading in Norwegian or English, or by content.

CiviCRM and Odoo write their exports with headings of their own; they are known here too. Pure.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Literal

import msgspec

from crm.errors import Refused
from crm.i18n import N_

Source = Literal["plain", "civicrm", "odoo"]
Inherited = Literal["links", "direct"]
SOURCES: tuple[Source, ...] = ("plain", "civicrm", "odoo")
SAMPLES = 3  # values shown beside a column
LOOKED_AT = 50  # rows that tell what a column may be
LEVELS_MAX = 60  # different words for levels that a file may have
HEADING_MAX = 200
IDENTIFIERS = {"orgnr": "no-orgnr", "vat": "vat", "lei": "lei", "ror": "ror", "pic": "pic"}

# Field -> how people know it. The order is that of the page.
FIELDS: dict[str, str] = {
    "orgnr": N_("Organisation number"),
    "vat": N_("VAT number"),
    "lei": N_("LEI"),
    "ror": N_("ROR"),
    "pic": N_("PIC"),
    "external_id": N_("Number in your old system"),
    "name": N_("Name"),
    "kind": N_("Kind of organisation"),
    "country": N_("Country"),
    "employees": N_("Employees"),
    "municipality": N_("Municipality"),
    "nace": N_("Industry code (NACE)"),
    "street": N_("Street address"),
    "postal_code": N_("Postal code"),
    "city": N_("Town"),
    "website": N_("Web address"),
    "level": N_("Level"),
    "joined": N_("Member since"),
    "left": N_("Last day of membership"),
    "status": N_("Status in your old system"),
    "inherited": N_("Inherited from"),
    "contact_name": N_("Contact's name"),
    "contact_email": N_("Contact's e-mail"),
    "contact_role": N_("Contact's role"),
    "billing_email": N_("E-mail for invoices"),
    "billing_reference": N_("Reference on invoices"),
    "opening_amount": N_("Opening balance"),
    "opening_due": N_("Opening balance: due on"),
    "opening_reference": N_("Opening balance: invoice number"),
    "opening_credit": N_("Opening credit"),
    "tags": N_("Tags"),
    "note": N_("Note"),
}
# Headings as people and other systems write them, in small letters without anything between (`_key`).
_HEADINGS: dict[str, str] = {
    "orgnr": "orgnr orgno orgnummer organisasjonsnr organisasjonsnummer organisationnumber organizationnumber"
    " foretaksnummer enhetsnummer companynumber companyid registrationnumber legalidentifier bedriftsnummer orgnumber"
    " companyregistry",
    "vat": "vat vatnumber mvanummer mvanr momsnummer taxid partnertaxid partneridtaxid partneridvat",
    "lei": "lei leicode leikode",
    "ror": "ror rorid",
    "pic": "pic picnumber picnummer",
    "external_id": "id externalid eksternid medlemsnummer medlemsnr memberno membernumber memberid kundenummer"
    " customernumber contactid externalidentifier partnerid partneriddatabaseid",
    "name": "navn name virksomhet virksomhetsnavn firma firmanavn bedrift bedriftsnavn medlem organisasjon organisation"
    " organization company companyname organisationname organizationname member displayname partner partnername"
    " partneriddisplayname partneridname kunde selskap juridisknavn foretaksnavn",
    "kind": "type kind virksomhetstype organisasjonstype organisationtype organizationtype organisasjonsform"
    " contactsubtype",
    "country": "land country landkode countrycode partneridcountryidname partneridcountryid",
    "employees": "ansatte antallansatte employees numberofemployees headcount staff employeecount",
    "municipality": "kommune municipality forretningskommune",
    "nace": "nace nacekode nacecode naeringskode næringskode industrycode bransjekode sic siccode",
    "street": "adresse address gate gateadresse streetaddress postadresse street partneridstreet",
    "postal_code": "postnr postnummer postalcode postcode zip zipcode partneridzip",
    "city": "poststed sted by city town partneridcity",
    "website": "web nettside hjemmeside website url homepage nettsted partneridwebsite",
    "level": "nivå niva level tier medlemsnivå medlemsniva medlemskap medlemskategori kategori category"
    " membershiptype membership membershiplevel membertype medlemstype membershipproduct membershipidname"
    " membershipiddisplayname product",
    "joined": "innmeldt innmeldtdato medlemsiden medlemfra joined joindate joinedon membersince startdato startdate"
    " fradato membershipstartdate innmelding datefrom dateofjoining",
    "left": "utmeldt utmeldtdato left leftdate lefton enddate sluttdato tildato membershipexpirationdate"
    " membershipenddate utmelding dateto expires",
    "status": "status membershipstatus state medlemsstatus",
    "inherited": "inheritedfrom ownermembershipid primarymembershipid primarymembership relatedmembership"
    " inheritedmembership arvetfra",
    "contact_name": "kontakt kontaktperson kontaktnavn contact contactname contactperson primarycontact",
    "contact_email": "epost mail email emailaddress kontaktepost contactemail epostadresse partneridemail",
    "contact_role": "rolle stilling tittel role title jobtitle contactrole",
    "billing_email": "fakturaepost fakturamail billingemail invoiceemail",
    "billing_reference": "deresref bestillingsnummer fakturareferanse referanse billingreference buyerreference"
    " yourreference invoicereference po ponumber",
    "opening_amount": "saldo inngåendesaldo inngaendesaldo utestående utestaende saldo restbeløp restbelop skyldig"
    " openingbalance outstanding balance amountdue openamount residual membershipfee memberprice",
    "opening_due": "forfall forfallsdato duedate dueon due invoicedatedue invoiceduedate",
    "opening_reference": "fakturanr fakturanummer invoicenumber invoiceno invoice accountinvoiceid accountmoveid",
    "opening_credit": "tilgode tilgodehavende tilgodesaldo kreditsaldo inngåendekredit inngaendekredit forskudd"
    " openingcredit creditbalance unappliedcredit unappliedpayments prepaid prepayment",
    "tags": "tagger etiketter merker tags tag labels emneknagger stikkord",
    "note": "notat merknad kommentar note notes comment comments remark source",
}
_BY_HEADING = {heading: field for field, headings in _HEADINGS.items() for heading in headings.split()}
# Headings that mean something else in one system's exports.
_OWN: dict[Source, dict[str, str]] = {
    "plain": {},
    "civicrm": {
        "joindate": "joined",
        "membersince": "joined",
        "startdate": "",
        "membershipstartdate": "",
        "source": "",
    },
    "odoo": {"from": "", "to": "left", "joindate": "joined", "datefrom": "", "date": "joined", "id": ""},
}
# Where it is not said since when somebody is a member, the first day of the newest year there is what is known.
_SINCE = ("from", "datefrom", "startdate", "membershipstartdate")
# What a status in another system means here: is the membership taken over?
STATUSES: dict[Source, dict[str, bool]] = {
    "plain": {},
    "civicrm": {
        **dict.fromkeys(("new", "current", "grace", "ny", "gjeldende", "aktiv"), True),
        **dict.fromkeys(("pending", "expired", "cancelled", "deceased", "venter", "utløpt", "avsluttet"), False),
    },
    "odoo": {
        **dict.fromkeys(("paid", "paidmember", "free", "freemember", "invoiced", "invoicedmember"), True),
        **dict.fromkeys(
            ("none", "nonmember", "canceled", "cancelledmember", "canceledmember", "cancelled", "old", "oldmember"),
            False,
        ),
        **dict.fromkeys(("waiting", "waitingmember"), False),
    },
}
OWED = {"invoiced", "invoicedmember"}  # Odoo: billed there and not paid; its price is the opening balance
_CIVI = frozenset(("membershiptype", "membershipstatus", "membersince", "contactid", "primarymembershipid"))
_ODOO = frozenset(("membershipidname", "membershipfee", "memberprice", "datefrom", "dateto", "joindate"))
_ORGNR = re.compile(r"(NO)?\s*[89]\d{2}[ .]?\d{3}[ .]?\d{3}(\.0)?(\s*MVA)?", re.I)
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")


class ColumnMapping(msgspec.Struct, frozen=True):
    """How a file is read: field -> heading, word for a level -> level, and what holds where a row says nothing.

    `joined` is the day for rows without one; `inherited`: whether what CiviCRM says is inherited follows here from
    link rules (and is left out), or is a direct membership.
    """

    source: Source = "plain"
    columns: dict[str, str] = {}
    levels: dict[str, str] = {}
    level: str = ""
    kind: str = "company"
    country: str = "NO"
    joined: date | None = None
    inherited: Inherited = "links"
    sheet: str = ""


class Column(msgspec.Struct, frozen=True):
    """A column of the file: its heading, the field it is taken for ("" none), and some of its values."""

    heading: str
    field: str = ""
    samples: tuple[str, ...] = ()


class Found(msgspec.Struct, frozen=True):
    """What a file has in it before anybody said what is what. `levels`: the words in the column of levels."""

    source: Source
    columns: tuple[Column, ...]
    heading_row: int
    sheet: str = ""
    sheets: tuple[str, ...] = ()
    encoding: str = ""
    separator: str = ""
    levels: tuple[str, ...] = ()


def key_of(text: str) -> str:
    """A heading, a level or a status as it is compared."""
    return re.sub(r"[^a-z0-9æøåäö]", "", text.casefold())


def headings(cells: Sequence[str], row: int) -> list[str]:
    """The headings of a file, each once. Refused `headings_missing`, `headings_twice` with their row."""
    last = max((place for place, cell in enumerate(cells) if cell), default=-1)
    out = [cell[:HEADING_MAX] or f"#{place + 1}" for place, cell in enumerate(cells[: last + 1])]
    if any(_ORGNR.fullmatch(cell) or _EMAIL.fullmatch(cell) for cell in out):
        raise Refused("headings_missing", "file", row=row)
    keys = [key_of(heading) or heading for heading in out]
    for place, key in enumerate(keys):
        if key in keys[:place]:
            raise Refused("headings_twice", "file", row=row, given=out[place][:80])
    return out


def source_of(headings: Iterable[str]) -> Source:
    """Which system wrote these headings."""
    keys = {key_of(heading) for heading in headings}
    if (keys & {"state", "status"}) and (keys & _ODOO) - {"joindate"} and not keys & _CIVI:
        return "odoo"
    return "civicrm" if len(keys & _CIVI) > 1 else "plain"


def known(headings: Sequence[str], source: Source = "plain") -> int:
    """How many of these are headings we know."""
    return len({field for heading in headings if (field := _field(heading, source))})


def guess(headings: Sequence[str], samples: Sequence[Sequence[str]], source: Source) -> tuple[Column, ...]:
    """The field of each column: by its heading, else by what stands in it; each field once, the first column first."""
    taken: set[str] = set()
    out: list[Column] = []
    for heading, values in zip(headings, samples, strict=True):
        field = _field(heading, source) or _by_content(values, taken)
        out.append(Column(heading, field if field not in taken else "", _examples(values)))
        taken.add(field)
    if "joined" not in taken:
        at = next((n for n, each in enumerate(out) if key_of(each.heading) in _SINCE), None)
        if at is not None:
            out[at] = msgspec.structs.replace(out[at], field="joined")
    return tuple(out)


def _examples(values: Sequence[str]) -> tuple[str, ...]:
    """The first few values that are there, each once."""
    return tuple(dict.fromkeys(value for value in values if value.strip()))[:SAMPLES]


def again(columns: Sequence[Column], saved: Mapping[str, str]) -> tuple[Column, ...]:
    """The columns as they were mapped the last time, where those headings are there again."""
    by_heading = {key_of(heading): field for field, heading in saved.items() if field in FIELDS}
    there = {key_of(column.heading) for column in columns}
    if not by_heading or not by_heading.keys() <= there:
        return tuple(columns)
    return tuple(msgspec.structs.replace(each, field=by_heading.get(key_of(each.heading), "")) for each in columns)


def _field(heading: str, source: Source) -> str:
    key = key_of(heading)
    return _OWN[source].get(key, _BY_HEADING.get(key, ""))


def _by_content(values: Sequence[str], taken: set[str]) -> str:
    filled = [value.strip() for value in values if value.strip()]
    if not filled:
        return ""
    if "orgnr" not in taken and all(_ORGNR.fullmatch(value) for value in filled):
        return "orgnr"
    if "contact_email" not in taken and all(_EMAIL.fullmatch(value) for value in filled):
        return "contact_email"
    return ""
