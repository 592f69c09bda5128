"""What may stand under ``schedules``, and what is told of what may not."""

import pytest

from shared.config import load_config
from shared.yamlsource import SourceError

PEOPLE = "people:\n- {name: Ann, email: ann@example.org}\n"
LAYER = "people: [ann@example.org], starts: 2026-01-05"


def load(tmp_path, text):
    file = tmp_path / "handrail.yaml"
    file.write_text(PEOPLE + text)
    return load_config(file)


def test_a_schedule_may_say_all_of_this(tmp_path):
    config = load(
        tmp_path,
        """\
schedules:
  primary:
    timezone: Europe/Berlin
    layers:
    - name: all day
      people: [Ann@example.org]
      starts: 2026-01-05
      ends: 2027-01-05
      rotate: weekly
      handoff: 09:00
      weekday: monday
      only: [{days: weekdays, from: 09:00, to: "17:00"}, {days: [saturday], from: 10:00, to: 2:00}]
    overrides:
    - {person: ann@example.org, from: 2026-11-22T09:00, to: 2026-11-23 09:00, reason: a swap}
  secondary: {ical: https://calendar.example.org/duty.ics}
  hidden: {ical: {env: DUTY_ADDRESS}}
  pd: {pagerduty: {schedule: PI7DH85, token: {env: PD}}}
  og: {opsgenie: {schedule: web team, key: {file: /run/secrets/og}, url: https://api.eu.opsgenie.com}}
""".replace("to: 2:00", "to: 02:00"),
    )
    assert list(config.schedules) == ["primary", "secondary", "hidden", "pd", "og"]
    assert [one.is_outside for one in config.schedules.values()] == [False, True, True, True, True]


SPAN = "from: 2026-01-05T09:00, to: 2026-01-06T09:00"
BACK = "from: 2026-01-05T09:00, to: 2026-01-05T09:00"


@pytest.mark.parametrize(
    ("text", "place", "why"),
    [
        ("{}", "one", "exactly one of layers, ical, pagerduty, opsgenie"),
        ("{ical: x.ics, layers: [{LAYER}]}", "one", "exactly one of"),
        ("{timezone: Berlin, ical: x.ics}", "timezone", "there is no time zone 'Berlin'"),
        ("{layers: [{people: [bob@x.org], starts: 2026-01-05}]}", "bob@x", "there is no bob@x.org"),
        ("{layers: [{LAYER, rotate: 90m}]}", "rotate", "say `daily`, `weekly`, or whole hours"),
        ("{layers: [{LAYER, rotate: fortnightly}]}", "rotate", "or say `daily`"),
        ("{layers: [{LAYER, handoff: 9am}]}", "handoff", "no time of day: write one as '09:00'"),
        ("{layers: [{LAYER, handoff: 24:00}]}", "handoff", "no time of day"),
        ("{layers: [{LAYER, rotate: daily, weekday: friday}]}", "{p", "turns of whole weeks"),
        ("{layers: [{LAYER, weekday: fri}]}", "weekday", "monday"),
        ("{layers: [{LAYER, ends: 2026-01-05}]}", "{p", "it ends (2026-01-05) before"),
        ("{layers: [{people: [ann@example.org], starts: soon}]}", "starts", "is no day, such as"),
        ("{layers: [{people: [], starts: 2026-01-05}]}", "people", "must not be empty"),
        ("{pagerduty: {schedule: PI7DH85, token: abc}}", "token", "a secret is not written here"),
        ("{opsgenie: {schedule: x, key: {env: A}, kind: y}}", "kind", "there is no such field"),
        ("{ical: x.ics, overrides: [{person: bob@x.org, SPAN}]}", "person", "no bob@x.org under"),
        ("{ical: x.ics, overrides: [{person: ann@example.org, BACK}]}", "one", "an override ends"),
    ],
)
def test_what_cannot_be_meant_is_told_at_its_place(tmp_path, text, place, why):
    line = "  one: " + text.replace("LAYER", LAYER).replace("SPAN", SPAN).replace("BACK", BACK)
    with pytest.raises(SourceError) as wrong:
        load(tmp_path, f"schedules:\n{line}\n")
    (problem,) = wrong.value.problems
    assert why in problem.message
    assert (problem.line, problem.column) == (4, line.index(place) + 1), str(problem)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ("on-call", ""),
        ("on-call:primary", ""),
        ("on-call:primry", "there is no schedule primry (under `schedules`: primary)"),
    ],
)
def test_a_policy_asks_those_who_are_on_call_by_a_schedule_that_is_there(tmp_path, asked, why):
    text = f"""\
schedules: {{primary: {{ical: duty.ics}}}}
policy:
  rules: [{{name: all, require: 1, from: ["{asked}"]}}]
"""
    if not why:
        assert load(tmp_path, text).policy.rules[0].from_ == (asked,)
        return
    with pytest.raises(SourceError) as wrong:
        load(tmp_path, text)
    assert why in str(wrong.value)
