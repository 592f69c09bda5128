"""A whole Handrail in processes of its own, with people, targets and a service to break."""

import asyncio
import contextlib
import inspect
import json
import os
import re
import signal
import sys
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import httpx
from pymongo import MongoClient

from deploy.ports import free_port
from deploy.services import PARTS
from services.console.chain import first_break
from services.console.store import entry_from

TOKEN = "flow-token"
SECRET = "a secret of the tests that is long enough"
REPO = Path(__file__).parents[2]

#: The runbook of the flows: a look, a dangerous step that counts itself, and a machine check.
RUNBOOK = """\
apiVersion: handrail/v1
kind: Runbook
metadata: {{name: flow, title: Bring the flow's service back}}
description: The service of the flow is down.
match: {{alerts: [FlowDown]}}
params:
  job: {{from: labels.job, required: true, pattern: '^[a-z0-9-]+$'}}
steps:
  - {{id: look, uses: local, target: here, run: 'test -e {work}/up', risk: low,
     effect: read_only, on_failure: continue}}
  - id: repair
    needs: [look]
    when: 'steps.look.exit_code != 0'
    uses: local
    target: here
    run: |
      echo {{{{ job }}}} >> {work}/ran
      echo begun
      while test -e {work}/hold; do sleep 0.05; done
      touch {work}/up
      echo ended
    risk: {risk}
    effect: once
    timeout: 60s
verify:
  - {{uses: local, target: here, run: 'test -e {work}/up', within: 20s, hold: {hold}}}
"""


def free_ports(names):
    """A port for each, no two the same."""
    ports = {}
    for name in names:
        ports[name] = free_port(0, beside=ports.values())
    return ports


