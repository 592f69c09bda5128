"""What ``handrail up`` says when all is ready: where things are, and what is not configured."""

import json

from deploy.connection import shown
from deploy.doctor import unconfigured
from deploy.output import add, console, say, table
from deploy.up import Running
from shared.config import load_config

_DOES = {
    "ingest": "takes webhooks in",
    "triage": "judges tickets",
    "planner": "makes plans from runbooks",
    "executor": "runs the steps",
    "notifier": "asks for approvals",
    "verifier": "checks that the problem is gone",
    "console": "serves the API (/api/docs), records the timelines",
}

_FIRST_ALERT = {
    "version": "4",
    "groupKey": "hello",
    "status": "firing",
    "receiver": "handrail",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "HelloHandrail", "severity": "info", "instance": "here"},
            "annotations": {"summary": "My first alert"},
        },
    ],
}


def report(running: Running, *, seconds: float, environment: dict[str, str]) -> None:
    """Print it all for the person who started it."""
    run, home = running.run, running.home
    parts = table("part", "listens on", "does", "process")
    for name, service in run.services.items():
        add(parts, name, service.url, _DOES[name], str(service.pid))
    for name, url in (("nats-server", run.nats_url), ("mongod", run.mongo_url)):
        pid = run.servers.get(name)
        add(parts, name, shown(url), "started here" if pid else "was there", str(pid or ""))
    console().print(parts)
    say()
    for finding in unconfigured(load_config(run.config), environment, home):
        say(f"{finding.what}: {finding.told}", style="yellow")
    say(f"\nsettings  {run.config}\nlogs      {home.logs}")
    if run.config == home.starter_config:
        say("\nSend a first alert, then look at it with `handrail ticket list`:")
        say(first_alert(running))
    say(f"\nHandrail is ready after {seconds:.1f} s. Ctrl-C stops it.", style="bold green")


def first_alert(running: Running) -> str:
    """One line for a shell that posts what an Alertmanager would."""
    url = f"{running.run.services['ingest'].url}/webhooks/alertmanager"
    body = json.dumps(_FIRST_ALERT, separators=(",", ":"))
    return (
        f'curl -fsS -H "Authorization: Bearer $(cat {running.home.token_file})" '
        f"-H 'Content-Type: application/json' {url} -d '{body}'"
    )
