"""Both languages: every text has its Norwegian, formats are as readers expect, the language is found and kept."""

from datetime import UTC, date, datetime

import pytest
from litestar import Request, get
from litestar.testing import RequestFactory, create_test_client

from crm import i18n
from crm.i18n import CatalogError, problems, translator
from crm.web import language

NB, EN = translator("nb"), translator("en")
DAY = date(2026, 11, 22)
AT = datetime(2026, 11, 22, 13, 5, tzinfo=UTC)
NBSP = "\N{NO-BREAK SPACE}"


def test_every_text_is_translated_and_every_translation_is_used():
    assert problems() == []


def test_the_check_sees_missing_unused_and_broken_entries(tmp_path, monkeypatch):
    catalogs = tmp_path / "nb"
    catalogs.mkdir()
    head = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n'
    (catalogs / "a.po").write_text(
        head + '\nmsgid "from %(day)s"\nmsgstr "fra %(dag)s"\n\nmsgid "Nobody says this"\nmsgstr "Ingen"\n',
        "utf-8",
    )
    monkeypatch.setattr(i18n, "LOCALE", tmp_path)
    found = "\n".join(problems())
    assert "no nb text for 'Skip to main content'" in found
    assert "nothing uses the nb text of 'Nobody says this'" in found
    assert "a.po: placeholders differ in 'from %(day)s'" in found


def test_two_translations_of_one_text_name_both_files(tmp_path, monkeypatch):
    catalogs = tmp_path / "nb"
    catalogs.mkdir()
    for name, word in (("one.po", "Nivå"), ("two.po", "Trinn")):
        text = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
        (catalogs / name).write_text(f'{text}msgid "Level"\nmsgstr "{word}"\n', "utf-8")
    monkeypatch.setattr(i18n, "LOCALE", tmp_path)
    with pytest.raises(CatalogError, match=r"one\.po and two\.po"):
        problems()


@pytest.mark.parametrize(
    ("minor", "currency", "nb", "en"),
    [
        (128450000, "NOK", "1_284_500_kr", "NOK_1,284,500"),
        (0, "NOK", "0_kr", "NOK_0"),
        (600050, "NOK", "6_000,50_kr", "NOK_6,000.50"),
        (5, "NOK", "0,05_kr", "NOK_0.05"),
        (-120000, "NOK", "−1_200_kr", "−NOK_1,200"),
        (1250000, "SEK", "12_500_SEK", "SEK_12,500"),
        (1500, "JPY", "1_500_JPY", "JPY_1,500"),
    ],
)
def test_money(minor, currency, nb, en):
    assert NB.money(minor, currency) == nb.replace("_", NBSP)
    assert EN.money(minor, currency) == en.replace("_", NBSP)


def test_days_moments_and_ranges():
    assert (NB.date(DAY), EN.date(DAY)) == ("22. nov. 2026", "22 Nov 2026")
    assert (NB.datetime(AT), EN.datetime(AT)) == ("22. nov. 2026 kl. 14:05", "22 Nov 2026, 14:05")
    assert NB.date_range(DAY, date(2026, 12, 31)) == "22. nov.–31. des. 2026"
    assert EN.date_range(DAY, date(2027, 1, 2)) == "22 Nov 2026 – 2 Jan 2027"
    assert (NB.date_range(DAY, None), EN.date_range(DAY, None)) == ("fra 22. nov. 2026", "from 22 Nov 2026")


def test_a_late_evening_in_utc_is_the_next_day_in_oslo():
    late = datetime(2026, 6, 30, 22, 30, tzinfo=UTC)
    assert NB.date(late) == "1. juli 2026"
    assert NB.datetime(late) == "1. juli 2026 kl. 00:30"
    with pytest.raises(ValueError, match="time zone"):
        NB.datetime(late.replace(tzinfo=None))


def test_numbers_shares_and_how_long_ago():
    assert (NB.number(1284500), EN.number(1284500)) == (f"1{NBSP}284{NBSP}500", "1,284,500")
    assert (NB.percent(0.861), EN.percent(0.861)) == (f"86,1{NBSP}%", "86.1%")
    assert (NB.percent(1), EN.percent(-0.02)) == (f"100{NBSP}%", "−2%")
    assert EN.ago(AT.replace(day=19), AT) == "3 days ago"
    assert "siden" in NB.ago(AT.replace(hour=12), AT)


