"""Tells news of tickets to those who asked for it."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from services.notifier.channels.directory import Directory
from services.notifier.channels.message import Telling
from services.notifier.channels.news import Newsworthy, kind_of, news_of
from services.notifier.channels.reports import raise_for_unsent, reports
from services.notifier.delivery import Postman
from services.notifier.feedback.feedback import FeedbackLink
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
    ) -> None:
        self._directory = directory
        self._notifications = notifications
        self._postman = postman
        self._feedback = feedback

    async def tell(self, event: Newsworthy, publish: Publish) -> None:
        """Tell it to whoever wants to hear of it, and report what came of that.

        Raises:
            UnavailableError: somebody could not be reached for now; the others were.
        """
        kind = kind_of(event)
        listed = self._directory.told(kind) if kind else ()
        if not kind or not listed:
            return
        now = datetime.now(UTC)
        told = await self._notifications.open(event, listed, now)
        mark = partial(self._notifications.mark, event.id)
        if now - event.time >= STALE:
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
        return any(self._directory.told(kind) for kind in kinds)

    async def _title(self, event: Newsworthy) -> str:
        match event:
            case SessionStarted() | StepDone():
                return await self._notifications.title_of(event.ticket_id)
            case SessionFinished():
                return event.ticket_title
        return event.title
