"""A backtest comes to the same tickets as ingest, triage and planner do on a real MongoDB."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.backtest.past import Past
from deploy.backtest.world import World
from services.ingest.correlation.release import Release
from services.ingest.correlation.store import MongoGroups
from services.ingest.inside import inside
from services.ingest.maintenance.store import MongoSuppressed
from services.ingest.maintenance.sweep import Sweep
from services.planner.plan import Planner
from services.planner.policy import Bench, Circumstances
from services.planner.store import MongoConclusions
from services.triage.store import MongoTickets
from services.triage.verdict import judged
from services.verifier.store import MongoTickets as VerifierTickets
from shared.events import (
    AlertStatus,
    Change,
    PlanReady,
    Resolution,
    TicketCreated,
    TicketReopened,
    TicketResolved,
    TicketTriaged,
    TicketUpdated,
)
from shared.lifecycle import TicketState
from shared.policy.records.record import Record
from shared.policy.records.store import MongoRecords
from tests.deploy.backtests import START, small, told, version

MINUTE = timedelta(minutes=1)
TICK = timedelta(milliseconds=2)
EVERYTHING = version(
    small("fix", "[Down]"),
    small("ask", "[Slow]", risk="high"),
    small("double", "[Full]", risk="critical", needs="disk"),
    policy={"caps": {"per_runbook_per_hour": 4}},
    sources={
        "am": {
            "bearer": {"env": "X"},
            "fingerprint": [{"when": 'name == "Shared"', "labels": ["node"]}],
        }
    },
    triggers=[{"name": "lab", "when": 'labels.team == "lab"', "open": False}],
    maintenance=[
        {
            "name": "patching",
            "reason": "kernel",
            "matchers": ["host=web-2"],
            "starts": "2026-03-01T10:40:00+00:00",
            "ends": "2026-03-01T11:10:00+00:00",
        }
    ],
    correlation=[{"name": "node", "by": ["labels.node"], "within": "5m", "at_least": 2}],
    tickets={"reopen_within": "30m", "flapping": {"times": 3, "within": "20m"}},
)


class Real:
    """The stores of the services on MongoDB, with a clock that is moved by hand."""

    def __init__(self, db, of):
        self.db, self.now, self.policy = db, START, of.policy
        self.parts = inside(
            db, self.publish, of.config, now=self.clock, retention=timedelta(days=9_999)
        )
        self.triage, self.verifier = MongoTickets(db), VerifierTickets(db)
        self.conclusions, self.records = MongoConclusions(db), MongoRecords(db)
        self.planner = Planner(of.library, of.config.targets, of.config.prometheus)
        self.bench = Bench(of.library, of.config.targets, of.approval_expires)
        windows, groups = self.parts.windows, MongoGroups(db)
        self.sweeps = (
            Sweep(lambda: windows.windows, MongoSuppressed(db), self.publish, self.clock).sweep,
            Release(groups, self.publish, self.clock).sweep,
            self.parts.announcements.note,
            self.parts.announcements.calm,
        )

    def clock(self):
        return self.now

    async def publish(self, *events):
        for event in events:
            match event:
                case TicketCreated() | TicketReopened():
                    await self.judge(event)
                case TicketUpdated(change=Change.RESOLVED_AT_SOURCE):
                    await self.resolve(event)

    async def judge(self, event):
        judgement, ticket = judged(event.alert), event.ticket_id
        reopened = isinstance(event, TicketReopened)
        said = {
            "opened": TicketState.REOPENED if reopened else TicketState.NEW,
            "over": event.alert.status is AlertStatus.RESOLVED,
            "caused_by": event.id,
            "now": self.now,
        }
        if not await self.triage.record(ticket, judgement, **said):
            return
        if judgement.closes:
            return
        triaged = TicketTriaged.following(
            event,
            alert=event.alert,
            verdict=judgement.verdict,
            confidence=judgement.confidence,
            severity=judgement.severity,
            reasons=judgement.reasons,
            flapping=reopened and event.flapping,
        )
        made = self.planner.conclude(triaged)
        if isinstance(made, PlanReady):
            made = self.bench.judged(triaged, made, self.policy, await self.around(triaged, made))
        await self.conclusions.keep(made, caused_by=triaged.id, now=self.now)

    async def around(self, ticket, plan):
        return Circumstances(
            now=self.now,
            count=await self.conclusions.count(ticket.ticket_id),
            record=Record(plan.runbook.name, plan.runbook.version),
            last_hour=await self.records.since(self.now - timedelta(hours=1)),
        )

    async def resolve(self, said):
        resolved = TicketResolved.following(
            said, time=self.now, title="", resolution=Resolution.SOURCE, summary=""
        )
        if not await self.verifier.resolve_unplanned(resolved, caused_by=said.id):
            # As the executor calls off a plan that has changed nothing.
            await self.verifier.resolve_called_off(resolved, caused_by=said.id)

    async def go_to(self, at):
        """Every minute, a moment after it, the sweeps look at what is due."""
        while self.now < at - TICK:
            tick = self.now.replace(second=0, microsecond=0) + MINUTE + TICK
            self.now = min(tick, at - TICK)
            for sweep in self.sweeps:
                await sweep()
        self.now = at

    async def tickets(self):
        found = [ticket async for ticket in self.db.tickets.find()]
        by_id = {
            ticket["_id"]: key_of(ticket["fingerprint"], ticket["created_at"]) for ticket in found
        }
        return {
            by_id[one["_id"]]: {
                "state": one["state"],
                "count": one["count"],
                "firing": set(one["firing"]),
                "reopenings": one.get("reopenings", 0),
                "comebacks": len(one.get("comebacks", ())),
                "flapping": bool(one.get("flapping")),
                "window": one.get("suppressed", {}).get("window", ""),
                "parent": by_id.get(one.get("parent_id")),
                "grouped": one.get("grouped", {}).get("reason", ""),
                "leads": bool(one.get("leads")),
            }
            for one in found
        }

    async def decisions(self):
        cursor = self.db.alerts.find().sort("_id", 1)
        return [(one["decision"], one["because"]) async for one in cursor]


def key_of(fingerprint, created_at):
    return fingerprint, created_at.isoformat()


def in_memory(world):
    by_id = {
        one.ticket_id: key_of(one.fingerprint, one.created_at) for one in world.book.by_id.values()
    }
    return {
        by_id[one.ticket_id]: {
            "state": one.state.value,
            "count": one.count,
            "firing": one.firing,
            "reopenings": one.reopenings,
            "comebacks": len(one.comebacks),
            "flapping": bool(one.flapping),
            "window": one.quiet.window if one.quiet else "",
            "parent": by_id.get(one.parent_id),
            "grouped": one.grouped_because,
            "leads": one.has_led,
        }
        for one in world.book.by_id.values()
    }


async def both(db, history, of):
    """The tickets and decisions of the real services, and those of a backtest."""
    real, world = Real(db, of), World(of)
    for prepare in real.parts.prepare:
        await prepare()
    decisions = []
    with Past() as past:
        past.add(history)
        for at, alerts, _ in past.moments():
            await real.go_to(at)
            await real.parts.intake.take(alerts, at)
            moment = await world.take(alerts, at)
            decisions += [(fate.decision.value, fate.because) for fate in moment.fates]
    return (await real.tickets(), await real.decisions()), (in_memory(world), decisions)


#: Half past each minute: never at the same time as a sweep.
def story(*steps):
    return [told(minute + 0.5, *said, **more) for minute, said, more in steps]


ALL_OF_IT = story(
    (0, ["Down"], {}),
    (1, ["Down"], {}),
    (2, ["Slow", "web-3"], {"node": "n1"}),
    (3, ["Down", "web-4"], {"node": "n1"}),
    (4, ["Full", "web-5"], {"node": "n1", "disk": "sda"}),
    (5, ["Down"], {"over": True}),
    (7, ["Slow", "web-3"], {"node": "n1", "over": True}),
    (8, ["Down"], {}),
    (9, ["Down"], {"over": True}),
    (10, ["Down"], {}),
    (11, ["Down"], {"over": True}),
    (12, ["Down"], {}),
    (13, ["Down"], {"over": True}),
    (14, ["Down"], {"team": "lab"}),
    (15, ["Slow", "lab-1"], {"team": "lab"}),
    (16, ["TestAlert", "web-9"], {}),
    (17, ["TestAlert", "web-9"], {}),
    (41, ["Down", "web-2"], {}),
    (42, ["Slow", "web-2"], {}),
    (43, ["Slow", "web-2"], {"over": True}),
    (44, ["Down", "web-2"], {}),
    (55, ["Shared", "web-6"], {"node": "n7"}),
    (56, ["Shared", "web-7"], {"node": "n7"}),
    (71, ["Slow", "web-2"], {}),
    (76, ["Down", "web-8"], {}),
    (77, ["Down", "web-10"], {}),
    (78, ["Down", "web-11"], {}),
    (79, ["Down", "web-12"], {}),
    (150, ["Down"], {}),
    (151, ["Down"], {"over": True}),
    (156, ["Down"], {"node": "n9"}),
    (160, ["Slow", "web-13"], {"node": "n9"}),
    (161, ["Slow", "web-14"], {"node": "n9"}),
)


async def test_a_story_with_everything_in_it_comes_to_the_same_tickets(db):
    real, backtested = await both(db, ALL_OF_IT, EVERYTHING)
    assert backtested == real
    states = {ticket["state"] for ticket in real[0].values()}
    assert states == {"planned", "escalated", "resolved", "closed", "triaged"}
    assert {"opened", "repeated", "reopened", "suppressed", "not_opened", "resolved"} <= {
        decision for decision, _ in real[1]
    }
    assert any(ticket["parent"] for ticket in real[0].values())


N1 = {"node": "n1"}
REGROUPED = story(
    (0, ["Slow", "web-2"], N1),
    (1, ["Slow", "web-2"], N1 | {"over": True}),
    (2, ["Slow", "web-1"], N1),
    (3, ["Slow", "web-3"], N1),
    (4, ["Slow", "web-2"], N1),
    (5, ["Slow", "web-2"], N1 | {"over": True}),
    (6, ["Slow", "web-2"], N1),
    (7, ["Slow", "web-2"], N1 | {"over": True}),
    (8, ["Slow", "web-2"], N1),
    (9, ["Slow", "web-2"], N1 | {"over": True}),
    (10, ["Slow", "web-1"], N1 | {"over": True}),
    (14, ["Slow", "web-2"], N1),
    (16, ["Slow", "web-4"], N1),
)


async def test_a_child_that_flaps_is_let_go_after_its_parent_and_leads_another_group(db):
    real, backtested = await both(db, REGROUPED, EVERYTHING)
    assert backtested == real
    first = min(real[0], key=lambda key: key[1])
    (last,) = [one for one in real[0].values() if one["parent"]]
    assert (real[0][first]["flapping"], real[0][first]["reopenings"]) == (True, 4)
    assert last["parent"] == first


alerts = st.builds(
    lambda name, host, over, node: (
        [name, host],
        {"over": over} | ({"node": node} if node else {}),
    ),
    st.sampled_from(["Down", "Slow", "Full", "Shared", "Watchdog"]),
    st.sampled_from(["web-1", "web-2"]),
    st.booleans(),
    st.sampled_from(["", "n1", "n1"]),
)
histories = st.lists(
    st.tuples(st.sampled_from([0, 1, 1, 2, 3, 8, 31]), alerts), min_size=5, max_size=30
)


@pytest.fixture
def fresh(db, mongo_client):
    """Other databases than the test's own, one for each example."""
    made = []

    def another():
        made.append(f"{db.name}_{len(made)}")
        return mongo_client.get_database(made[-1])

    return another, made


@settings(
    max_examples=12,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(steps=histories)
async def test_any_history_comes_to_the_same_tickets(fresh, mongo_client, steps):
    another, made = fresh
    minute, history = 0, []
    for pause, (said, more) in steps:
        minute += pause
        history += story((minute, said, more))
    real, backtested = await both(another(), history, EVERYTHING)
    await mongo_client.drop_database(made[-1])
    assert backtested == real
