"""Files for the browser: hashed, cacheable, whole, and the vendored ones exactly as recorded."""

import hashlib
import re
import tomllib

import pytest
from litestar.testing import create_test_client

from crm.paths import TEMPLATES
from crm.web import assets
from crm.web.headers import SECURITY_HEADERS, add_security_headers

STATIC = TEMPLATES / "static"
VENDOR = STATIC / "vendor"


@pytest.fixture(scope="module")
def client():
    with create_test_client(assets.handlers, before_send=[add_security_headers]) as made:
        yield made


def recorded() -> dict[str, str]:
    manifest = tomllib.loads((VENDOR / "VENDOR.toml").read_text("utf-8"))
    return {name: digest for package in manifest["package"] for name, digest in package["sha256"].items()}


def test_every_vendored_file_is_as_recorded_and_every_recorded_file_is_there():
    present = {
        path.relative_to(VENDOR).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.is_file() and path.name != "VENDOR.toml"
    }
    assert present == recorded()


def test_every_package_brings_its_licence():
    manifest = tomllib.loads((VENDOR / "VENDOR.toml").read_text("utf-8"))
    for package in manifest["package"]:
        assert package["licence"]
        assert any(name.endswith("/LICENSE") for name in package["sha256"]), package["name"]


def test_an_asset_may_be_kept_for_ever(client):
    url = assets.asset("css/klynge.css")
    assert re.fullmatch(r"/static/css/klynge\.[0-9a-f]{10}\.css", url)
    answer = client.get(url)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    again = client.get(url, headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("js/app.js", "text/javascript; charset=utf-8"),
        ("vendor/htmx/htmx.min.js", "text/javascript; charset=utf-8"),
        ("vendor/inter/inter-latin.woff2", "font/woff2"),
        ("img/mark.svg", "image/svg+xml"),
    ],
)
def test_content_types_and_bytes(client, name, kind):
    answer = client.get(assets.asset(name))
    assert answer.headers["content-type"] == kind
    assert answer.content == (STATIC / name).read_bytes()


def test_text_goes_compressed_only_to_those_who_ask(client):
    url = assets.asset("css/klynge.css")
    plain = client.get(url, headers={"accept-encoding": "identity"})
    packed = client.get(url, headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content  # the client unpacks
    assert "content-encoding" not in client.get(assets.asset("vendor/inter/inter-latin.woff2")).headers


def test_the_layer_order_is_said_first_and_every_address_in_the_styles_resolves(client):
    css = client.get(assets.asset("css/klynge.css")).text
    assert css.index("@layer elements, ds, app;") < css.index("{")
    urls = re.findall(r'url\("?(/[^")]+)', css)
    assert urls, "the font is there"
    assert all(client.get(url).status_code == 200 for url in urls)


def test_every_style_sheet_is_in_the_bundle():
    own = {path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*.css")}
    assert own == set(assets.BUNDLE)


@pytest.mark.parametrize(
    "path",
    [
        "css/klynge.css",
        "css/klynge.0000000000.css",
        "nothing",
        "../layouts/base.html",
        "..%2flayouts/base.html",
        "%2e%2e/%2e%2e/pyproject.toml",
        "vendor/VENDOR.toml",
    ],
)
def test_anything_else_is_not_found(client, path):
    assert client.get("/static/" + path).status_code == 404


def test_every_answer_carries_the_security_headers_even_an_error(client):
    for path in (assets.asset("js/app.js"), "/static/nothing"):
        headers = client.get(path).headers
        assert {name: headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert "unsafe" not in SECURITY_HEADERS["content-security-policy"]
