"""What a runbook that uses all of the format makes of an alert."""

from datetime import timedelta

import pytest

from shared.events import ApprovalRule, Asks, Join
from shared.lifecycle import Severity
from shared.runbook import UnfilledError, UnrenderedError, draft
from tests.executor.sessions import step as a_step
from tests.runbook.library import CLEAN, TELL, whole, written
from tests.runbook.runbooks import alert, one_yes


def made(book, *, evidence=None, annotations=None, **labels):
    firing = alert(
        "GroupDiskFull", labels={"group": "web", **labels}, annotations=annotations or {}
    )
    return draft(book, firing, Severity.P2, approve=one_yes, evidence=evidence or {})


def step(plan, id_):
    return next(each for each in plan.steps if each.id == id_)


@pytest.fixture
def book(tmp_path):
    return whole(tmp_path)


def changed(folder, old, new, tell=TELL):
    assert old in CLEAN
    library = written(folder, clean=CLEAN.replace(old, new), tell=tell)
    assert library.problems == ()
    return library.get("clean-hosts")


def test_parameters_have_their_types(book):
    plan = made(book, annotations={"keep": "9"}, loud="yes", evidence={"disk": {"share": "0.5"}})
    assert plan.params["keep"] == "9"
    assert (plan.values["keep"], plan.values["loud"], plan.values["share"]) == (9, True, 0.5)
    assert plan.values["mounts"] == ["/var", "/tmp"]


@pytest.mark.parametrize(
    "evidence", [{"disk": {"wait": "90s"}}, {"disk.wait": "90s"}, {"disk": {"wait": "90s", "x": 1}}]
)
def test_a_parameter_may_come_from_the_evidence(book, evidence):
    assert made(book, evidence=evidence).params["wait"] == "90s"


def test_evidence_that_is_not_there_leaves_the_default(book):
    assert made(book, evidence={"disk": "full"}).params["wait"] == "5m"


def test_evidence_that_is_needed_and_not_there_is_told(tmp_path):
    book = changed(tmp_path, "default: 5m", "required: true")
    with pytest.raises(UnfilledError, match=r"there is no evidence disk\.wait"):
        made(book)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"annotations": {"keep": "31"}}, "'31' is more than 30"),
        ({"annotations": {"keep": "0"}}, "'0' is less than 1"),
        ({"annotations": {"keep": "$(x)"}}, "is no whole number"),
        ({"mode": "soft"}, "'soft' is none of gentle, hard"),
        ({"loud": "maybe"}, "neither true nor false"),
        ({"mounts": "/var,/etc;x"}, "is not what its pattern allows"),
        ({"group": "a b"}, "is not what its pattern allows"),
        ({"evidence": {"disk": {"wait": 5}}}, "is no duration"),
        ({"evidence": {"disk": {"share": "-1"}}}, "would be read as an option"),
    ],
)
def test_a_value_that_is_not_as_declared_is_refused(book, given, reason):
    with pytest.raises(UnfilledError) as refused:
        made(book, **given)
    assert reason in str(refused.value)


def test_items_that_are_known_make_their_steps_at_once(book):
    plan = made(book, mounts="/a,/b")
    assert [(each.id, each.parent, each.run) for each in plan.steps if each.parent == "each"] == [
        ("each[0]", "each", "echo /a 300 8 '/a,/b'"),
        ("each[1]", "each", "echo /b 300 8 '/a,/b'"),
    ]
    assert step(plan, "each").foreach.known
    assert step(plan, "each[0]").title == "Each (/a)"


def test_items_that_a_step_finds_wait_for_it(book):
    clean = step(made(book), "clean")
    assert (clean.foreach.known, clean.foreach.items) == (False, "steps.look.outputs.hosts")
    assert clean.late.templates["target"] == "{{ host }}"
    assert clean.late.values == {"keep": 7}


def test_one_at_a_time_is_a_chain(tmp_path):
    book = changed(tmp_path, "{items: mounts}", "{items: [a, b, c], at_once: 1}")
    needs = [each.needs for each in made(book).steps if each.parent == "each"]
    assert needs == [(), ("each[0]",), ("each[1]",)]


def test_more_items_than_the_limit_make_no_plan(tmp_path):
    book = changed(tmp_path, "{items: mounts}", "{items: mounts, limit: 1}")
    with pytest.raises(UnrenderedError, match="has 2 items, and its limit is 1"):
        made(book)


