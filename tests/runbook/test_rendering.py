"""Steps and checks, as they will run."""

from datetime import timedelta

import pytest

from shared.events import CommandCheck, HttpCheck, OnFailure, PrometheusCheck
from shared.lifecycle import Effect, Risk, Severity
from shared.runbook import UnrenderedError, checks, fill, load_runbooks, render
from tests.runbook.runbooks import WHOLE, alert, named, one_yes, runbook
from tests.runbook.test_library import SHIPPED


def steps(book, firing):
    return render(book, firing, Severity.P1, fill(book, firing), approve=one_yes)


def test_the_steps_are_rendered_in_the_order_of_the_file():
    look, restart = steps(runbook(), alert())
    assert (look.id, look.target, look.run) == ("look", "web-1", "systemctl is-active shop")
    assert (restart.run, restart.rollback) == ("systemctl restart shop", "systemctl stop shop")
    assert (restart.needs, restart.when) == (("look",), "steps.look.exit_code != 0")
    assert (restart.timeout, restart.effect) == (timedelta(minutes=2), Effect.IDEMPOTENT)
    assert (restart.retry.attempts, restart.retry.backoff) == (2, timedelta(seconds=2))
    assert restart.on_failure is OnFailure.CONTINUE
    assert restart.approval.reason == "high"


def test_what_a_step_does_not_say_has_careful_defaults():
    (step,) = steps(named("small", "{alerts: [TargetDown]}"), alert())
    assert (step.risk, step.effect) == (Risk.MEDIUM, Effect.ONCE)
    assert (step.timeout, step.retry.attempts) == (timedelta(seconds=60), 1)
    assert (step.on_failure, step.title) == (OnFailure.STOP, "Act")


def test_why_tells_a_person_the_problem_the_answer_and_the_part_of_it():
    why = steps(runbook(), alert(title="Shop is down."))[1].why
    assert why == (
        "P1 TargetDown: Shop is down. The process is gone. “Restart” is step 2 of 2 of “Restart a "
        "service that stopped answering”. Running it twice does no more than once."
    )


def test_why_shows_a_strangers_text_on_one_short_line():
    why = steps(runbook(), alert(title="a\n\x1b[2J\u202eb" + "c" * 500))[0].why
    assert "\n" not in why
    assert "\x1b" not in why
    assert "\u202e" not in why
    assert len(why) < 400


def test_the_checks_are_rendered():
    (check,) = checks(runbook(), alert(), fill(runbook(), alert()))
    assert check == PrometheusCheck(
        query='up{job="shop"} == 1', hold=timedelta(seconds=30), within=timedelta(minutes=5)
    )


@pytest.mark.parametrize(
    ("written", "check"),
    [
        (
            '{uses: http, url: "http://{{ host }}:80/{{ service }}?q={{ labels.q }}", status: 204}',
            HttpCheck(url="http://web-1:80/shop?q=a%26b%2Fc", status=204),
        ),
        (
            '{uses: http, url: "http://h/", contains: "{{ labels.q }} ok"}',
            HttpCheck(url="http://h/", contains="a&b/c ok"),
        ),
        (
            '{uses: ssh, target: "{{ host }}", run: "test {{ labels.q }}", exit_code: 1}',
            CommandCheck(uses="ssh", target="web-1", run="test 'a&b/c'", exit_code=1),
        ),
        (
            (
                '{uses: kubernetes, target: "{{ host }}", action: get, with: {kind: Pod,'
                " namespace: a, expect: 'items[?metadata.name == given.q]',"
                " given: {q: '{{ labels.q }}\"'}}}"
            ),
            CommandCheck(
                uses="kubernetes",
                target="web-1",
                run='get\nkind: "Pod"\nnamespace: "a"\nexpect: "items[?metadata.name == given.q]"'
                '\ngiven: {"q": "a&b/c\\""}',
            ),
        ),
    ],
)
def test_a_value_is_written_as_the_kind_of_check_needs_it(written, check):
    old = WHOLE[WHOLE.index("verify:") :]
    book = runbook(WHOLE.replace(old, f"verify:\n  - {written}\n"))
    firing = alert(labels={"job": "shop", "instance": "web-1:9100", "q": "a&b/c"})
    assert checks(book, firing, fill(book, firing)) == (check,)


@pytest.mark.parametrize(
    ("run", "labels", "where", "reason"),
    [
        ("echo {{ labels.zone }}", {}, "step act, run", "the alert has no label zone"),
        ("echo {{ labels.zone }}", {"zone": "-e"}, "step act, run", "read as an option"),
        ("echo {{ labels.zone }}", {"zone": "a\nb"}, "step act, run", "has a line break"),
    ],
)
def test_a_template_without_a_usable_value_says_which_one(run, labels, where, reason):
    book = named("small", "{alerts: [TargetDown]}", run=run)
    with pytest.raises(UnrenderedError) as refused:
        steps(book, alert(labels=labels))
    assert refused.value.where == where
    assert reason in str(refused.value)


def test_a_target_that_is_no_name_is_refused():
    book = runbook(WHOLE.replace("host:    {from: labels.instance", "host:    {from: labels.x"))
    with pytest.raises(UnrenderedError, match=r"step look, target: .* is no name"):
        steps(book, alert(labels={"job": "shop", "x": "web 1"}))


@pytest.mark.parametrize("name", ["restart-service", "restart-http-service", "disk-full"])
def test_the_shipped_runbooks_make_plans_of_the_alerts_that_they_are_for(name):
    book = load_runbooks(SHIPPED).get(name)
    assert book is not None
    firing = alert(
        labels={"job": "shop", "service": "shop", "instance": "web-1:80", "mountpoint": "/var"},
        annotations={"probe_url": "http://web-1:80/health"},
    )
    assert {step.target for step in steps(book, firing)} == {"web-1"}
    assert len(checks(book, firing, fill(book, firing))) == 1
