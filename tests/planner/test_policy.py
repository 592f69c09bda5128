"""Who has to say yes."""

from datetime import timedelta

import pytest

from services.planner.policy import approval
from shared.lifecycle import Risk


@pytest.mark.parametrize(
    ("risk", "required"),
    [(Risk.LOW, 0), (Risk.MEDIUM, 1), (Risk.HIGH, 1), (Risk.CRITICAL, 2)],
)
def test_the_risk_says_how_many_people_have_to_agree(risk, required):
    rule = approval(risk, expires_after=timedelta(minutes=30))
    assert (rule.required, rule.expires_after) == (required, timedelta(minutes=30))
    assert risk.value in rule.reason
