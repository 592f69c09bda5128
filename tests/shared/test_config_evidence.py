"""Evidence in handrail.yaml, and its mistakes."""

from datetime import timedelta

import pytest

from shared.config import load_config
from shared.config.evidence import CommandLook, HttpLook, PrometheusLook
from shared.yamlsource import SourceError

BEFORE = """\
targets:
  web-1: {connector: local}
prometheus:
  default: {url: 'http://127.0.0.1:9090'}
evidence:
"""
LINE = BEFORE.count("\n") + 1


@pytest.fixture
def load(tmp_path):
    """A configuration out of the text of its evidence."""

    def from_text(text):
        path = tmp_path / "handrail.yaml"
        path.write_text(BEFORE + text)
        return load_config(path)

    return from_text


def problems(load, text):
    with pytest.raises(SourceError) as caught:
        load(text)
    return caught.value.problems


def test_looks_are_read_in_their_order(load):
    evidence = load(
        "  within: 20s\n"
        "  looks:\n"
        "    - name: disk_free\n"
        "      when: 'labels.mountpoint != \"\"'\n"
        "      uses: prometheus\n"
        "      query: 'free{mountpoint=\"{{ labels.mountpoint }}\"}'\n"
        "      refutes: 'value * 2.0 > 40'\n"
        "      timeout: 2s\n"
        "    - {name: mount, uses: local, target: '{{ labels.instance }}',\n"
        "       run: 'df {{ labels.mountpoint }}', output: {regex: '(/\\S*)$'}}\n"
        "    - {name: page, uses: http, url: 'http://web/x/{{ labels.job }}?a={{ labels.b }}'}\n"
    ).evidence
    disk, mount, page = evidence.looks
    assert evidence.within == timedelta(seconds=20)
    assert isinstance(disk, PrometheusLook)
    assert (disk.name, disk.timeout) == ("disk_free", timedelta(seconds=2))
    assert isinstance(mount, CommandLook)
    assert mount.timeout == timedelta(seconds=5)
    assert isinstance(page, HttpLook)


def test_a_list_of_looks_is_short_for_them_all(load):
    evidence = load("  - {name: load, uses: local, target: web-1, run: uptime}\n").evidence
    assert [look.name for look in evidence.looks] == ["load"]
    assert evidence.within == timedelta(seconds=10)


PROM = "uses: prometheus, query: up"
RUN = "uses: local, target: web-1"
URL = "uses: http, url"


@pytest.mark.parametrize(
    ("look", "column", "reason"),
    [
        (f"name: Disk, {PROM}", 6, "has to match"),
        (f"name: a, {PROM}, timeout: 31s", 44, "is longer than 30s"),
        (f"name: a, {PROM}, timeout: 0s", 44, "must be longer than nothing"),
        (f"name: a, {PROM}, server: other", 44, "there is no other under `prometheus`"),
        (f"name: a, {PROM}, when: 'host == 1'", 44, "host is not known here"),
        (f"name: a, {PROM}, refutes: 'disk < 3'", 44, "disk is not known here: there are value"),
        (f"name: a, {PROM}, refutes: 'value <'", 44, "is no CEL expression"),
        (f"name: a, {PROM}, refutes: 'value < \"3\"'", 5, "`refutes`: its types do not go"),
        (f"name: a, {PROM}, confirms: 'value * 2 > 3'", 5, "`confirms`: its types do not go"),
        (f"name: a, {PROM}, refutes: 'value'", 5, "neither true nor false"),
        (f"name: a, {PROM}, label: job, refutes: 'value > 3'", 5, "types do not go together"),
        (f"name: a, {PROM}, all: true, refutes: 'value > 3'", 5, "types do not go together"),
        (f"name: a, {PROM}, output: {{regex: a}}", 44, "there is no such field"),
        ("name: a, uses: prometheus, query: 'up{a={{ labels.a }}}'", 33, "outside of quotes"),
        ("name: a, uses: prometheus, query: 'up{a=\"{{ job }}\"}'", 33, "job is not known here"),
        ("name: a, uses: sql, query: 'SELECT 1'", 5, "uses is one of"),
        ("name: a, query: up", 5, "the field uses is missing"),
        (f"name: a, {RUN}", 5, "run: is missing"),
        (f"name: a, {RUN}, run: '{{{{ labels.a }}}} -v'", 43, "names the program that is run"),
        (f"name: a, {RUN}, run: 'echo \"{{{{ labels.a }}}}\"'", 43, "quote"),
        (f"name: a, {RUN}, run: 'df {{{{ labels.a'", 43, "has no }}"),
        (f"name: a, {RUN}, run: 'df {{% if a %}}'", 43, "statements"),
        (f"name: a, {RUN}, run: df, output: {{}}", 52, "one of `regex` and `json`"),
        (f"name: a, {RUN}, run: df, output: {{regex: '('}}", 52, "`regex` cannot be used"),
        (f"name: a, {RUN}, run: df, output: {{json: 'a['}}", 52, "is no JMESPath"),
        ("name: a, uses: local, target: web-2, run: df", 28, "no web-2 under `targets`"),
        ("name: a, uses: ssh, target: web-1, run: df", 26, "web-1 is reached by local"),
        (f"name: a, {URL}: 'ftp://web/x'", 27, "is no http or https URL"),
        (f"name: a, {URL}: 'http://a:b@web/x'", 27, "a user or a password in it"),
        (f"name: a, {URL}: 'http://{{{{ labels.a }}}}/x'", 27, "part of the address"),
        (f"name: a, {URL}: 'http://web.{{{{ labels.a }}}}'", 27, "part of the address"),
        (f"name: a, {URL}: '{{{{ labels.a }}}}'", 27, "begins the URL"),
    ],
)
def test_a_mistake_is_told_at_its_place(load, look, column, reason):
    (problem,) = problems(load, f"  - {{{look}}}\n")
    assert (problem.line, problem.column) == (LINE, column), problem
    assert reason in problem.message


def test_a_query_needs_a_server_to_ask(tmp_path):
    path = tmp_path / "handrail.yaml"
    path.write_text("evidence:\n  - {name: a, uses: prometheus, query: up}\n")
    with pytest.raises(SourceError, match="2:5: there is no server under `prometheus`"):
        load_config(path)


def test_two_looks_of_one_name_are_refused(load):
    look = "  - {name: a, uses: local, target: web-1, run: df}\n"
    (problem,) = problems(load, look + look)
    assert "the name 'a' is there twice" in problem.message


def test_all_looks_together_do_not_keep_a_ticket_waiting_for_minutes(load):
    (problem,) = problems(load, "  within: 2m\n")
    assert "is longer than 1m" in problem.message
