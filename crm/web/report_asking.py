"""The questions of a report in an address: read, checked, and written again for every link of its pages."""

from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import Request

from cluster_rules.errors import RuleViolation
from crm.catalogue import NetworkRow
from crm.i18n import N_
from crm.reads.reports import Source
from crm.reports import Asked, asked_for, day_of, of_address
from crm.web.office import Office

OWN = "own"
PERIODS = {
    "this_year": N_("This year"),
    "last_year": N_("Last year"),
    "this_quarter": N_("This quarter"),
    "last_quarter": N_("Last quarter"),
    "this_month": N_("This month"),
    "last_month": N_("Last month"),
    OWN: N_("Own dates"),
}
COMPARISONS = {
    "": N_("Nothing"),
    "year": N_("The same period a year before"),
    "previous": N_("The period just before"),
}
MOST_NETWORKS = 20


class Question(msgspec.Struct, frozen=True):
    """What the address asks, with what goes into the form again; `last` is the last day of the period, inside it."""

    asked: Asked
    networks: tuple[NetworkRow, ...]
    period: str
    compare: str
    as_of: date | None
    known: date | None
    error: RuleViolation | None = None
    whole_host: bool = False

    @property
    def last(self) -> date:
        """The last day of the period."""
        return self.asked.end - timedelta(days=1)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """As they stand in an address; what is as it is anyway is left out."""
        asked = self.asked
        out = [] if self.whole_host else [("network", row.slug) for row in self.networks[1:]]
        if self.period == OWN:
            out += [("period", OWN), ("from", asked.start.isoformat()), ("until", self.last.isoformat())]
        elif self.period != "this_year":
            out.append(("period", self.period))
        out += [("compare", self.compare)] if self.compare else []
        out += [(name, day.isoformat()) for name, day in (("as_of", self.as_of), ("known", self.known)) if day]
        return out + [(f"option_{code}", value) for code, value in asked.options.items()]

    def query(self, *more: tuple[str, str]) -> str:
        """The same, to put after an address."""
        pairs = [*self.pairs, *more]
        return f"?{urlencode(pairs)}" if pairs else ""

    def then(self, *more: tuple[str, str]) -> str:
        """The address of the same in the period of comparison."""
        then = self.asked.then
        other = msgspec.structs.replace(self, asked=then, period=OWN, compare="", as_of=then.as_of)
        return other.query(*more)


def question_of(request: Request, office: Office, source: Source, refuse: bool = False) -> Question:
    """What the address asks. What cannot be asked is an `error`, and this year is shown; or `refuse`: RuleViolation."""
    query = request.query_params
    networks = (office.network, *others(office)) if source.host_wide else networks_of(request, office)
    named = query.get("period", "this_year")
    named = named if named in PERIODS else OWN
    compare = query.get("compare", "") if query.get("compare", "") in COMPARISONS else ""
    known = day_of(query.get("known", ""))
    places = [(row.id, row.host) for row in networks]
    given = {**dict(query.items()), "period": named, "compare": compare}
    try:
        asked = of_address(given, places, office.today, office.network.zone, source.options)
    except RuleViolation as error:
        if refuse:
            raise
        asked = asked_for(places[:1], office.today, source.options)
        return Question(asked, networks[:1], "this_year", "", None, None, error)
    return Question(
        asked,
        networks,
        named,
        compare,
        day_of(query.get("as_of", "")),
        known if asked.known_at else None,
        whole_host=source.host_wide,
    )


def networks_of(request: Request, office: Office) -> tuple[NetworkRow, ...]:
    """This network, and others of its host that the reader may open and asks for."""
    wanted = set(request.query_params.getall("network", [])[:MOST_NETWORKS])
    return (office.network, *(row for row in others(office) if row.slug in wanted))


def others(office: Office) -> list[NetworkRow]:
    """The other networks of the same host that the reader may open."""
    mine = office.session.sees
    own = office.network
    return [row for row in office.kept.networks if row.host == own.host and row.id in mine and row.id != own.id]


def choices(office: Office, words: dict[str, str]) -> list[dict[str, Any]]:
    """Such words as the choices of a field."""
    return [{"value": value, "label": office.t.gettext(said)} for value, said in words.items()]
