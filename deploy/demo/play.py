"""Plays the demo from the first process to the last line."""

import asyncio
import contextlib
import os
import secrets
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from enum import Enum
from typing import Final

import httpx
import stamina
from rich.console import Console
from rich.markup import escape

from deploy.connection import Place
from deploy.decisions import NotDecidedError, decide
from deploy.demo.site import DemoFailedError, Site, demo_site, notification
from deploy.demo.story import Fact, Story, ended
from deploy.home import Home
from deploy.services import first_failure
from deploy.store import NotFoundError
from deploy.up import Running, Spread, up
from shared.events import Answer

#: Each leg takes less than a second; the verification watches for two more.
PATIENCE: Final = 60.0


class Approver(Enum):
    """Who says yes in the demo."""

    PERSON = "person"
    ITSELF = "itself"


# The question itself expires after an hour.
_PATIENCE_WITH: Final = {Approver.PERSON: 3700.0, Approver.ITSELF: PATIENCE}


async def play(approver: Approver, console: Console) -> None:
    """Play it all; the folder of the demo is kept only when it fails.

    Raises:
        DemoFailedError: a leg failed; says which.
    """
    folder = Home.of(os.environ).path / f"demo-{os.getpid()}"
    folder.mkdir(parents=True, mode=0o700)
    try:
        token = secrets.token_urlsafe(24)
        async with demo_site(folder, token) as site:
            console.print(f"A web service runs at {site.url}, behind SSH on port {site.ssh.port}.")
            async with _handrail(site, console) as running:
                await _loop(site, running, token, approver, console)
    except BaseException:
        kept = f"What happened is kept in {folder} (some 300 MB: delete it when you have seen it)."
        console.print(f"[dim]{escape(kept)}[/dim]")
        raise
    shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def _handrail(site: Site, console: Console) -> AsyncIterator[Running]:
    """The stack and all services, as `handrail up` has them."""
    os.environ["HANDRAIL_HOME"] = str(site.folder)
    os.environ["HANDRAIL_CONFIG"] = str(site.config)
    started: asyncio.Future[Running] = asyncio.get_running_loop().create_future()
    console.print("Starting NATS, MongoDB and the services…")
    with first_failure():
        async with asyncio.TaskGroup() as group:
            task = group.create_task(
                up(Spread.TOGETHER, log_to_stderr=False, tell=started.set_result)
            )
            task.add_done_callback(lambda _: started.cancel())
            try:
                yield await started
            finally:
                task.cancel()


async def _loop(
    site: Site, running: Running, token: str, approver: Approver, console: Console
) -> None:
    story = Story(console)
    stop = await story.follow(running.run.nats_url)
    try:
        pid = site.break_service()
        await site.until(healthy=False)
        console.print(f"[bold red]Broken:[/bold red] process {pid} was killed, {site.url} is dead.")
        console.print("Posting what Alertmanager would.\n")
        story.posted()
        await _post(site, running, token)
        await _follow_to_the_end(story, approver, console)
    finally:
        await stop()
    if not await site.healthy():
        raise DemoFailedError(f"the ticket is resolved, but {site.url} does not answer")
    console.print(f"\n[bold green]Healthy:[/bold green] {site.url} answers again.")
    story.summary()


async def _post(site: Site, running: Running, token: str) -> None:
    ingest = running.run.services["ingest"].url
    async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
        answer = await client.post(
            f"{ingest}/webhooks/alertmanager",
            json=notification(site.url, datetime.now(UTC).isoformat()),
            headers={"authorization": f"Bearer {token}"},
        )
    if answer.status_code != httpx.codes.ACCEPTED:
        raise DemoFailedError(f"the webhook was answered {answer.status_code}: {answer.text}")


async def _follow_to_the_end(story: Story, approver: Approver, console: Console) -> None:
    patience = PATIENCE
    with first_failure():
        async with asyncio.TaskGroup() as group:
            asking: asyncio.Task[None] | None = None
            question: Fact | None = None
            while True:
                subject, fact = await story.next(patience)
                if subject == "step.awaiting_approval":
                    question = fact
                    story.question(fact)
                elif subject.startswith("notification.") and question and not asking:
                    # By now the notifier has shown the link, which would tear the prompt apart.
                    asking = group.create_task(_ask(question, approver, console))
                    patience = _PATIENCE_WITH[approver]
                elif subject in {"step.approved", "step.rejected"}:
                    patience = PATIENCE
                elif ended(subject):
                    break
            if asking is not None:
                # The answer came over the link: nobody has to type one any more.
                asking.cancel()
    if subject != "ticket.resolved":
        raise DemoFailedError(f"the ticket is not resolved: {subject}: {fact.get('reason', '')}")


async def _ask(fact: Fact, approver: Approver, console: Console) -> None:
    """Give the answer of whoever is here; an answer by the mailed link may come first."""
    answer = Answer.APPROVE
    if approver is Approver.ITSELF:
        console.print("Nobody is asked in an unattended run: the demo approves by itself.")
    else:
        outbox = escape(str(Home.of(os.environ).outbox))
        console.print(f"The same question, with a link to answer it, lies in {outbox}")
        answer = await _typed(console)
    async for attempt in stamina.retry_context(on=NotFoundError, timeout=10, wait_initial=0.05):
        # The notifier hears of the question at the same time as the demo.
        with attempt:
            await _decide(fact, answer, console)


async def _decide(fact: Fact, answer: Answer, console: Console) -> None:
    try:
        await decide(Place.of(), str(fact["approval_id"]), answer, reason="answered in the demo")
    except NotDecidedError as error:
        console.print(escape(f"({error})"))


async def _typed(console: Console) -> Answer:
    """What is typed on the terminal, without keeping the loop from anything else."""
    while True:
        console.print("[bold]Approve?[/bold] \\[y/n] ", end="")
        text = await _line()
        if not text:
            raise DemoFailedError("the terminal was closed before there was an answer")
        with contextlib.suppress(KeyError):
            return _ANSWERS[text.strip().lower()]


async def _line() -> str:
    loop = asyncio.get_running_loop()
    typed = asyncio.Event()
    loop.add_reader(sys.stdin, typed.set)
    try:
        await typed.wait()
    finally:
        loop.remove_reader(sys.stdin)
    return sys.stdin.readline()


_ANSWERS: Final = {
    **dict.fromkeys(("y", "yes"), Answer.APPROVE),
    **dict.fromkeys(("n", "no"), Answer.REJECT),
}