def test_items_may_be_computed_and_stand_in_a_list_with_values(tmp_path):
    book = changed(tmp_path, "{items: mounts}", "{items: \"{{ labels.hosts.split(' ') }}\"}")
    plan = made(book, hosts="a $(b)")
    assert step(plan, "each[1]").run.startswith("echo '$(b)'")
    book = changed(tmp_path, "{items: mounts}", '{items: ["{{ group }}", 3]}')
    assert step(made(book), "each[0]").run.startswith("echo web")


def test_the_steps_of_an_included_runbook_stand_in_its_place(book):
    plan = made(book)
    say, again = step(plan, "tell.say"), step(plan, "tell.again")
    assert (say.parent, say.run, say.needs) == ("tell", "say 'cleaned web' 7", ())
    assert again.needs == ("tell.say",)
    assert again.when == 'steps["tell.say"].exit_code == 0 && params["tell.times"] > 1'
    assert again.late.scope == "tell."
    assert step(plan, "tell").includes.name == "tell"


def test_the_versions_of_included_runbooks_are_kept(book):
    assert book.ref.includes == {"tell": book.included["tell"].version}


def test_what_an_included_runbook_is_given_is_checked_as_its_own(tmp_path):
    tell = TELL.replace("{from: title}", "{from: title, pattern: '[a-z]+'}")
    library = written(tmp_path, clean=CLEAN, tell=tell)
    with pytest.raises(UnfilledError, match=r"parameter tell.text \(from `with`\)"):
        made(library.get("clean-hosts"))


def test_a_runbook_can_only_ask_for_more_than_the_policy(tmp_path, book):
    assert step(made(book), "clean").approval.required == 2
    assert "the runbook asks for a yes of two different people" in (
        step(made(book), "clean").approval.reason
    )
    fewer = changed(tmp_path, "require: 2", "require: 0")
    assert step(made(fewer), "clean").approval.required == 1


def test_the_shorter_time_for_an_answer_counts(book):
    assert step(made(book), "clean").approval.expires_after.total_seconds() == 600


def test_a_change_whose_text_is_not_known_is_asked_for(tmp_path):
    book = changed(tmp_path, "approval: {require: 2, expires: 10m}", "title: x")
    plan = draft(
        book,
        alert("GroupDiskFull", labels={"group": "web"}),
        Severity.P2,
        approve=lambda risk: one_yes(risk).model_copy(update={"required": 0}),
    )
    assert step(plan, "clean").approval.required == 1
    assert step(plan, "look").approval.required == 0


def test_a_plan_says_what_each_step_expects(book):
    plan = made(book)
    assert step(plan, "look").expects == "It lists the hosts of web."
    assert step(plan, "tell.say").expects == "It ends with exit code 0 within 60 s."


def test_joins_and_gathering_come_into_the_plan(tmp_path):
    book = changed(tmp_path, "needs: [clean, each]", "needs: [clean, each]\n    join: first")
    plan = made(book)
    assert (step(plan, "tell").join, step(plan, "look").gather) == (Join.FIRST, True)


@pytest.mark.parametrize(
    ("policy", "asked", "required", "minutes"),
    [(0, 1, 1, 10), (1, 0, 1, 10), (2, 1, 2, 10), (1, 2, 2, 10), (0, 0, 0, 10)],
)
def test_what_a_runbook_asks_for_never_loosens_the_policy(policy, asked, required, minutes):
    asks = Asks(required=asked, expires_after=timedelta(minutes=10), reason="the runbook says so")
    rule = ApprovalRule(required=policy, reason="the policy says so")
    under = a_step("a", asks=0).model_copy(update={"asks": asks}).under(rule).approval
    assert (under.required, under.expires_after) == (required, timedelta(minutes=minutes))
    shorter = rule.model_copy(update={"expires_after": timedelta(minutes=1)})
    again = a_step("a").model_copy(update={"asks": asks}).under(shorter).approval
    assert again.expires_after == timedelta(minutes=1)


def test_an_item_that_looks_like_an_option_makes_no_plan(tmp_path):
    book = changed(tmp_path, "{items: mounts}", "{items: [a, '-rf']}")
    with pytest.raises(UnrenderedError, match="would be read as an option"):
        made(book)
