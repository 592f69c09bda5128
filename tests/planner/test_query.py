"""What of an alert is searched for."""

import pytest

from services.planner.query import query
from tests.runbook.runbooks import alert


def test_each_thing_that_is_said_has_a_line_and_none_is_there_twice():
    told = alert(
        "DiskAlmostFull",
        title="Disk almost full",
        description="The disk is almost full: 3 % left.",
        resource="web-1",
        labels={"job": "node", "mountpoint": "/var", "instance": "web-1:9100", "team": "blue"},
        annotations={"summary": "Disk almost full", "runbook_url": "http://wiki.example/full"},
    )
    assert query(told).splitlines() == [
        "DiskAlmostFull",
        "Disk almost full",
        "The disk is almost full: 3 % left.",
        "web-1",
        "node",
        "/var",
    ]


@pytest.mark.parametrize(
    "secret",
    [
        "password=hunter22",
        "db_password: hunter22",
        "API-KEY=hunter22",
        "Authorization: Bearer hunter22",
        "token = hunter22",
        "client_secret:hunter22",
    ],
)
def test_secrets_are_not_searched_for(secret):
    said = query(alert(title=f"Login failed with {secret} on web-1"))
    assert "hunter22" not in said
    assert "Login failed with" in said
    assert "on web-1" in said


def test_of_a_text_that_is_a_log_only_the_beginning_is_searched():
    assert len(query(alert(description="word " * 10_000))) < 1200
