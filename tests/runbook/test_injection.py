"""Over a hundred hostile values, in every place that a template allows: none breaks out.

Commands are run by real shells and interpreters, statements by a real database; what arrives is
compared with what was given, and nothing else may have happened.
"""

import json
import re
import shutil
import sqlite3
import subprocess
from urllib.parse import unquote, urlsplit

import pytest

from shared.events import Late, Step
from shared.runbook import quoting, sql
from shared.runbook.late import written
from shared.runbook.placing import Kind, prepared
from tests.executor.sessions import step
from tests.programs import program
from tests.runbook.hostile import HOSTILE

SHELLS = [shell for shell in ("sh", "dash", "bash") if shutil.which(shell)]

#: Every context of a shell in which a value may stand; each writes it, between brackets.
CONTEXTS = {
    "a word": "printf '[%s]' {{ v }}",
    "glued to an option": "printf '[%s]' --x={{ v }} | sed 's/--x=//'",
    "between quotes of others": "printf '%s%s%s' '['{{ v }}']' '' ''",
    "an assignment": 'x={{ v }}; printf "[%s]" "$x"',
    "an exported variable": 'export X={{ v }}; sh -c \'printf "[%s]" "$X"\'',
    "a substitution": "printf '[%s]' \"$(printf %s {{ v }}; printf .)\" | sed 's/\\.\\]$/]/'",
    "behind sh -c": 'sh -c \'printf "[%s]" "$1"\' sh {{ v }}',
    "behind a here-document": "cat <<'EOF' >/dev/null\n$(touch pwned)\nEOF\nprintf '[%s]' {{ v }}",
    "a condition": "if [ x{{ v }} != y ]; then printf '[%s]' {{ v }}; fi",
    "a loop": "for x in {{ v }}; do printf '[%s]' \"$x\"; done",
    "a case": "case {{ v }} in *) printf '[%s]' {{ v }};; esac",
    "a subshell": "( printf '[%s]' {{ v }} )",
    "a function": 'f() { printf "[%s]" "$1"; }; f {{ v }}',
    "python's argument": 'python3 -c \'import sys; print("[%s]" % sys.argv[1], end="")\' {{ v }}',
    "awk's argument": "awk 'BEGIN { printf \"[%s]\", ARGV[1] }' {{ v }}",
    "xargs": "printf x | xargs -n 1 printf '[%s]%.0s' {{ v }}",
}
#: These print with a tool that changes what it is given, or that only some shells have.
BASH_ONLY = {"a here-string": "x=$(cat <<< {{ v }}; printf .); printf '[%s]' \"${x%??}\""}

UNCHANGED = [value for value in HOSTILE if not value.startswith("-")]


def ran(shell, template, value, folder):
    command = prepared(template, Kind.COMMAND).render({"v": value})
    done = subprocess.run(
        [shell, "-c", command], cwd=folder, capture_output=True, timeout=60, check=False
    )
    assert list(folder.iterdir()) == [], command
    return done.stdout.decode()


def test_there_are_enough_of_them():
    assert len(set(HOSTILE)) >= 100


def slow(template):
    """Whether an interpreter is started; then a part of the corpus is enough for each shell."""
    return any(program in template for program in ("python3", "awk", "xargs", "sed", "sh -c"))


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("context", list(CONTEXTS))
def test_a_hostile_value_arrives_as_it_is(shell, context, tmp_path):
    template = CONTEXTS[context]
    assert prepared(template, Kind.COMMAND).mistakes == ()
    values = UNCHANGED[:: 3 if slow(template) else 1]
    if shell != SHELLS[0]:
        values = UNCHANGED[:: 6 if slow(template) else 2]
    for value in values:
        assert ran(shell, template, value, tmp_path) == f"[{value}]", (context, value)


@pytest.mark.parametrize("context", list(BASH_ONLY))
def test_it_does_so_where_only_bash_can(context, tmp_path):
    program("bash")
    for value in UNCHANGED[::3]:
        assert ran("bash", BASH_ONLY[context], value, tmp_path) in (f"[{value}]", f"[{value}\n]")


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_is_never_read_as_a_template(value):
    late = Late(templates={"run": "echo {{ v }}", "title": "{{ v }}"}, values={"v": value})
    if value.startswith("-"):
        return
    done: Step = written(step("a", late=late), {})
    assert done.title == value
    assert done.run == f"echo {quoting.in_shell(value)}".strip()


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_is_one_string_of_promql(value):
    query = prepared('up{job="{{ v }}"} == 1', Kind.QUERY).render({"v": value})
    start, end = query.index('"'), query.rindex('"')
    assert json.loads(query[start : end + 1]) == value
    assert (query[:start], query[end + 1 :]) == ("up{job=", "} == 1")


@pytest.mark.parametrize("value", [value for value in HOSTILE if 0 < len(value) < 1000])
def test_a_value_is_one_piece_of_a_url(value):
    url = prepared("http://host/a/{{ v }}/b?c={{ v }}", Kind.URL).render({"v": value})
    parts = urlsplit(url)
    assert parts.netloc == "host"
    assert [unquote(piece) for piece in parts.path.split("/")] == ["", "a", value, "b"]
    assert unquote(parts.query.removeprefix("c=")) == value


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_is_one_string_of_json(value):
    document = '{"a": "' + quoting.in_json(value) + '", "b": 1}'
    assert json.loads(document) == {"a": value, "b": 1}


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_is_one_string_of_terraform_and_no_template(value):
    quoted = quoting.in_hcl(value)
    assert not re.search(r"(?<!\$)\$\{|(?<!%)%\{", quoted.replace("$${", "").replace("%%{", ""))
    plain = quoted.replace("$${", "${").replace("%%{", "%{")
    assert json.loads(f'"{plain}"') == value


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_is_one_parameter_of_sql(value):
    made = sql.bound("SELECT {{ v }} AS a, 'x' || {{ v }} AS b", {"v": value})
    with sqlite3.connect(":memory:") as db:
        assert db.execute(made.text, dict(made.values)).fetchone() == (value, f"x{value}")
    db.close()
    assert "{{" not in made.text
    assert made.text == "SELECT :p0 AS a, 'x' || :p1 AS b"


@pytest.mark.parametrize(
    ("statement", "placed"),
    [
        ("SELECT * FROM t WHERE a = {{ v }}", True),
        ("SELECT 'a''b', {{ v }}", True),
        ("SELECT 1 -- it's\n, {{ v }}", True),
        ("SELECT $$it's$$, {{ v }}", True),
        ("SELECT /* ' */ {{ v }}", True),
        ("SELECT '{{ v }}'", False),
        ("SELECT 'a''{{ v }}'", False),
        ('SELECT "{{ v }}"', False),
        ("SELECT `{{ v }}`", False),
        ("SELECT 1 -- {{ v }}", False),
        ("SELECT 1 # {{ v }}", False),
        ("SELECT /* {{ v }} */ 1", False),
        ("SELECT 'a\\', {{ v }}, '", False),
        ("SELECT $$ {{ v }} $$", False),
        ("SELECT $a$ $$ {{ v }} $a$", False),
    ],
)
def test_a_placeholder_stands_where_a_value_can_be_bound(statement, placed):
    assert (sql.mistakes(statement) == ()) is placed


def test_numbers_are_bound_as_numbers():
    assert sql.bound("SELECT {{ n }}", {"n": 7}).values == {"p0": 7}
