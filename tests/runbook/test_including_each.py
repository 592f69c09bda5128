"""A runbook that is included once for each item of a list."""

from textwrap import dedent

import pytest

from shared.lifecycle import Severity
from shared.runbook import draft, lint
from shared.runbook.late import UnrenderedError
from tests.runbook.library import HEAD, TELL, written
from tests.runbook.runbooks import alert, one_yes
from tests.runbook.test_inspection import place

EACH = HEAD + dedent(
    """\
    metadata: {name: tell-all, title: Tell everybody}
    description: Somebody wants to know.
    match: {alerts: [News]}
    params:
      people: {from: labels.people, type: list}
    steps:
      - id: look
        uses: local
        target: here
        run: who
        outputs: {who: {regex: '\\w+', type: list}}
      - id: tell
        needs: [look]
        when: steps.look.exit_code == 0
        uses: runbook
        runbook: tell
        foreach: {items: people, as: person, limit: 4, at_once: 2}
        with: {text: "hello {{ person }}"}
    verify: [{uses: local, target: here, run: "true"}]
    """
)
ITEMS = "items: people, as: person, limit: 4"


def made(folder, people="ann,bob,cem", text=EACH):
    library = written(folder, each=text, tell=TELL)
    assert library.problems == (), "\n".join(map(str, library.problems))
    book = library.get("tell-all")
    return draft(book, alert("News", labels={"people": people}), Severity.P2, approve=one_yes)


def by_id(plan):
    return {step.id: step for step in plan.steps}


def test_each_item_gets_the_steps_of_the_included_runbook(tmp_path):
    plan = made(tmp_path)
    assert list(by_id(plan)) == [
        *("look", "tell"),
        *("tell[0]", "tell[0].say", "tell[0].again"),
        *("tell[1]", "tell[1].say", "tell[1].again"),
        *("tell[2]", "tell[2].say", "tell[2].again"),
    ]
    assert by_id(plan)["tell[1].say"].run == "say 'hello bob' 1"
    assert plan.params["tell[2].text"] == "hello cem"


def test_each_of_them_is_part_of_its_item_and_that_of_the_step_in_the_file(tmp_path):
    steps = by_id(made(tmp_path))
    assert steps["tell[1].say"].parent == "tell[1]"
    assert (steps["tell[1]"].parent, steps["tell[1]"].foreach) == ("tell", None)
    assert steps["tell"].foreach.known
    assert steps["tell[0]"].includes.name == "tell"


def test_its_conditions_see_the_steps_and_parameters_of_their_own_item(tmp_path):
    again = by_id(made(tmp_path))["tell[1].again"]
    assert again.needs == ("tell[1].say",)
    assert 'steps["tell[1].say"].exit_code == 0' in again.when
    assert 'params["tell[1].times"] > 1' in again.when
    assert again.late.scope == "tell[1]."


def test_no_more_than_at_once_begin_together_and_the_condition_is_that_of_all(tmp_path):
    steps = by_id(made(tmp_path))
    assert [steps[f"tell[{index}]"].needs for index in range(3)] == [(), (), ("tell[0]",)]
    assert steps["tell"].when == "steps.look.exit_code == 0"
    assert steps["tell[0]"].when is None


def test_a_list_in_the_file_may_have_values_of_the_alert(tmp_path):
    text = EACH.replace("items: people", 'items: ["{{ labels.people }}", root]')
    assert by_id(made(tmp_path, "ann", text))["tell[0].say"].run == "say 'hello ann' 1"


@pytest.mark.parametrize("hostile", ["{{ 7 * 7 }}", "{{ labels.people }}", "{% raw %}", "{{"])
def test_an_item_is_never_read_as_a_template(tmp_path, hostile):
    steps = by_id(made(tmp_path, hostile))
    assert steps["tell[0]"].title == f"Say it ({hostile})"
    assert steps["tell[0].say"].run == f"say 'hello {hostile}' 1"


def test_why_it_is_there_says_which_item_and_which_runbook(tmp_path):
    said = by_id(made(tmp_path))["tell[0]"].why
    assert "“Say it (ann)” is step 2 of 2 of “Tell everybody”" in said
    assert said.endswith("It stands for the steps of “Say it”.")


def test_a_title_that_names_the_item_is_not_told_it_again(tmp_path):
    text = EACH.replace("runbook: tell\n", 'runbook: tell\n    title: "Call {{ person }}"\n')
    step = by_id(made(tmp_path, "{{ 7 }}", text))["tell[0]"]
    assert step.title == "Call {{ 7 }}"
    assert "“Call {{ 7 }}”" in step.why


def test_more_items_than_the_limit_are_no_plan(tmp_path):
    with pytest.raises(UnrenderedError, match="has 5 items, and its limit is 4"):
        made(tmp_path, "a,b,c,d,e")


def test_no_items_leave_a_step_that_has_nothing_to_do(tmp_path):
    text = EACH.replace("items: people", "items: []")
    assert list(by_id(made(tmp_path, text=text))) == ["look", "tell"]


def test_items_of_items_that_come_to_millions_are_refused_at_once(tmp_path):
    many = EACH.replace("limit: 4, at_once: 2", "limit: 200")
    for level in range(3):
        below = "tell" if level == 2 else f"level-{level + 1}"
        text = many.replace("name: tell-all", f"name: level-{level}")
        text = text.replace("runbook: tell\n", f"runbook: {below}\n")
        if level < 2:
            text = text.replace("with: {text:", "title: ").replace('person }}"}', 'person }}"')
        (tmp_path / f"level-{level}.yaml").write_text(text)
    outermost = many.replace("runbook: tell\n", "runbook: level-0\n")
    outermost = outermost.replace("with: {text:", "title: ").replace('person }}"}', 'person }}"')
    with pytest.raises(UnrenderedError, match="more than 300"):
        made(tmp_path, ",".join(str(number) for number in range(200)), outermost)


@pytest.mark.parametrize(
    ("old", "new", "at", "reason"),
    [
        ("items: people", "items: steps.look.outputs.who", "items: steps", "when the plan is made"),
        ("items: people", "items: peple", "items: peple", "peple is no parameter"),
        ("as: person", "as: people", "as: people", "people is taken"),
        ("hello {{ person }}", "{{ item }}", 'item }}"', "item is no parameter"),
        ("limit: 4", "limit: 400", "limit: 400", "has to be 200 or less"),
        (ITEMS, "items: [a, b, c], as: person, limit: 2", "limit: 2", "there are 3 items"),
    ],
)
def test_a_mistake_in_it_is_told_at_its_place(tmp_path, old, new, at, reason):
    text = EACH.replace(old, new)
    (tmp_path / "each.yaml").write_text(text)
    (tmp_path / "tell.yaml").write_text(TELL)
    problems = [problem for problem in lint([tmp_path]) if problem.file.endswith("each.yaml")]
    assert place(text, at) in [(p.line, p.column) for p in problems if reason in p.message], (
        problems
    )
