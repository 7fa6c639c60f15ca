"""What every template keeps to, and what the rendering promises to those who write pages."""

import re

import pytest
from jinja2 import UndefinedError
from litestar import Litestar, Request, Response, get
from litestar.config.csrf import CSRFConfig
from litestar.params import FromPath
from litestar.testing import create_test_client

from crm.i18n import LANGUAGES, jinja_environment
from crm.paths import TEMPLATES
from crm.web import assets, language
from crm.web.pictures import icon, logo
from crm.web.rendering import (
    ERROR_STATUSES,
    environment_for,
    error_page,
    fragment,
    htmx_headers,
    is_htmx,
    page,
)

PAGES = sorted(p for p in TEMPLATES.rglob("*.html") if "static" not in p.relative_to(TEMPLATES).parts)
MACROS = sorted((TEMPLATES / "macros").glob("*.html"))
NAMES = [path.relative_to(TEMPLATES).as_posix() for path in PAGES]


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_no_template_needs_what_the_csp_forbids(path):
    source = re.sub(r"\{#.*?#\}", "", path.read_text("utf-8"), flags=re.DOTALL)
    assert not re.search(r"\sstyle\s*=", source), "style attribute"
    assert not re.search(r"\son[a-z]+\s*=", source), "inline handler"
    assert not re.search(r"<script(?![^>]*\ssrc=)", source), "inline script"
    assert not re.search(r"javascript:|hx-on|hx-vals=.js:", source), "script in an attribute"
    if "mail" not in path.name:
        assert "<style" not in source


@pytest.mark.parametrize("name", NAMES)
def test_every_template_compiles(name):
    environment_for("nb").get_template(name)


def test_the_check_for_forbidden_attributes_sees_them():
    with pytest.raises(AssertionError, match="style attribute"):
        test_no_template_needs_what_the_csp_forbids(_Text('<p style="x">'))
    with pytest.raises(AssertionError, match="inline handler"):
        test_no_template_needs_what_the_csp_forbids(_Text('<p onclick="x">'))
    with pytest.raises(AssertionError, match="inline script"):
        test_no_template_needs_what_the_csp_forbids(_Text("<script>x</script>"))


class _Text:
    def __init__(self, text):
        self.text, self.name = text, "page.html"

    def read_text(self, _encoding):
        return self.text


@pytest.mark.parametrize("path", MACROS, ids=[path.name for path in MACROS])
def test_every_macro_is_on_the_style_guide(path):
    source = path.read_text("utf-8")
    shown = "".join(each.read_text("utf-8") for each in TEMPLATES.glob("styleguide*.html"))
    shown += "".join(each.read_text("utf-8") for each in (TEMPLATES / "layouts").glob("*.html"))
    for macro in re.finditer(r"(#\}\n|\n|^)\{% macro (\w+)\(", source):
        if macro[2].startswith("_"):
            continue
        used_here = len(re.findall(rf"\b{macro[2]}\(", source)) > 1
        assert re.search(rf"\b\w+\.{macro[2]}\(", shown) or used_here, f"{macro[2]} is not shown"


LAYOUTS = ["public", "wizard", "office"]


@get("/layouts/{name:str}", sync_to_thread=False)
def bare_layout(request: Request, name: FromPath[str]) -> Response[str]:
    return page(request, f"layouts/{name}.html")


@get("/fragment", sync_to_thread=False)
def a_fragment(request: Request) -> Response[str]:
    context = {"networks": [{"slug": "a", "name": "<A>", "short": "A", "colour": "nora"}], "nav": "networks"}
    if is_htmx(request):
        headers = htmx_headers(push_url="/fragment", trigger="saved")
        return fragment(request, "styleguide_public.html", "main", headers=headers, **context)
    return page(request, "styleguide_public.html", **context)


@get("/error/{code:int}", sync_to_thread=False)
def an_error(request: Request, code: FromPath[int]) -> Response[str]:
    return error_page(request, code, reference="ab-12", detail="<b>why</b>")


@get("/nb/public", sync_to_thread=False)
def in_norwegian(request: Request) -> Response[str]:
    return page(request, "layouts/public.html")


HANDLERS = [bare_layout, a_fragment, an_error, in_norwegian, *assets.handlers, *language.handlers]


