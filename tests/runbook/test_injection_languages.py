"""The same hostile values in statements, scripts, calls and PowerShell: none breaks out."""

import json
import shlex
import sqlite3
import subprocess
import sys
from contextlib import closing
from urllib.parse import unquote, urlsplit

import pytest

from shared.calls.families import parsed_as
from shared.runbook import calltexts, script, sql
from shared.runbook.placing import CallOf, Kind, Patterned, prepared
from shared.runbook.quoting import ValueRefusedError
from tests.runbook.hostile import HOSTILE

NO_OPTIONS = [value for value in HOSTILE if not value.startswith("-")]


# -- SQL -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", HOSTILE)
def test_what_is_approved_of_a_statement_has_the_value_whole(value):
    template = "SELECT {{ v }} AS a, ':p0 ''x' AS b, {{ v }} AS c"
    text = prepared(template, Kind.SQL).render({"v": value})
    lines = text.split("\n")
    assert lines[0] == "SELECT :p0 AS a, ':p0 ''x' AS b, :p1 AS c"
    assert len(lines) == 3
    bound = sql.read(text)
    with closing(sqlite3.connect(":memory:")) as db:
        row = db.execute(bound.text, dict(bound.values)).fetchone()
    assert row == (value, ":p0 'x", value)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT :p0",
        "SELECT 1\n-- :p0 = 1",
        'SELECT :p0\n-- :p1 = "x"',
        "SELECT :p1\n-- :p0 = 1",
        "SELECT :p0, :p1\n-- :p1 = 1\n-- :p0 = 1",
        "SELECT :p0\n-- :p0 = [1]",
        "SELECT :p0\n-- :p0 = true",
        "SELECT :p0\n-- :p0 = x",
        "SELECT ':p0'\n-- :p0 = 1",
    ],
)
def test_a_statement_and_its_values_have_to_fit(text):
    with pytest.raises(sql.MalformedStatementError):
        sql.read(text)


@pytest.mark.parametrize(
    "text",
    ["SELECT 1", "SELECT x::p0", "SELECT ':p0'", "SELECT 1 -- :p0", 'SELECT ":p0"', "SELECT a:p0"],
)
def test_what_only_looks_like_a_value_is_none(text):
    assert sql.read(text).values == {}


# -- scripts ---------------------------------------------------------------------------------------


def test_the_arguments_of_a_script_arrive_as_they_are():
    template = script.template_of("python3", ["{{ v }}", "--x={{ v }}/y z"], "import sys\n")
    show = "import json, sys; print(json.dumps(sys.argv[1:]))"
    for value in NO_OPTIONS[::4]:
        header, _, source = prepared(template, Kind.SCRIPT).render({"v": value}).partition("\n")
        interpreter, *words = shlex.split(header)
        assert (interpreter, words, source) == (
            "python3",
            [value, f"--x={value}/y z"],
            "import sys\n",
        )
        done = subprocess.run(
            [sys.executable, "-c", show, *words], capture_output=True, timeout=60, check=True
        )
        assert json.loads(done.stdout) == words


def test_the_first_line_of_a_script_means_the_same_to_a_shell():
    template = script.template_of("sh", ["{{ v }}"], "true")
    for value in NO_OPTIONS[::4]:
        header = prepared(template, Kind.SCRIPT).render({"v": value}).partition("\n")[0]
        done = subprocess.run(
            ["sh", "-c", f'set -- {header}; printf %s "$2"'],
            capture_output=True,
            timeout=60,
            check=True,
        )
        assert done.stdout.decode() == value


@pytest.mark.parametrize("value", NO_OPTIONS[::3])
def test_a_source_is_never_a_template(value):
    source = f"{{{{ {value} }}}} {{% if %}} {{# x {value} {{"
    text = prepared(script.template_of("sh", [], source), Kind.SCRIPT).render({})
    assert text == f"sh\n{source}"


@pytest.mark.parametrize("value", ["-x", "--help", "-", "-rf /"])
def test_no_argument_of_a_script_becomes_an_option(value):
    ready = prepared(script.template_of("sh", ["{{ v }}"], "true"), Kind.SCRIPT)
    with pytest.raises(ValueRefusedError, match="option"):
        ready.render({"v": value})
    assert shlex.quote(value) in ready.render({"v": Patterned(value)})


