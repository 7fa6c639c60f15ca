"""Documents a second, one process: PDF/A-3b with the e-invoice inside, and UBL, beside typst and lxml alone.

The baseline of the PDF is typst setting the same page from inputs that are ready; of the UBL, lxml writing a tree
that is built already. Every document has a number of its own, so that nothing is answered from a cache of typst's.
"""

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import msgspec
from lxml import etree

from cluster_rules.document_checks import check
from cluster_rules.documents import Document
from crm.gateways import pdf, peppol_rules, ubl
from tests import documents as make

COUNT = 300
PAY = "https://klynge.example/nb/betal/3f2b1c9e8d7a4f6b8c1d2e3f4a5b6c7d"
WARM = 20
THREADS = 2


def numbered(count: int) -> list[Document]:
    """As many different documents, of the six kinds in turn."""
    kinds = [build() for build in make.SIX.values()]
    return [msgspec.structs.replace(kinds[i % len(kinds)], number=f"2027{i:06d}") for i in range(count)]


def timed(work: Callable[[Document], object], documents: list[Document]) -> tuple[float, float, float]:
    """(a second, median milliseconds, milliseconds of a core each: the figure that a busy machine does not spoil)."""
    core = time.process_time()
    each = list(_durations(work, documents))
    return len(each) / sum(each), 1000 * median(each), 1000 * (time.process_time() - core) / len(each)


def _durations(work: Callable[[Document], object], documents: list[Document]) -> Iterator[float]:
    for document in documents:
        start = time.perf_counter()
        work(document)
        yield time.perf_counter() - start


def memory() -> float:
    """The most the process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def printed(document: Document) -> bytes:
    return pdf.printed(document, pay_url=PAY, xml=ubl.written(document))


def main(count: int) -> None:
    documents = numbered(count)
    for each in documents[:WARM]:
        printed(each)
    before = memory()
    report("PDF/A-3b with link, code and e-invoice", *timed(printed, documents))
    report("  typst alone, the same inputs", *timed(typst_alone(documents), documents))
    report("PDF without link, code and e-invoice", *timed(pdf.printed, documents))
    start = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(printed, documents))
    print(f"{f'PDF/A-3b in {THREADS} threads':44} {count / (time.perf_counter() - start):9,.0f} /s")
    print(f"{'memory more after all of these':44} {memory() - before:9,.0f} MB")
    report("UBL", *timed(ubl.written, documents * 10))
    report("  lxml alone, a tree that is there", *timed(lxml_alone(documents), documents * 10))
    report("check of a document", *timed(check, documents * 10))
    report("Peppol rules over the XML", *timed(rules_alone(documents), documents))


def typst_alone(documents: list[Document]) -> Callable[[Document], object]:
    """typst with inputs made before; each with one letter changed, or it would remember the page."""
    ready = {
        each.number: pdf._inputs(msgspec.structs.replace(each, series="B"), each.language, PAY, ubl.written(each))
        for each in documents
    }
    for inputs in ready.values():
        data = json.loads(inputs["data"])
        inputs["data"] = json.dumps(data | {"name": data["name"] + "."})
    compiler = pdf._compiler()

    def work(document: Document) -> object:
        return compiler.compile(format="pdf", sys_inputs=ready[document.number], pdf_standards=[pdf.STANDARD])

    return work


def lxml_alone(documents: list[Document]) -> Callable[[Document], object]:
    trees = {each.number: etree.fromstring(ubl.written(each)) for each in documents}
    return lambda document: etree.tostring(trees[document.number], xml_declaration=True, encoding="UTF-8")


def rules_alone(documents: list[Document]) -> Callable[[Document], object]:
    written = {each.number: ubl.written(each) for each in documents}
    return lambda document: peppol_rules.broken(written[document.number])


def report(what: str, rate: float, milliseconds: float, core: float) -> None:
    print(f"{what:44} {rate:9,.0f} /s   median {milliseconds:7.3f} ms   core {core:7.3f} ms")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT)
