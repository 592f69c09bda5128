"""Traces and logs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from shared.telemetry import continued, current_trace, tracer_provider

ROOT = Path(__file__).parents[2]
STORED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_outside_of_any_span_there_is_no_trace():
    assert current_trace() == ""


def test_a_stored_trace_is_joined_and_left_again():
    with continued(STORED):
        assert current_trace() == STORED
    assert current_trace() == ""


def test_a_stored_trace_wins_over_the_one_that_is_active():
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
    with tracer.start_as_current_span("click"):
        outer = current_trace()
        with continued(STORED), tracer.start_as_current_span("work"):
            assert current_trace().split("-")[1] == STORED.split("-")[1]
        assert current_trace() == outer


@pytest.mark.parametrize("stored", ["", "nonsense", "00-0-0-0"])
def test_without_a_stored_trace_a_new_one_begins(stored):
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
    with continued(stored), tracer.start_as_current_span("work"):
        assert trace.get_current_span().get_span_context().is_valid
        assert trace.get_current_span().parent is None


def test_spans_say_which_service_made_them(monkeypatch):
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    attributes = tracer_provider("triage").resource.attributes
    assert attributes["service.name"] == "triage"
    assert attributes["service.namespace"] == "handrail"


LOGGING = """
import logging, sys
import structlog
from opentelemetry.sdk.trace import TracerProvider
from shared.telemetry import configure_logs

configure_logs(stream=sys.stdout)
log = structlog.get_logger("shared.test")
tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
structlog.contextvars.bind_contextvars(ticket_id="T", step_id="restart")
log.info("plain.said", count=1)
with tracer.start_as_current_span("work"):
    log.warning("traced.said")
    logging.getLogger("library").warning("said by %s", "a library", extra={"colour": "red"})
log.debug("too.quiet")
logging.getLogger("httpx").info("chatty")
password = "hunter2"
try:
    raise ValueError("broken")
except ValueError:
    log.exception("it.broke")
"""


@pytest.fixture(scope="module")
def lines():
    """What a process of its own logs: configuring is for all of a process, for good."""
    done = subprocess.run(
        [sys.executable, "-c", LOGGING], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_each_line_is_json_with_its_level_time_and_bound_ids(lines):
    assert len(lines) == 4
    first = lines[0]
    assert first["event"] == "plain.said"
    assert first["level"] == "info"
    assert first["count"] == 1
    assert first["timestamp"].endswith("Z")
    assert all((line["ticket_id"], line["step_id"]) == ("T", "restart") for line in lines)


def test_lines_within_a_span_carry_its_ids_those_of_libraries_too(lines):
    ours, theirs = lines[1:3]
    assert len(ours["trace_id"]) == 32
    assert len(ours["span_id"]) == 16
    assert theirs["trace_id"] == ours["trace_id"]
    assert theirs["event"] == "said by a library"
    assert theirs["colour"] == "red"
    assert "trace_id" not in lines[0]


def test_a_traceback_is_told_without_the_values_of_variables(lines):
    (exception,) = lines[3]["exception"]
    assert exception["exc_type"] == "ValueError"
    assert "hunter2" not in json.dumps(lines[3])
