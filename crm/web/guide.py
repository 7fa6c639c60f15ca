"""The guide for partners' programmers at /api/guide, filled in with address and network; and the client to take along.

Public, as the reference is: nothing on it is secret, and a partner's programmer has no account here.
"""

from pathlib import Path

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery

from crm import guide
from crm.context import Context
from crm.i18n import translator
from crm.web.language import language_of
from crm.web.rendering import page
from crm.web.session import load_catalogue

CLIENT = Path(__file__).parents[1] / "client.py"


@get("/api/guide", include_in_schema=False, opt={"public": True})
async def show_guide(
    request: Request, context: NamedDependency[Context], network: FromQuery[str] = ""
) -> Response[str]:
    """The steps for a network; for an unknown one, for the first there is."""
    kept = await load_catalogue(context)
    t = translator(language_of(request))
    listed = sorted(kept.networks, key=lambda n: t.text(n.names))
    slug = network if network in kept.by_slug else next((n.slug for n in listed), "network")
    address = context.settings.base_url.rstrip("/")

    def filled(text: str) -> str:
        return guide.filled(text, address, slug)

    return page(
        request,
        "api/guide.html",
        networks=[{"value": n.slug, "label": t.text(n.names)} for n in listed],
        chosen=slug,
        name=t.text(kept.by_slug[slug].names) if slug in kept.by_slug else "",
        intro=t.gettext(guide.INTRO),
        setup=(filled(guide.SETUP_CURL), filled(guide.SETUP_PYTHON)),
        steps=[
            {"title": t.gettext(s.title), "text": t.gettext(s.text), "curl": s.curl, "python": filled(s.python).strip()}
            for s in guide.STEPS
        ],
        rehearse=(t.gettext(guide.REHEARSE), guide.REHEARSE_CURL),
        client=(t.gettext(guide.CLIENT), filled(guide.CLIENT_CURL)),
    )


@get("/api/client.py", include_in_schema=False, opt={"public": True}, sync_to_thread=False)
def show_client() -> Response[bytes]:
    """The file that partners copy."""
    headers = {"content-disposition": 'attachment; filename="client.py"', "cache-control": "public, max-age=300"}
    return Response(CLIENT.read_bytes(), media_type="text/x-python; charset=utf-8", headers=headers)


handlers = [show_guide, show_client]
