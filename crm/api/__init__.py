"""JSON for programs: /api/v1, its document and its reference page. `handlers` and `problem` are for crm/app.py."""

from crm.api import health
from crm.api.problems import problem

handlers = [*health.handlers]

__all__ = ["handlers", "problem"]
