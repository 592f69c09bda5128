"""Keeps what stands in chats true: what was decided elsewhere has no buttons any more."""

from collections.abc import Mapping

import structlog

from services.notifier.channels.messenger import Messenger, RefusedError
from services.notifier.channels.post import Post
from services.notifier.channels.store import Posts
from services.notifier.store import Questions
from shared.errors import UnavailableError

log = structlog.get_logger(__name__)


class Reviser:
    """Writes messages again whose question has changed, also after a crash in between."""

    def __init__(
        self, posts: Posts, questions: Questions, messengers: Mapping[str, Messenger]
    ) -> None:
        self._posts = posts
        self._questions = questions
        self._messengers = messengers

    async def look(self) -> None:
        """Write again what no longer shows how its question stands.

        Raises:
            UnavailableError: the store does not answer.
        """
        for post in await self._posts.outdated():
            await self._revise(post)

    async def _revise(self, post: Post) -> None:
        question = await self._questions.find(post.question_id) if post.question_id else None
        messenger = self._messengers.get(post.to.over)
        if question is None or messenger is None:
            await self._posts.revised(post.id, None)
            return
        told = {"channel": post.to.over, "approval_id": str(question.id)}
        try:
            to = post.to.model_copy(update={"reference": post.reference})
            await messenger.revise(question, to)
        except RefusedError as error:
            log.warning("message.lost", reason=str(error), **told)
            await self._posts.revised(post.id, None)
        except UnavailableError as error:
            # Another look finds it again; the other channels do not wait for this one.
            log.warning("message.outdated", reason=str(error), **told)
        else:
            await self._posts.revised(post.id, question)
