"""/_styleguide: every macro and layout on example data, for page authors and for the tests."""

from datetime import UTC, date, datetime

from litestar import Request, Response, get
from litestar.params import FromPath

from crm.i18n import translator
from crm.web.chart_examples import examples
from crm.web.fields import When
from crm.web.language import language_of
from crm.web.pictures import HUES
from crm.web.rendering import ERROR_STATUSES, error_page, page

NETWORKS = [
    {"slug": "nora-industry-network", "name": "NORA Industry Network", "short": "NORA", "colour": "nora"},
    {
        "slug": "claire-innovation-network",
        "name": "CLAIRE Innovation Network",
        "short": "CLAIRE",
        "colour": "claire",
    },
    {
        "slug": "sin-applied-ai",
        "name": "Smart Innovation Norway AI Cluster",
        "short": "SIN AI",
        "colour": "sin",
    },
    {
        "slug": "nce-smart-energy-markets",
        "name": "NCE Smart Energy Markets",
        "short": "NCE SEM",
        "colour": "nce",
    },
]
NORA = NETWORKS[0] | {"members": 86}
OFFICE = {
    "networks": NETWORKS,
    "network": NORA,
    "counts": {"applications": 4, "members": 86, "links": 14},
    "user": {"name": "Ingrid Vik", "email": "ingrid.vik@example.no"},
}
TODAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 22, 13, 5, tzinfo=UTC)


@get("/_styleguide", include_in_schema=False, sync_to_thread=False, opt={"public": True})
def show_styleguide(request: Request) -> Response[str]:
    return page(request, "styleguide.html", hues=HUES, today=TODAY, now=NOW, nav="members", **OFFICE)


@get("/_styleguide/{layout:str}", include_in_schema=False, sync_to_thread=False, opt={"public": True})
def show_layout(request: Request, layout: FromPath[str]) -> Response[str]:
    """public, office, charts, wizard, wizard-errors, or the number of an error page."""
    if layout == "charts":
        drawn = examples(translator(language_of(request)))
        return page(request, "styleguide_charts.html", today=TODAY, nav="reports", **OFFICE, **drawn)
    if layout == "office":
        return page(request, "styleguide_office.html", today=TODAY, when=When(TODAY, TODAY), nav="members", **OFFICE)
    if layout == "public":
        return page(request, "styleguide_public.html", networks=NETWORKS, nav="networks")
    if layout in ("wizard", "wizard-errors"):
        language = language_of(request)
        errors = _ERRORS[language] if layout == "wizard-errors" else []
        return page(request, "styleguide_wizard.html", networks=NETWORKS, today=TODAY, errors=errors)
    code = int(layout) if layout.isdecimal() and int(layout) in ERROR_STATUSES else 404
    return error_page(request, code, reference="7f3a-19c2")


handlers = [show_styleguide, show_layout]

_ERRORS = {
    "en": [
        {"field": "orgnr", "text": "Organisation number must have nine digits. You typed eight."},
        {"field": "email", "text": "Enter an e-mail address like name@company.no"},
    ],
    "nb": [
        {"field": "orgnr", "text": "Organisasjonsnummeret skal ha ni siffer. Du skrev åtte."},
        {"field": "email", "text": "Skriv en e-postadresse som navn@firma.no"},
    ],
}
