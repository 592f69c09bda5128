"""What an approval is bound to."""

from datetime import timedelta
from uuid import UUID

import pytest

from shared.events import ApprovalRule, Retry
from shared.lifecycle import Effect, Risk
from tests.events.examples import SESSION, STEP


@pytest.mark.parametrize(
    "change",
    [
        {"id": "other"},
        {"uses": "local"},
        {"target": "web-2"},
        {"run": "systemctl restart web "},
        {"check": None},
        {"rollback": None},
        {"effect": Effect.ONCE},
        {"timeout": timedelta(seconds=61)},
        {"retry": Retry(attempts=3)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_thing_that_would_run_has_another_digest(change):
    assert STEP.model_copy(update=change).digest(SESSION) != STEP.digest(SESSION)


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Another title"},
        {"why": "another reason"},
        {"risk": Risk.LOW},
        {"approval": ApprovalRule(required=2, reason="more")},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_is_only_said_about_a_step_leaves_its_digest(change):
    assert STEP.model_copy(update=change).digest(SESSION) == STEP.digest(SESSION)


def test_the_same_step_in_another_session_has_another_digest():
    assert STEP.digest(UUID(int=1)) != STEP.digest(SESSION)


def test_a_digest_survives_the_way_over_the_bus():
    assert type(STEP).model_validate_json(STEP.model_dump_json()).digest(SESSION) == STEP.digest(
        SESSION
    )
