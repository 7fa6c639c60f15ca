"""The letter ahead of a renewal: which period, at which level, what it costs and how that comes about, until when to
leave. In the reader's language; money as the preview of a run says it.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import msgspec

from cluster_rules.renewals import Renewal
from crm import fee_words, renewal_words
from crm.catalogue import Catalogue
from crm.i18n import Translator, translator
from crm.store.mail import Outgoing, Recipient

KIND = "renewal_notice"


def letter(
    kept: Catalogue,
    found: Renewal,
    on: date,
    recipient: Recipient,
    organisation: str,
    organisation_id: UUID,
    mail: UUID | None = None,
) -> Outgoing:
    """The mail to a member whose renewal is due, as of the day `on`. The period must have an end."""
    t = translator(recipient.language)
    leave_by = found.leave_by or found.year.start
    network = kept.by_slug[found.network]
    last = found.year.end_or_far - timedelta(days=1)
    vat = sum(charge.line.vat for charge in found.charges)
    steps = msgspec.to_builtins(found.differs)
    values: dict[str, Any] = {
        "organisation": organisation,
        "network": t.text(network.names),
        "tier": t.text(kept.tier_names(found.network, found.tier)),
        "first": t.date(found.year.start),
        "last": t.date(last),
        "lines": list(_lines(t, found)),
        "vat": t.money(vat, found.currency) if vat else "",
        "total": t.money(found.net + vat, found.currency),
        "before": t.money(found.before, found.currency) if found.before else "",
        "differs": renewal_words.differs(t, kept, found.network, steps),
        "leave_by": t.date(leave_by),
        "late": leave_by < on,
    }
    return Outgoing(KIND, recipient, values, network.id, organisation_id, id=mail)


def _lines(t: Translator, found: Renewal) -> Iterator[dict[str, str]]:
    for charge in found.charges:
        line = charge.line
        why = fee_words.explain(t, msgspec.to_builtins(line.steps), line.currency, line.example)
        yield {"name": t.text(line.names), "amount": t.money(line.net, line.currency), "why": why}
