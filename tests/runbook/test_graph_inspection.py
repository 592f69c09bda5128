"""Wrong graphs, types and outputs: each mistake is told at its place before anything runs."""

import pytest

from shared.runbook import lint
from tests.runbook.library import CLEAN, TELL
from tests.runbook.test_inspection import place

LOOK = "run: inventory --group {{ group }}"
RUN = "clean --keep={{ keep }} --leader {{ steps.look.outputs.leader }} {{ host }}"
WHEN = "steps.look.outputs.count > 0 && params.keep > 1 && !params.loud"


def told(folder, text, tell=TELL):
    (folder / "clean.yaml").write_text(text)
    (folder / "tell.yaml").write_text(tell)
    return [
        ((p.line, p.column), p.message) for p in lint([folder]) if p.file.endswith("clean.yaml")
    ]


# What is replaced, by what, what stands at the place that is told, and a part of the reason.
PARAMS = [
    ("min: 1,", "min: 40,", "keep:", "`min` is greater than `max`"),
    ("default: 7", "default: 70", "default: 70", "the default 70 is more than 30"),
    ("default: 7", "default: soon", "default: soon", "'soon' is no whole number"),
    ("default: 5m", "default: 5 minutes", "default: 5 m", "is no duration"),
    ("default: 5m", "default: 300", "default: 300", "put it in quotes"),
    ("default: false", "default: maybe", "default: maybe", "is neither true nor false"),
    ("one_of: [gentle, hard], ", "", "mode:", "say with `one_of` which values there are"),
    ("default: gentle", "default: soft", "default: soft", "is none of gentle, hard"),
    ("default: [/var, /tmp]", "default: [var]", "default: [var]", "is not what the pattern"),
    ("type: duration", "type: time", "type: time", "'duration'"),
    ("from: evidence.disk.wait", "from: evidence", "from: evidence,", "has to match"),
    ("type: boolean", "type: boolean, pattern: x", "loud:", "`pattern` goes with texts"),
    ("type: boolean", "type: boolean, min: 1", "loud:", "`min` and `max` go with a number"),
    ("  keep: {", "  steps: {", "steps: {from", "take another name"),
]

GRAPH = [
    ("needs: [look]", "needs: [look]\n    gather: true", "id: clean", "only look"),
    ("    needs: [look]\n", "    join: first\n", "id: clean", "needs steps to wait for"),
    ("gather: true", "gather: true\n    effect: once", "id: look", "this is once"),
    ("on_failure: continue", "on_failure: rollback", "on_failure: roll", "nothing to roll back"),
    ("on_failure: continue", "on_failure: goto", "id: clean", "go together"),
    ("on_failure: continue", "goto: tell", "id: clean", "go together"),
    ("on_failure: continue", "on_failure: goto\n    goto: no", "goto: no", "no step no to go to"),
    ("on_failure: continue", "on_failure: goto\n    goto: tell", "goto: tell", "tell needs clean"),
    ("on_failure: continue", "on_failure: goto\n    goto: look", "id: look", "need each other"),
    (f"when: '{WHEN}'", "when: 'false'", "when: 'false'", "clean never runs: its condition"),
    (
        "needs: [clean, each]",
        "needs: [clean, each]\n    when: '1 > 2'",
        "when: '1",
        "tell never runs",
    ),
    ("require: 2", "require: 3", "require: 3", "has to be 2 or less"),
    ("expires: 10m", "expires: soon", "expires: soon", "no duration"),
]

CONDITIONS = [
    (WHEN, "steps.look.outputs.cuont > 0", "cuont", "look has no output cuont (it has: hosts"),
    (WHEN, "steps.look.outputs.count", "steps.look.outputs.count'", "neither true nor false"),
    (WHEN, 'steps.look.outputs.count == "2"', "steps.look.outputs.count ==", "never equal"),
    (WHEN, 'steps.look.exit_code != "0"', "steps.look.exit_code", "is a number"),
    (WHEN, 'steps.look.state == "succeded"', "steps.look.state", 'is never "succeded"'),
    (WHEN, 'steps["look"].state == "done"', "steps[", "it is one of awaiting_approval"),
    (WHEN, 'params.mode == "soft"', "params.mode", "it is one of gentle, hard"),
    (WHEN, "params.keep + params.group > 1", "params.keep", "types do not go together"),
    (WHEN, "params.loud > 1", "params.loud", "types do not go together"),
    (WHEN, "params.group.startsWith(1)", "params.group.st", "startsWith does not go with"),
    (WHEN, "params.mounts == true", "params.mounts", "is a list, true is true or false"),
    ("alerts: [GroupDiskFull]", "alerts: [A], when: severity == 'P9'", "severity", "is never 'P9'"),
    (
        "alerts: [GroupDiskFull]",
        "alerts: [A], when: labels.a > 3",
        "labels.a",
        "do not go together",
    ),
    ("alerts: [GroupDiskFull]", "alerts: [A], when: 'false'", "when: 'f", "it is always false"),
]

