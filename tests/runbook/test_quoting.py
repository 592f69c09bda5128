"""Hostile values, handed to a real shell, a URL and a query."""

import json
import re
import subprocess
from urllib.parse import unquote, urlsplit

import pytest

from shared.runbook import quoting
from shared.runbook.placing import Kind, Patterned, prepared
from shared.runbook.quoting import ValueRefusedError

HOSTILE = [
    "plain",
    "",
    " ",
    "two words",
    "tab\tinside",
    " leading and trailing ",
    "$(touch pwned)",
    "`touch pwned`",
    "${HOME}",
    "$HOME",
    "$((1+1))",
    "; touch pwned",
    "&& touch pwned",
    "|| touch pwned",
    "| touch pwned",
    "& touch pwned &",
    "> pwned",
    ">> pwned",
    "< /etc/passwd",
    "2>pwned",
    "<(touch pwned)",
    "'; touch pwned; '",
    '"; touch pwned; "',
    "'\"'\"'",
    "it's",
    'say "hi"',
    "\\",
    "\\\\",
    "\\'; touch pwned #",
    "a\\nb",
    "# comment",
    "*",
    "?",
    "[a-z]*",
    "~",
    "~root",
    "!!",
    "!history",
    "{a,b}",
    "{1..9}",
    "PATH=/tmp",
    "if",
    "done",
    "()",
    "() { :; }; touch pwned",
    "%s%n%d",
    "%00",
    "../../etc/passwd",
    "{{ labels }}",
    "{% raw %}",
    "naïve ünïcode 漢字 🔥",
    "\xa0",
    "a" * 4000,
]

LINES = "printf '[%s]' {{ v }} end"


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_value_arrives_byte_for_byte_as_one_argument(value, tmp_path):
    command = prepared(LINES, Kind.COMMAND).render({"v": value})
    ran = subprocess.run(
        ["/bin/sh", "-c", command], cwd=tmp_path, capture_output=True, timeout=10, check=True
    )
    assert ran.stdout == b"[" + value.encode() + b"][end]"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", ["-rf", "--", "-", "--help", "-o ProxyCommand=x"])
def test_a_value_that_looks_like_an_option_is_refused_without_a_pattern(value, tmp_path):
    template = prepared(LINES, Kind.COMMAND)
    with pytest.raises(ValueRefusedError, match="read as an option"):
        template.render({"v": value})
    command = template.render({"v": Patterned(value)})
    ran = subprocess.run(["/bin/sh", "-c", command], capture_output=True, timeout=10, check=True)
    assert ran.stdout.decode() == f"[{value}][end]"


@pytest.mark.parametrize(
    "value",
    [
        "a\nb",
        "a\r",
        "a\x00b",
        "a\x0b",
        "a\x0cb",
        "a\x85b",
        "a\u2028b",
        "\x1b[2Kfake",
        "\x7f",
        "systemctl \u202etratser",
        "\u2066x",
        "\udcff",
        "x" * 5000,
    ],
)
@pytest.mark.parametrize("kind", list(Kind))
def test_a_value_with_line_breaks_or_control_characters_goes_nowhere(value, kind):
    template = {
        Kind.URL: "http://host/{{ v }}",
        Kind.QUERY: 'up{job="{{ v }}"}',
    }.get(kind, "echo {{ v }}")
    with pytest.raises(ValueRefusedError):
        prepared(template, kind).render({"v": Patterned(value)})


@pytest.mark.parametrize("value", [value for value in HOSTILE if value])
def test_a_value_stays_one_piece_of_a_url(value):
    url = prepared("http://host/a/{{ v }}/b?c=d", Kind.URL).render({"v": value})
    parts = urlsplit(url)
    assert (parts.hostname, parts.query) == ("host", "c=d")
    assert [unquote(piece) for piece in parts.path.split("/")] == ["", "a", value, "b"]


@pytest.mark.parametrize("value", ["host@evil", "evil/#", "a b", "evil:80@"])
def test_a_value_in_the_host_of_a_url_cannot_name_another_host(value):
    rendered = prepared("http://{{ v }}.internal/", Kind.URL).render({"v": value})
    assert urlsplit(rendered).netloc.endswith(".internal")
    assert "@" not in rendered


@pytest.mark.parametrize(
    "url",
    ["ftp://host/", "http://", "javascript:alert(1)", "//host", "http://a b/", "http://h:99999/"],
)
def test_what_is_no_http_url_is_refused(url):
    with pytest.raises(ValueRefusedError):
        quoting.as_url(url)


def test_a_url_that_carries_a_password_is_refused_without_repeating_it():
    with pytest.raises(ValueRefusedError) as refused:
        quoting.as_url("https://user:hunter2@host/")
    assert "hunter2" not in str(refused.value)


def test_a_url_that_begins_with_a_value_needs_a_pattern():
    template = prepared("{{ url }}/health", Kind.URL)
    assert list(template.guarded.values()) == ["begins the URL"]
    assert template.render({"url": Patterned("http://h:80")}) == "http://h:80/health"
    with pytest.raises(ValueRefusedError, match="needs a pattern"):
        template.render({"url": "http://h:80"})


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_cannot_leave_its_string_in_a_query(value):
    query = prepared('up{job="{{ v }}"}', Kind.QUERY).render({"v": value})
    assert _in_quotes(query) == value


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_in_a_regular_expression_matches_only_itself(value):
    query = prepared('up{job=~"{{ v }}:.*"}', Kind.QUERY).render({"v": value})
    pattern = _in_quotes(query)
    assert re.fullmatch(pattern, f"{value}:9100")
    assert not re.fullmatch(pattern, "another:9100")


def _in_quotes(query: str) -> str:
    """The string of a query, read as PromQL does; its escapes are those of JSON."""
    return json.loads(query[query.index('"') : query.rindex('"') + 1], strict=True)


@pytest.mark.parametrize(
    ("query", "placed"),
    [
        ('up{job="{{ v }}"}', True),
        ("up{job='x', y=\"a {{ v }} b\"}", True),
        ('up{job="\\"{{ v }}"}', True),
        ("up{job='{{ v }}'}", False),
        ("up{job=`{{ v }}`}", False),
        ("up{job={{ v }}}", False),
        ("{{ v }}", False),
        ('up{job="x"} > {{ v }}', False),
        ('up # "{{ v }}"', False),
        ('up{job="\\{{ v }}"}', False),
    ],
)
def test_a_placeholder_in_a_query_stands_inside_double_quotes(query, placed):
    assert (prepared(query, Kind.QUERY).mistakes == ()) is placed


@pytest.mark.parametrize("name", ["", "web 1", "web\t1", "web-1 "])
def test_a_target_is_a_name(name):
    with pytest.raises(ValueRefusedError):
        prepared("{{ v }}", Kind.NAME).render({"v": name})
