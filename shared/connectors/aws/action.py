"""What each action has to tell: what it would do, what it does, and what became of it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from shared.connectors.aws.access import ANSWER, Aws
from shared.connectors.protocol import Job, Lost
from shared.connectors.underway import CallFailedError, Progress, Report, Work

#: From one look at something that takes its time to the next.
POLL: Final = 5.0
#: So much may the clocks of AWS and of the executor differ.
SKEW: Final = timedelta(seconds=60)


@dataclass(frozen=True)
class Site:
    """The API, and how often it is looked at in seconds."""

    aws: Aws
    poll: float = POLL

    async def do(
        self,
        report: Report,
        service: str,
        operation: str,
        within: timedelta = ANSWER,
        /,
        **said: Any,
    ) -> Mapping[str, Any]:
        """Change something; see ``Aws.do``."""
        done = await self.aws.do(service, operation, within, **said)
        report.has_begun = True
        return done

    async def until(self, look: Callable[[], Awaitable[Progress]], report: Report) -> None:
        """Look until it is done, and tell what changes meanwhile.

        Raises:
            CallFailedError: it failed.
        """
        said = ""
        while True:
            progress = await look()
            if progress.failed:
                raise CallFailedError(progress.says)
            if progress.says != said:
                said = progress.says
                await report.say(said)
            if progress.done:
                return
            await asyncio.sleep(self.poll)


class Action(Protocol):
    """One kind of call. ``Any`` are calls: each action knows its own."""

    async def shown(self, site: Site, call: Any) -> str:
        """What is there now and what would be done, where AWS lets it be done."""
        ...

    async def do(self, site: Site, call: Any, job: Job, report: Report) -> int:
        """Do it, see it through, and give the exit code."""
        ...

    async def became(self, site: Site, call: Any, job: Job) -> Work | Lost | None:
        """Of one whose owner died: what sees it through, or None when ``do`` is right."""
        ...


class Repeatable:
    """Of what may be done again: it asks for a state, and not for a change."""

    async def became(self, _site: Site, _call: Any, _job: Job) -> Work | Lost | None:
        return None


def since(job: Job, moment: datetime | None) -> bool:
    """Whether something happened after a job had begun, as far as clocks agree."""
    if job.started_at is None or moment is None:
        return False
    return moment >= job.started_at - SKEW
