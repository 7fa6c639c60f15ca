"""The PDF says what the document says: its text is read out of the file again, page by page, in both languages."""

import io
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache

import msgspec
import pypdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_rules.documents import Document, Line
from crm.gateways import document_view, pdf, ubl
from crm.gateways.glyphs import BOX, showable
from crm.i18n import LANGUAGES
from tests import documents as make

PAY = "https://klynge.example/nb/betal/3f2b1c9e8d7a4f6b8c1d2e3f"
MANY = 60
NBSP = "\N{NO-BREAK SPACE}"


def read(document: Document, **options: object) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(pdf.printed(document, **options)))  # type: ignore[arg-type]


def words(reader: pypdf.PdfReader) -> str:
    """The text of all pages, every space a plain one."""
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


def buyer(**changes: object) -> Document:
    return make.invoice(make.SIN, msgspec.structs.replace(make.ESMART, **changes), (one(1),))


def one(number: int) -> Line:
    return make.service(make.APPLIED, f"Avgift {number}", f"Fee {number}", 10_000 + number)


@cache
def norwegian() -> str:
    return words(read(make.split_vat(), pay_url=PAY))


@pytest.mark.parametrize(
    "text",
    [
        "Faktura",
        "Fakturanummer 20270001",
        "Dato 1. des. 2026",
        "Å betale 59 750,00 NOK",
        "Forfall 31. des. 2026",
        "KID 00441000000014",
        "Kontonummer 1234.56.78903",
        "Deres ref. Kari Nordmann, 4410",
        "Deres ordre PO-2027-118",
        "NORA Industry Network Medlemskontingent, hovedpartner 1. jan.–31. des. 2027 1 1 000,00 Fritatt 1 000,00",
        "Bånd 101–250 ansatte, 180 ansatte oppgitt 1 47 000,00 25 % 47 000,00",
        "Inngår i hovedpartnerskapet i NORA Industry Network Fritatt 0,00",
        "25 % 47 000,00 11 750,00",
        "Fritatt 1 000,00 0,00 Medlemskontingent, fritatt etter mval. § 3-13",
        "Sum uten mva. 48 000,00 Mva. 11 750,00 Å betale NOK 59 750,00",
        "Org.nr. 971 035 854 MVA",
        "Side 1 av 1",
        f"Betal på nett: {PAY}",
    ],
)
def test_ac_20_what_stands_on_an_invoice(text: str) -> None:
    assert text in norwegian()


@pytest.mark.parametrize(
    "text",
    [
        "Invoice number 20270002",
        "To pay 2,499.99 EUR",
        "IBAN NO71 1234 5678 903",
        "BIC DNBANOKKXXX",
        "Mark with 20270002",
        "111 34 Stockholm Sweden",
        "Exempt 1,250.00 0.00 Membership fee, exempt under section 3-13 of the Norwegian VAT Act",
        "VAT in NOK: 2,933.63 (rate 11.7345 on 30 Nov 2026)",
        "Net 2,249.99 VAT 250.00 To pay EUR 2,499.99",
    ],
)
def test_an_invoice_abroad_in_english(text: str) -> None:
    assert text in words(read(make.foreign()))


def test_a_credit_note_names_its_invoice_and_asks_for_nothing() -> None:
    text = words(read(make.credited(), pay_url=PAY))
    assert "Kreditnota" in text
    assert "Krediterer faktura 20270001 Fakturadato 1. des. 2026" in text
    assert "Serviceavgiften er frafalt etter avtale" in text
    assert "Kreditert NOK 58 750,00" in text
    assert not any(word in text for word in ("KID", "Kontonummer", "Forfall", "Å betale", PAY))


def test_the_business_register_is_named_where_it_must_be() -> None:
    assert "Org.nr. 999 999 999 MVA · Foretaksregisteret" in words(read(make.combined()))
    assert "Foretaksregisteret" not in norwegian()


def test_a_discount_stands_on_a_row_of_its_own() -> None:
    assert "Rabatt: medlem i NCE Smart Energy Markets −916,67" in words(read(make.prorated()))


@pytest.mark.parametrize("name", make.SIX)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_figures_on_paper_are_those_of_the_document(name: str, language: str) -> None:
    document = make.SIX[name]()
    text = words(read(document, language=language))
    totals = document.totals
    for minor in (totals.net, totals.vat, totals.payable, *(row.net for row in document.breakdown)):
        assert document_view.amount(minor, 2, language).replace(NBSP, " ") in text


