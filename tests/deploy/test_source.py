"""What payloads become, on the command line."""

import json
from pathlib import Path

import pytest

from services.ingest.generic import parse
from services.ingest.webhook import Webhook
from shared.config import load_config
from tests.deploy.records import TICKET, ticket
from tests.ingest.payloads import body, fired, over

CONFIG = """\
sources:
  am: {kind: alertmanager, bearer: {env: NO_SUCH_SECRET}}
  shop:
    kind: generic
    bearer: {env: NO_SUCH_SECRET}
    map:
      title: title
      severity: level
      severities: {rot: P1}
      status: state
      resource: host
      fingerprint: [host, {cel: "headers['x-env']"}]
"""
DOWN = {"title": "Down", "level": "rot", "state": "bad", "host": "db-1"}
DOWN_WEBHOOK = Webhook("shop", json.dumps(DOWN).encode())


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a handrail.yaml and nothing that runs; writes files into it."""
    monkeypatch.chdir(tmp_path)
    for name in ("HANDRAIL_CONFIG", "HANDRAIL_MONGO_URL", "HANDRAIL_NATS_URL", "HANDRAIL_HOME"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "handrail.yaml").write_text(CONFIG)

    def write(name, content):
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        (tmp_path / name).write_bytes(data)
        return name

    return write


def lines(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def wanted(result):
    return [[alert["would"] for alert in line["alerts"]] for line in lines(result)]


def test_a_file_is_a_line_for_programs(place, handrail):
    place("down.json", DOWN)
    (line,) = lines(handrail("source", "test", "shop", "down.json", "--json"))
    (alert,) = line["alerts"]
    assert line["file"] == "down.json"
    assert len(alert.pop("fingerprint")) == 32
    assert alert == {
        "title": "Down",
        "severity": "P1",
        "status": "firing",
        "resource": "db-1",
        "would": "open",
        "because": "nothing that is open has its fingerprint",
    }


def test_files_are_told_in_their_order(place, handrail):
    files = [
        place("1.json", DOWN),
        place("2.json", DOWN),
        place("3.json", {**DOWN, "host": "db-2"}),
        place("4.json", {**DOWN, "state": "ok"}),
        place("5.json", {**DOWN, "state": "ok"}),
    ]
    result = handrail("source", "test", "shop", *files, "--json")
    assert wanted(result) == [["open"], ["repeat"], ["open"], ["resolve"], ["ignore"]]


def test_a_source_with_code_is_found_by_its_name_or_its_kind(place, handrail):
    place("am.json", body(fired(), fired(instance="web-2:9100"), over()))
    by_name = handrail("source", "test", "am", "am.json", "--json")
    by_kind = handrail("source", "test", "opsgenie", "am.json", "--json", code=1)
    assert wanted(by_name) == [["open", "open", "resolve"]]
    assert "this is no opsgenie notification" in lines(by_kind)[0]["error"]


def test_a_mistake_in_one_file_does_not_hide_the_others(place, handrail):
    files = [place("bad.json", b"{"), place("no.json", {}), "away.json", place("good.json", DOWN)]
    bad, no, away, good = lines(handrail("source", "test", "shop", *files, "--json", code=1))
    assert (set(bad), set(good)) == ({"file", "error"}, {"file", "alerts"})
    assert "this is no JSON" in bad["error"]
    assert "fingerprint: nothing here tells this alert from others" in no["error"]
    assert "No such file" in away["error"]


def test_headers_are_sent_along(place, handrail):
    place("down.json", DOWN)
    prints = set()
    for header in ("X-Env: prod", "X-Env: test"):
        result = handrail("source", "test", "shop", "down.json", "--json", "--header", header)
        prints.add(lines(result)[0]["alerts"][0]["fingerprint"])
    assert len(prints) == 2
    handrail("source", "test", "shop", "down.json", "--header", "prod", code=2)


def test_people_see_what_is_one_ticket_and_why(place, handrail):
    files = [
        place("1.json", {**DOWN, "title": "\x1b[2JDown"}),
        place("2.json", DOWN),
        place("3.json", {**DOWN, "host": "db-2"}),
    ]
    shown = handrail("source", "test", "shop", *files).stdout
    assert "repeat: the same fingerprint as 1.json" in shown
    assert "not the problem of 1.json: fingerprint.0 is 'db-2', there 'db-1'" in shown
    assert "\N{REPLACEMENT CHARACTER}[2JDown" in shown


def test_people_see_what_is_wrong(place, handrail):
    shown = handrail("source", "test", "shop", place("no.json", {}), code=1).stdout
    assert "fingerprint: nothing here tells this alert from others" in shown


@pytest.mark.parametrize(
    ("name", "reason"),
    [("shap", "no source shap is under sources in"), ("generic", "no source generic is under")],
)
def test_a_source_that_is_not_there_is_said_to_be(place, handrail, name, reason):
    result = handrail("source", "test", name, place("1.json", DOWN), code=2)
    assert reason in result.stderr


def test_a_mistake_in_the_configuration_has_its_place(place, handrail):
    place("handrail.yaml", CONFIG.replace("title: title", "title: a[").encode())
    result = handrail("source", "test", "shop", place("1.json", DOWN), code=2)
    assert "handrail.yaml:7:7: sources.shop.map.title: is no JMESPath" in result.stderr


@pytest.fixture
async def standing(place, stored):
    """A store that the command finds, in which a ticket is open for the problem."""
    (alert,) = parse(load_config(Path("handrail.yaml")).sources["shop"].map, DOWN_WEBHOOK)
    open_ = ticket(TICKET, open_fingerprint=alert.fingerprint, firing=[""])
    await stored.get_collection("tickets").replace_one({"_id": TICKET}, open_)


def test_open_tickets_count_where_a_store_is_there(standing, place, handrail):
    files = [place("1.json", DOWN), place("2.json", {**DOWN, "state": "ok"})]
    result = handrail("source", "test", "shop", *files, "--json")
    assert wanted(result) == [["repeat"], ["resolve"]]
    because = lines(result)[0]["alerts"][0]["because"]
    assert because == f"the same fingerprint as ticket {str(TICKET)[:8]}"


def test_a_store_that_does_not_answer_is_only_mentioned(place, handrail, monkeypatch):
    monkeypatch.setenv("HANDRAIL_MONGO_URL", "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=50")
    result = handrail("source", "test", "shop", place("1.json", DOWN), "--json")
    assert wanted(result) == [["open"]]
    assert "Open tickets are not looked at: MongoDB does not answer" in result.stderr


@pytest.fixture
async def ended(standing, stored):
    """The same store when the ticket is closed."""
    tickets = stored.get_collection("tickets")
    await tickets.update_one({"_id": TICKET}, {"$set": {"state": "closed"}})


def test_a_ticket_that_has_ended_is_not_open(ended, place, handrail):
    result = handrail("source", "test", "shop", place("1.json", DOWN), "--json")
    assert wanted(result) == [["open"]]


RULES = """\
triggers:
  - {name: tests, when: 'labels.env == "test"', open: false, reason: nobody looks at them}
"""


def test_the_rules_of_the_file_say_what_is_one_problem_and_what_opens_a_ticket(place, handrail):
    same = "am: {kind: alertmanager, fingerprint: {labels: job}, "
    place("handrail.yaml", (CONFIG.replace("am: {kind: alertmanager, ", same) + RULES).encode())
    place("am.json", body(fired(instance="a"), fired(instance="b"), fired(job="x", env="test")))
    result = handrail("source", "test", "am", "am.json", "--json")
    assert wanted(result) == [["open", "repeat", "ignore"]]
    first, second, third = lines(result)[0]["alerts"]
    assert first["fingerprint"] == second["fingerprint"] != third["fingerprint"]
    rule = "(by rule 1 of sources.am.fingerprint: job, name)"
    assert second["because"] == f"the same fingerprint as am.json #1 {rule}"
    assert third["because"].startswith("trigger 'tests' does not open it: nobody looks at them")
    shown = handrail("source", "test", "am", "am.json").stdout
    assert "ignore: trigger 'tests' does not open it" in shown
