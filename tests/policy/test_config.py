"""The policy as it is written, and what is told of mistakes."""

from datetime import timedelta
from pathlib import Path
from textwrap import dedent

import pytest

from shared.config import load_config
from shared.config.policy import PolicyConfig
from shared.policy.policy import Policy
from shared.policy.reading import PolicyPlace, stamp
from shared.yamlsource import SourceError

PEOPLE = dedent(
    """\
    people:
      - {name: Ann, email: ann@example.org}
      - {name: Bob, email: Bob@example.org}
    teams: {dba: [bob@example.org]}
    """
)


@pytest.fixture
def write(tmp_path):
    def written(policy: str, *, own: bool = False) -> Path:
        path = tmp_path / "handrail.yaml"
        if own:
            (tmp_path / "policy.yaml").write_text(dedent(policy))
            path.write_text(PEOPLE + "policy: policy.yaml\n")
        else:
            body = dedent(policy).replace("\n", "\n  ").rstrip()
            path.write_text(f"{PEOPLE}policy:\n  {body}\n")
        return path

    return written


def told(path: Path) -> str:
    with pytest.raises(SourceError) as wrong:
        PolicyPlace(path).read()
    return str(wrong.value).replace(f"{path.parent}/", "")


def test_everything_that_can_be_said_is_understood(write):
    path = write(
        """\
        timezone: Europe/Berlin
        rules:
          - {name: night, when: time.hour < 6, require: 2, from: [ann@example.org, dba, on-call],
             not_requester: false, expires: 30m, on_expiry: escalate, mode: suggest}
          - {name: both, from_each: [dba, on-call], on_no: majority}
          - {name: easy, when: history.trusted, auto: true}
          - {name: never, deny: by hand only}
        deny:
          - {name: reboots, command: '\\breboot\\b', reason: people do that}
          - {name: db, when: 'target.labels.kind == "db"'}
        caps: {per_target_per_hour: 6, per_runbook_per_hour: 20}
        locks: {target: false}
        modes: {sources: {alertmanager: act}, runbooks: {"new-*": observe}}
        trust: {after: {runs: 10, rate: 0.9}, lost_after: 2}
        """
    )
    policy = load_config(path).policy
    assert isinstance(policy, PolicyConfig)
    assert policy.rules[0].expires == timedelta(minutes=30)
    assert policy.rules[0].from_ == ("ann@example.org", "dba", "on-call")
    assert (policy.rules[1].asks, policy.rules[1].on_no) == (2, "majority")
    assert (policy.caps.per_target_per_hour, policy.locks.target) == (6, False)


def test_without_a_policy_nothing_is_denied_capped_or_only_suggested():
    policy = load_config(None).policy
    assert policy == PolicyConfig()
    assert policy.locks.target


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("{name: a}", "say one of `auto: true`, `require: 1` (up to 5), `deny: a reason`"),
        ("{name: a, auto: true, require: 1}", "say one of"),
        ("{name: a, auto: false}", "auto: has to be True"),
        ("{name: a, require: 6}", "require: has to be 5 or less"),
        ("{name: a, require: 1, from_each: [dba, on-call]}", "so `require` is at least 2"),
        ("{name: a, from_each: [dba, dba]}", "dba is there twice"),
        ("{name: a, from_each: [dbas]}", "there are dba, on-call"),
        ("{name: a, from_each: [dba, bob@example.org]}", "asks 2 different people, and names 1"),
        (
            "{name: a, require: 2, from: [ann@example.org], from_each: [dba, bob@example.org]}",
            "the same people stand for several of these",
        ),
        ("{name: a, auto: true, from_each: [dba]}", "`from_each` goes with `require`"),
        ("{name: a, deny: never, on_no: majority}", "`on_no` goes with `require`"),
        ("{name: a, require: 2, on_no: vote}", "has to be 'reject' or 'majority'"),
        ("{name: a, require: 0}", "require: has to be 1 or more"),
        ("{name: a, auto: true, from: [dba]}", "`from` goes with `require`"),
        ("{name: a, deny: 5}", "a text is expected, and YAML reads this as 5"),
        ("{name: a, deny: never, expires: 5m}", "`expires` goes with `require`"),
        ("{name: a, require: 1, when: ticket.nme}", "ticket has no nme: did you mean name?"),
        ("{name: a, require: 1, when: 'tickt.name == 1'}", "tickt is not known here"),
        ("{name: a, require: 1, when: 'ticket.name =='}", "is no CEL expression"),
        ("{name: a, require: 1, when: ticket.name}", "neither true nor false"),
        ("{name: a, require: 1, expires: soon}", "is no duration"),
        ("{name: a, require: 1, on_expiry: run}", "has to be 'reject' or 'escalate'"),
        ("{name: a, require: 1, mode: run}", "has to be 'observe', 'suggest' or 'act'"),
        ("{name: a, requires: 1}", "there is no such field"),
        ("{name: a, require: 1, from: [dbas]}", "there are dba, on-call"),
        ("{name: a, require: 1, from: [eve@example.org]}", "no address under `people`"),
        ("{name: a, require: 2, from: [dba, bob@example.org]}", "and names 1"),
    ],
)
@pytest.mark.parametrize("own", [True, False], ids=["own file", "handrail.yaml"])
def test_a_wrong_rule_is_refused_at_its_place(write, rule, reason, own):
    said = told(write(f"rules:\n  - {rule}\n", own=own))
    file = "policy.yaml:2:" if own else "handrail.yaml:7:"
    assert said.startswith(file), said
    assert reason in said


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ("timezone: Mars/Base", "there is no time zone 'Mars/Base'"),
        ("deny: [{name: a}]", "either `when` or `command`"),
        ("deny: [{name: a, command: '('}]", "is no regular expression"),
        ("caps: {per_target_per_hour: 0}", "has to be 1 or more"),
        ("modes: {sources: {a: off}}", "modes.sources.a"),
        ("trust: {after: {rate: 95}}", "has to be 1 or less"),
        ("rules: [{name: a, require: 1}, {name: a, auto: true}]", "is there twice"),
    ],
)
def test_other_mistakes_are_told_too(write, policy, reason):
    assert reason in told(write(policy, own=True))


def test_a_team_has_only_people(tmp_path):
    path = tmp_path / "handrail.yaml"
    path.write_text("teams: {dba: [eve@example.org]}\n")
    with pytest.raises(SourceError, match=r"1:15: there is no eve@example.org under `people`"):
        load_config(path)


def test_a_file_that_is_not_there_is_a_mistake(write, tmp_path):
    path = write("rules: []", own=True)
    (tmp_path / "policy.yaml").unlink()
    assert told(path).startswith("policy.yaml:1:1: cannot be read")


def test_where_it_stands_makes_no_difference(write):
    text = "rules: [{name: a, when: time.hour > 5, require: 1, from: [dba], expires: 5m}]"
    here = PolicyPlace(write(text)).read()
    there = PolicyPlace(write(text, own=True)).read()
    assert here == there
    assert here.version == there.version
    assert here.version != Policy().version


def test_what_stands_in_either_file_makes_the_stamp(write, tmp_path):
    place = PolicyPlace(write("rules: []", own=True))
    files = place.files()
    assert files == (tmp_path / "handrail.yaml", tmp_path / "policy.yaml")
    first = stamp(files)
    (tmp_path / "policy.yaml").write_text("rules: [] # now\n")
    second = stamp(files)
    (tmp_path / "policy.yaml").unlink()
    assert len({first, second, stamp(files)}) == 3
