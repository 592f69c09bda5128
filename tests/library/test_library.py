"""The library as a whole: what is for which alert, and what no runbook in it may be."""

import re
import subprocess
from itertools import product
from pathlib import Path

import pytest

from services.planner.policy import by_risk
from shared.events import CommandCheck
from shared.lifecycle import Effect, Risk, Severity
from shared.runbook import UnfilledError, UnrenderedError, draft, match
from shared.runbook.search import RunbookSearch, of_runbook
from shared.runbook.steps import StepTemplate
from tests.library.alerts import ALERTS, FOREIGN, TEXTS
from tests.library.site import firing, library

PAGE = Path(__file__).parents[2] / "docs" / "library.md"
RUNBOOKS = {runbook.name: runbook for runbook in library().runbooks}
NAMES = sorted(RUNBOOKS)
#: What cannot be taken back once it ran.
FINAL = re.compile(
    r"-delete\b|\brm -r|\bkill -|pg_terminate_backend|chassis power (on|cycle)|truncate|drop |purge"
)
HOSTILE = ["x; reboot", "$(reboot)", "`reboot`", "x\nreboot", "-rf", "../../etc", "x' || reboot '"]


def drafted(name, **changed):
    labels, annotations = ALERTS[name]
    alert = firing(example(name), {**labels, **changed}, annotations)
    return draft(RUNBOOKS[name], alert, Severity.P2, approve=by_risk)


def example(name):
    alert = RUNBOOKS[name].content.match.alerts[0]
    return alert.replace("*", "Shop")


def alerts_of(name):
    return [alert.replace("*", "Shop") for alert in RUNBOOKS[name].content.match.alerts]


def steps(name):
    return [step for step in RUNBOOKS[name].content.steps if isinstance(step, StepTemplate)]


def test_every_runbook_can_be_read_and_has_an_alert_here():
    assert library().problems == ()
    assert sorted(ALERTS) == NAMES
    assert len(NAMES) >= 25


@pytest.mark.parametrize(
    ("alert", "name"), [(alert, name) for name in NAMES for alert in alerts_of(name)]
)
def test_an_alert_is_met_by_its_runbook_and_by_no_neighbour(alert, name):
    labels, annotations = ALERTS[name]
    ranking = match(library(), firing(alert, labels, annotations), Severity.P2)
    assert [one.runbook.name for one in ranking.matches] == [name]


@pytest.mark.parametrize("alert", FOREIGN)
def test_an_alert_that_nothing_is_for_is_met_by_nothing(alert):
    everything = {label: text for labels, _ in ALERTS.values() for label, text in labels.items()}
    assert not match(library(), firing(alert, everything), Severity.P2).matches


def test_an_alert_in_words_leads_to_its_runbook():
    search = RunbookSearch(map(of_runbook, RUNBOOKS.values()))
    first = {text: search.search(text).hits[0].name for text in TEXTS}
    assert first == TEXTS


@pytest.mark.parametrize("name", NAMES)
def test_a_plan_can_be_made_of_a_realistic_alert(name):
    made = drafted(name)
    assert made.steps
    assert made.verify
    for step in made.steps:
        assert step.title != step.id
        assert step.why


@pytest.mark.parametrize("name", NAMES)
def test_looks_come_first_and_every_change_waits_for_one(name):
    looks = {step.id for step in steps(name) if step.effect is Effect.READ_ONLY}
    assert looks
    for step in steps(name):
        if step.effect is not Effect.READ_ONLY:
            assert before(name, step.id) & looks


def before(name, step_id):
    needs = {step.id: step.needs for step in steps(name)}
    found, ahead = set(), list(needs[step_id])
    while ahead:
        found.add(ahead[0])
        ahead += needs[ahead.pop(0)]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_risk_and_effect_are_honest(name):
    for step in steps(name):
        looks = step.effect is Effect.READ_ONLY
        assert looks == (step.risk is Risk.LOW), step.id
        assert step.effect is not Effect.ONCE, f"{step.id} could not be taken up after a crash"
        if FINAL.search(step.actions().run):
            assert step.risk in (Risk.HIGH, Risk.CRITICAL), step.id


@pytest.mark.parametrize("name", NAMES)
def test_a_repair_is_proved_by_a_check_that_only_looks(name):
    for check in RUNBOOKS[name].content.verify:
        if check.uses in ("ssh", "local"):
            assert not FINAL.search(check.run)
            assert check.run.strip() != "true"


@pytest.mark.parametrize("name", NAMES)
def test_every_command_is_one_that_a_posix_shell_reads(name):
    made = drafted(name)
    shells = ("ssh", "local")
    checks = [
        check.run
        for check in made.verify
        if isinstance(check, CommandCheck) and check.uses in shells
    ]
    texts = [
        text
        for step in made.steps
        if step.uses in shells
        for text in (step.run, step.check, step.rollback)
    ]
    script = "\n".join(f"f() {{\n{text}\n}}" for text in (*texts, *checks) if text)
    # What is written late still has its placeholders: as a word they say nothing to a shell.
    script = re.sub(r"\{\{[^}]*\}\}", "1", script)
    subprocess.run(["sh", "-n"], input=script, text=True, check=True)


@pytest.mark.parametrize("name", NAMES)
def test_a_tired_person_is_told_all_that_matters(name):
    content = RUNBOOKS[name].content
    headings = re.findall(r"^## (.*)$", content.description, re.MULTILINE)
    for wanted in ("Meaning", "Impact", "Diagnosis", "What this does"):
        assert wanted in headings
    assert any(heading.startswith("When to stop") for heading in headings)
    assert content.match.text
    assert len(content.description.split()) > 100
    assert content.metadata.labels


@pytest.mark.parametrize("name", NAMES)
def test_the_page_about_the_library_says_what_an_alert_needs(name):
    content = RUNBOOKS[name].content
    must = [f"`{p.origin}`" for p in content.params.values() if p.must_be_there]
    may = [f"`{p.origin}`" for p in content.params.values() if p.origin and not p.must_be_there]
    row = f"| {name} | {content.metadata.title} | {', '.join(must)} | {', '.join(may)} |"
    assert row in PAGE.read_text().splitlines()


@pytest.mark.parametrize("name", NAMES)
def test_no_label_can_smuggle_a_command_in(name):
    for label, hostile in product(ALERTS[name][0], HOSTILE):
        try:
            made = drafted(name, **{label: hostile})
        except (UnfilledError, UnrenderedError):
            continue
        for step in made.steps:
            assert hostile not in step.run.replace(f"'{hostile}'", ""), (label, step.id)