@pytest.fixture(scope="module")
def client():
    with create_test_client(HANDLERS, raise_server_exceptions=True) as made:
        yield made


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_needs_nothing_from_its_page(client, name, code):
    answer = client.get(f"/layouts/{name}", headers={"cookie": f"lang={code}; scheme=dark"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert "HX-Request" in answer.headers["vary"]
    assert f'<html lang="{code}" data-color-scheme="dark"' in answer.text


def test_links_of_the_public_layout_are_pages_we_have(client):
    links = set(re.findall(r'href="(/[^"]*)"', client.get("/layouts/public", headers={"cookie": "lang=en"}).text))
    plain = {link for link in links if not link.startswith(("/static/", "/language/", "/theme/"))}
    assert plain == {
        "/hues.css",
        "/en/",
        "/en/members",
        "/en/networks",
        "/en/join",
        "/sign-in",
        "/api/docs",
        "/en/privacy",
        "/en/accessibility",
    }


def test_every_file_a_page_asks_for_is_there(client):
    body = client.get("/layouts/office").text
    files = re.findall(r'(?:src|href)="(/static/[^"]+)"', body)
    assert len(files) >= 5
    assert all(client.get(file).status_code == 200 for file in files)


def test_a_fragment_is_the_block_the_page_shows_and_its_imports_work(client):
    whole = client.get("/fragment").text
    part = client.get("/fragment", headers={"hx-request": "true"})
    assert part.text.strip().startswith('<div class="hero">')
    assert part.text in whole
    assert "<html" not in part.text
    assert (part.headers["hx-push-url"], part.headers["hx-trigger"]) == ("/fragment", "saved")
    assert "&lt;A&gt;" in part.text, "values are escaped"
    restored = client.get("/fragment", headers={"hx-request": "true", "hx-history-restore-request": "true"})
    assert "<html" in restored.text


def test_reading_a_prefixed_page_chooses_its_language(client):
    first = client.get("/nb/public", headers={"cookie": "lang=en"})
    assert "lang=nb" in first.headers["set-cookie"]
    assert 'hreflang="en" href="/en/public"' in first.text
    assert "set-cookie" not in client.get("/nb/public", headers={"cookie": "lang=nb"}).headers


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("status", ERROR_STATUSES)
def test_error_pages_say_what_why_and_where_next(client, status, code):
    answer = client.get(f"/error/{status}", headers={"cookie": f"lang={code}"})
    assert answer.status_code == status
    assert "ab-12" in answer.text
    assert "&lt;b&gt;why&lt;/b&gt;" in answer.text
    assert f'href="/{code}/networks"' in answer.text


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "could not be used"),
        (401, "may not open"),
        (405, "no such page"),
        (409, "could not be used"),
        (413, "could not be used"),
        (502, "went wrong on our side"),
    ],
)
def test_an_unusual_status_has_the_nearest_page(client, status, words):
    answer = client.get(f"/error/{status}", headers={"cookie": "lang=en"})
    assert answer.status_code == status
    assert words in answer.text


def test_the_csrf_token_reaches_forms_and_htmx():
    app = Litestar(HANDLERS, csrf_config=CSRFConfig(secret="0123456789abcdef"))
    with create_test_client(HANDLERS, csrf_config=app.csrf_config) as client:
        body = client.get("/layouts/office").text
        token = client.cookies["csrftoken"]
        assert f'hx-headers:inherited=\'{{"x-csrftoken": "{token}"}}\'' in body
    form = environment_for("en").get_template("macros/form.html").module
    assert 'name="_csrf_token" value="a&#34;b"' in form.csrf('a"b')
    assert form.csrf("") == ""


def test_a_missing_name_is_an_error_and_a_missing_key_may_only_be_tested():
    environment = jinja_environment("en")
    assert environment.from_string("{% if row.note %}yes{% else %}no{% endif %}").render(row={}) == "no"
    assert environment.from_string("{{ row.note or 'none' }}").render(row={}) == "none"
    for source in ("{% if note %}{% endif %}", "{{ note }}", "{{ row.note }}", "{% for x in row.notes %}{% endfor %}"):
        with pytest.raises(UndefinedError):
            environment.from_string(source).render(row={})


@pytest.mark.parametrize("code", LANGUAGES)
def test_mails_render_without_a_request(code):
    environment = jinja_environment(code)
    values = {"subject": "A & B", "sender": "NORA"}
    html = environment.get_template("layouts/mail.html").render(values)
    assert "A &amp; B" in html and f'<html lang="{code}">' in html
    assert "NORA" in html


def test_values_never_become_markup():
    ui = environment_for("en").get_template("macros/ui.html").module
    evil = '"><script>alert(1)</script>'
    drawn = [
        ui.badge(evil),
        ui.net({"name": evil, "colour": evil}),
        ui.link_button(evil, evil),
        ui.button(evil, name=evil, value=evil),
        logo(evil, evil, evil),
        icon("x", evil),
        environment_for("en").get_template("macros/form.html").module.field(evil, evil, evil, evil, evil),
    ]
    assert all("<script" not in str(each) for each in drawn)


def test_tiles_have_two_letters_and_never_fail():
    assert ">ES</text>" in logo("eSmart Systems")
    assert ">ØS</text>" in logo("Østfold")
    assert ">A</text>" in logo("a")
    assert ">?</text>" in logo("  ")
    assert ">TS</text>" in logo("Tråkk & Søm AS"), "of words, not of signs between them"
    assert logo("Cyviz") == logo("Cyviz")
