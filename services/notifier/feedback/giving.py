"""Feedback is recorded once a change of mind, whichever way it came, and told."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog

from services.notifier.channels.answering import GONE, NOT_YOURS, named
from services.notifier.channels.post import FEEDBACK, Post
from services.notifier.channels.store import Posts
from services.notifier.feedback.feedback import KEPT_OPEN, Feedback
from services.notifier.feedback.store import Feedbacks
from services.notifier.text import REASON_LENGTH, cleaned
from shared.config import Person
from shared.errors import UnavailableError

log = structlog.get_logger(__name__)

THANKS: Final = "Recorded. Thank you."


async def record(feedbacks: Feedbacks, said: Feedback) -> None:
    """Record what somebody says, and tell it.

    Raises:
        UnavailableError: whether it was recorded is not known.
    """
    if not await feedbacks.record(said):
        return
    log.info("feedback.recorded", ticket_id=str(said.ticket_id), fixed=said.fixed)
    try:
        await feedbacks.announce(said)
    except UnavailableError as error:
        # It is recorded, and that is what the person has to know; the sweep publishes it.
        log.warning("feedback.unannounced", ticket_id=str(said.ticket_id), reason=str(error))


class Giving:
    """Records what known people say by the buttons of news in a chat."""

    def __init__(self, posts: Posts, feedbacks: Feedbacks, now: Callable[[], datetime]) -> None:
        self._posts = posts
        self._feedbacks = feedbacks
        self._now = now

    async def offered(self, post_id: str, by: Person, *, reference: str = "") -> Post | str:
        """The news that a button belongs to, or why nothing can be said by it."""
        post = await named(self._posts, post_id)
        if post is None or post.bound_to != FEEDBACK or post.question_id is not None:
            return GONE
        if reference and post.reference and reference != post.reference:
            return GONE
        if self._now() >= post.at + KEPT_OPEN:
            return GONE
        if not post.to.is_room and post.to.email.casefold() != by.email.casefold():
            return NOT_YOURS
        return post

    async def before(self, post: Post, by: Person) -> Feedback | None:
        """What this person said of the ticket, if they did."""
        return await self._feedbacks.find(post.ticket_id, by.email)

    async def give(
        self, post: Post, by: Person, *, fixed: bool, stars: int, comment: str = ""
    ) -> None:
        """Record it in the place of what this person said before.

        Raises:
            UnavailableError: see ``record``.
        """
        said = Feedback(
            ticket_id=post.ticket_id,
            by=by.email,
            fixed=fixed,
            stars=stars,
            comment=cleaned(comment)[:REASON_LENGTH],
            at=self._now(),
        )
        await record(self._feedbacks, said)
