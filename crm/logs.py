"""Logs: one JSON object a line on stderr. No bodies of requests or mails, no data about people.

Errors of the database quote the row they are about; addresses and such details are cut out of every text
before it is written.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_ADDRESS = re.compile(r"[\w.+'-]+@[\w-]+(\.[\w-]+)+")
# What PostgreSQL adds about the row: "DETAIL:  Key (email)=(...) already exists."
_DETAIL = re.compile(r"(DETAIL|CONTEXT|QUERY): .*")
QUIET = {
    "asyncpg": logging.ERROR,
    "httpx": logging.WARNING,
    "stripe": logging.WARNING,
    "uvicorn.access": logging.CRITICAL,
    "uvicorn.error": logging.WARNING,
}

# A request was cancelled between two statements: asyncpg rolls back, and says so as if it were an error.
HARMLESS = "Resetting connection with an active transaction"

Event = MutableMapping[str, Any]


def configure(level: str = "INFO") -> None:
    """Send our own events and the standard library's through the same processors."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        without_personal_data,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    handler.addFilter(lambda record: not str(record.msg).startswith(HARMLESS))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name, least in QUIET.items():
        quiet = logging.getLogger(name)
        quiet.handlers, quiet.propagate = [], True
        quiet.setLevel(max(least, root.level))


def without_personal_data(_logger: Any, _method: str, event: Event) -> Event:
    """The event with addresses and quoted rows cut out."""
    for key, value in event.items():
        event[key] = _clean(value)
    return event


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _ADDRESS.sub("(address)", _DETAIL.sub(r"\1: (left out)", value))
    if isinstance(value, dict):
        return {key: _clean(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(inner) for inner in value]
    return value
