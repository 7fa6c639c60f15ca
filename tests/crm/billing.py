"""Issued invoices for tests, and bank files that tell of payments, written by hand after the standard."""

from datetime import date
from uuid import UUID
from xml.sax.saxutils import escape

import msgspec

from crm.actions import applications, invoices
from crm.actor import Actor
from crm.context import Context
from crm.forms import ApplicationForm, ContactForm, OrganisationForm

STARTS = date(2026, 12, 1)
ACCOUNT = "NO2099990000014"  # the demo host NORA's own
NETWORK = "nora-industry-network"


class Bill(msgspec.Struct, frozen=True):
    """An issued invoice: what a payer would read from it."""

    id: UUID
    organisation: UUID
    host: UUID
    kid: str
    gross: int
    number: int


async def bill(context: Context, actor: Actor, name: str, tier: str = "partner", network: str = NETWORK) -> Bill:
    """Somebody applies, is approved from 1 December 2026, and the invoice is issued."""
    form = ApplicationForm(
        network=network,
        tier=tier,
        organisation=OrganisationForm(name=name, country="NO", kind="company", employees=40),
        contact=ContactForm(name="Kari Nordby", email="kari@nordby.example"),
    )
    sent = await applications.submit(context, actor, form)
    approved = await applications.approve(context, actor, sent.id, STARTS)
    await invoices.issue(context, actor, approved.invoices[0])
    async with context.db.tx() as connection:
        row = await connection.fetchrow(
            "select id, organisation_id as organisation, host_id as host, kid, gross, number from invoice"
            " where id = $1",
            approved.invoices[0],
        )
    return Bill(**dict(row))


async def draft(context: Context, actor: Actor, name: str, kind: str = "company", tier: str = "partner") -> UUID:
    """Somebody applies and is approved from 1 December 2026; its invoice is still a draft."""
    form = ApplicationForm(
        network=NETWORK,
        tier=tier,
        organisation=OrganisationForm(name=name, country="NO", kind=kind, employees=40),
        contact=ContactForm(name="Kari Nordby", email="kari@nordby.example"),
    )
    sent = await applications.submit(context, actor, form)
    return (await applications.approve(context, actor, sent.id, STARTS)).invoices[0]


def entry(
    reference: str,
    amount: str,
    kid: str | list[str] = "",
    *,
    payer: str = "Fjord & Data AS",
    text: str = "",
    day: str = "2026-11-20",
    returns: str = "",
    currency: str = "NOK",
    debit: bool = False,
) -> str:
    """One booked entry with one transaction, as Norwegian banks write camt.054.001.02."""
    kids = [kid] if isinstance(kid, str) else kid
    structured = "".join(f"<Strd><CdtrRefInf><Ref>{each}</Ref></CdtrRefInf></Strd>" for each in kids if each)
    free = f"<Ustrd>{escape(text)}</Ustrd>" if text else ""
    back = f"<RtrInf><OrgnlBkTxRef>{returns}</OrgnlBkTxRef></RtrInf>" if returns else ""
    reversal = "<RvslInd>true</RvslInd>" if returns else ""
    return f"""
      <Ntry>
        <Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{"DBIT" if returns or debit else "CRDT"}</CdtDbtInd>{reversal}
        <Sts>BOOK</Sts><BookgDt><Dt>{day}</Dt></BookgDt><ValDt><Dt>{day}</Dt></ValDt>
        <AcctSvcrRef>{reference}</AcctSvcrRef>
        <NtryDtls><TxDtls>
          <Refs><AcctSvcrRef>{reference}</AcctSvcrRef></Refs>
          <AmtDtls><TxAmt><Amt Ccy="{currency}">{amount}</Amt></TxAmt></AmtDtls>
          <RltdPties><Dbtr><Nm>{escape(payer)}</Nm></Dbtr>
            <DbtrAcct><Id><Othr><Id>12345678903</Id></Othr></Id></DbtrAcct></RltdPties>
          <RmtInf>{free}{structured}</RmtInf>{back}
        </TxDtls></NtryDtls>
      </Ntry>"""


def notification(*entries: str, account: str = ACCOUNT, version: str = "camt.054.001.02", message: str = "M1") -> bytes:
    """A camt.054 credit notification (or with camt.053 a statement) around these entries."""
    outer, inner = ("BkToCstmrDbtCdtNtfctn", "Ntfctn") if version.startswith("camt.054") else ("BkToCstmrStmt", "Stmt")
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{version}">
  <{outer}>
    <GrpHdr><MsgId>{message}</MsgId><CreDtTm>2026-11-21T06:00:00</CreDtTm></GrpHdr>
    <{inner}><Id>{message}-1</Id><CreDtTm>2026-11-21T06:00:00</CreDtTm>
      <Acct><Id><IBAN>{account}</IBAN></Id></Acct>{"".join(entries)}
    </{inner}>
  </{outer}>
</Document>""".encode()


def kroner(amount: int) -> str:
    """Minor units as a bank writes them."""
    return f"{amount // 100}.{amount % 100:02}"
