"""A runbook's own tests: they pass where it does what they say, and say where it does not."""

import pytest

from shared.runbook import lint, load_runbooks, parse_runbook
from shared.runbook.starter import starter
from shared.runbook.trials import cases, tried
from tests.runbook.library import CLEAN, HEAD, MANY, TELL, whole, written


def wrong(folder, old="", new=""):
    """What the first test of the runbook says after a change."""
    assert old in CLEAN
    book = written(folder, clean=CLEAN.replace(old, new, 1), tell=TELL).get("clean-hosts")
    return [line for case in cases(book) for line in tried(book, case).wrong]


def test_all_of_them_pass(tmp_path):
    book = whole(tmp_path)
    assert [tried(book, case).passed for case in cases(book)] == [True, True, True]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("keep: 7, tell", "keep: 8, tell", "parameter keep is 7, not 8"),
        ("params: {group: web", "params: {grup: web", "parameter grup is not there"),
        ("target: web-2,", "target: web-1,", "step clean[1]: target is 'web-2', not 'web-1'"),
        ("hosts: [web-1, web-2]", "hosts: [web-1]", "there is no step clean[1]"),
        (', leader: "a; rm -rf /"', "", "there is no step clean[1]"),
        ("no label group", "no label grup", "it was refused for another reason"),
        ("refused: the alert", "matches: true\n    # the", "there is no plan: parameter group"),
        ("alert: {name: Other}", "alert: {name: GroupDiskFull}", "it matches"),
        ("inventory --group {{ group }}\n", "inventory {{ group }}\n", "step look: run is"),
    ],
)
def test_what_is_not_as_it_should_be_is_told(tmp_path, old, new, told):
    assert any(told in line for line in wrong(tmp_path, old, new))


def test_a_plan_that_was_to_be_refused_is_told(tmp_path):
    lines = wrong(
        tmp_path, "alert: {name: GroupDiskFull}", "alert: {name: GroupDiskFull, labels: {group: a}}"
    )
    assert any("was to be refused" in line for line in lines)


def test_tests_may_stand_beside_the_runbook(tmp_path):
    written(tmp_path, tell=TELL)
    (tmp_path / "tell.test.yaml").write_text(
        HEAD.replace("kind: Runbook", "kind: RunbookTest")
        + "tests:\n  - {name: other, alert: {name: Other}, matches: false}\n"
    )
    library = load_runbooks(tmp_path)
    assert library.problems == ()
    (case,) = cases(library.get("tell"))
    assert tried(library.get("tell"), case).passed


def test_a_wrong_file_of_tests_is_told_by_lint(tmp_path):
    (tmp_path / "tell.yaml").write_text(TELL)
    (tmp_path / "tell.test.yaml").write_text(
        "apiVersion: handrail/v1\nkind: RunbookTest\ntest: []\n"
    )
    assert {problem.line for problem in lint([tmp_path])} == {1, 3}


@pytest.mark.parametrize("name", ["restart-web", "no", "1st", "true", "007", "a"])
def test_a_new_runbook_has_no_mistake_and_its_tests_pass(name):
    book = parse_runbook(starter(name), file=f"{name}.yaml")
    assert book.name == name
    assert [tried(book, case).wrong for case in cases(book)] == [(), ()]


def test_every_way_to_act_can_be_tested(tmp_path):
    book = parse_runbook(MANY, file="many.yaml")
    (trial,) = [tried(book, case) for case in book.content.tests]
    assert trial.passed, trial.wrong
