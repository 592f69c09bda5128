"""Evidence, from the webhook to the plan: what was found decides what is done, and with what."""

import json

from deploy.services import PARTS
from tests.flows.world import alert, eventually
from tests.sshd import openssh
from tests.verifier.site import site

#: The branch and the parameter depend on what was gathered.
BOOK = """\
apiVersion: handrail/v1
kind: Runbook
metadata: {{name: flow, title: Free a disk}}
description: A disk is full.
match: {{alerts: [FlowDown]}}
params:
  mount: {{from: evidence.disk_mount, default: /nowhere}}
steps:
  - id: vacuum
    when: 'evidence.disk_free < 10.0'
    uses: local
    target: here
    run: 'echo vacuum-{{{{ mount }}}} >> {work}/ran; touch {work}/up'
    risk: high
  - id: wait
    when: 'evidence.disk_free >= 10.0'
    uses: local
    target: here
    run: 'echo wait >> {work}/ran; touch {work}/up'
    risk: high
verify:
  - {{uses: local, target: here, run: 'test -e {work}/up', within: 20s}}
"""


def looks(url, **free):
    return [
        {
            "name": "disk_free",
            "uses": "prometheus",
            "query": 'free{job="{{ labels.job }}"}',
            "timeout": "20s",
            **free,
        },
        {
            "name": "disk_mount",
            "when": 'labels.job == "shop"',
            "uses": "ssh",
            "target": "{{ labels.host }}",
            "run": "echo mounted on /srv/{{ labels.job }}",
            "output": {"regex": r"(/\S+)"},
            "timeout": "20s",
        },
        {"name": "page", "uses": "http", "url": f"{url}/health", "timeout": "20s"},
        {"name": "gone", "uses": "http", "url": "http://127.0.0.1:1/"},
    ]


def configure(world, endpoint, url, **free):
    evidence = {"within": "40s", "looks": looks(url, **free)}
    world.write_config(
        {"evidence": evidence, "prometheus": {"default": {"url": url}}},
        here={"connector": "local"},
        web=endpoint.section(),
    )


def free(value):
    series = {"metric": {"job": "shop"}, "value": [1.5, value]}
    data = {"resultType": "vector", "result": [series]}
    return json.dumps({"status": "success", "data": data}).encode()


async def opened(world):
    await world.post(alert("shop", host="web"))
    return (await eventually(lambda: world.db.tickets.find_one({}), 40))["_id"]


async def test_what_was_found_decides_the_branch_and_fills_the_parameter(world, tmp_path):
    async with openssh(tmp_path / "sshd") as endpoint, site(body=free("3.5")) as prometheus:
        world.write_runbook(text=BOOK)
        configure(world, endpoint, prometheus.url)
        await world.start(*PARTS)
        ticket_id = await opened(world)

        await world.approve(ticket_id)
        await world.until_state(ticket_id, "resolved", 60)
        assert world.ran() == ["vacuum-/srv/shop"]
        assert [one.split()[1] for one in prometheus.requests if "query" in one] == [
            "/api/v1/query?query=free%7Bjob%3D%22shop%22%7D"
        ]

    verdict = world.ticket(ticket_id)["verdict"]
    assert verdict["evidence"] == {"disk_free": 3.5, "disk_mount": "/srv/shop", "page": 200}
    session = world.session(ticket_id)
    assert session["origins"] == {"mount": "evidence disk_mount"}
    assert session["runs"]["wait"]["state"] == "skipped"
    shown = "\n".join(world.db.approvals.find_one({"step_id": "vacuum"})["evidence"])
    assert 'disk_free is 3.5 (prometheus: free{job="shop"};' in shown
    assert "disk_mount is /srv/shop (`echo mounted on /srv/shop` on web;" in shown
    assert "gone is not known: no answer: ConnectError" in shown


async def test_an_alert_that_is_refuted_is_closed_without_a_plan(world, tmp_path):
    async with openssh(tmp_path / "sshd") as endpoint, site(body=free("63")) as prometheus:
        world.write_runbook(text=BOOK)
        configure(world, endpoint, prometheus.url, refutes="value > 20")
        await world.start(*PARTS)
        ticket_id = await opened(world)
        await world.until_state(ticket_id, "closed", 60)

    verdict = world.ticket(ticket_id)["verdict"]
    assert (verdict["verdict"], verdict["confidence"]) == ("false", 0.85)
    assert verdict["reasons"][0] == "disk_free is 63 now, which refutes the alert (value > 20)"
    assert world.session(ticket_id) is None
    await world.timeline(ticket_id, "ticket.closed")


async def test_a_triage_that_is_killed_while_it_looks_is_followed_by_one_that_judges(world):
    world.write_runbook()
    run = f"echo x >> {world.work}/looks; while test -e {world.work}/hold; do sleep 0.05; done"
    look = {"name": "held", "uses": "local", "target": "here", "run": f"{run}; echo free"}
    look["timeout"] = "30s"
    world.write_config(
        {"evidence": {"within": "60s", "looks": [look]}}, here={"connector": "local"}
    )
    world.hold()
    await world.start_all_but("triage")
    ticket_id = await opened(world)
    await eventually((world.work / "looks").exists, 40)
    await world.kill("triage")
    assert world.ticket(ticket_id)["state"] == "new"
    world.let_go()
    await world.start("triage")
    # What the dead one had taken in comes again when its time to say so is up.
    await world.until_state(ticket_id, "in_progress", 120)
    await world.approve(ticket_id)
    await world.until_state(ticket_id, "resolved", 60)
    assert world.ticket(ticket_id)["verdict"]["evidence"] == {"held": "free"}
    subjects = await world.timeline(ticket_id, "ticket.resolved")
    assert subjects.count("ticket.triaged") == 1
