"""Logs are JSON lines without data about people."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from crm import logs


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    before = (root.handlers, root.level)
    yield
    root.handlers, root.level = before
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    shown = capsys.readouterr()
    assert shown.out == ""
    return [json.loads(line) for line in shown.err.splitlines()]


def test_our_events_and_those_of_libraries_have_one_form(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO")
    structlog.get_logger("klynge").warning("worker_interrupted", times=2)
    logging.getLogger("pgqueuer").warning("lost %s", "a connection")
    ours, theirs = lines(capsys)
    assert (ours["event"], ours["times"], ours["level"]) == ("worker_interrupted", 2, "warning")
    assert (theirs["event"], theirs["logger"], theirs["level"]) == ("lost a connection", "pgqueuer", "warning")
    assert str(ours["timestamp"]).endswith("Z")


def test_addresses_and_quoted_rows_are_cut_out(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO")
    said = 'duplicate key\nDETAIL:  Key (email)=(kari.nordmann@firma.example, "Kari") already exists.\nline 3'
    try:
        raise ValueError(said)
    except ValueError:
        structlog.get_logger().exception("failed", trace=[said], to={"who": "kari@firma.example"})
        logging.getLogger("other").exception("failed for kari@firma.example")
    shown = capsys.readouterr().err
    assert "duplicate key" in shown
    assert "line 3" in shown
    assert "kari" not in shown.lower()
    assert "firma" not in shown


def test_the_level_counts_and_requests_are_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("WARNING")
    structlog.get_logger().info("too much")
    logging.getLogger("anything").info("too much")
    logging.getLogger("uvicorn.access").warning("GET /nb/join/status/secret-token")
    logging.getLogger("asyncio").error(f"{logs.HARMLESS} <connection>")
    assert lines(capsys) == []
    logging.getLogger("asyncio").error("Task exception was never retrieved")
    assert len(lines(capsys)) == 1


def test_control_without_the_filter_the_address_is_there() -> None:
    event = {"event": "to kari@firma.example"}
    assert "kari" not in str(logs.without_personal_data(None, "info", dict(event)))
    assert "kari" in str(event)
