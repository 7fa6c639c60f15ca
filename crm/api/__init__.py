"""JSON for programs: /api/v1, its document and its reference page. `handlers` and `problem` are for crm/app.py."""

from crm.api import (
    applications,
    docs,
    health,
    invoices,
    memberships,
    mergers,
    networks,
    organisations,
    payments,
    reviews,
)
from crm.api.operations import routes_of
from crm.api.problems import problem

OPERATIONS = (
    *networks.operations,
    *applications.operations,
    *organisations.operations,
    *mergers.operations,
    *memberships.operations,
    *reviews.operations,
    *invoices.operations,
    *payments.operations,
)

handlers = [*health.handlers, *docs.handlers(OPERATIONS), *routes_of(OPERATIONS)]

__all__ = ["OPERATIONS", "handlers", "problem"]