@dataclass
class World:
    """The services as processes. Everything that is started is killed at the end."""

    work: Path
    nats_url: str
    mongo_url: str
    database: str
    extra: dict = field(default_factory=dict)
    ports: dict = field(default_factory=lambda: free_ports(PARTS))
    processes: dict = field(default_factory=dict)

    def __post_init__(self):
        self.mongo = MongoClient(self.mongo_url, uuidRepresentation="standard", tz_aware=True)
        self.db = self.mongo[self.database]
        self.http = httpx.AsyncClient(timeout=20)
        (self.work / "runbooks").mkdir(parents=True)
        self.write_runbook()
        self.write_config(here={"connector": "local"})

    def write_config(self, rules=None, **targets):
        config = {
            **(rules or {}),
            "sources": {"alertmanager": {"bearer": {"env": "FLOW_TOKEN"}}},
            "people": [{"name": "On call", "email": "oncall@example.com"}],
            "targets": targets,
        }
        (self.work / "handrail.yaml").write_text(json.dumps(config))

    def write_runbook(self, *, risk="high", hold="0s", text=RUNBOOK):
        filled = text.format(work=self.work, risk=risk, hold=hold)
        (self.work / "runbooks" / "flow.yaml").write_text(filled)

    @property
    def environment(self):
        ports = {PARTS[name].port_setting: str(port) for name, port in self.ports.items()}
        return {
            **os.environ,
            "HANDRAIL_HOME": str(self.work / "home"),
            "HANDRAIL_CONFIG": str(self.work / "handrail.yaml"),
            "HANDRAIL_RUNBOOKS": str(self.work / "runbooks"),
            "HANDRAIL_NATS_URL": self.nats_url,
            "HANDRAIL_MONGO_URL": self.mongo_url,
            "HANDRAIL_MONGO_DATABASE": self.database,
            "HANDRAIL_SECRET_KEY": SECRET,
            "HANDRAIL_PUBLIC_URL": f"http://127.0.0.1:{self.ports['notifier']}",
            "HANDRAIL_EXECUTOR_LEASE": "PT2S",
            "FLOW_TOKEN": TOKEN,
            **ports,
            **self.extra,
        }

    async def start(self, *names, label=None):
        """One process with these services; returns when all are ready."""
        label = label or names[0]
        output = self.work / f"{label}.log"
        log = output.open("ab")
        process = self.processes[label] = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "deploy.cli", "serve", *names),
            cwd=REPO,
            env=self.environment,
            stdout=log,
            stderr=log,
        )
        log.close()
        for name in names:
            await eventually(lambda name=name: process.returncode or self.ready(name), 90)
        assert process.returncode is None, output.read_text()[-2000:]

    async def start_all_but(self, *alone):
        """The services named each in a process of its own, all others together in one."""
        rest = [name for name in PARTS if name not in alone]
        async with asyncio.TaskGroup() as group:
            if rest:
                group.create_task(self.start(*rest, label="rest"))
            for name in alone:
                group.create_task(self.start(name))

    async def ready(self, name):
        with contextlib.suppress(httpx.HTTPError):
            answer = await self.http.get(self.url(name, "/readyz"))
            return answer.status_code == 200
        return False

    def url(self, name, path):
        return f"http://127.0.0.1:{self.ports[name]}{path}"

    def freeze(self, label):
        self.processes[label].send_signal(signal.SIGSTOP)

    async def kill(self, label):
        process = self.processes.pop(label)
        process.kill()
        await process.wait()

    async def close(self):
        for label in list(self.processes):
            await self.kill(label)
        await self.http.aclose()
        self.mongo.drop_database(self.database)
        self.mongo.close()

    async def post(self, *alerts, status=202):
        answer = await self.http.post(
            self.url("ingest", "/webhooks/alertmanager"),
            json=notification(*alerts),
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        assert answer.status_code == status, answer.text
        return answer.json()

    async def open_ticket(self, job="shop"):
        accepted = await self.post(alert(job))
        return UUID(accepted["tickets"][0]["id"])

    def ticket(self, ticket_id):
        return self.db.tickets.find_one({"_id": ticket_id})

    def session(self, ticket_id):
        """The latest session of a ticket."""
        return self.db.sessions.find_one({"ticket_id": ticket_id}, sort=[("created_at", -1)])

    async def until_state(self, ticket_id, state, seconds=90):
        try:
            await eventually(lambda: self.ticket(ticket_id)["state"] == state, seconds)
        except TimeoutError:
            found = {"ticket": self.ticket(ticket_id), "session": self.session(ticket_id)}
            raise AssertionError(f"not {state}: {found}") from None

    async def until_ran(self, times=1):
        await eventually(lambda: len(self.ran()) >= times, 90)

    def ran(self):
        """What the dangerous step counted, on its target."""
        counter = self.work / "ran"
        return counter.read_text().split() if counter.exists() else []

    def hold(self):
        """Keep the dangerous step from ending."""
        (self.work / "hold").touch()

    def let_go(self):
        (self.work / "hold").unlink()

    async def link(self, ticket_id):
        """The approval link from the mail in the outbox, as the person on call got it."""

        def found():
            for mail in sorted((self.work / "home" / "outbox").glob("*.eml")):
                session = self.session(ticket_id)
                if session and (at := self.link_in(mail)):
                    approval = self.db.approvals.find_one({"session_id": session["_id"]})
                    if approval and str(approval["_id"])[:8] in mail.name:
                        return at
            return None

        return await eventually(found, 90)

    def link_in(self, mail):
        """The link in a mail of the outbox, if it has one."""
        at = re.search(r"http://\S+/a/\S+", _plain_text(mail))
        return at[0] if at else None

    async def answer(self, link, decision="approve", reason="because the test says so"):
        url = self.url("notifier", urlsplit(link).path)
        return await self.http.post(
            url,
            data={"decision": decision, "reason": reason},
            headers={"Accept": "application/json"},
        )

    async def approve(self, ticket_id):
        answer = await self.answer(await self.link(ticket_id))
        assert answer.status_code == 200, answer.text

    async def timeline(self, ticket_id, *wanted):
        """The subjects of a ticket's timeline, once it has all that is wanted; its chain holds."""

        def found():
            entries = list(self.db.timeline.find({"ticket_id": ticket_id}).sort("seq", 1))
            subjects = [entry["subject"] for entry in entries]
            return (entries, subjects) if set(wanted) <= set(subjects) else None

        entries, subjects = await eventually(found, 60)
        assert first_break([entry_from(entry) for entry in entries]) is None
        return subjects


def _plain_text(path):
    mail = message_from_bytes(path.read_bytes(), policy=policy.default)
    return mail.get_body(("plain",)).get_content()


def alert(job="shop", status="firing", name="FlowDown", **labels):
    return {
        "status": status,
        "labels": {"alertname": name, "job": job, "severity": "critical", **labels},
        "annotations": {"summary": f"{job} does not answer"},
        "startsAt": "2026-03-01T03:00:00.000Z",
        "endsAt": "0001-01-01T00:00:00Z" if status == "firing" else "2026-03-01T03:05:00.000Z",
        "generatorURL": "http://prometheus.example.com/graph?g0.expr=up",
        "fingerprint": "c0ffee",
    }


def notification(*alerts):
    """What Alertmanager posts."""
    return {
        "receiver": "handrail",
        "status": "firing" if any(a["status"] == "firing" for a in alerts) else "resolved",
        "alerts": list(alerts),
        "groupLabels": {"alertname": "FlowDown"},
        "commonLabels": {"alertname": "FlowDown"},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.example.com",
        "version": "4",
        "groupKey": '{}:{alertname="FlowDown"}',
        "truncatedAlerts": 0,
    }


async def eventually(holds, seconds=60):
    """Wait until a condition is true, and return what it found."""
    async with asyncio.timeout(seconds):
        while True:
            found = holds()
            if inspect.isawaitable(found):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.02)
