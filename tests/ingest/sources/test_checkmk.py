"""Checkmk's notification context, read."""

import json
from datetime import UTC, datetime

import pytest

from services.ingest.sources.checkmk import parse
from services.ingest.webhook import Webhook
from shared.lifecycle import Severity
from tests.ingest.sources.contract import assert_contract

CONTEXT = {
    "NOTIFY_CONTACTNAME": "handrail",
    "NOTIFY_DATE": "2026-03-01",
    "NOTIFY_HOSTADDRESS": "192.0.2.21",
    "NOTIFY_HOSTALIAS": "Database 1",
    "NOTIFY_HOSTGROUPNAMES": "databases",
    "NOTIFY_HOSTNAME": "db-1",
    "NOTIFY_HOSTOUTPUT": "Packet received via smart PING",
    "NOTIFY_HOSTSTATE": "UP",
    "NOTIFY_HOSTURL": "/prod/check_mk/index.py?start_url=view.py%3Fhost%3Ddb-1",
    "NOTIFY_LASTHOSTSTATECHANGE": "1772359200",
    "NOTIFY_MICROTIME": "1772359260000000",
    "NOTIFY_NOTIFICATIONTYPE": "PROBLEM",
    "NOTIFY_OMD_SITE": "prod",
    "NOTIFY_SHORTDATETIME": "2026-03-01 11:01:00",
    "NOTIFY_URL_PREFIX": "https://checkmk.example.com",
    "NOTIFY_WHAT": "HOST",
}
SERVICE = {
    "NOTIFY_WHAT": "SERVICE",
    "NOTIFY_SERVICEDESC": "Filesystem /var",
    "NOTIFY_SERVICESTATE": "CRITICAL",
    "NOTIFY_SERVICEOUTPUT": "Used: 97.1% - 9.7 GiB of 10 GiB(!!)",
    "NOTIFY_LONGSERVICEOUTPUT": "trend per day: +1.2 GiB",
    "NOTIFY_SERVICEURL": "/prod/check_mk/index.py?start_url=view.py%3Fservice%3Dvar",
    "NOTIFY_LASTSERVICESTATECHANGE": "1772359200",
    "NOTIFY_SERVICEPROBLEMID": "211",
}


def post(said):
    return Webhook("checkmk", json.dumps(said).encode())


def service(**fields):
    return post({**CONTEXT, **SERVICE, **{f"NOTIFY_{name}": said for name, said in fields.items()}})


def host(**fields):
    down = {"NOTIFY_HOSTSTATE": "DOWN"}
    return post({**CONTEXT, **down, **{f"NOTIFY_{name}": said for name, said in fields.items()}})


MALFORMED = [
    Webhook("checkmk", b""),
    post([]),
    post({}),
    service(WHAT="CLUSTER"),
    service(HOSTNAME=""),
    service(NOTIFICATIONTYPE=None),
    service(SERVICESTATE=["CRITICAL"]),
    service(LASTSERVICESTATECHANGE="x"),
]


def test_services_keep_the_contract_of_sources():
    assert_contract(
        parse,
        firing=service(),
        resolved=service(NOTIFICATIONTYPE="RECOVERY", SERVICESTATE="OK"),
        second=service(HOSTNAME="db-2"),
        again=[service(SERVICESTATE="WARNING"), service(SERVICEPROBLEMID="212")],
        malformed=MALFORMED,
    )


def test_hosts_keep_the_contract_of_sources():
    assert_contract(
        parse,
        firing=host(),
        resolved=host(NOTIFICATIONTYPE="RECOVERY", HOSTSTATE="UP"),
        second=host(OMD_SITE="test"),
        again=[host(HOSTSTATE="UNREACHABLE")],
    )


def test_what_a_notification_says_is_taken_over():
    (alert,) = parse(service())
    assert (alert.name, alert.title) == ("Filesystem /var", "Filesystem /var on db-1 is CRITICAL")
    assert alert.description.splitlines()[1] == "trend per day: +1.2 GiB"
    assert alert.severity is Severity.P1
    assert (alert.resource, alert.labels["site"]) == ("db-1", "prod")
    assert alert.links["checkmk"].startswith("https://checkmk.example.com/prod/check_mk/")
    assert alert.starts_at == datetime(2026, 3, 1, 10, tzinfo=UTC)


def test_a_path_without_a_prefix_is_no_link():
    assert parse(service(URL_PREFIX=""))[0].links == {}


@pytest.mark.parametrize("kind", ["ACKNOWLEDGEMENT", "DOWNTIMESTART", "ALERTHANDLER (OK)"])
def test_other_notifications_give_no_alert(kind):
    assert parse(service(NOTIFICATIONTYPE=kind)) == ()
