"""Where a placeholder may stand in a command, judged and then tried on real shells."""

import os
import random
import subprocess

import pytest

from shared.runbook.placing import Kind, Patterned, prepared
from tests.programs import absent

PLAIN = [
    "echo {{ v }}",
    "echo --name={{ v }}",
    "echo a {{ v }} b && echo {{ v }}",
    'echo "$(echo {{ v }})"',
    "x={{ v }} true",
    "export x={{ v }}",
    "echo done 2>&1 {{ v }}",
    "if true; then echo {{ v }}; fi",
    "case {{ v }} in *) true;; esac",
    "sh -c 'echo \"$1\"' sh {{ v }}",
    "cat <<EOF\ntext\nEOF\necho {{ v }}",
    "cat <<-'END'\n\ttext\n\tEND\necho {{ v }}",
    "# don't\necho {{ v }}",
    "echo a#b {{ v }}",
    "echo 'it' \"is\" {{ v }}",
    'echo \\" {{ v }}',
    "echo \\\n {{ v }}",
    "echo {% raw %}'{{.State}}'{% endraw %} {{ v }}",
    "true > {{ v }}",
    "( cd / && echo {{ v }} )",
    "sudo -u deploy echo {{ v }}",
    "awk '{ print $1 }' {{ v }}",
]

MISPLACED = [
    ("echo '{{ v }}'", 6, "in single quotes"),
    ('echo "{{ v }}"', 6, "in double quotes"),
    ("echo `echo {{ v }}`", 11, "in backticks"),
    ('echo "`echo {{ v }}`"', 12, "in backticks"),
    ("echo # {{ v }}", 7, "in a comment"),
    ("cat <<EOF\n{{ v }}\nEOF", 10, "in a here-document"),
    ("cat <<'EOF'\n{{ v }}\nEOF", 12, "in a here-document"),
    ("cat <<{{ v }}\nx\n", 6, "as the end of a here-document"),
    ("echo $(( {{ v }} + 1 ))", 9, "in arithmetic"),
    ("(( {{ v }} > 1 ))", 3, "in arithmetic"),
    ("echo ${x:-{{ v }}}", 10, "in ${ }"),
    ("echo \\{{ v }}", 6, "behind a backslash"),
    ("echo ${{ v }}", 6, "behind $"),
    ("echo {{ v }}>log", 5, "next to < or >"),
    ("echo >&{{ v }}", 7, "behind >& or <&"),
    ("[[ {{ v }} -eq 1 ]]", 3, "in [[ … ]]"),
    ("eval {{ v }}", 5, "where eval reads code"),
    ("eval echo {{ v }}", 10, "where eval reads code"),
    ("sh -c {{ v }}", 6, "where sh reads code"),
    ("/bin/bash -ec {{ v }}", 14, "where bash reads code"),
    ("true; sudo -u deploy bash -lc {{ v }}", 30, "where bash reads code"),
    ("$SUDO sh -c {{ v }}", 12, "where sh reads code"),
    ("2>log sh -c {{ v }}", 12, "where sh reads code"),
    ("su -c {{ v }} deploy", 6, "where su reads code"),
    ("ssh web-1 systemctl restart {{ v }}", 28, "where ssh reads code"),
    ("python3 -c {{ v }}", 11, "where python3 reads code"),
    ("psql -c {{ v }}", 8, "where psql reads code"),
    ("sed -i s/a/{{ v }}/ file", 11, "where sed reads code"),
    ("awk {{ v }} file", 4, "where awk reads code"),
    ("trap {{ v }} EXIT", 5, "where trap reads code"),
    ("export {{ v }}", 7, "where export reads code"),
]

UNCLEAR = [
    ("echo {{ v }} 'open", 13, "has no end"),
    ('echo {{ v }} "open', 13, "has no end"),
    ("echo {{ v }} $(open", 14, "never closed"),
    ("echo {{ v }} \\", 13, "a backslash ends the command"),
    ("echo $'a' {{ v }}", 5, "different things to different shells"),
    ('echo ${x:-"a"} {{ v }}', 5, "cannot be judged"),
    ("cat <<EOF\nline\\\nEOF\necho {{ v }}", 4, "ends in"),
    ("cat <<EOF {{ v }}", 4, "no text of its own"),
    ("cat <<EOF {{ v }}\nnever ends", 4, "has no line EOF"),
    ('echo "$(case a in a) echo " {{ v }}', 12, "`case` inside"),
    ("echo a\\\nb {{ v }}", 6, "put a space before"),
    ("echo " + "( " * 60 + "{{ v }}", 85, "too many brackets"),
]


@pytest.mark.parametrize("template", PLAIN)
def test_a_placeholder_may_stand_where_a_shell_expects_a_word(template):
    found = prepared(template, Kind.COMMAND)
    assert found.mistakes == ()
    assert not found.guarded


@pytest.mark.parametrize(("template", "offset", "reason"), MISPLACED)
def test_a_placeholder_where_quoting_cannot_help_is_refused_at_its_place(template, offset, reason):
    mistakes = prepared(template, Kind.COMMAND).mistakes
    assert (mistakes[0].offset, reason in mistakes[0].message) == (offset, True)


@pytest.mark.parametrize(("template", "offset", "reason"), UNCLEAR)
def test_a_command_that_shells_read_differently_is_refused(template, offset, reason):
    mistake = prepared(template, Kind.COMMAND).mistakes[-1]
    assert reason in mistake.message
    assert mistake.offset == offset


@pytest.mark.parametrize(
    "template", ["{{ v }} x", "sudo {{ v }} x", "true && {{ v }}", "a=1 {{ v }}", "$SUDO {{ v }}"]
)
def test_the_program_itself_may_only_come_from_a_parameter_with_a_pattern(template):
    assert list(prepared(template, Kind.COMMAND).guarded.values()) == [
        "names the program that is run"
    ]


def test_a_command_without_placeholders_may_be_anything():
    assert prepared("echo \"$(case a in a) echo b;; esac)\" $'x'", Kind.COMMAND).mistakes == ()


FRAGMENTS = [
    *["echo ", "'", '"', "`", "$", "(", ")", "{", "}", "\\", "\n", " ", "#", ";", "|", "&", "a"],
    *["<<EOF", "\nEOF\n", "{{ v }}", "{{ v }}", "$(", "${", "((", "))", "case a in ", "esac", "b="],
    *[">", "<", "[[ ", "]]", "if ", "true;then ", "fi", "!", "sh -c ", "eval ", "\\\n", "x "],
]
ATTACKS = ["$(touch P)", "`touch P`", "';touch P;'", '";touch P;"', "a[$(touch P)]", ")touch P"]


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
def test_no_accepted_template_lets_a_value_run_anything(shell, tmp_path):
    """Templates are thrown together at random; what is accepted is run with hostile values."""
    if not os.path.exists(shell):  # noqa: PTH110
        absent(f"{shell} is not here")
    chance = random.Random(20)
    accepted = 0
    while accepted < 150:
        pieces = [chance.choice(FRAGMENTS) for _ in range(chance.randint(2, 14))]
        template = prepared.__wrapped__("".join(pieces) + "{{ v }}", Kind.COMMAND)
        if template.mistakes or template.guarded:
            continue
        accepted += 1
        command = template.render({"v": Patterned(chance.choice(ATTACKS))})
        subprocess.run(
            [shell, "-c", command],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=5,
            check=False,
        )
        assert not (tmp_path / "P").exists(), command
