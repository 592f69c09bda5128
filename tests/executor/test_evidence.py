"""Conditions of steps over what triage gathered."""

import pytest

from services.executor.progress import begin
from shared.lifecycle import STEP_ENDED, StepState
from tests.executor.sessions import NOW, session, step


@pytest.mark.parametrize(
    ("when", "evidence", "ended"),
    [
        ("evidence.disk_free < 10", {"disk_free": 3.5}, None),
        ("evidence.disk_free < 10", {"disk_free": 63}, StepState.SKIPPED),
        ("evidence.disk_free < 10", {}, StepState.FAILED),
        ("has(evidence.disk_free) && evidence.disk_free < 10", {}, StepState.SKIPPED),
        ('"/srv" in evidence.mounts', {"mounts": ["/", "/srv"]}, None),
        ("evidence.mounts[3] == '/'", {"mounts": ["/"]}, StepState.FAILED),
        ("10 / evidence.disk_free > 1", {"disk_free": 0}, StepState.FAILED),
    ],
)
def test_a_branch_depends_on_evidence(when, evidence, ended):
    planned = session(step("a", when=when), evidence=evidence)
    move = begin(planned, "me", NOW, source_resolved=False)
    state = move.session.run("a").state
    assert state is ended if ended else state not in STEP_ENDED
