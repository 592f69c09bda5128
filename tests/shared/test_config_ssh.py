"""Hosts over SSH in handrail.yaml."""

import pytest
from pydantic import ValidationError

from shared.config import SshTarget, load_config
from shared.config.targets.ssh import Sudo
from shared.yamlsource import SourceError

SECTION = {"connector": "ssh", "host": "web-1", "user": "deploy"}
KEY = {"key": {"env": "KEY"}}
HOST_KEY = {"host_key": "ssh-ed25519 AAAA"}


@pytest.mark.parametrize(
    "fields",
    [
        KEY | HOST_KEY,
        {"password": {"env": "PASSWORD"}} | HOST_KEY,
        {"agent": True} | HOST_KEY,
        KEY | {"known_hosts": "/etc/ssh/ssh_known_hosts"},
        KEY | HOST_KEY | {"certificate": {"file": "key-cert.pub"}, "via": "bastion"},
    ],
)
def test_what_a_host_may_say(fields):
    assert SshTarget.model_validate(SECTION | fields).sudo_as is None


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (KEY, "one of host_key and known_hosts is needed"),
        (KEY | HOST_KEY | {"known_hosts": "known"}, "one of host_key and known_hosts is needed"),
        (KEY | {"host_key": "AAAA"}, "a host key has a type and a key"),
        (HOST_KEY, "a key, a password or an agent is needed"),
        (HOST_KEY | {"agent": True, "certificate": {"env": "C"}}, "a certificate is of a key"),
        (KEY | HOST_KEY | {"sudo": {"user": "a b"}}, "String should match pattern"),
        (KEY | HOST_KEY | {"sudo": {"user": "-i"}}, "String should match pattern"),
        (KEY | HOST_KEY | {"sudo": {"password": "horse"}}, "a secret is not written here"),
    ],
)
def test_what_a_host_may_not_say_is_told(fields, said):
    with pytest.raises(ValidationError, match=said):
        SshTarget.model_validate(SECTION | fields)


def test_sudo_is_roots_unless_it_says_otherwise():
    assert SshTarget.model_validate(SECTION | KEY | HOST_KEY | {"sudo": True}).sudo_as == Sudo()
    other = SshTarget.model_validate(SECTION | KEY | HOST_KEY | {"sudo": {"user": "postgres"}})
    assert other.sudo_as == Sudo(user="postgres")


@pytest.mark.parametrize(
    ("via", "said"),
    [
        ({"a": "b"}, r"5:.*'b' is no ssh target; there are: a, c"),
        ({"a": "here"}, r"5:.*'here' is no ssh target; there are: a, c"),
        ({"a": "a"}, "5:.*leads back to the target itself"),
        ({"a": "c", "c": "a"}, "5:.*leads back to the target itself"),
    ],
)
def test_a_way_that_leads_nowhere_is_told_with_its_place(tmp_path, via, said):
    hosts = "".join(
        f"  {name}:\n    connector: ssh\n    host: {name}\n    via: {via.get(name) or 'null'}\n"
        f"    user: deploy\n    host_key: ssh-ed25519 AAAA\n    key: {{env: KEY}}\n"
        for name in ("a", "c")
    )
    path = tmp_path / "handrail.yaml"
    path.write_text(f"targets:\n{hosts}  here:\n    connector: local\n")
    with pytest.raises(SourceError, match=said):
        load_config(path)