# -- calls -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_is_one_string_of_a_call(value):
    given = {"path": "/x", "json": {"a": ["{{ v }}"], "b{{ v }}": "<{{ v }}>", "c": 1}}
    template = calltexts.template_of("http", "POST", given)
    call = parsed_as("http", prepared(template, CallOf("http")).render({"v": value}))
    # Names are written out by the author: braces in them are braces.
    assert call.json_body == {"a": [value], "b{{ v }}": f"<{value}>", "c": 1}
    assert call.path == "/x"


@pytest.mark.parametrize("value", [value for value in HOSTILE if 0 < len(value) < 1000])
def test_a_value_is_one_piece_of_a_path(value):
    given = {"path": "/a/{{ v }}/b?c={{ v }}&d=1"}
    template = calltexts.template_of("http", "GET", given)
    call = parsed_as("http", prepared(template, CallOf("http")).render({"v": value}))
    parts = urlsplit(f"http://host{call.path}")
    assert parts.netloc == "host"
    assert [unquote(piece) for piece in parts.path.split("/")] == ["", "a", value, "b"]
    assert [unquote(piece) for piece in parts.query.split("&")] == [f"c={value}", "d=1"]


@pytest.mark.parametrize("value", [".", "..", "%2e%2e"])
def test_no_value_leads_out_of_a_path(value):
    template = calltexts.template_of("http", "GET", {"path": "/a/{{ v }}/b"})
    ready = prepared(template, CallOf("http"))
    if value.startswith("%"):
        assert "%252e" in ready.render({"v": value})
        return
    with pytest.raises(ValueRefusedError, match="elsewhere"):
        ready.render({"v": value})


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_in_a_header_is_that_header_or_refused(value):
    template = calltexts.template_of("http", "GET", {"path": "/", "headers": {"X-A": "{{ v }}"}})
    ready = prepared(template, CallOf("http"))
    if value.isascii():
        call = parsed_as("http", ready.render({"v": value}))
        assert call.headers == {"X-A": value}
    else:
        with pytest.raises(ValueRefusedError, match="X-A"):
            ready.render({"v": value})


# -- PowerShell ------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", NO_OPTIONS)
def test_a_value_is_one_string_of_powershell(value):
    ready = prepared("Restart-Service -Name {{ v }} -Force", Kind.POWERSHELL)
    try:
        text = ready.render({"v": value})
    except ValueRefusedError:
        assert any(quote in value for quote in '"\u201c\u201d\u201e') or value.endswith("\\")
        return
    inside = text.removeprefix("Restart-Service -Name '").removesuffix("' -Force")
    pieces = inside
    for quote in "'\u2018\u2019\u201a\u201b":
        assert pieces.count(quote) % 2 == 0
        pieces = pieces.replace(quote * 2, quote)
    assert pieces == value


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("Get-Item '{{ v }}'", "in quotes"),
        ('Get-Item "{{ v }}"', "in quotes"),
        ("Get-Item \u2018{{ v }}\u2019", "in quotes"),
        ("Get-Item @'\n{{ v }}\n'@", "here-string"),
        ("Get-Item # {{ v }}", "a comment"),
        ("Get-Item <# {{ v }} #>", "a comment"),
        ("Get-Item C:\\{{ v }}", "glued"),
        ("Get-Item {{ v }}.txt", "glued"),
        ("Get-Item ${{ v }}", "glued"),
        ("iex {{ v }}", "reads code"),
        ("Invoke-Expression -Command {{ v }}", "reads code"),
        ("powershell.exe -Command {{ v }}", "reads code"),
        ("cmd /c {{ v }}", "reads code"),
        ("iex `\n  {{ v }}", "reads code"),
        ("[scriptblock]::Create({{ v }})", "reads code"),
    ],
)
def test_a_value_stands_where_powershell_takes_it_whole(command, told):
    (mistake,) = prepared(command, Kind.POWERSHELL).mistakes
    assert told in mistake.message


@pytest.mark.parametrize(
    "command",
    [
        "Get-Item {{ v }}",
        "Get-Item -Path {{ v }} | Remove-Item",
        "$x = {{ v }}; Get-Item $x",
        "Get-Item ({{ v }})",
        "Get-Item 'it''s' {{ v }} \"`\"\" {{ v }}",
        "Restart-Service {{ v }} # done",
    ],
)
def test_these_are_places_for_a_value(command):
    assert prepared(command, Kind.POWERSHELL).mistakes == ()


def test_only_a_pattern_lets_a_value_name_the_program():
    ready = prepared("& {{ v }} -x", Kind.POWERSHELL)
    with pytest.raises(ValueRefusedError, match="needs a pattern"):
        ready.render({"v": "tool"})
    assert ready.render({"v": Patterned("tool")}) == "& 'tool' -x"
