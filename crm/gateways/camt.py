"""Banks' XML about an account: camt.054 (notifications) and camt.053 (statements), into plain structs.

ISO 20022, versions .001.02 to .001.13, read by local names, so that a newer version with the same elements reads alike.
A DOCTYPE is refused, entities are not expanded, nothing is fetched, and a file has a size limit (sync_security.md 4.2).
Amounts are signed minor units (credit positive), days are the bank's booking dates. RuleViolation `bank_file_large`,
`bank_file_unreadable`, `bank_file_kind`, `bank_file_version`, `bank_file_field` (naming the element and the entry).
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date

import msgspec
from lxml import etree

from cluster_rules.errors import RuleViolation
from cluster_rules.money import digits

LARGEST_FILE_BYTES = 20 * 1024 * 1024
MOST_LINES = 100_000
LONGEST_TEXT = 500
VERSIONS = range(2, 14)
_NAMESPACE = re.compile(r"urn:iso:std:iso:20022:tech:xsd:(camt\.05[34])\.001\.(\d{2})")
_ROOTS = {"BkToCstmrStmt": "Stmt", "BkToCstmrDbtCdtNtfctn": "Ntfctn"}
_AMOUNT = re.compile(r"(\d{1,15})(?:\.(\d{1,5}))?")


class Line(msgspec.Struct, frozen=True):
    """One movement. `key` is the same whenever and in whichever file the bank tells of it (M14).

    `amount` is positive for money in; `reversal` says that it takes an earlier movement back. `reference` is the
    structured creditor reference (in Norway the KID), `text` what the payer wrote.
    """

    key: str
    account: str
    amount: int
    currency: str
    booked_on: date
    reference: str = ""
    text: str = ""
    servicer_reference: str = ""
    original_reference: str = ""
    payer_name: str = ""
    payer_account: str = ""
    reversal: bool = False


class Statement(msgspec.Struct, frozen=True):
    """A whole file: which standard and version, the message's own id, its lines; `waiting` sums have no details yet."""

    standard: str
    message: str
    lines: tuple[Line, ...]
    waiting: int = 0


def read(content: bytes) -> Statement:
    """Read a file; nothing of it counts when any part is wrong."""
    if len(content) > LARGEST_FILE_BYTES:
        raise RuleViolation("bank_file_large", "file", limit=LARGEST_FILE_BYTES // 1024 // 1024)
    root = _parse(content)
    standard = _standard(root)
    body = next(iter(root), None)
    if body is None or _name(body) not in _ROOTS:
        raise RuleViolation("bank_file_kind", "file")
    lines: list[Line] = []
    waiting = 0
    for statement in _all(body, _ROOTS[_name(body)]):
        account = _text(statement, "Acct", "Id", "IBAN") or _text(statement, "Acct", "Id", "Othr", "Id")
        if not account:
            raise RuleViolation("bank_file_field", "file", element="Acct/Id", entry=0)
        for number, entry in enumerate(_all(statement, "Ntry"), 1):
            if _text(entry, "Sts", "Cd") not in ("", "BOOK") or _text(entry, "Sts") not in ("", "BOOK"):
                continue  # only what is booked is money
            found = list(_entry(entry, re.sub(r"\s", "", account).upper(), number))
            waiting += not found
            lines += found
            if len(lines) > MOST_LINES:
                raise RuleViolation("bank_file_large", "file", limit=MOST_LINES)
    return Statement(standard, _text(body, "GrpHdr", "MsgId"), tuple(_numbered(lines)), waiting)


def _parse(content: bytes) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False)
    try:
        tree = etree.fromstring(content, parser).getroottree()
    except etree.XMLSyntaxError as error:
        raise RuleViolation("bank_file_unreadable", "file", line=error.lineno or 0) from error
    if tree.docinfo.doctype or tree.docinfo.internalDTD is not None:
        raise RuleViolation("bank_file_unreadable", "file", line=1)
    return tree.getroot()


def _standard(root: etree._Element) -> str:
    found = _NAMESPACE.fullmatch(etree.QName(root).namespace or "")
    if not found or _name(root) != "Document":
        raise RuleViolation("bank_file_kind", "file")
    if int(found[2]) not in VERSIONS:
        raise RuleViolation("bank_file_version", "file", given=f"{found[1]}.001.{found[2]}")
    return f"{found[1]}.001.{found[2]}"


