"""Which target a step means, as a table."""

import pytest

from shared.config.targets import LocalTarget
from shared.targets.resolving import UnresolvedTargetError, resolved


def target(**fields):
    return LocalTarget(connector="local", **fields)


TARGETS = {
    "web-1": target(aliases=["10.0.0.5:*", "web-1.example.com"]),
    "web-2": target(aliases=["10.0.0.6", "*.two.example.com"]),
    "prod": target(match={"cluster": "prod-*", "namespace": "*"}),
    "db": target(match={"job": "postgres"}),
    "replica": target(aliases=["db-*"]),
    "mirror": target(aliases=["db-2"]),
    "ten.0.0.7": target(),
}


@pytest.mark.parametrize(
    ("named", "labels", "meant"),
    [
        ("web-1", {}, "web-1"),
        ("10.0.0.5:9100", {}, "web-1"),
        ("web-1.example.com", {}, "web-1"),
        ("web-1.example.com:9100", {}, "web-1"),
        ("10.0.0.6:22", {}, "web-2"),
        ("10.0.0.6", {}, "web-2"),
        ("a.two.example.com", {}, "web-2"),
        ("db-1", {}, "replica"),
        ("prod-eu", {"cluster": "prod-eu", "namespace": "shop"}, "prod"),
        ("shop", {"cluster": "prod-eu", "namespace": "shop"}, "prod"),
        ("postgres", {"job": "postgres", "instance": "10.9.9.9:1"}, "db"),
    ],
)
def test_a_step_means_one_target(named, labels, meant):
    assert resolved(named, TARGETS, labels) == meant


@pytest.mark.parametrize(
    ("named", "labels", "reason"),
    [
        ("10.0.0.55:9100", {}, "no target 10.0.0.55:9100"),
        ("WEB-1", {}, "no target WEB-1"),
        ("db-2", {}, "any of the targets mirror, replica"),
        ("shop", {"namespace": "shop"}, "no target shop"),
        # The alert is about db, and says nothing of what the step names.
        ("10.9.9.9", {"job": "postgres", "instance": "10.9.9.9:1"}, "no target 10.9.9.9"),
        ("web-9", {"job": "postgres"}, "no target web-9"),
        ("", {}, "no target"),
    ],
)
def test_what_means_none_or_several_is_said(named, labels, reason):
    with pytest.raises(UnresolvedTargetError, match=reason):
        resolved(named, TARGETS, labels)


@pytest.mark.parametrize(("alias", "named"), [("fe80::1", "[fe80::1]:22"), ("h", "h:1")])
def test_a_port_does_not_hide_a_host(alias, named):
    assert resolved(named, {"a": target(aliases=[alias])}, {}) == "a"


def test_an_address_of_six_is_not_cut_at_its_last_group():
    with pytest.raises(UnresolvedTargetError):
        resolved("fe80::1:22", {"a": target(aliases=["fe80::1"])}, {})
