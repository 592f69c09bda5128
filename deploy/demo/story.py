"""Tells the loop on the terminal while it happens, each leg with its time."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import nats
from nats.aio.msg import Msg
from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from deploy.demo.site import DemoFailedError

_FAMILIES: Final = ("ticket", "plan", "session", "step", "notification")
#: The legs that a closed loop has, in their order, by the events that end them.
LEGS: Final = {
    "ticket.created": "ticket",
    "ticket.triaged": "verdict",
    "plan.ready": "plan",
    "step.awaiting_approval": "question",
    "step.approved": "approval",
    "session.finished": "repair",
    "ticket.resolved": "verification",
}
_ENDS: Final = frozenset({"ticket.resolved", "ticket.escalated", "ticket.closed"})

Fact = Mapping[str, Any]


@dataclass
class Story:
    """What happened to the demo's ticket so far."""

    console: Console
    began: float = field(default_factory=time.perf_counter)
    times: dict[str, float] = field(default_factory=dict)
    facts: asyncio.Queue[tuple[str, Fact]] = field(default_factory=asyncio.Queue)
    last: float = 0.0

    async def follow(self, nats_url: str) -> Callable[[], Any]:
        """Listen to the bus as any other system would; returns what ends that."""
        client = await nats.connect(nats_url)

        async def hear(message: Msg) -> None:
            fact = {**json.loads(message.data), "ticket_id": message.headers["ce-subject"]}  # type: ignore[index]
            await self.facts.put((message.subject, fact))

        for family in _FAMILIES:
            await client.subscribe(f"{family}.>", cb=hear)
        await client.flush()
        return client.close

    def posted(self) -> None:
        """The clock starts with the webhook."""
        self.began = time.perf_counter()
        self.times.clear()

    async def next(self, within: float) -> tuple[str, Fact]:
        """The next fact, after it was told.

        Raises:
            DemoFailedError: nothing happened for so many seconds.
        """
        try:
            async with asyncio.timeout(within):
                subject, fact = await self.facts.get()
        except TimeoutError:
            missing = [leg for subject, leg in LEGS.items() if subject not in self.times]
            raise DemoFailedError(
                f"nothing happened for {within:g} s, and there is no {missing[0]} yet"
            ) from None
        self.times.setdefault(subject, time.perf_counter() - self.began)
        self._tell(subject, fact)
        return subject, fact

    def _tell(self, subject: str, fact: Fact) -> None:
        line = _LINES.get(subject)
        if line is None:
            return
        head = Text(f"{time.perf_counter() - self.began:7.2f} s  ", style="dim")
        head.append(f"{subject:24}", style=_style(subject))
        head.append(line(fact), style="default")
        self.console.print(head, highlight=False)
        output = str(fact.get("output", "")).strip()
        if subject == "step.done" and output:
            for text in output.splitlines()[-8:]:
                self.console.print(Text(f"{'':11}│ {text}", style="dim"), highlight=False)

    def question(self, fact: Fact) -> None:
        """Show what a person is asked, as exactly as in the mail."""
        shown = Table.grid(padding=(0, 2))
        for name, value in (
            ("command", Text(str(fact["command"]), style="bold")),
            ("target", f"{fact['target']} ({fact['connector']})"),
            ("risk", Text(str(fact["risk"]), style="bold red")),
            ("why", str(fact["why"])),
            ("undone by", str(fact.get("rollback") or "nothing")),
        ):
            shown.add_row(Text(name, style="dim"), value)
        self.console.print(Panel(Group(shown), title="May this run?", expand=False))

    def summary(self) -> None:
        """The time of each leg.

        Raises:
            DemoFailedError: a leg is missing.
        """
        missing = [leg for subject, leg in LEGS.items() if subject not in self.times]
        if missing:
            raise DemoFailedError(f"the loop has no {', '.join(missing)}")
        table = Table("leg", "took", "done after", title="The loop is closed")
        before = 0.0
        for subject, leg in LEGS.items():
            at = self.times[subject]
            table.add_row(leg, f"{(at - before) * 1000:,.0f} ms", f"{at:.2f} s")
            before = at
        self.console.print(table)


def ended(subject: str) -> bool:
    return subject in _ENDS


def _style(subject: str) -> str:
    if subject in {"ticket.resolved", "step.approved"}:
        return "bold green"
    if subject in {"ticket.escalated", "step.rejected", "notification.failed"}:
        return "bold red"
    return "bold yellow" if subject == "step.awaiting_approval" else "cyan"


_LINES: Final[dict[str, Callable[[Fact], str]]] = {
    "ticket.created": lambda f: f"{f['ticket_id'][:8]} {f['alert']['title']}",
    "ticket.triaged": lambda f: (
        f"{f['severity']}, {f['verdict']} ({f['confidence']:.0%}): {'; '.join(f['reasons'])}"
    ),
    "ticket.closed": lambda f: f"{f['verdict']}: {'; '.join(f['reasons'])}",
    "plan.ready": lambda f: (
        f"{f['runbook']['title']}: " + " → ".join(step["id"] for step in f["steps"])
    ),
    "step.started": lambda f: f"{f['step_id']} on {f['target']}: {f['command']}",
    "step.done": lambda f: (
        f"{f['step_id']} {f['outcome']}"
        + (f", exit code {f['exit_code']}" if f.get("exit_code") is not None else "")
    ),
    "step.awaiting_approval": lambda f: f"{f['step_id']}: {f['risk']} risk",
    "notification.sent": lambda f: f"{f['channel']} to {f['recipient']}: {f['purpose']}",
    "notification.failed": lambda f: f"{f['channel']} to {f['recipient']}: {f['error']}",
    "step.approved": lambda f: f"{f['step_id']} by {', '.join(d['by'] for d in f['decisions'])}",
    "step.rejected": lambda f: f"{f['step_id']}: {f['refusal']}",
    "session.finished": lambda f: f"{f['outcome']}: {f['reason']}",
    "ticket.resolved": lambda f: f"{f['resolution']}: {f['summary']}",
    "ticket.escalated": lambda f: f"{f['reason']}",
}