def _entry(entry: etree._Element, account: str, number: int) -> Iterator[Line]:
    """The movements of one entry; none when it is a sum whose details come in another file."""
    credit = {"CRDT": 1, "DBIT": -1}.get(_text(entry, "CdtDbtInd"))
    if credit is None:
        raise RuleViolation("bank_file_field", "file", element="CdtDbtInd", entry=number)
    booked_on = _day(entry, number)
    reference = _text(entry, "AcctSvcrRef")
    reversal = _text(entry, "RvslInd") == "true"
    details = [each for group in _all(entry, "NtryDtls") for each in _all(group, "TxDtls")]
    batch = [group for each in _all(entry, "NtryDtls") for group in _all(each, "Btch")]
    if not details and any(_text(group, "NbOfTxs") not in ("", "1") for group in batch):
        return
    amount, currency = _amount(entry, number)
    for detail in details or [entry]:
        part, unit = _detail_amount(detail, amount, currency, len(details), number)
        own = _text(detail, "Refs", "AcctSvcrRef")
        # Of a single movement the entry's reference stands in every file; of one in a batch its own does.
        servicer = (reference or own) if len(details) < 2 else own or reference
        line = Line(
            key="" if len(details) > 1 and not own else servicer,
            account=account,
            amount=credit * part,
            currency=unit,
            booked_on=booked_on,
            reference=_kid(detail),
            text=" ".join(_all_text(detail, "RmtInf", "Ustrd"))[:LONGEST_TEXT],
            servicer_reference=servicer,
            original_reference=_text(detail, "RtrInf", "OrgnlBkTxRef") or _text(detail, "Refs", "InstrId"),
            payer_name=_party(detail)[:LONGEST_TEXT],
            payer_account=_text(detail, "RltdPties", "DbtrAcct", "Id", "IBAN")
            or _text(detail, "RltdPties", "DbtrAcct", "Id", "Othr", "Id"),
            reversal=reversal or _any(detail, "RtrInf"),
        )
        yield line


def _numbered(lines: list[Line]) -> Iterator[Line]:
    """Each line with its key: the bank's reference with day and amount; without one, all the line says, counted."""
    seen: Counter[str] = Counter()
    for line in lines:
        said = [line.account, str(line.amount), line.currency, line.booked_on.isoformat(), line.key]
        if not line.key:
            said += [line.reference, line.text, line.servicer_reference, line.payer_name, line.payer_account]
        content = "\x1f".join(said)
        seen[content] += 1
        counted = content if line.key else f"{content}\x1f{seen[content]}"
        if line.key and seen[content] > 1:
            continue  # the same movement twice in one file
        yield msgspec.structs.replace(line, key=hashlib.sha256(counted.encode()).hexdigest())


def _day(entry: etree._Element, number: int) -> date:
    given = _text(entry, "BookgDt", "Dt") or _text(entry, "BookgDt", "DtTm")[:10] or _text(entry, "ValDt", "Dt")
    try:
        return date.fromisoformat(given)
    except ValueError as error:
        raise RuleViolation("bank_file_field", "file", element="BookgDt", entry=number) from error


def _detail_amount(detail: etree._Element, amount: int, currency: str, of: int, number: int) -> tuple[int, str]:
    """The movement's own amount in the account's currency; a single one is the entry's."""
    if of < 2:
        return amount, currency
    for path in (("AmtDtls", "TxAmt"), ("AmtDtls", "InstdAmt"), ()):
        found = next(_walk(detail, *path, "Amt"), None)
        if found is not None and found.get("Ccy", currency) == currency:
            return _minor(found, number)
    raise RuleViolation("bank_file_field", "file", element="TxDtls/Amt", entry=number)


def _amount(entry: etree._Element, number: int) -> tuple[int, str]:
    found = next(_walk(entry, "Amt"), None)
    if found is None:
        raise RuleViolation("bank_file_field", "file", element="Amt", entry=number)
    return _minor(found, number)


def _minor(element: etree._Element, number: int) -> tuple[int, str]:
    """Minor units, exactly: text, never a float; more decimals than the currency has must be zeros."""
    currency = element.get("Ccy", "")
    found = _AMOUNT.fullmatch((element.text or "").strip())
    places = digits(currency)
    decimals = (found[2] or "").ljust(places, "0") if found else ""
    if not found or not re.fullmatch("[A-Z]{3}", currency) or decimals[places:].strip("0"):
        raise RuleViolation("bank_file_field", "file", element="Amt", entry=number)
    minor = int(found[1] + decimals[:places])
    if not minor:
        raise RuleViolation("bank_file_field", "file", element="Amt", entry=number)
    return minor, currency


def _kid(detail: etree._Element) -> str:
    """The structured creditor reference; of several (one payment for several invoices) all, apart by spaces."""
    given = [re.sub(r"\s", "", each) for each in _all_text(detail, "RmtInf", "Strd", "CdtrRefInf", "Ref")]
    return " ".join(dict.fromkeys(each for each in given if each))[:LONGEST_TEXT]


def _party(detail: etree._Element) -> str:
    for party in ("Dbtr", "UltmtDbtr"):
        name = _text(detail, "RltdPties", party, "Nm") or _text(detail, "RltdPties", party, "Pty", "Nm")
        if name:
            return name
    return ""


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def _all(element: etree._Element, name: str) -> list[etree._Element]:
    return [child for child in element if _name(child) == name]


def _walk(element: etree._Element, *path: str) -> Iterator[etree._Element]:
    if not path:
        yield element
        return
    for child in _all(element, path[0]):
        yield from _walk(child, *path[1:])


def _any(element: etree._Element, *path: str) -> bool:
    return next(_walk(element, *path), None) is not None


def _all_text(element: etree._Element, *path: str) -> list[str]:
    return [" ".join((found.text or "").split()) for found in _walk(element, *path)]


def _text(element: etree._Element, *path: str) -> str:
    return next((text for text in _all_text(element, *path) if text), "")