def test_texts_of_data_and_plurals():
    assert NB.text({"nb": "Hovedpartner", "en": "Principal partner"}) == "Hovedpartner"
    assert EN.text({"nb": "Hovedpartner"}) == "Hovedpartner"
    assert EN.text({"sv": "Huvudpartner"}) == "Huvudpartner"
    assert EN.text({}) == EN.text(None) == ""
    assert NB.ngettext("%(n)s member", "%(n)s members", 1) == "1 medlem"
    assert EN.ngettext("%(n)s member", "%(n)s members", 1284) == "1,284 members"
    assert NB.gettext("from %(day)s", day="1. mai") == "fra 1. mai"
    assert NB.gettext("nobody translated this") == "nobody translated this"


@pytest.mark.parametrize(
    ("path", "cookie", "accepts", "expected"),
    [
        ("/en/networks", "nb", "nb", "en"),
        ("/nb/", None, "en", "nb"),
        ("/english", None, "", "nb"),
        ("/sign-in", "en", "nb", "en"),
        ("/sign-in", "de", "en-GB,en;q=0.9", "en"),
        ("/sign-in", None, "nn-NO,nn;q=0.9,en;q=0.8", "nb"),
        ("/sign-in", None, "de,en;q=0.5,no;q=0.4", "en"),
        ("/sign-in", None, "en;q=0.1,no;q=0.9", "nb"),
        ("/sign-in", None, "en;q=0", "nb"),
        ("/sign-in", None, "en;q=junk,;;,", "nb"),
        ("/sign-in", None, "", "nb"),
    ],
)
def test_language_of(path, cookie, accepts, expected):
    headers = {"accept-language": accepts} | ({"cookie": f"lang={cookie}"} if cookie else {})
    assert language.language_of(RequestFactory().get(path, headers=headers)) == expected


@pytest.fixture(scope="module")
def client():
    with create_test_client(language.handlers, raise_server_exceptions=True) as made:
        yield made


def test_choosing_a_language_keeps_the_page_and_its_query(client):
    answer = client.get("/language/en?back=/n/nora/members?q=%C3%A6%26level=x", follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/n/nora/members?q=%C3%A6&level=x"
    assert "lang=en" in answer.headers["set-cookie"]
    assert "SameSite=lax" in answer.headers["set-cookie"]
    assert client.get("/language/de").status_code == 404


@pytest.mark.parametrize("scheme", ["light", "dark", "auto"])
def test_choosing_colours(client, scheme):
    answer = client.get(f"/theme/{scheme}?back=/nb/", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/nb/")
    assert f"scheme={scheme}" in answer.headers["set-cookie"]
    assert client.get("/theme/pink").status_code == 404


@pytest.mark.parametrize(
    "back",
    [
        "//evil.example",
        "https://evil.example/",
        "javascript:alert(1)",
        "/\\evil.example",
        "\\\\evil.example",
        "/a%0d%0aset-cookie:x=1",
        "/%09/evil.example",
        "evil",
        "/" + "a" * 3000,
    ],
)
def test_only_a_path_of_this_site_is_gone_back_to(client, back):
    answer = client.get(f"/language/en?back={back}", follow_redirects=False)
    assert answer.status_code == 400
    assert "location" not in answer.headers


def test_the_same_page_in_the_other_language():
    request = RequestFactory().get("/nb/networks", query_params={"q": "ai"})
    assert language.url_in(request, "en") == "/en/networks?q=ai"
    office = RequestFactory().get("/n/nora", query_params={"q": "a&b"})
    address = language.url_in(office, "en")
    assert address.startswith("/language/en?back=/n/nora%3Fq%3D")

    @get("/n/{slug:str}", sync_to_thread=False)
    def there(request: Request) -> str:
        return request.query_params["q"]

    with create_test_client([*language.handlers, there]) as client:
        assert client.get(address).text == "a&b"