OUTPUTS = [
    ("{json: count, type: integer}", "{json: 'a[', type: integer}", "json: 'a", "is no JMESPath"),
    ("regex: 'leader=(\\S+)'", "regex: '('", "regex: '(", "the regex of leader cannot be used"),
    ("regex: 'leader=(\\S+)'", "regex: a, json: b", "leader:", "one of `regex` and `json`"),
    ("regex: 'leader=(\\S+)'", "type: string", "leader:", "one of `regex` and `json`"),
    (
        "steps.look.outputs.leader",
        "steps.look.outputs.boss",
        "steps.look.outputs.boss",
        "no output",
    ),
    ("steps.look.outputs.leader", "steps.look.output", "steps.look.output }", "steps.ID.outputs"),
    ("steps.look.outputs.leader", "steps.lok.outputs.a", "steps.lok", "there is no step lok"),
    ("steps.look.outputs.leader", "steps[group].outputs.a", "steps[", "steps.ID.outputs.NAME"),
    ("steps.look.outputs.leader", "steps.each.outputs.a", "steps.each", "add it to `needs`"),
    ("steps.look.outputs.leader", "steps.look.outputs.hosts", "{{ steps.look", "is a list: use"),
    ("echo {{ item }}", "echo {{ mounts }}", "{{ mounts }}", "is a list: use `foreach`"),
    ("echo {{ item }}", "echo {{ host }}", "host }} {{ wait", "host is no parameter"),
    ("echo {{ item }}", "env {{ item }}", "{{ item }} {{", "only a parameter with a `pattern`"),
    (
        "test {{ mode }}",
        "test {{ steps.look.outputs.leader }}",
        "steps.look.outputs.leader }} =",
        "what steps find is not known here",
    ),
    ("items: mounts", "items: group", "items: group", "group is no list"),
    ("items: mounts", "items: nothing", "items: nothing", "nothing is no parameter"),
    ("items: mounts", "items: '{{ a'", "items: '", "is no list: write"),
    ("items: mounts", "items: [a, b, c], limit: 2", "limit: 2}", "there are 3 items"),
    ("items: mounts", "items: mounts, as: group", "as: group", "group is taken"),
    ("items: steps.look.outputs.hosts", "items: steps.look.outputs.leader", "items: st", "no list"),
    ("limit: 5", "limit: 0", "limit: 0", "has to be 1 or more"),
]

INCLUDES = [
    ("runbook: tell", "runbook: tall", "runbook: tall", "there is no runbook tall"),
    ("runbook: tell", "runbook: clean-hosts", "runbook: clean-hosts", "include each other"),
    ('times: "{{ keep }}"', "times: often", "times: often", "'often' is no whole number"),
    ('times: "{{ keep }}"', "tims: 3", "tims: 3", "has no parameter tims (it has: text, times)"),
    (
        "cleaned {{ group }}",
        "{{ steps.look.outputs.leader }}",
        'steps.look.outputs.leader }}"',
        "what steps find is not known here",
    ),
    ("runbook: tell", "runbook: tell\n    run: x", "run: x", "there is no such field"),
]


@pytest.mark.parametrize(
    ("old", "new", "at", "reason"), PARAMS + GRAPH + CONDITIONS + OUTPUTS + INCLUDES
)
def test_a_mistake_is_told_at_its_place(tmp_path, old, new, at, reason):
    assert old in CLEAN
    text = CLEAN.replace(old, new, 1)
    found = told(tmp_path, text)
    assert place(text, at) in [where for where, message in found if reason in message], found


def test_the_runbook_that_uses_all_of_the_format_has_no_mistake(tmp_path):
    assert told(tmp_path, CLEAN) == []


def test_a_join_with_the_first_cannot_use_what_only_one_of_them_finds(tmp_path):
    text = CLEAN.replace("needs: [look]\n", "needs: [look, each]\n    join: first\n")
    assert any("may not have ended by then" in message for _, message in told(tmp_path, text))


def test_what_a_step_finds_that_never_runs_makes_another_one_impossible(tmp_path):
    text = CLEAN.replace("gather: true", "gather: true\n    when: 'false'")
    messages = [message for _, message in told(tmp_path, text)]
    assert any("look never runs" in message for message in messages)
    assert any("clean can never run: look does not" in message for message in messages)


def test_mistakes_of_shape_do_not_hide_those_of_meaning(tmp_path):
    text = CLEAN.replace("limit: 5", "limt: 5").replace("steps.look.outputs.leader", "steps.a.b.c")
    text = text.replace("type: duration", "type: time").replace('group }}"', 'grup }}"')
    messages = " ".join(message for _, message in told(tmp_path, text))
    for part in ("did you mean limit?", "steps.ID.outputs.NAME", "'duration'", "grup is no"):
        assert part in messages


def test_a_runbook_that_is_broken_itself_cannot_be_included(tmp_path):
    broken = TELL.replace("say {{ text }}", "say {{ txt }}")
    assert any("there is no runbook tell without" in m for _, m in told(tmp_path, CLEAN, broken))


def test_runbooks_inside_each_other_have_a_limit(tmp_path):
    for number in range(8):
        inner = TELL.replace("name: tell", f"name: r{number}")
        inside = f"  - {{id: more, uses: runbook, runbook: r{number + 1}}}\n" if number < 7 else ""
        (tmp_path / f"r{number}.yaml").write_text(inner.replace("verify:", inside + "verify:"))
    assert any("would be inside each other" in str(problem) for problem in lint([tmp_path]))
