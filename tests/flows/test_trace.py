"""One trace leads from the webhook to the resolution, through services and a person's click."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.flows.world import eventually


@pytest.fixture
def collector():
    """A server that takes spans by OTLP over HTTP, as a real collector does."""
    spans = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                names = {a.key: a.value.string_value for a in resource.resource.attributes}
                for scope in resource.scope_spans:
                    spans.extend((names["service.name"], span) for span in scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", spans
    server.shutdown()
    server.server_close()


async def test_one_trace_from_the_webhook_to_the_resolution(world, collector):
    url, spans = collector
    world.extra |= {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_BSP_SCHEDULE_DELAY": "200"}
    await world.start_all_but()
    ticket_id = await world.open_ticket()
    await world.approve(ticket_id)
    await world.until_state(ticket_id, "resolved")
    began = await eventually(
        lambda: [
            s for _, s in spans if s.name.startswith("POST /webhooks") and not s.parent_span_id
        ]
    )
    trace = began[0].trace_id

    def services():
        return {name for name, span in spans if span.trace_id == trace}

    wanted = {"ingest", "triage", "planner", "executor", "notifier", "verifier"}
    await eventually(lambda: wanted <= services())
    names = {span.name for _, span in spans if span.trace_id == trace}
    assert "ticket.resolved publish" in names
    # The person's click is a request of its own, and what it led to belongs to the ticket's trace.
    await eventually(
        lambda: "step.approved publish" in {s.name for _, s in spans if s.trace_id == trace}
    )


async def test_log_lines_carry_the_ids_of_what_they_are_about(world):
    await world.start_all_but()
    ticket_id = await world.open_ticket()
    await world.approve(ticket_id)
    await world.until_state(ticket_id, "resolved")
    lines = [json.loads(line) for line in (world.work / "rest.log").read_text().splitlines()]
    ended = [line for line in lines if line["event"] == "step.ended"]
    assert {line["step_id"] for line in ended} == {"look", "repair"}
    for line in ended:
        assert line["ticket_id"] == str(ticket_id)
        assert line["session_id"] == str(world.session(ticket_id)["_id"])
        assert len(line["trace_id"]) == 32
    assert len({line["trace_id"] for line in ended}) == 1
