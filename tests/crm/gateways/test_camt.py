"""camt.053 and camt.054 as banks write them: versions, batches, exact amounts; what attacks is refused."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_rules.errors import RuleViolation
from crm.gateways import camt
from tests.crm.billing import ACCOUNT, entry, notification

BATCH = """
      <Ntry>
        <Amt Ccy="NOK">300.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
        <BookgDt><DtTm>2026-11-20T10:00:00</DtTm></BookgDt><AcctSvcrRef>B100</AcctSvcrRef>
        <NtryDtls><Btch><NbOfTxs>2</NbOfTxs></Btch>{details}</NtryDtls>
      </Ntry>"""
DETAIL = """<TxDtls><Refs>{refs}</Refs><AmtDtls><TxAmt><Amt Ccy="NOK">{amount}</Amt></TxAmt></AmtDtls>
    <RmtInf><Strd><CdtrRefInf><Ref>{kid}</Ref></CdtrRefInf></Strd></RmtInf></TxDtls>"""
NEWER = """
      <Ntry>
        <Amt Ccy="NOK">99.9</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
        <BookgDt><Dt>2026-11-20</Dt></BookgDt><AcctSvcrRef>N1</AcctSvcrRef>
        <NtryDtls><TxDtls><Amt Ccy="NOK">99.90</Amt><RltdPties><Dbtr><Pty><Nm>Ny AS</Nm></Pty></Dbtr>
          <DbtrAcct><Id><IBAN>NO9386011117947</IBAN></Id></DbtrAcct></RltdPties>
          <RmtInf><Ustrd>To</Ustrd><Ustrd>linjer</Ustrd></RmtInf></TxDtls></NtryDtls>
      </Ntry>"""


def batch(*details: tuple[str, str, str]) -> bytes:
    """A batched entry; each detail is (its own reference or "", amount, KID)."""
    refs = {True: "<AcctSvcrRef>{}</AcctSvcrRef>", False: ""}
    parts = [DETAIL.format(refs=refs[bool(ref)].format(ref), amount=amount, kid=kid) for ref, amount, kid in details]
    return notification(BATCH.format(details="".join(parts)))


@pytest.mark.parametrize("kind", ["camt.054", "camt.053"])
@pytest.mark.parametrize("version", range(2, 14))
def test_every_version_by_local_names(kind: str, version: int) -> None:
    standard = f"{kind}.001.{version:02}"
    read = camt.read(notification(entry("R1", "1234.50", "0000002000000014", text="Hei"), NEWER, version=standard))
    assert (read.standard, read.message) == (standard, "M1")
    first, second = read.lines
    assert (first.account, first.amount, first.currency, first.booked_on) == (
        ACCOUNT, 123450, "NOK", date(2026, 11, 20),
    )  # fmt: skip
    assert (first.reference, first.text, first.servicer_reference) == ("0000002000000014", "Hei", "R1")
    assert (first.payer_name, first.payer_account) == ("Fjord & Data AS", "12345678903")
    assert (second.amount, second.payer_name, second.payer_account) == (9990, "Ny AS", "NO9386011117947")
    assert second.text == "To linjer"


def test_a_batch_is_its_movements_and_without_them_it_waits() -> None:
    read = camt.read(batch(("T1", "100.00", "111"), ("T2", "200.00", "222")))
    assert [(line.amount, line.reference, line.servicer_reference) for line in read.lines] == [
        (10000, "111", "T1"),
        (20000, "222", "T2"),
    ]
    bare = camt.read(notification(BATCH.format(details="")))
    assert (bare.lines, bare.waiting) == ((), 1)


def test_two_alike_without_references_are_two_whatever_their_order() -> None:
    alike = ("", "150.00", "111")
    read = camt.read(batch(alike, alike))
    assert len({line.key for line in read.lines}) == 2
    mixed = [camt.read(batch(*some)) for some in ((alike, ("", "150.00", "222")), (("", "150.00", "222"), alike))]
    assert {line.key for line in mixed[0].lines} == {line.key for line in mixed[1].lines}


def test_a_movement_has_the_same_key_in_both_kinds_of_file_and_only_once() -> None:
    line = entry("R1", "10.00", "111")
    notified, stated = (camt.read(notification(line, line, version=v)) for v in ("camt.054.001.02", "camt.053.001.08"))
    assert len(notified.lines) == 1
    assert notified.lines[0].key == stated.lines[0].key
    other = camt.read(notification(entry("R1", "11.00", "111")))
    assert other.lines[0].key != notified.lines[0].key


def test_what_goes_back_goes_out_and_what_is_pending() -> None:
    read = camt.read(notification(entry("R7", "10.00", returns="R6"), entry("R8", "5.00", debit=True)))
    back, out = read.lines
    assert (back.amount, back.reversal, back.original_reference) == (-1000, True, "R6")
    assert (out.amount, out.reversal) == (-500, False)
    pending = entry("R9", "10.00").replace("<Sts>BOOK</Sts>", "<Sts><Cd>PDNG</Cd></Sts>")
    assert camt.read(notification(pending)).lines == ()


@given(st.integers(1, 10**15 - 1), st.integers(0, 3))
def test_amounts_are_exact(amount: int, zeros: int) -> None:
    written = f"{amount // 100}.{amount % 100:02}{'0' * zeros}"
    if amount // 100 < 10**13:
        assert camt.read(notification(entry("R1", written))).lines[0].amount == amount


@pytest.mark.parametrize(
    ("change", "element"),
    [
        (("10.00</Amt><CdtDbtInd>", "1e3</Amt><CdtDbtInd>"), "Amt"),
        (("10.00</Amt><CdtDbtInd>", "10.005</Amt><CdtDbtInd>"), "Amt"),
        (("10.00</Amt><CdtDbtInd>", "-10.00</Amt><CdtDbtInd>"), "Amt"),
        (("10.00</Amt><CdtDbtInd>", "0.00</Amt><CdtDbtInd>"), "Amt"),
        (("10.00</Amt><CdtDbtInd>", "NaN</Amt><CdtDbtInd>"), "Amt"),
        (('Ccy="NOK">10.00</Amt><CdtDbtInd>', 'Ccy="kr">10.00</Amt><CdtDbtInd>'), "Amt"),
        (("CRDT", "BOTH"), "CdtDbtInd"),
        (("<BookgDt><Dt>2026-11-20", "<BookgDt><Dt>2026-13-20"), "BookgDt"),
        ((ACCOUNT, ""), "Acct/Id"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_counts(change: tuple[str, str], element: str) -> None:
    good = notification(entry("R0", "1.00"), entry("R1", "10.00")).decode()
    assert change[0] in good
    with pytest.raises(RuleViolation) as refused:
        camt.read(good.replace(*change).encode())
    assert (refused.value.code, refused.value.params["element"]) == ("bank_file_field", element)


BOMB = "<!DOCTYPE d [" + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10 if n else "x"}">' for n in range(9)) + "]>"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "bank_file_unreadable"),
        (b"PK\x03\x04", "bank_file_unreadable"),
        (b"<Document/>", "bank_file_kind"),
        (b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.03"/>', "bank_file_kind"),
        (notification(version="camt.053.001.14"), "bank_file_version"),
        (notification(version="camt.052.001.02"), "bank_file_kind"),
        (notification().replace(b"BkToCstmrDbtCdtNtfctn>", b"Other>"), "bank_file_kind"),
    ],
)
def test_what_is_something_else_is_refused(content: bytes, code: str) -> None:
    with pytest.raises(RuleViolation, match=code):
        camt.read(content)


@pytest.mark.parametrize(
    "doctype",
    [
        "<!DOCTYPE d>",
        '<!DOCTYPE d SYSTEM "http://127.0.0.1:9/x.dtd">',
        '<!DOCTYPE d [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
        BOMB,
    ],
)
def test_a_doctype_is_refused_with_whatever_is_in_it(doctype: str) -> None:
    attack = notification(entry("R1", "10.00", text="&e;" if "ENTITY e" in doctype else "")).replace(
        b"<Document", doctype.encode() + b"<Document"
    )
    with pytest.raises(RuleViolation, match="bank_file_unreadable"):
        camt.read(attack.replace(b"&amp;e;", b"&e;"))


def test_a_file_that_is_too_large_is_not_even_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camt, "LARGEST_FILE_BYTES", 100)
    with pytest.raises(RuleViolation, match="bank_file_large"):
        camt.read(b"<" * 101)
    monkeypatch.setattr(camt, "LARGEST_FILE_BYTES", 10**6)
    monkeypatch.setattr(camt, "MOST_LINES", 2)
    with pytest.raises(RuleViolation, match="bank_file_large"):
        camt.read(notification(*(entry(f"R{n}", "1.00") for n in range(3))))
