"""handrail.yaml, and its mistakes."""

import pytest

from shared.config import Config, LocalTarget, SshTarget, load_config
from shared.yamlsource import SourceError

GOOD = """\
sources:
  alertmanager:
    bearer: {env: ALERTMANAGER_TOKEN}
  grafana:
    basic: {username: grafana, password: {file: /run/secrets/grafana}}
people:
  - {name: Ann, email: ann@example.com}
  - {name: Bob, email: bob@example.com}
targets:
  here: {connector: local}
  web-1:
    connector: ssh
    host: web-1.example.com
    user: handrail
    host_key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA
    key: {file: /run/secrets/web-1}
prometheus:
  default: {url: "http://prometheus.example.com:9090"}
  other: {url: "https://other.example.com", bearer: {env: OTHER_TOKEN}}
"""


@pytest.fixture
def load(tmp_path):
    """A configuration out of its text."""

    def from_text(text):
        path = tmp_path / "handrail.yaml"
        path.write_text(text)
        return load_config(path)

    return from_text


def test_a_good_file_is_read(load):
    config = load(GOOD)
    assert config.sources["grafana"].basic.username == "grafana"
    assert [person.name for person in config.people] == ["Ann", "Bob"]
    assert isinstance(config.targets["here"], LocalTarget)
    assert isinstance(config.targets["web-1"], SshTarget)
    assert config.targets["web-1"].port == 22
    assert str(config.prometheus["default"].url) == "http://prometheus.example.com:9090/"


def test_no_file_is_an_empty_configuration():
    assert load_config(None) == Config()


SSH = "{connector: ssh, host: h, user: u, host_key: ssh-ed25519 AAAA, password: {env: P}}"


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ("sources:\n  am: {}\n", "2:3", "name one: bearer or basic"),
        (
            "sources:\n  am:\n    bearer: {env: A}\n    basic: {username: u, password: {env: B}}\n",
            "2:3",
            "name one: bearer or basic",
        ),
        ("sources:\n  am:\n    bearer: hunter2\n", "3:5", "a secret is not written here"),
        ("sources:\n  am:\n    bearer: {env: A, file: b}\n", "3:5", "name one place"),
        ("sources:\n  am:\n    barer: {env: A}\n", "3:5", "there is no such field"),
        ("sourcs: {}\n", "1:1", "there is no such field"),
        (
            "people:\n  - {name: A, email: a@b.c}\n  - {name: B, email: A@B.C}\n",
            "1:1",
            "a@b.c is there twice",
        ),
        ("people:\n  - {name: A, email: nobody}\n", "2:15", "has to match"),
        ('people:\n  - {name: A, email: "a@b.c, d@e.f"}\n', "2:15", "has to match"),
        ("people:\n  - {name: A}\n", "2:5", "people.0.email: is missing"),
        ("targets:\n  t: {connector: telnet}\n", "2:3", "'local', 'sql', 'ssh'"),
        ("targets:\n  t: {host: h}\n", "2:3", "connector"),
        (
            "targets:\n  t: {connector: ssh, host: h, user: u, host_key: a b}\n",
            "2:3",
            "a key, a password or an agent is",
        ),
        (f"targets:\n  t: {SSH.replace('ssh-ed25519 AAAA', 'AAAA')}\n", "2:41", "a type and a key"),
        (f"targets:\n  t: {SSH.replace('user: u', 'port: 0')}\n", "2:32", "has to be 1 or more"),
        ("prometheus:\n  default: {url: ftp://p}\n", "2:13", "a URL that begins with"),
        (
            "prometheus:\n  a: {url: 'http://a'}\n  b: {url: 'http://b'}\n",
            "1:1",
            "one must be called `default`",
        ),
    ],
)
def test_each_mistake_is_told_with_its_line_and_column(load, text, place, reason):
    with pytest.raises(SourceError) as caught:
        load(text)
    found = [f"{p.line}:{p.column}" for p in caught.value.problems if reason in p.message]
    assert found == [place], str(caught.value)


def test_a_secret_that_was_written_into_the_file_is_not_repeated(load):
    with pytest.raises(SourceError) as caught:
        load("sources:\n  am:\n    bearer: hunter2\n")
    assert "hunter2" not in str(caught.value)
