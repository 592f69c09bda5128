"""Whatever is sent becomes alerts that can be kept and told, or a refusal: never a crash."""

import json
from functools import partial
from uuid import UUID

import bson
import pytest
from fastapi.responses import JSONResponse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.ingest import generic
from services.ingest.api import parsed
from services.ingest.refusal import Refusal
from services.ingest.sources import SOURCES
from services.ingest.webhook import Webhook
from shared.events import Alert, TicketCreated
from tests.ingest import test_generic
from tests.ingest.corpus import CORPUS
from tests.ingest.mutation import anything, mutated, nested

TICKET = UUID("6f2ab8a4-7f5c-4c1a-9d3b-0b8a8c6a0e11")
PARSERS = {**SOURCES, "generic": partial(generic.parse, test_generic.LIST)}
#: A message on the bus may have as many bytes, and a plan carries its alert beside its steps.
EVENT_MOST = 1024 * 1024 // 2

# The same examples in every run: a failure is somebody's change, not chance.
steadily = partial(
    settings,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def alerts_of(kind, webhook):
    """The alerts of a webhook, none where it is refused; any other error is the test's."""
    try:
        return parsed(PARSERS[kind], webhook)
    except Refusal as refused:
        answer = refused
    assert answer.status in {400, 422}
    assert JSONResponse(answer.body, answer.status).body
    return ()


def assert_kept_and_told(alert):
    """It is the same after it went over the bus, and after it lay in the database."""
    event = TicketCreated(id=TICKET, ticket_id=TICKET, alert=alert)
    told = event.body()
    assert len(told) < EVENT_MOST
    assert TicketCreated.read(event.headers(source="ingest"), told).alert == alert
    document = bson.decode(bson.encode({"alert": alert.model_dump(mode="json")}))
    assert Alert.model_validate(document["alert"]) == alert


def test_every_source_has_its_webhooks_here():
    assert CORPUS.keys() == PARSERS.keys()


@pytest.mark.parametrize("kind", CORPUS)
def test_what_a_vendor_sends_can_be_kept_and_told(kind):
    for webhook in CORPUS[kind]:
        alerts = PARSERS[kind](webhook)
        assert alerts
        for alert in alerts:
            assert_kept_and_told(alert)


@pytest.mark.parametrize("kind", PARSERS)
@steadily(max_examples=25)
@given(said=anything)
def test_any_json_is_read_or_refused(kind, said):
    for webhook in CORPUS[kind]:
        sent = Webhook(webhook.source, json.dumps(said).encode(), webhook.headers)
        for alert in alerts_of(kind, sent):
            assert_kept_and_told(alert)


@pytest.mark.parametrize("kind", PARSERS)
@steadily(max_examples=100)
@given(data=st.data())
def test_a_notification_with_something_wrong_is_read_or_refused(kind, data):
    for alert in alerts_of(kind, data.draw(mutated(CORPUS[kind]))):
        assert_kept_and_told(alert)


@pytest.mark.parametrize("kind", PARSERS)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b"\0",
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b"9" * 200_000,
        b'"\\ud800"',
        json.dumps(nested(900)).encode(),
        b"a=1&payload=%7B%7D",
        b"payload=" + b"%5B" * 50_000,
    ],
)
def test_what_is_hardly_a_body_is_read_or_refused(kind, body):
    for webhook in CORPUS[kind]:
        for content_type in (None, "application/json", "application/x-www-form-urlencoded"):
            headers = {
                **webhook.headers,
                **({"content-type": content_type} if content_type else {}),
            }
            for alert in alerts_of(kind, Webhook(webhook.source, body, headers)):
                assert_kept_and_told(alert)
