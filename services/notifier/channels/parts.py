"""What channels are built from."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from fastapi import APIRouter, FastAPI
from pydantic import SecretStr

from services.notifier.channels.answering import Answering
from services.notifier.channels.message import LinkFor
from services.notifier.channels.store import Incidents, Posts
from services.notifier.desk import Desk
from services.notifier.feedback.giving import Giving
from services.notifier.feedback.store import Feedbacks
from services.notifier.links import Channel
from services.notifier.question import Question
from services.notifier.store import Questions
from shared.config import Person


@dataclass(frozen=True)
class SlackApp:
    """The app in Slack, as the environment has it."""

    bot_token: SecretStr | None = None
    signing_secret: SecretStr | None = None
    app_token: SecretStr | None = None
    api_url: str | None = None


class Host(Protocol):
    """What a channel may add routes, loops and an end to: a service."""

    @property
    def api(self) -> APIRouter | FastAPI: ...

    @property
    def loops(self) -> list[Callable[[], Awaitable[None]]]: ...

    @property
    def prepare(self) -> list[Callable[[], Awaitable[None]]]: ...

    @property
    def close(self) -> list[Callable[[], Awaitable[None]]]: ...


@dataclass(frozen=True)
class Parts:
    """The service around a channel, and what it needs of it; answers only where there is a desk."""

    service: Host
    people: tuple[Person, ...]
    posts: Posts
    incidents: Incidents
    now: Callable[[], datetime]
    link: LinkFor
    questions: Questions | None = None
    desk: Desk | None = None
    feedbacks: Feedbacks | None = None
    public_url: str = ""
    slack: SlackApp = SlackApp()

    def answering(
        self, channel: Channel, *, shows_all: Callable[[Question], bool]
    ) -> Answering | None:
        """Where answers that are given in such a chat are recorded, if they are; see there."""
        if self.questions is None or self.desk is None:
            return None
        return Answering(self.posts, self.questions, self.desk, channel, shows_all=shows_all)

    def giving(self) -> Giving | None:
        """Where feedback that is given in chats is recorded, if it is."""
        return None if self.feedbacks is None else Giving(self.posts, self.feedbacks, self.now)
