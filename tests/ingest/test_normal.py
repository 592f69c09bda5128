"""What all sources share: times, identity, and which alert on a problem one is."""

import json

import pytest
from pydantic import ValidationError

from services.ingest.normal import normalised
from services.ingest.sources.alertmanager import parse
from services.ingest.ticket import variant
from services.ingest.webhook import Webhook
from shared.events import AlertStatus
from tests.ingest.payloads import fired, notification


def alert(name="DiskFull", **fields):
    said = {"status": AlertStatus.FIRING, "identity": {"id": "7"}, **fields}
    return normalised("tracker", name=name, **said)


@pytest.mark.parametrize("time", [[], {}, 1e300, "soon", True])
def test_a_time_that_is_none_is_refused_and_no_crash(time):
    body = notification({**fired(), "startsAt": time})
    with pytest.raises(ValidationError):
        parse(Webhook("alertmanager", json.dumps(body).encode()))


def test_a_tracked_problem_keeps_its_fingerprint_when_it_is_renamed():
    assert alert("A", variant="").fingerprint == alert("B", variant="").fingerprint
    assert alert("A").fingerprint != alert("B").fingerprint


def test_a_tracked_problem_has_one_alert_whatever_its_labels():
    assert variant(alert(labels={"a": "1"}, variant="")) == variant(alert(variant=""))
    assert variant(alert(labels={"a": "1"})) != variant(alert())


def test_of_a_problem_with_several_tracked_alerts_each_is_told_apart():
    assert variant(alert(variant="1")) != variant(alert(variant="2"))
