"""An issued document as files. Typesetting takes some milliseconds of work: it has a thread of its own."""

import asyncio

from cluster_rules.documents import Document
from crm.gateways import pdf, ubl


def xml(document: Document) -> bytes:
    """As EHF (UBL)."""
    return ubl.written(document)


async def paper(document: Document, pay_url: str = "") -> bytes:
    """As PDF with the EHF attached; with a link and a code to where it can be paid."""
    return await asyncio.to_thread(pdf.printed, document, "", pay_url, ubl.written(document))
