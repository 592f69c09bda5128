"""Versions and small histories that the tests of backtests begin with."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from deploy.backtest import run
from deploy.backtest.past import Past
from deploy.backtest.version import Version
from services.ingest.history.imported import Imported
from services.ingest.ticket import fingerprint
from shared.config import Config
from shared.events import Alert, AlertStatus
from shared.lifecycle import Risk, Severity
from shared.policy.policy import Policy
from shared.runbook import Library
from tests.runbook.runbooks import named

START = datetime(2026, 3, 1, 10, tzinfo=UTC)
LOCAL = {"here": {"connector": "local"}}


def small(name="fix", alerts="[Down]", *, risk="low", when="", run="true", needs=""):
    """A runbook of one step for these alerts."""
    condition = f", when: '{when}'" if when else ""
    params = f"{{{needs}: {{from: labels.{needs}, required: true}}}}" if needs else "{}"
    made = named(name, f"{{alerts: {alerts}{condition}}}", params=params, run=run)
    steps = tuple(step.model_copy(update={"risk": Risk(risk)}) for step in made.content.steps)
    return replace(made, content=made.content.model_copy(update={"steps": steps}))


def version(*runbooks, policy=None, **config) -> Version:
    """What these settings say."""
    said = Config.model_validate({"targets": LOCAL, **config, "policy": policy or {}})
    return Version(said, Policy.of(said.policy, {}), Library(runbooks))


def told(minute, name="Down", host="web-1", *, over=False, **labels):
    """One old alert, so many minutes after the start."""
    own = {"host": host, **labels}
    alert = Alert(
        source="am",
        name=name,
        status=AlertStatus.RESOLVED if over else AlertStatus.FIRING,
        fingerprint=fingerprint("am", name, {"host": host}),
        variant="",
        title=f"{name} on {host}",
        severity=Severity.P2,
        labels=own,
    )
    at = START + timedelta(minutes=minute)
    return Imported(f"{at.isoformat()} {name} {host} {over}", alert, at, "")


async def report(history, now, before=None, **options):
    """The report of a backtest of these alerts."""
    with Past() as past:
        past.add(history)
        return await run.backtest(past, now, before, **options)


async def would(history, now, **options):
    return (await report(history, now, **options))["would"]
