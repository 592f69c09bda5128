"""What channels are built from."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from pydantic import SecretStr

from services.notifier.channels.answering import Answering
from services.notifier.channels.store import Incidents, Posts
from services.notifier.desk import Desk
from services.notifier.links import Channel
from services.notifier.store import Questions
from shared.config import Person
from shared.service import Service


@dataclass(frozen=True)
class SlackApp:
    """The app in Slack, as the environment has it."""

    bot_token: SecretStr | None = None
    signing_secret: SecretStr | None = None
    app_token: SecretStr | None = None
    api_url: str | None = None


@dataclass(frozen=True)
class Parts:
    """The service that a channel may add routes and loops to, and where answers go."""

    service: Service
    people: tuple[Person, ...]
    posts: Posts
    incidents: Incidents
    questions: Questions
    desk: Desk
    now: Callable[[], datetime]
    public_url: str = ""
    slack: SlackApp = SlackApp()

    def answering(self, channel: Channel) -> Answering:
        """Where answers that are given in such a chat are recorded."""
        return Answering(self.posts, self.questions, self.desk, channel)
