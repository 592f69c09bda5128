"""How long 10,000 old alerts take through rules, runbooks and policy."""

import random
import statistics
import time
from datetime import UTC, datetime, timedelta

from deploy.backtest import run
from deploy.backtest.past import Past
from deploy.backtest.version import Version
from services.ingest.history.imported import Imported
from services.ingest.ticket import fingerprint
from shared.config import Config
from shared.events import Alert, AlertStatus
from shared.lifecycle import Severity
from shared.policy.policy import Policy
from shared.runbook import Library, parse_runbook
from tests.bench.measure import Measure

ALERTS = 10_000
RUNBOOKS = 100
RUNS = 3
_START = datetime(2026, 3, 1, tzinfo=UTC)
_RUNBOOK = """\
apiVersion: handrail/v1
kind: Runbook
metadata: {{name: service-{at}, title: Restart service {at}, labels: {{area: web}}}}
description: A service does not answer. It is looked at and restarted.
match:
  alerts: [Service{at}Down, "*{at}Broken"]
  when: 'severity in ["P1", "P2", "P3"] && labels.job != ""'
params:
  service: {{from: labels.job, required: true, pattern: '[a-z0-9-]+'}}
  host: {{from: labels.instance, strip_port: true}}
steps:
  - {{id: look, uses: ssh, target: "{{{{ host }}}}", run: "systemctl is-active {{{{ service }}}}",
     risk: low, effect: read_only, on_failure: continue}}
  - id: restart
    needs: [look]
    when: 'steps.look.exit_code != 0'
    uses: ssh
    target: "{{{{ host }}}}"
    run: "systemctl restart {{{{ service }}}}"
    risk: high
    effect: idempotent
verify:
  - {{uses: ssh, target: "{{{{ host }}}}", run: "systemctl is-active {{{{ service }}}}"}}
"""


def version() -> Version:
    """Runbooks, hosts, and some rules of every kind."""
    host = {"connector": "ssh", "host": "h", "user": "u", "host_key": "ssh-ed25519 AAAA"}
    config = Config.model_validate(
        {
            "triggers": [
                {"name": "quiet", "when": 'labels.team == "lab"', "open": False},
                {"name": "all", "when": "true", "open": True},
            ],
            "maintenance": [
                {
                    "name": "nightly",
                    "matchers": ["job=service-7"],
                    "rrule": "FREQ=DAILY;BYHOUR=2;BYMINUTE=0;BYSECOND=0",
                    "reason": "backups",
                    "starts": "2026-01-01T02:00:00",
                    "timezone": "Europe/Berlin",
                    "duration": "1h",
                }
            ],
            "correlation": [{"name": "node", "by": ["labels.node"], "within": "5m"}],
            "targets": {
                f"web-{at}": {**host, "password": {"env": "PATH"}, "environment": "production"}
                for at in range(200)
            },
            "policy": {
                "rules": [
                    {"name": "looks", "when": 'step.effect == "read_only"', "auto": True},
                    {"name": "weekend", "when": "time.weekend", "require": 2},
                    {"name": "known", "when": 'ticket.labels.tier == "test"', "auto": True},
                ],
                "caps": {"per_target_per_hour": 20},
            },
        }
    )
    runbooks = tuple(
        parse_runbook(_RUNBOOK.format(at=at), file=f"{at}.yaml") for at in range(RUNBOOKS)
    )
    assert not isinstance(config.policy, str)
    return Version(config, Policy.of(config.policy, {}), Library(runbooks))


def history(number: int) -> Past:
    """Alerts of a week on many hosts, two thirds of which fire; always the same."""
    draw = random.Random(7)
    past = Past()
    past.add(_imported(draw, at) for at in range(number))
    return past


def _imported(draw: random.Random, at: int) -> Imported:
    which, host = draw.randrange(RUNBOOKS), draw.randrange(200)
    labels = {
        "job": f"service-{which}",
        "instance": f"web-{host}:9100",
        "node": f"n{host % 20}-{which}",
        "tier": draw.choice(["prod", "prod", "test"]),
        "team": draw.choice(["shop", "shop", "shop", "lab"]),
    }
    name = f"Service{which}Down" if draw.random() < 0.8 else f"Unknown{which}"
    status = AlertStatus.FIRING if draw.random() < 0.67 else AlertStatus.RESOLVED
    alert = Alert(
        source="alertmanager",
        name=name,
        status=status,
        fingerprint=fingerprint("alertmanager", name, labels),
        title=f"{name} on web-{host}",
        severity=draw.choice([*Severity, None]),
        resource=f"web-{host}",
        labels=labels,
    )
    return Imported(str(at), alert, _START + timedelta(seconds=draw.randrange(7 * 86_400)), "")


async def ten_thousand() -> list[Measure]:
    """Seconds for all of them, without reading the file."""
    taken = []
    now = version()
    for _ in range(RUNS):
        with history(ALERTS) as past:
            began = time.perf_counter()
            await run.backtest(past, now)
            taken.append(time.perf_counter() - began)
    return [Measure("backtest_10k_s", statistics.median(taken), "s", "< 60", runs=tuple(taken))]
