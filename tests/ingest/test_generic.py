"""Sources that are described in handrail.yaml, read."""

import json
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.ingest.api import parsed
from services.ingest.app import build, parser
from services.ingest.generic import parse, reads
from services.ingest.quarantine.kept import quarantined
from services.ingest.refusal import Refusal
from services.ingest.ticket import variant
from services.ingest.webhook import Webhook
from shared.config import SourceConfig
from shared.errors import SettingsError
from shared.events import AlertStatus
from shared.lifecycle import Severity
from shared.mapping import GenericMap
from tests.ingest.conftest import BEARER
from tests.ingest.sources.contract import assert_contract
from tests.running import running

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LIST = GenericMap.model_validate(
    {
        "alerts": "data.problems",
        "name": "check",
        "title": {"cel": "item.check + ' on ' + item.host"},
        "description": "join(', ', notes)",
        "severity": "level",
        "severities": {"1": "P1", "Rot": "P2"},
        "status": "state",
        "resource": "host",
        "fingerprint": ["host", {"cel": "body.site"}, {"cel": "headers['x-env']"}],
        "labels": {"host": "host", "disk": "disk", "value": "value"},
        "links": {"shop": "url"},
        "starts_at": "since",
        "ends_at": "until",
    }
)
BARE = GenericMap.model_validate({"title": "title", "fingerprint": ["id", "part"]})


def problem(**fields):
    return {
        "check": "Disk full",
        "host": "db-1",
        "level": 1,
        "state": "down",
        "notes": ["a", "b"],
        "value": 93,
        "url": "https://shop.example.com/1",
        "since": 1_772_359_200,
        **fields,
    }


def sent(*problems, env="prod", site="fra"):
    body = {"site": site, "data": {"problems": problems}}
    return Webhook("shop", json.dumps(body).encode(), {"x-env": env})


def bare(value):
    return Webhook("shop", json.dumps(value).encode())


def one(value, **fields):
    mapping = GenericMap.model_validate({"title": "t", "fingerprint": ["id"], **fields})
    (alert,) = parse(mapping, bare({"id": 1, "t": "T", "v": value}))
    return alert


def test_the_contract_of_a_source():
    assert_contract(
        lambda webhook: parse(LIST, webhook),
        firing=sent(problem()),
        resolved=sent(problem(state="Up ", value=20, level=4)),
        second=sent(problem(host="db-2")),
        again=[sent(problem(level="rot", value=99, url=None))],
        malformed=[
            Webhook("shop", b"{"),
            Webhook("shop", b"\xff"),
            Webhook("shop", b"NaN"),
            Webhook("shop", b'{"site": "\\ud800"}'),
            Webhook("shop", b"[" * 100_000),
            Webhook("shop", b"9" * 100_000),
            bare({}),
            bare({"data": {"problems": "many"}}),
            sent(problem(notes=[1])),
            sent(problem(host=5)),
            sent(problem(since="yesterday")),
        ],
    )


def test_everything_is_told_apart_that_the_fingerprint_names():
    webhooks = [
        sent(problem()),
        sent(problem(), env="test"),
        sent(problem(), site="ber"),
        sent(problem(check="Disk slow")),
    ]
    assert len({parse(LIST, webhook)[0].fingerprint for webhook in webhooks}) == 4


def test_what_a_body_says_is_taken_over():
    (alert,) = parse(LIST, sent(problem()))
    assert (alert.name, alert.title) == ("Disk full", "Disk full on db-1")
    assert (alert.description, alert.resource) == ("a, b", "db-1")
    assert alert.severity is Severity.P1
    assert alert.labels == {"host": "db-1", "value": "93"}
    assert alert.links == {"shop": "https://shop.example.com/1"}
    assert alert.starts_at == datetime(2026, 3, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "x"),
        (None, ""),
        (True, "true"),
        (7, "7"),
        (7.0, "7"),
        (0.5, "0.5"),
        (2**64 + 1, str(2**64 + 1)),
        ({"b": 1, "a": [None]}, '{"a": [null], "b": 1}'),
    ],
)
@pytest.mark.parametrize("expression", ["v", {"cel": "body.v"}, {"cel": "item['v']"}])
def test_a_value_becomes_a_text(value, text, expression):
    assert one(value, description=expression).description == text


@pytest.mark.parametrize(
    ("word", "severity"),
    [("ROT", "P1"), ("critical", "P1"), ("warning", "P4"), ("pink", None), (None, None)],
)
def test_the_own_words_for_severities_go_before_the_usual_ones(word, severity):
    words = {"rot": "P1", "warning": "P4"}
    assert one(word, severity="v", severities=words).severity == severity


