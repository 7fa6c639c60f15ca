"""JSON for programs: /api/v1, its document and its reference page. `handlers` and `problem` are for crm/app.py."""

from crm.api import (
    agreements,
    applications,
    bank,
    card_events,
    disclosures,
    docs,
    dunning,
    feed,
    health,
    invoices,
    link_answers,
    link_receipts,
    member_lists,
    memberships,
    mergers,
    networks,
    organisations,
    payments,
    places,
    prices,
    profiles,
    refunds,
    relations,
    renewal_notices,
    renewals,
    reviews,
    scim,
    shares,
    sizes,
    suggestions,
    webhooks,
)
from crm.api.operations import routes_of
from crm.api.scim_errors import answered as problem

OPERATIONS = (
    *networks.operations,
    *prices.operations,
    *feed.operations,
    *shares.operations,
    *disclosures.operations,
    *member_lists.operations,
    *link_receipts.operations,
    *suggestions.operations,
    *applications.operations,
    *organisations.operations,
    *mergers.operations,
    *sizes.operations,
    *profiles.operations,
    *relations.operations,
    *agreements.operations,
    *memberships.operations,
    *link_answers.operations,
    *reviews.operations,
    *places.operations,
    *invoices.operations,
    *payments.operations,
    *refunds.operations,
    *bank.operations,
    *dunning.operations,
    *renewals.operations,
    *webhooks.operations,
    *renewal_notices.operations,
)

handlers = [*health.handlers, *card_events.handlers, *docs.handlers(OPERATIONS), *routes_of(OPERATIONS)]
handlers += scim.handlers

__all__ = ["OPERATIONS", "handlers", "problem"]
