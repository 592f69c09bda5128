"""Which groups an alert's ticket may belong to."""

import pytest

from services.ingest.correlation.rules import Correlating, in_common, service_of
from shared.config.correlation import CorrelationRule
from tests.ingest.correlating import alert, rule


def key(said, *args, **labels):
    (one,) = Correlating((said,)).memberships(alert(*args, **labels))
    return one.key


@pytest.mark.parametrize(
    ("said", "groups"),
    [
        ({}, ["same-node"]),
        ({"when": 'labels.node == "n7"'}, ["same-node"]),
        ({"when": 'labels.node == "n8"'}, []),
        ({"when": "labels.gone == 1"}, []),
        ({"by": ["labels.node", "labels.zone"]}, []),
        ({"by": "labels.node.size()"}, ["same-node"]),
        ({"by": "labels.node + 1"}, []),
        ({"by": "resource"}, []),
        ({"by": "service"}, []),
        ({"of": ['name == "Disk"', 'name == "Load"']}, ["same-node"]),
        ({"of": ['name == "Other"', 'name == "Load"']}, []),
    ],
)
def test_a_rule_is_about_an_alert_when_its_condition_holds_and_all_values_are_there(said, groups):
    found = Correlating((rule(**said),)).memberships(alert("Disk"))
    assert [one.rule for one in found] == groups


def test_groups_come_in_the_order_of_the_rules():
    rules = [rule(name="b", by="name"), rule(name="a"), rule(name="c", by="source")]
    found = Correlating(rules).memberships(alert("Disk"))
    assert [one.rule for one in found] == ["b", "a", "c"]


def test_the_conditions_that_an_alert_meets_are_its_parts():
    said = rule(of=['name == "Load"', 'name == "Disk"', 'labels.node == "n7"'])
    (one,) = Correlating((said,)).memberships(alert("Disk"))
    assert one.parts == (1, 2)


def test_what_has_the_same_values_has_the_same_key_and_nothing_else_has():
    same = key(rule(), "Disk")
    assert key(rule(), "Load", other="label") == same
    assert key(rule(), "Disk", node="n8") != same
    assert key(rule(name="other"), "Disk") != same
    assert key(rule(of=['name == "Disk"', "true"]), "Disk") != same


def test_values_do_not_run_into_each_other():
    by = rule(by=["labels.node", "labels.zone"])
    assert key(by, "Disk", node="a", zone="bc") != key(by, "Disk", node="ab", zone="c")


@pytest.mark.parametrize(
    ("labels", "service"),
    [
        ({"service": "shop", "app": "x", "job": "y"}, "shop"),
        ({"app": "shop", "job": "y"}, "shop"),
        ({"job": "shop", "component": "y"}, "shop"),
        ({"component": "shop"}, "shop"),
        ({"service": "", "job": "shop"}, "shop"),
        ({"team": "shop"}, ""),
    ],
)
def test_the_service_is_the_first_of_the_labels_that_name_one(labels, service):
    assert service_of(alert("Disk", **labels)) == service


def test_what_a_group_has_in_common_is_said_in_its_own_words():
    said = CorrelationRule(name="a", by=("labels.node", "service"))
    assert in_common(said, alert("Disk", job="shop")) == "labels.node = n7, service = shop"


def test_a_value_that_is_too_long_to_be_read_is_cut():
    assert len(in_common(rule(), alert("Disk", node="n" * 5000))) < 150