def test_many_lines_go_on_over_pages_and_every_page_says_which_it_is() -> None:
    document = make.invoice(make.SIN, make.ESMART, tuple(one(i) for i in range(MANY)), number="20270099")
    pages = [" ".join(page.extract_text().split()) for page in read(document).pages]
    assert len(pages) == 3
    assert all(f"Side {i} av {len(pages)}" in page for i, page in enumerate(pages, 1))
    assert all("Beskrivelse Antall Pris Mva. Beløp Cluster for Applied AI" in page for page in pages)
    assert all("Faktura 20270099" in page for page in pages[1:])
    found = [int(number) for page in pages for number in re.findall(r"Avgift (\d+)", page)]
    assert found == list(range(MANY))
    assert "Å betale NOK" in pages[-1]


def test_long_names_and_words_without_an_end_stay_on_the_paper() -> None:
    name = "Fylkeskommunalt samarbeidsorgan for kunstig intelligens og språkteknologi på Vestlandet SA " * 2
    reader = read(buyer(name=name, order="A" * 80, reference="x" * 200))
    edge = float(reader.pages[0].mediabox.width)
    reached: list[float] = []

    def visit(text: str, page: list[float], within: list[float], _font: object, _size: float) -> None:
        if text.strip():
            reached.append(within[4] * page[0] + within[5] * page[2] + page[4])

    reader.pages[0].extract_text(visitor_text=visit)
    assert min(reached) > 0 and max(reached) < edge - 50
    assert "\u200b".join("A" * 3) in reader.pages[0].extract_text()


def test_names_in_other_scripts_are_shown_and_what_the_font_lacks_is_a_box() -> None:
    text = words(read(buyer(name="Łukasz Θεόδωρος Дмитрий A\u030ase 张伟 \N{ZERO WIDTH JOINER}x")))
    assert f"Łukasz Θεόδωρος Дмитрий Åse {BOX}{BOX} x" in text


@settings(max_examples=15, deadline=None)
@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=40))
def test_whatever_somebody_is_called_there_is_a_pdf(name: str) -> None:
    assert pdf.printed(buyer(name=name)).startswith(b"%PDF-1.7")


@settings(max_examples=10, deadline=None)
@given(make.documents())
def test_every_document_of_ours_can_be_printed(document: Document) -> None:
    assert len(read(document, xml=ubl.written(document)).pages) >= 1


def test_it_is_pdf_a_3b_with_the_e_invoice_inside() -> None:
    document = make.split_vat()
    xml = ubl.written(document)
    made = pdf.printed(document, xml=xml)
    assert re.search(rb"<pdfaid:part>3</pdfaid:part>\s*<pdfaid:conformance>B", made)
    assert b"/AFRelationship/Alternative" in made.replace(
        b"/AFRelationship /Alternative", b"/AFRelationship/Alternative"
    )
    assert pypdf.PdfReader(io.BytesIO(made)).attachments == {"20270001.xml": [xml]}


def test_the_same_document_gives_the_same_bytes_and_says_when_it_was_issued() -> None:
    document = make.split_vat()
    first = pdf.printed(document, pay_url=PAY)
    assert pdf.printed(document, pay_url=PAY) == first
    info = pypdf.PdfReader(io.BytesIO(first)).metadata
    assert info is not None
    assert (info.title, info.author) == ("Faktura 20270001", "Universitetet i Oslo, NORA")
    assert info.creation_date == datetime(2026, 12, 1, tzinfo=UTC)


def test_several_threads_get_what_each_asked_for() -> None:
    asked = [build() for build in make.SIX.values()] * 4
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(pdf.printed, asked))
    assert made == [pdf.printed(document) for document in asked]


def test_only_our_own_fonts_are_in_it() -> None:
    names = {name for page in read(make.split_vat()).pages for name in fonts(page)}
    assert names and all("Inter-" in name for name in names)


def fonts(page: pypdf.PageObject) -> set[str]:
    return {str(font.get_object()["/BaseFont"]) for font in page["/Resources"]["/Font"].values()}  # type: ignore[index]


def test_pages_can_be_looked_at() -> None:
    (picture,) = pdf.pictures(make.split_vat())
    assert picture.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("minor", "digits", "nb", "en"),
    [
        (0, 2, "0,00", "0.00"),
        (5, 2, "0,05", "0.05"),
        (-123_456_789, 2, f"−1{NBSP}234{NBSP}567,89", "−1,234,567.89"),
        (1_500, 0, f"1{NBSP}500", "1,500"),
    ],
)
def test_amounts_have_their_decimals(minor: int, digits: int, nb: str, en: str) -> None:
    assert (document_view.amount(minor, digits, "nb"), document_view.amount(minor, digits, "en")) == (nb, en)


def test_control_a_character_without_a_glyph_is_what_would_break_it() -> None:
    assert showable("张", pdf._FONT) == BOX
    assert showable(BOX + "Å§–−·", pdf._FONT) == BOX + "Å§–−·"
