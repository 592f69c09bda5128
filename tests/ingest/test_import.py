"""Alerts of another time come into the history, once, and nothing acts on them."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from services.ingest.history.entry import Entry
from services.ingest.history.imported import (
    NotAnAlertError,
    by_now,
    of_alerts,
    of_rows,
    of_webhooks,
)
from services.ingest.history.pieces import VALUE_MOST, Mistake, Piece, pieces
from services.ingest.history.store import MongoHistory, MongoImports
from services.ingest.sources import SOURCES
from services.ingest.ticket import Decision
from services.ingest.webhook import Webhook
from tests.ingest.payloads import body, fired, over

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)
OLD = {
    "source": "am",
    "name": "DiskFull",
    "status": "firing",
    "fingerprint": "ab12",
    "title": "The disk is full",
    "starts_at": "2020-05-01T10:00:00Z",
}
OVER = {**OLD, "status": "resolved", "ends_at": "2020-05-01T11:30:00+02:00"}


def cut_up(content, name="file"):
    """What a file has: values as Python has them, mistakes as (line, reason)."""
    stream = io.BufferedReader(io.BytesIO(content))
    return [
        (one.line, one.reason) if isinstance(one, Mistake) else value_of(one)
        for one in pieces(stream, name)
    ]


def value_of(piece):
    return json.loads(piece.json) if piece.cells is None else dict(piece.cells)


def lines_of(content, name="file"):
    return [one.line for one in pieces(io.BufferedReader(io.BytesIO(content)), name)]


FILES = {
    "json lines": (b'{"a": 1}\n\n{"a": 2}', [{"a": 1}, {"a": 2}]),
    "windows": (b'\xef\xbb\xbf{"a": 1}\r\n{"a": 2}\r\n', [{"a": 1}, {"a": 2}]),
    "an array": (b'[{"a": 1},\n {"a": [2, "]"]} ]\n', [{"a": 1}, {"a": [2, "]"]}]),
    "an array with a mark": (b'\xef\xbb\xbf [1,"\xc3\xa9"]', [1, "é"]),
    "an empty array": (b"[ ]", []),
    "one value": (b'{\n "a": 1\n}\n', [{"a": 1}]),
}


@pytest.mark.parametrize(("content", "values"), FILES.values(), ids=FILES)
def test_a_file_is_known_by_its_beginning(content, values):
    assert cut_up(content) == values


def test_an_array_of_any_length_is_read_in_parts_with_the_line_of_each():
    values = [{"n": n, "text": "x\n" * (n % 7)} for n in range(5_000)]
    content = json.dumps(values, indent=1).encode()
    assert cut_up(content) == values
    assert lines_of(content) == [2 + 4 * n for n in range(5_000)]


@pytest.mark.parametrize("size", [65_535, 65_536, 65_537, 131_072, 300_000])
def test_where_the_parts_meet_does_not_matter(size):
    values = [12345, "x" * size, 67890, {"a": "y" * size}]
    assert cut_up(json.dumps(values).encode()) == values


BROKEN = {
    "an array that ends": (b'[{"a": 1},\n{"b"', 1, 2),
    "a comma too many": (b'[{"a": 1},\n]', 1, 2),
    "a comma missing": (b'[{"a": 1}\n{"a": 2}]', 1, 2),
    "no utf-8": (b'[{"a": 1},\n"\xff"]', 0, 1),
    "too deep": (b"[" * 100_000, 0, 1),
    "nothing": (b" \n", 0, 1),
}


@pytest.mark.parametrize(("content", "before", "line"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_says_where_and_keeps_what_came_before(content, before, line):
    *good, mistake = cut_up(content)
    assert (len(good), mistake[0]) == (before, line)


def test_a_line_that_is_too_long_is_left_out_and_the_next_is_read():
    content = b'{"a": "' + b"x" * VALUE_MOST + b'"}\n{"a": 2}\n'
    (line, reason), value = cut_up(content)
    assert (line, value) == (1, {"a": 2})
    assert "longer than" in reason


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_a_table_is_read_by_its_columns(delimiter):
    written = io.StringIO()
    table = csv.writer(written, delimiter=delimiter)
    table.writerows([["name", "status", "label.host"], ["Disk, full; on\nh1", "firing", "h1"]])
    row = {"name": "Disk, full; on\nh1", "status": "firing", "label.host": "h1"}
    assert cut_up(written.getvalue().encode()) == [row]


def test_the_lines_of_a_table_are_counted_as_in_an_editor():
    content = b'name,status\n"a\nb",firing\nc,firing\nd,firing,what\n'
    assert lines_of(content, "x.csv") == [2, 4, 5]


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (b"name,sttus", "there is no column 'sttus'; there are name, status"),
        (b"name,title", "the column 'status' is missing"),
        (b"hello", "there is no column 'hello'"),
    ],
)
def test_wrong_columns_are_told_once(header, told):
    ((line, reason),) = cut_up(header + b"\n1,2\n3,4\n")
    assert line == 1
    assert reason.startswith(told)


def of_json(value):
    return of_alerts("why")(Piece(1, json.dumps(value).encode()))


def of_cells(source=None, **cells):
    return of_rows(source, "why")(Piece(1, cells=cells))


def at(text):
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("value", "happened"),
    [
        (OLD, at("2020-05-01T10:00:00+00:00")),
        (OVER, at("2020-05-01T09:30:00+00:00")),
        ({**OLD, "at": "2019-01-01T00:00:00Z"}, at("2020-05-01T10:00:00+00:00")),
        (
            {**OLD, "starts_at": None, "at": "2019-01-01T00:00:00.123456Z"},
            at("2019-01-01T00:00:00.123+00:00"),
        ),
        ({"at": "2020-05-01T10:02:00Z", "alert": OLD}, at("2020-05-01T10:02:00+00:00")),
    ],
    ids=["since", "until", "its own times first", "the file's", "as it was accepted"],
)
def test_an_alert_is_of_the_time_at_which_it_happened(value, happened):
    (one,) = of_json(value)
    assert one.at == happened


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({**OLD, "starts_at": None}, "does not say when it happened"),
        ({**OLD, "starts_at": "0001-01-01T00:00:00+14:00"}, "the year 1"),
        ({**OLD, "starts_at": "yesterday"}, "starts_at: "),
        ({**OLD, "starts_at": "2020-05-01T10:00:00"}, "starts_at: "),
        ({**OLD, "status": "open"}, "status: "),
        ({**OLD, "started": "2020"}, "started: "),
        ({**OLD, "fingerprint": ""}, "must not be empty"),
        ({"alert": OLD}, "at: "),
        ([OLD], "is an object"),
        (12, "is an object"),
    ],
)
def test_what_is_no_alert_says_what_to_change(value, told):
    with pytest.raises(NotAnAlertError, match=told):
        of_json(value)


def of_json_at_ten(starts_at):
    read = by_now(of_alerts("why"), at("2020-05-01T10:00:00+00:00"))
    return read(Piece(1, json.dumps({**OLD, "starts_at": starts_at}).encode()))


@pytest.mark.parametrize("starts_at", ["2020-05-01T10:05:00Z", "2020-05-01T13:05:00+03:00"])
def test_a_clock_that_is_five_minutes_ahead_is_believed(starts_at):
    assert len(of_json_at_ten(starts_at)) == 1


@pytest.mark.parametrize("starts_at", ["2020-05-01T10:05:01Z", "2020-05-01T13:05:01+03:00"])
def test_what_is_yet_to_happen_is_refused_with_both_times(starts_at):
    told = "the future, at 2020-05-01T10:05:01Z, and now is 2020-05-01T10:00:00Z: correct its time"
    with pytest.raises(NotAnAlertError, match=told):
        of_json_at_ten(starts_at)


def test_json_that_is_none_says_in_which_column():
    with pytest.raises(NotAnAlertError, match=r"no JSON: .* in column 2"):
        of_alerts("why")(Piece(7, b"{nonsense"))


def test_bodies_of_webhooks_are_read_as_if_they_came_now():
    content = body(fired(instance="a"), over(instance="b"))
    read = of_webhooks("am", SOURCES["alertmanager"], "why")(Piece(1, content))
    assert [one.alert for one in read] == list(SOURCES["alertmanager"](Webhook("am", content)))
    assert [one.at.hour for one in read] == [10, 10]
    with pytest.raises(NotAnAlertError, match="this is no am notification"):
        of_webhooks("am", SOURCES["alertmanager"], "why")(Piece(1, b"{}"))


def test_a_row_becomes_an_alert():
    (one,) = of_cells(
        name="Disk",
        status="RESOLVED",
        severity="critical",
        title="",
        source="nagios",
        starts_at="1588327200",
        ends_at="2020-05-01 11:00:00",
        **{"label.host": "h1", "label.empty": "", "annotation.note": "n"},
    )
    alert = one.alert
    assert (alert.source, alert.title, alert.severity, alert.status) == (
        "nagios",
        "Disk",
        "P1",
        "resolved",
    )
    assert (alert.labels, alert.annotations) == ({"host": "h1"}, {"note": "n"})
    assert (alert.starts_at, one.at) == (
        at("2020-05-01T10:00:00+00:00"),
        at("2020-05-01T11:00:00+00:00"),
    )


def test_rows_on_one_problem_share_a_fingerprint_and_others_do_not():
    row = partial(of_cells, "nagios", name="Disk", resource="h1", starts_at="2020-05-01T10:00:00Z")
    fingerprints = [
        one.alert.fingerprint
        for (one,) in (
            row(status="firing"),
            row(status="resolved", title="Another"),
            row(status="firing", **{"label.disk": "a"}),
            row(status="firing", resource="h2"),
            row(status="firing", fingerprint="cafe"),
        )
    ]
    assert fingerprints[0] == fingerprints[1]
    assert len(set(fingerprints)) == 4
    assert fingerprints[4] == "cafe"


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ({"starts_at": "2020-05-01T10:00"}, "no --source"),
        ({"source": "n"}, "when it happened"),
        ({"source": "n", "status": "open"}, "status: "),
        ({"source": "n", "name": ""}, "name: "),
        ({"source": "n", "starts_at": "soon"}, "starts_at: "),
        ({"source": "n", "starts_at": "1588327200", "ends_at": "1588327199"}, "^it ends before"),
    ],
)
def test_a_wrong_row_says_what_to_change(cells, told):
    with pytest.raises(NotAnAlertError, match=told):
        of_cells(**{"name": "Disk", "status": "firing", **cells})


def several(*values):
    return [one for value in values for one in of_json(value)]


async def test_imported_alerts_are_in_the_history_and_nowhere_else(db):
    imports = MongoImports(db)
    assert await imports.add(several(OLD, OVER), NOW) == 2
    firing, resolved = [one async for one in db.alerts.find().sort("status", 1)]
    assert (firing["decision"], firing["because"]) == (Decision.IMPORTED, "why")
    assert (firing["at"], firing["kept_at"]) == (at("2020-05-01T10:00:00+00:00"), NOW)
    assert resolved["at"] == at("2020-05-01T09:30:00+00:00")
    assert firing["ticket_id"] is None
    assert await db.list_collection_names() == ["alerts"]


async def test_what_is_there_already_is_not_added_again(db):
    imports = MongoImports(db)
    assert await imports.add(several(OLD, OLD, OVER), NOW) == 2
    assert await imports.add(several(OVER, OLD, {**OLD, "labels": {"disk": "b"}}), NOW) == 1
    assert await db.alerts.count_documents({}) == 3


async def test_what_was_listed_here_is_known_here(db):
    alert = of_json(OLD)[0].alert
    await MongoHistory(db, timedelta(days=90)).keep(
        [Entry(alert, NOW, Decision.NOT_OPENED, "no trigger wants it", None)]
    )
    kept = await db.alerts.find_one()
    listed = {"id": str(kept["_id"]), "at": kept["at"].isoformat(), "alert": kept["alert"]}
    (one,) = of_json({**listed, "ticket_id": None, "decision": "not_opened"})
    assert await MongoImports(db).add([one], NOW) == 0
    assert (one.alert, one.at) == (alert, NOW)


async def test_the_history_is_removed_by_when_it_was_kept(db):
    await MongoHistory(db, timedelta(days=90)).prepare()
    indexes = await db.alerts.index_information()
    expiring = {name: one["key"] for name, one in indexes.items() if "expireAfterSeconds" in one}
    assert expiring == {"kept_at_expires": [("kept_at", 1)]}


@pytest.mark.parametrize(
    "store", [partial(MongoHistory, retention=timedelta(days=9)), MongoImports]
)
async def test_a_history_of_an_earlier_version_is_brought_up_to_date(db, store):
    await db.alerts.create_index("at", name="at_expires", expireAfterSeconds=86_400)
    await db.alerts.insert_many([{"at": NOW}, {"at": NOW, "kept_at": NOW + timedelta(1)}, {}])
    for _ in range(2):
        await store(db).prepare()
    assert "at_expires" not in await db.alerts.index_information()
    kept = [one.get("kept_at") async for one in db.alerts.find().sort("_id", 1)]
    assert kept == [NOW, NOW + timedelta(1), None]


async def test_all_of_the_history_by_time_is_found_by_an_index(db):
    await MongoHistory(db, timedelta(days=90)).prepare()
    plan = await db.alerts.find({"at": {"$gte": NOW}}).sort("at", -1).explain()
    assert "'indexName': 'at'" in str(plan["queryPlanner"]["winningPlan"])
