"""Facts that the tests begin with: a high-risk restart on a test machine, on a Monday at noon."""

from dataclasses import replace
from datetime import UTC, datetime

from shared.config.policy import PolicyConfig
from shared.lifecycle import Effect, Risk, Severity
from shared.policy.facts import (
    Facts,
    HistoryFacts,
    RunbookFacts,
    StepFacts,
    TargetFacts,
    TicketFacts,
)
from shared.policy.policy import Policy
from shared.policy.terms import Author

MONDAY_NOON = datetime(2030, 1, 7, 12, 0, tzinfo=UTC)
TEAMS = {
    "dba": ("ann@example.org", "bob@example.org"),
    "web": ("bob@example.org", "cy@example.org"),
}

FACTS = Facts(
    ticket=TicketFacts(
        name="TargetDown",
        source="alertmanager",
        title="web-1 is down",
        severity=Severity.P2,
        labels={"job": "web", "env": "test"},
        resource="web-1",
        count=3,
        flapping=False,
    ),
    runbook=RunbookFacts(
        name="restart-service", version="9f", labels={"team": "web"}, proposed_by=Author.PERSON
    ),
    step=StepFacts(
        id="restart",
        uses="ssh",
        risk=Risk.HIGH,
        effect=Effect.IDEMPOTENT,
        command="systemctl restart web",
        others=("systemctl is-active web",),
        action="",
    ),
    target=TargetFacts(name="web-1", connector="ssh", labels={"tier": "1"}, environment="test"),
    history=HistoryFacts(
        runs=20,
        verified=20,
        failed=0,
        failed_in_a_row=0,
        on_target_last_hour=0,
        runbook_last_hour=0,
    ),
    now=MONDAY_NOON,
)


def facts(**parts) -> Facts:
    """The facts with some changed: ``facts(step={"risk": None}, stopped="why")``."""
    changed = {
        name: replace(getattr(FACTS, name), **part) if isinstance(part, dict) else part
        for name, part in parts.items()
    }
    return replace(FACTS, **changed)


def policy(*rules, **said) -> Policy:
    """A policy of these rules; those without a name are called by their place."""
    named = [{"name": f"rule-{at}", **rule} for at, rule in enumerate(rules, 1)]
    return Policy(PolicyConfig.model_validate({"rules": named, **said}), TEAMS)
