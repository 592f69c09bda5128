"""The states, against the design's own words."""

from itertools import product

import pytest

from shared.lifecycle import (
    SESSION_ENDED,
    STEP_ENDED,
    TICKET_ENDED,
    ApprovalState,
    SessionState,
    StepState,
    TicketState,
    may_become,
)

# Of each state, those that may follow it.
TICKET = {
    "new": "triaged planned closed resolved escalated reopened",
    "triaged": "planned closed resolved escalated reopened",
    "planned": "in_progress verifying resolved escalated",
    "in_progress": "verifying resolved escalated",
    "verifying": "resolved escalated",
    "escalated": "planned in_progress resolved",
    "resolved": "closed reopened",
    "closed": "reopened",
    "reopened": "triaged planned closed resolved escalated",
}
SESSION = {
    "planned": "running waiting succeeded failed cancelled",
    "running": "waiting succeeded failed cancelled",
    "waiting": "running succeeded failed cancelled",
    "succeeded": "",
    "failed": "",
    "cancelled": "",
}
STEP = {
    "pending": "awaiting_approval ready running skipped succeeded failed",
    "awaiting_approval": "ready rejected expired skipped succeeded",
    "ready": "running skipped awaiting_approval failed",
    "running": "running ready succeeded failed unknown",
    "succeeded": "rolled_back",
    "failed": "",
    "unknown": "ready succeeded failed",
    "skipped": "",
    "rejected": "",
    "expired": "",
    "rolled_back": "",
}
APPROVAL = {
    "pending": "approved rejected expired superseded",
    "approved": "superseded",
    "rejected": "",
    "expired": "",
    "superseded": "",
}
MACHINES = [
    (TicketState, TICKET),
    (SessionState, SESSION),
    (StepState, STEP),
    (ApprovalState, APPROVAL),
]


@pytest.mark.parametrize(
    ("state", "target", "allowed"),
    [
        (state, target, target in table[state].split())
        for kind, table in MACHINES
        for state, target in product(kind, kind)
    ],
)
def test_a_state_may_become_exactly_what_the_table_says(state, target, allowed):
    assert may_become(state, target) is allowed


@pytest.mark.parametrize(("kind", "table"), MACHINES)
def test_the_tables_name_every_state(kind, table):
    assert set(table) == {state.value for state in kind}


@pytest.mark.parametrize(
    ("state", "target"),
    [
        (TicketState.NEW, SessionState.RUNNING),
        (StepState.PENDING, ApprovalState.APPROVED),
        (ApprovalState.PENDING, StepState.EXPIRED),
        (SessionState.PLANNED, StepState.RUNNING),
    ],
)
def test_a_state_never_becomes_one_of_another_kind(state, target):
    assert not may_become(state, target)


@pytest.mark.parametrize(
    ("ended", "table"),
    [(SESSION_ENDED, SESSION), (STEP_ENDED, STEP | {"succeeded": "", "unknown": ""})],
)
def test_what_has_ended_is_exactly_what_nothing_follows(ended, table):
    assert {state.value for state in ended} == {name for name, after in table.items() if not after}


def test_a_ticket_that_has_ended_can_only_be_closed_or_come_back():
    after = {name for state in TICKET_ENDED for name in TICKET[state].split()}
    assert after == {"closed", "reopened"}
