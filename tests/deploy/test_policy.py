"""The policy, the stop and the records of runbooks on the command line."""

import json
from pathlib import Path
from textwrap import dedent

import pytest

from deploy.givenalerts import NoAlertError, alerts_in
from shared.events import Alert, AlertStatus
from shared.lifecycle import Severity
from shared.runbook import load_runbooks
from tests.deploy.records import TICKET
from tests.ingest.payloads import body, fired
from tests.runbook.runbooks import WHOLE

ROOT = Path(__file__).parents[2]
CONFIG = """\
people:
  - {name: Ann, email: ann@example.org}
  - {name: Bob, email: bob@example.org}
teams: {dba: [ann@example.org, bob@example.org]}
targets:
  web-1: {connector: ssh, host: h, user: u, host_key: ssh-ed25519 AAAA, password: {env: PATH},
          environment: production}
prometheus: {default: {url: "http://127.0.0.1:9090"}}
policy: policy.yaml
"""
POLICY = """\
rules:
  - {name: looks, when: step.effect == "read_only", auto: true}
  - name: production
    when: target.environment == "production" && step.risk != "low"
    require: 2
    from: [dba]
    expires: 15m
    on_expiry: escalate
"""
ALERT = Alert(
    source="alertmanager",
    name="TargetDown",
    status=AlertStatus.FIRING,
    fingerprint="ab12",
    title="Shop is down",
    severity=Severity.P1,
    labels={"job": "shop", "instance": "web-1:9100"},
)


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder with a configuration, a policy and one runbook."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HANDRAIL_HOME", str(tmp_path))
    monkeypatch.setenv("HANDRAIL_RUNBOOKS", str(tmp_path / "books"))
    (tmp_path / "books").mkdir()
    (tmp_path / "books" / "restart.yaml").write_text(WHOLE)
    (tmp_path / "handrail.yaml").write_text(CONFIG)
    (tmp_path / "policy.yaml").write_text(POLICY)
    return tmp_path


@pytest.fixture
def alerts(site):
    def written(*listed) -> str:
        (site / "alerts.json").write_text(json.dumps(listed))
        return "alerts.json"

    return written


def listed(alert: Alert) -> dict:
    return {"id": "1", "at": "2030-01-02T03:04:05Z", "alert": alert.model_dump(mode="json")}


def test_each_step_is_explained_with_the_rule_who_and_why(handrail, alerts):
    said = handrail("policy", "explain", alerts(listed(ALERT)), "--json")
    (one,) = json.loads(said.stdout)
    look, restart = one["steps"]
    assert (one["becomes"], one["severity"]) == ("planned", "P1")
    assert (look["outcome"], look["rule"]) == ("auto", "default")
    assert (restart["outcome"], restart["required"], restart["rule"]) == (
        "require",
        2,
        "production",
    )
    assert restart["who"] == ["ann@example.org", "bob@example.org"]
    assert (restart["expires"], restart["on_expiry"]) == (900, "escalate")
    assert [each["name"] for each in restart["trace"]] == ["trust", "looks", "production"]


def test_people_are_told_the_same_and_with_all_every_rule(handrail, alerts):
    file = alerts(listed(ALERT))
    short, long = handrail("policy", "explain", file), handrail("policy", "explain", file, "--all")
    told = "asks 2 of ann@example.org, bob@example.org in 15 min, else escalate"
    assert told in short.stdout
    assert "planned: it is for the alert TargetDown" in short.stdout
    assert "told as if nothing had ever run" in short.stdout
    assert "looks: not matched" not in short.stdout
    assert 'looks: not matched: step.effect == "read_only"' in long.stdout


def test_whom_a_rule_wants_among_the_people_is_explained(handrail, alerts, site):
    rule = "{name: both, from_each: [ann@example.org, on-call], on_no: majority}"
    (site / "policy.yaml").write_text(f"rules: [{rule}]\n")
    file = alerts(listed(ALERT))
    told = handrail("policy", "explain", file).stdout
    assert "of each one: ann@example.org, on-call" in told
    assert "one of each: ann@example.org, on-call, by majority" in told
    (one,) = json.loads(handrail("policy", "explain", file, "--json").stdout)
    assert one["steps"][0]["seats"] == [
        {"name": "ann@example.org", "people": ["ann@example.org"]},
        {"name": "on-call", "people": ["on-call"]},
    ]


def test_what_triage_closes_and_what_no_runbook_is_for_is_told_too(handrail, alerts):
    watchdog = ALERT.model_copy(update={"name": "Watchdog", "title": "Watchdog"})
    other = ALERT.model_copy(update={"name": "MoonPhase", "title": "The moon is full"})
    said = handrail("policy", "explain", alerts(listed(watchdog), listed(other)), "--json")
    assert [one["becomes"] for one in json.loads(said.stdout)] == ["closed", "escalated"]


def test_of_two_runbooks_that_fit_as_well_it_is_told_that_people_are_asked(handrail, alerts, site):
    twin = WHOLE.replace("name: restart-service", "name: restart-twin")
    (site / "books" / "twin.yaml").write_text(twin)
    (said,) = json.loads(handrail("policy", "explain", alerts(listed(ALERT)), "--json").stdout)
    assert said["becomes"] == "asked about"
    assert said["because"].endswith("name the alert as exactly: restart-service, restart-twin")
    assert [note.split(":")[0] for note in said["notes"]] == ["restart-service", "restart-twin"]


def test_a_denied_step_shows_what_becomes_of_the_ticket(handrail, alerts, site):
    (site / "policy.yaml").write_text("deny: [{name: restarts, command: systemctl restart}]\n")
    said = handrail("policy", "explain", alerts(listed(ALERT)))
    assert "never runs" in said.stdout
    assert "escalated: the policy denies step restart of restart-service" in said.stdout