@pytest.mark.parametrize(
    ("value", "resolved", "status"),
    [
        ("OK", None, "resolved"),
        ("recovered", None, "resolved"),
        ("acknowledged", None, "firing"),
        (None, None, "firing"),
        (True, ["true"], "resolved"),
        (0, [0], "resolved"),
        ("ok", ["gone"], "firing"),
    ],
)
def test_a_problem_is_gone_by_the_words_for_it(value, resolved, status):
    words = {} if resolved is None else {"resolved": resolved}
    assert one(value, status="v", **words).status == AlertStatus(status)


@pytest.mark.parametrize(
    "value",
    [1_772_359_200, 1_772_359_200_000, "2026-03-01T11:00:00+01:00", "2026-03-01 10:00:00"],
)
def test_times_are_seconds_milliseconds_or_iso(value):
    assert one(value, starts_at="v").starts_at == datetime(2026, 3, 1, 10, tzinfo=UTC)


def test_a_body_is_one_alert_or_a_list_of_them():
    assert len(parse(BARE, bare({"id": 1}))) == 1
    assert len(parse(BARE, bare([{"id": 1}, {"id": 2}]))) == 2


def test_a_filter_may_leave_no_alert():
    mapping = GenericMap.model_validate(
        {"alerts": "[@][?kind == 'alert']", "title": "t", "fingerprint": ["id"]}
    )
    assert parse(mapping, bare({"kind": "comment", "id": 1})) == ()
    assert len(parse(mapping, bare({"kind": "alert", "id": 1}))) == 1


def test_without_a_name_the_title_may_change_while_the_problem_lasts():
    (first,) = parse(BARE, bare({"id": 1, "title": "CPU 91 %"}))
    (later,) = parse(BARE, bare({"id": 1, "title": "CPU 97 %"}))
    assert first.fingerprint == later.fingerprint
    assert variant(first) == variant(later)


def test_large_ids_stay_different_in_cel():
    mapping = GenericMap.model_validate({"title": "t", "fingerprint": [{"cel": "body.id"}]})
    ids = (2**63 + 1, 2**63 + 2)
    assert len({parse(mapping, bare({"id": id_}))[0].fingerprint for id_ in ids}) == 2


def test_the_identity_is_told_beside_the_alert():
    (read,) = reads(LIST, sent(problem()))
    assert read.identity == {
        "fingerprint.0": "db-1",
        "fingerprint.1": "fra",
        "fingerprint.2": "prod",
        "name": "Disk full",
    }


