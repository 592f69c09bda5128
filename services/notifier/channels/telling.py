"""Tells news of tickets to those who asked for it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from services.notifier.channels.directory import Directory
from services.notifier.channels.message import Telling
from services.notifier.channels.news import Newsworthy, kind_of, news_of
from services.notifier.channels.reports import raise_for_unsent, reports
from services.notifier.delivery import Postman
from services.notifier.feedback.feedback import FeedbackLink
from services.notifier.outcomes.deciding import Outcomes
from services.notifier.recipients import Recipient
from services.notifier.store import Notifications
from shared.bus import Publish
from shared.config.channels import Kind
from shared.events import SessionFinished, SessionStarted, StepDone

# A message about an outcome that could not be sent for this long would be no news any more.
STALE: Final = timedelta(days=1)


class Teller:
    """Tells news, each recipient once, however often an event comes."""

    def __init__(
        self,
        directory: Directory,
        notifications: Notifications,
        postman: Postman,
        *,
        feedback: FeedbackLink = lambda _to, _news: "",
        outcomes: Outcomes | None = None,
    ) -> None:
        self._directory = directory
        self._notifications = notifications
        self._postman = postman
        self._feedback = feedback
        self._outcomes = outcomes

    async def tell(self, event: Newsworthy, publish: Publish) -> None:
        """Tell it to whoever wants to hear of it, and report what came of that.

        Where a route says who that is and when, they are told by it, at the end of quiet hours.

        Raises:
            UnavailableError: somebody could not be reached for now; the others were.
        """
        kind = kind_of(event)
        if kind is None:
            return
        listed = self._directory.told(kind)
        if self._outcomes is not None:
            routed = await self._outcomes.told(event, kind)
            if routed is not None and routed.at > event.time:
                # Even if it comes again when its time is over: one way only leads to people.
                await self._outcomes.hold(event, routed)
                return
            listed = listed if routed is None else routed.to
        await self.send(event, listed, publish, since=event.time)

    async def send(
        self, event: Newsworthy, listed: Sequence[Recipient], publish: Publish, *, since: datetime
    ) -> None:
        """Tell it to these now, each once, and report what came of that.

        ``since`` when people could be told; a day later it is no news any more.

        Raises:
            UnavailableError: see ``tell``.
        """
        kind = kind_of(event)
        if not kind or not listed:
            return
        now = datetime.now(UTC)
        told = await self._notifications.open(event, listed, now)
        mark = partial(self._notifications.mark, event.id)
        if now - since >= STALE:
            given_up = await self._postman.give_up(told, now=now, mark=mark)
            await publish(*reports(event, given_up, purpose=event.subject))
            return
        news = news_of(event, kind, title=await self._title(event))
        tellings = [Telling(news, to, self._feedback(to, news)) for to in told]
        told = await self._postman.deliver(tellings, now=now, mark=mark)
        await publish(*reports(event, told, purpose=event.subject))
        raise_for_unsent(told)

    def wants(self, *kinds: Kind) -> bool:
        """Whether anybody wants to hear of one of these."""
        routed = self._outcomes.kinds() if self._outcomes else frozenset()
        return any(kind in routed or self._directory.told(kind) for kind in kinds)

    async def _title(self, event: Newsworthy) -> str:
        match event:
            case SessionStarted() | StepDone():
                return await self._notifications.title_of(event.ticket_id)
            case SessionFinished():
                return event.ticket_title
        return event.title
