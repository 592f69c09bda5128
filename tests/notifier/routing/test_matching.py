"""Which route a question takes, and what may stand under ``routes``."""

import pytest

from services.notifier.routing.matching import matched
from shared.config import Config, load_config
from shared.config.routes import DEFAULT, RouteConfig
from shared.events import Alert
from shared.yamlsource import SourceError
from tests.notifier.builders import NOW, asking, needed

ALERT = Alert(
    source="alertmanager",
    name="ShopDown",
    status="firing",
    fingerprint="ab",
    title="Shop is down",
    labels={"team": "shop"},
)
TARGETS = Config.model_validate(
    {
        "targets": {
            "web-1": {"connector": "local", "environment": "production", "labels": {"a": "b"}}
        }
    }
).targets


@pytest.mark.parametrize(
    ("when", "choice", "holds"),
    [
        ('ticket.severity == "P1" && step.risk == "high"', False, True),
        ('ticket.labels.team == "shop" && ticket.name == "ShopDown"', False, True),
        ('ticket.source == "alertmanager"', True, True),
        ('target.environment == "production" && target.labels.a == "b"', False, True),
        ('runbook.name == "restart-service" && runbook.labels.team == "platform"', False, True),
        ('question.kind == "choice"', True, True),
        ('question.kind == "choice"', False, False),
        ('step.command.contains("reboot")', False, False),
        # NOW is a Friday at three in the morning in UTC, and at five in Berlin.
        ('time.hour == 5 && time.weekday == "friday"', False, True),
        # What is not known matches nothing, and the next route is asked.
        ('ticket.labels.gone == "x"', False, False),
        ('step.risk == "high"', True, False),
        ('ticket.resource != "web-1"', False, False),
    ],
)
def test_conditions_ask_about_the_question(when, choice, holds):
    route = RouteConfig(name="r", when=when, timezone="Europe/Berlin")
    event = needed() if choice else asking(alert=ALERT, runbook_labels={"team": "platform"})
    match = matched((route,), event, TARGETS, NOW)
    assert match.is_default is not holds
    assert [one.name for one in match.trace] == ["r"]


def test_the_first_that_holds_decides():
    said = [
        ("no", "step.id == 'x'"),
        ("unknown", "ticket.labels.x == 'x'"),
        ("yes", None),
        ("z", None),
    ]
    routes = [RouteConfig(name=name, when=when) for name, when in said]
    match = matched(routes, asking(alert=ALERT), {}, NOW)
    assert match.route.name == "yes"
    assert [one.met for one in match.trace] == ["not matched", "unknown", "matched"]


def test_without_routes_everybody_is_asked_at_once():
    match = matched((), asking(), {}, NOW)
    assert (match.route, match.trace) == (DEFAULT, ())


def load(tmp_path, routes):
    file = tmp_path / "handrail.yaml"
    file.write_text(
        "people: [{name: Ann, email: ann@example.org}]\nteams: {leads: [ann@example.org]}\n"
        "schedules: {web: {ical: duty.ics}}\nchannels: {chat: {kind: slack}}\n"
        f"routes:\n{routes}\n"
    )
    return load_config(file).routes


WHOLE = """\
- name: nights
  when: ticket.severity in ["P1", "P2"] && time.hour < 6
  timezone: Europe/Berlin
  to: [on-call:web, leads, Ann@example.org, on-call]
  by: [email, chat]
  escalate:
  - {after: 5m, to: [on-call]}
  - {after: 10m, to: [leads], by: [email]}
  remind: {every: 10m, most: 5}
  quiet: {hours: [{days: weekdays, from: "20:00", to: "08:00"}], severities: [P3, P4]}
  digest: {within: 10m, risks: [low, medium]}
- {name: rest}"""


def test_a_route_may_say_all_of_this_and_is_kept_as_it_was(tmp_path):
    first, rest = load(tmp_path, WHOLE)
    assert (first.name, rest.by) == ("nights", ("email",))
    kept = RouteConfig.model_validate_json(
        first.model_dump_json(by_alias=True, exclude_defaults=True)
    )
    assert kept == first


@pytest.mark.parametrize(
    ("route", "place", "why"),
    [
        ("{name: a, to: [bob@x.org]}", "bob@x", "bob@x.org is no address under `people`"),
        ("{name: a, to: ['on-call:wbe']}", "'on", "there is no schedule wbe"),
        ("{name: a, by: [chta]}", "chta", "there is no channel chta (email, chat)"),
        ("{name: a, escalate: [{after: 1m, to: [x]}]}", "x]", "x is no address"),
        ("{name: a, escalate: [{after: 1m, to: [leads], by: [x]}]}", "x]", "there is no channel x"),
        ("{name: a, outcomes: {by: [chta]}}", "chta", "there is no channel chta (email, chat)"),
        ("{name: a, outcomes: {to: [x]}}", "x]", "x is no address"),
        ("{name: a, outcomes: {tell: [solved]}}", "solved", "resolved"),
        ("{name: a, when: outcome.name == 'x'}", "when", "outcome has no name"),
        ("{name: a, when: tickt.name == 'x'}", "when", "tickt is not known here"),
        ("{name: a, when: ticket.nam == 'x'}", "when", "did you mean name?"),
        ("{name: a, when: history.runs > 1}", "when", "history is not known here"),
        ("{name: a, when: ticket.count > 1}", "when", "ticket has no count"),
        (
            "{name: a, escalate: [{after: 5m, to: [leads]}, {after: 5m, to: [leads]}]}",
            "{n",
            "later",
        ),
        ("{name: a, remind: {every: 0s}}", "every", "longer than nothing"),
        ("{name: a, quiet: {hours: []}}", "hours", "must not be empty"),
        ("{name: a, timezone: Berlin}", "timezone", "there is no time zone"),
    ],
)
def test_what_cannot_be_meant_is_told_at_its_place(tmp_path, route, place, why):
    line = f"- {route}"
    with pytest.raises(SourceError) as wrong:
        load(tmp_path, line)
    (problem,) = wrong.value.problems
    assert why in problem.message
    assert (problem.line, problem.column) == (6, line.index(place) + 1), str(problem)


@pytest.mark.parametrize(
    ("routes", "why"),
    [
        ("- {name: a}\n- {name: b}", "the routes after 'a' are never asked"),
        ("- {name: a, when: 'true'}\n- {name: a}", "the name 'a' is there twice"),
    ],
)
def test_each_route_can_be_reached_and_has_its_own_name(tmp_path, routes, why):
    with pytest.raises(SourceError) as wrong:
        load(tmp_path, routes)
    assert why in str(wrong.value)