@pytest.fixture
async def lost_trust(site, stored):
    """A stored ticket that the runbook is for, which is off."""
    alert = ALERT.model_dump(mode="json")
    await stored.tickets.update_one({"_id": TICKET}, {"$set": {"alert": alert}})
    (runbook,) = load_runbooks(site / "books").runbooks
    said = {"runbook": runbook.name, "version": runbook.version, "runs": 3, "failed_in_a_row": 3}
    await stored.runbook_records.insert_one({"_id": f"{runbook.name}@{runbook.version}", **said})


def test_a_stored_ticket_is_explained_by_what_happened_before(handrail, lost_trust):
    said = handrail("policy", "explain", str(TICKET)[:6], "--json")
    (one,) = json.loads(said.stdout)
    assert one["becomes"] == "escalated"
    assert one["steps"][0]["rule"] == "trust"


def test_without_a_store_no_ticket_is_known(handrail, site):
    said = handrail("policy", "explain", "aaaa", code=1)
    assert "there is no file aaaa" in said.output


@pytest.mark.parametrize(
    ("policy", "code", "told"),
    [
        (POLICY, 0, "No mistakes: 2 rules"),
        (POLICY.replace("[dba]", "[dbas]"), 1, "policy.yaml:6:12: dbas is no address"),
        ("rules: [{name: a}]", 1, "policy.yaml:1:9: rules.0: say one of"),
    ],
)
def test_the_policy_is_linted_with_line_and_column(handrail, site, policy, code, told):
    (site / "policy.yaml").write_text(policy)
    for arguments in ([], ["policy.yaml"], ["handrail.yaml"]):
        assert told in handrail("policy", "lint", *arguments, code=code).stdout


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", r"alerts.json:1: .*an alert is written as"),
        ("[]", "there is no alert in it"),
        ("", "there is nothing in it"),
        ('{"version": "4", "alerts": []}', "there is no alert in it"),
        ('[{"name": "a"}]', "alert 1: source: is missing; an alert is written as"),
        ("[5]", "alert 1: all of it"),
    ],
)
def test_a_file_without_alerts_is_refused_with_the_reason(tmp_path, text, reason):
    file = tmp_path / "alerts.json"
    file.write_text(text)
    with pytest.raises(NoAlertError, match=reason):
        alerts_in(file)


def test_lines_of_json_are_read_too(tmp_path):
    file = tmp_path / "old.jsonl"
    file.write_text("".join(json.dumps(listed(ALERT)) + "\n" for _ in range(2)))
    assert alerts_in(file) == (ALERT, ALERT)


def test_a_folder_and_a_runbook_are_told_from_what_was_meant(handrail, site):
    assert "books is a folder: name a file" in handrail("policy", "explain", "books", code=1).output
    said = handrail("policy", "lint", "books/restart.yaml", code=1).stdout
    assert "this is a runbook: `handrail runbook lint books/restart.yaml`" in said


def test_mistakes_in_the_policy_are_told_in_the_order_of_the_file(handrail, site):
    (site / "policy.yaml").write_text('rules: [{name: a, wen: "true", require: 6}]\n')
    said = handrail("policy", "lint", "policy.yaml", code=1).stdout
    assert [line.split(": ")[0] for line in said.splitlines()] == [
        "policy.yaml:1:19",
        "policy.yaml:1:32",
    ]


def test_one_equals_sign_is_mended_in_words(handrail, site):
    rule = "rules: [{name: a, when: 'step.risk = \"low\"', require: 1}]\n"
    (site / "policy.yaml").write_text(rule)
    assert "write == to compare" in handrail("policy", "lint", "policy.yaml", code=1).stdout


def test_what_an_alertmanager_posts_is_read_too(tmp_path):
    file = tmp_path / "body.json"
    file.write_bytes(body(fired(instance="web-1")))
    assert [alert.resource for alert in alerts_in(file)] == ["web-1"]


def test_everything_is_stopped_once_and_goes_on(handrail, stored):
    first = handrail("stop", "--reason", "the network is changed")
    again = handrail("stop", "--reason", "another")
    assert "Stopped: the network is changed (" in first.stdout
    assert "It is stopped already: the network is changed (" in again.stdout
    assert "It goes on. It was stopped: the network is changed (" in handrail("resume").stdout
    assert "It was not stopped." in handrail("resume").stdout


@pytest.fixture
async def records(site, stored):
    for name, numbers in (
        ("good", {"runs": 20, "verified": 20}),
        ("new", {"runs": 1, "verified": 1}),
        ("off", {"runs": 3, "failed": 3, "failed_in_a_row": 3}),
    ):
        said = {"runbook": name, "version": "1", **numbers}
        await stored.runbook_records.insert_one({"_id": f"{name}@1", **said})


def test_records_show_which_runbooks_are_trusted_and_which_are_off(handrail, records):
    shown = json.loads(handrail("policy", "trust", "--json").stdout)
    assert [(one["runbook"], one["state"]) for one in shown] == [
        ("good", "trusted"),
        ("new", "not yet trusted"),
        ("off", "off"),
    ]
    assert "off may be used again" in handrail("policy", "restore", "off").stdout
    assert "no failures in a row" in handrail("policy", "restore", "off", code=1).output


def test_the_example_in_the_documentation_has_no_mistake(handrail, site):
    text = (ROOT / "docs" / "policy.md").read_text()
    example = dedent(text.split("```yaml\n", 2)[1].split("```", 1)[0])
    (site / "handrail.yaml").write_text(example)
    assert "No mistakes: 5 rules" in handrail("policy", "lint").stdout
