"""Reading a UBL document for the Peppol rules: elements at a path, their text, their numbers."""

from decimal import Decimal, InvalidOperation
from functools import cache

from lxml import etree

from crm.gateways.ubl import CAC, CBC

Element = etree._Element
_PREFIXES = {"cac": CAC, "cbc": CBC}
_PARSER = {"resolve_entities": False, "no_network": True, "load_dtd": False, "huge_tree": False}


def parsed(xml: bytes) -> Element:
    """The root. ValueError when it is no XML, or has a DOCTYPE (entities could name files, or grow without end)."""
    try:
        root = etree.fromstring(xml, etree.XMLParser(**_PARSER))
    except etree.XMLSyntaxError as error:
        raise ValueError(f"not an XML document: {error}") from None
    if root.getroottree().docinfo.doctype:
        raise ValueError("an e-invoice has no DOCTYPE")
    return root


def at(element: Element, path: str) -> list[Element]:
    """The elements at an XPath below this one; `cac:` and `cbc:` are the UBL namespaces."""
    return _compiled(path)(element)


def text(element: Element, path: str = ".") -> str:
    """The text of the first element at the path, without the space around it; "" when there is none."""
    found = at(element, path)
    return " ".join((found[0].text or "").split()) if found else ""


def number(element: Element, path: str = ".") -> Decimal | None:
    """The number at the path; None when there is none, or none that can be read (the schema objects to that)."""
    try:
        return Decimal(text(element, path))
    except InvalidOperation:
        return None


@cache
def _compiled(path: str) -> etree.XPath:
    return etree.XPath(path, namespaces=_PREFIXES)