@pytest.mark.parametrize(
    ("webhook", "status", "reason"),
    [
        (Webhook("shop", b"{"), 400, "body: this is no JSON"),
        (bare({"site": "fra"}), 422, "alerts: there is no object and no list of them here"),
        (sent(problem(), problem(host=[])), 422, "alerts.1.title: cannot be worked out: the types"),
        (sent(problem(notes=[9])), 422, "alerts.0.description: cannot be worked out: join()"),
        (sent(problem(until="x")), 422, "alerts.0.ends_at: is no time"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(webhook, status, reason):
    with pytest.raises(Refusal) as refusal:
        parsed(lambda webhook: parse(LIST, webhook), webhook)
    assert refusal.value.status == status
    assert reason in str(refusal.value)


def test_an_alert_that_nothing_tells_from_others_is_refused():
    with pytest.raises(ValidationError, match="nothing here tells this alert from others"):
        parse(BARE, bare({"title": "down", "id": None, "part": ""}))


@pytest.mark.parametrize(
    "expression",
    [
        "sort_by([{a: v}, {a: `1`}], &a)",
        "join(v, [`1`])",
        {"cel": "int(body.v)"},
        {"cel": "body.v.matches(body.v)"},
        {"cel": "timestamp(body.v)"},
    ],
)
def test_a_reason_never_says_what_stood_in_the_body(expression):
    mapping = GenericMap.model_validate({"title": expression, "fingerprint": ["id"]})
    with pytest.raises(Refusal) as refusal:
        parsed(lambda webhook: parse(mapping, webhook), bare({"id": 1, "v": "(hunter2"}))
    assert "hunter2" not in str(refusal.value.body)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("v[::0]", [1]),
        ("ceil(to_number(v))", "1e999"),
        ("contains(v, `1`)", "x"),
        ("keys(v)", None),
        ({"cel": "body.v[0]"}, "x"),
        ({"cel": "1 / body.v"}, 0),
        ({"cel": "body.v + 1"}, 2**63 - 1),
        ({"cel": "int(body.v)"}, "x"),
    ],
)
def test_an_expression_that_cannot_be_worked_out_is_a_mistake_with_its_place(expression, value):
    with pytest.raises(ValidationError) as error:
        one(value, resource=expression)
    (detail,) = error.value.errors()
    assert detail["loc"] == ("resource",)
    assert detail["msg"].startswith("cannot be worked out")


@pytest.mark.parametrize("expression", ["w.x[3].y", {"cel": "body.w"}, {"cel": "body.v[0]"}])
def test_what_is_not_there_is_empty(expression):
    assert one([], resource=expression).resource == ""


def test_looking_at_the_whole_body_for_each_of_many_alerts_is_refused_not_endured():
    mapping = GenericMap.model_validate(
        {"title": {"cel": "body[0].id + item.id"}, "fingerprint": ["id"]}
    )
    many = [{"id": str(number), "fill": "x" * 200} for number in range(2_000)]
    with pytest.raises(ValidationError, match="send fewer alerts in one notification"):
        parse(mapping, bare(many))
    assert len(parse(mapping, bare(many[:100]))) == 100


HOSTILE = GenericMap.model_validate(
    {
        "alerts": "a || @",
        "name": "a.b[0]",
        "title": {"cel": "item.a + item.b"},
        "description": "sort_by(@, &a)",
        "severity": {"cel": "int(item.a) / int(item.b)"},
        "status": "ceil(to_number(a))",
        "resource": {"cel": "item.a[item.b]"},
        "fingerprint": ["a", {"cel": "body"}, {"cel": "item.a.matches(item.b)"}],
        "labels": {"a": "@[::0]", "b": {"cel": "timestamp(item.a)"}, "c": "contains(a, b)"},
        "starts_at": "a",
        "ends_at": {"cel": "item.b"},
    }
)
PARTS = ("name", "title", "description", "severity", "status", "resource", "starts_at", "ends_at")
KEYS = st.sampled_from(["a", "b"]) | st.text(max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


@given(value=JSON, parts=st.sets(st.sampled_from(PARTS)))
def test_whatever_json_comes_is_an_alert_or_a_mistake_with_its_place(value, parts):
    left_out = dict.fromkeys(parts - {"title"})
    for mapping in (HOSTILE, HOSTILE.model_copy(update=left_out), BARE):
        # What else is raised fails the test.
        with suppress(ValidationError):
            assert all(alert.fingerprint for alert in parse(mapping, bare(value)))


@given(body=st.binary(max_size=50))
def test_whatever_bytes_come_nothing_else_is_raised(body):
    for mapping in (LIST, HOSTILE, BARE):
        with suppress(ValidationError):
            parse(mapping, Webhook("shop", body))


def test_a_source_of_the_kind_generic_reads_by_its_map():
    config = SourceConfig.model_validate(
        {"kind": "generic", "bearer": {"env": "T"}, "map": {"title": "t", "fingerprint": ["id"]}}
    )
    (alert,) = parser("shop", config)(bare({"t": "T", "id": 5}))
    assert (alert.source, alert.title) == ("shop", "T")


def test_the_name_generic_alone_is_no_description():
    config = SourceConfig.model_validate({"bearer": {"env": "T"}})
    with pytest.raises(SettingsError, match="say `kind: generic` and describe it with `map`"):
        parser("generic", config)


def test_no_expression_sees_a_secret_in_the_headers():
    mapping = GenericMap.model_validate(
        {
            "title": {"cel": "headers['authorization']"},
            "resource": {"cel": "headers['x-env']"},
            "fingerprint": ["id"],
        }
    )
    webhook = Webhook("shop", b'{"id": 1}', {"authorization": "Bearer hunter2", "x-env": "prod"})
    (alert,) = parse(mapping, webhook)
    assert "hunter2" not in alert.model_dump_json()
    assert alert.resource == "prod"


def test_what_is_tried_again_out_of_quarantine_is_the_same_problem():
    webhook = sent(problem())
    kept = quarantined(
        webhook, kind="generic", proofs=(), read=LIST.headers, reason="", at=NOW, problems=()
    )
    assert kept.headers == {"x-env": "prod"}
    assert parse(LIST, kept.webhook()) == parse(LIST, webhook)


SOURCES = """\
sources:
  shop:
    kind: generic
    bearer: {env: INGEST_TEST_TOKEN}
    map: {title: title, status: state, fingerprint: [host, {cel: "headers['x-env']"}]}
"""


@pytest.fixture
async def shop(stack, db, settings):
    """A client of a running ingest that has one source, described in its handrail.yaml."""
    told = settings(stack, db.name)
    told.config.write_text(SOURCES)
    async with running(build(told)) as client:
        client.headers = {**BEARER, "X-Env": "prod"}
        yield client


async def test_a_described_source_opens_a_ticket_and_ends_its_problem(shop, db):
    for state in ("bad", "ok"):
        content = {"title": "Down", "host": "db-1", "state": state}
        assert (await shop.post("/webhooks/shop", json=content)).status_code == 202
    (ticket,) = await db.tickets.find().to_list()
    assert (ticket["title"], ticket["firing"]) == ("Down", [])


async def test_what_does_not_fit_is_kept_with_the_headers_that_the_map_reads(shop, db):
    answer = await shop.post("/webhooks/shop", json=["down"])
    assert answer.status_code == 422
    assert "alerts.0: an alert is an object" in answer.json()["error"]
    (kept,) = await db.quarantine.find().to_list()
    assert (kept["kind"], kept["headers"]["x-env"]) == ("generic", "prod")
