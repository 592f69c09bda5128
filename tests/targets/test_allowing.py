"""What a target lets be done on it, as a table."""

import pytest
from pydantic import ValidationError

from shared.config.targets import LocalTarget
from shared.config.targets.target import Allow
from shared.events import Late
from shared.lifecycle import Effect
from shared.targets.allowing import forbidden
from tests.executor.sessions import step

RESTART = {"commands": ["systemctl restart *", "uptime"]}
LOOK = {"effects": ["read_only"]}
ROLL = {"actions": ["rollout_*", "scale"]}


def said(allow, **fields):
    return forbidden(step(**fields), LocalTarget(connector="local", allow=allow))


@pytest.mark.parametrize(
    ("allow", "fields"),
    [
        (None, {"run": "rm -rf /"}),
        (RESTART, {"run": "systemctl restart shop"}),
        (RESTART, {"run": "uptime"}),
        (RESTART, {"run": "systemctl restart shop", "rollback": "systemctl restart old"}),
        (LOOK, {"run": "cat x", "effect": Effect.READ_ONLY}),
        (ROLL, {"uses": "kubernetes", "run": 'rollout_restart\nkind: "deployment"'}),
        (
            {"commands": ["UPDATE jobs SET *"]},
            {"uses": "sql", "run": 'UPDATE jobs SET a = (:p0)\n-- :p0 = "x;y"'},
        ),
    ],
)
def test_what_is_allowed_may_run(allow, fields):
    assert said(allow, **fields) is None


@pytest.mark.parametrize(
    ("allow", "fields", "reason"),
    [
        (RESTART, {"run": "systemctl stop shop"}, "does not include: systemctl stop shop"),
        (RESTART, {"run": "systemctl restart shop; rm -rf /"}, "does not include"),
        (RESTART, {"run": "systemctl restart $(rm -rf /)"}, "does not include"),
        (RESTART, {"run": "systemctl restart shop\nrm -rf /"}, "does not include"),
        (RESTART, {"run": "systemctl restart shop > /etc/passwd"}, "does not include"),
        (RESTART, {"run": "uptime", "rollback": "reboot"}, "does not include: reboot"),
        (RESTART, {"run": "uptime", "check": "reboot"}, "does not include: reboot"),
        (RESTART, {"uses": "kubernetes", "run": "scale\nto: 0"}, "only commands"),
        (LOOK, {"run": "cat x"}, "this one is once"),
        (LOOK, {"run": "cat x", "effect": Effect.READ_ONLY, "rollback": "rm x"}, "rolled back"),
        (ROLL, {"uses": "kubernetes", "run": "delete_pod\nname: 1"}, "delete_pod is not allowed"),
        (ROLL, {"run": "uptime"}, "only the actions rollout_*, scale"),
        ({"commands": ["UPDATE *"]}, {"uses": "sql", "run": "UPDATE a; DROP TABLE b"}, "include"),
    ],
)
def test_what_is_not_allowed_is_refused(allow, fields, reason):
    assert reason in said(allow, **fields)


def test_a_text_that_is_written_later_is_judged_later():
    late = Late(templates={"run": "systemctl restart {{ x }}"}, values={})
    assert said(RESTART, run="systemctl restart {{ x }}", late=late) is None


def test_an_empty_allowance_is_no_allowance():
    with pytest.raises(ValidationError, match="say commands, actions or effects"):
        Allow()
