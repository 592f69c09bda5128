"""A message to try a channel with, and nothing kept of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import UUID, uuid4

from fastapi import APIRouter

from services.notifier.channels.building import messengers
from services.notifier.channels.directory import Directory
from services.notifier.channels.email import EmailMessenger
from services.notifier.channels.message import Telling
from services.notifier.channels.news import News
from services.notifier.channels.parts import Parts
from services.notifier.channels.post import Post
from services.notifier.channels.settings import ChannelSettings
from services.notifier.folder import Announce
from services.notifier.mailing import mailer, reachable
from services.notifier.question import Question
from services.notifier.recipients import Recipient
from shared.config import Config
from shared.config.channels import EMAIL, Kind
from shared.errors import SettingsError

TITLE: Final = "this is only a test"
SUMMARY: Final = "Somebody tried this channel with `handrail channel test`. There is nothing to do."


class Nothing:
    """Keeps no posts, and knows one incident."""

    def __init__(self, incident: str) -> None:
        self._incident = incident

    async def prepare(self) -> None:
        """There is nothing to make."""

    async def begin(self, post: Post) -> Post | None:  # noqa: ARG002 a store's
        """Every message is the first one."""
        return None

    async def posted(self, post_id: UUID, reference: str) -> None:
        """It is not kept."""

    async def find(self, post_id: UUID) -> Post | None:  # noqa: ARG002 a store's
        """There is none."""
        return None

    async def thread(self, post: Post) -> str:  # noqa: ARG002 a store's
        """There is none."""
        return ""

    async def outdated(self) -> list[Post]:
        """None is."""
        return []

    async def revised(self, post_id: UUID, question: Question | None) -> None:
        """It is not kept."""

    async def incident_of(self, ticket_id: UUID) -> str:  # noqa: ARG002 a store's
        """The one that it was given."""
        return self._incident


@dataclass
class Bench:
    """What a service is to a channel, but nothing of it runs."""

    api: APIRouter = field(default_factory=APIRouter)
    loops: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    prepare: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    close: list[Callable[[], Awaitable[None]]] = field(default_factory=list)


async def try_out(
    name: str,
    config: Config,
    settings: ChannelSettings,
    *,
    announce: Announce,
    to: str = "",
    incident: str = "",
) -> Recipient:
    """Send a test message over a channel; to whom or where it went.

    Args:
        name: the channel.
        config: handrail.yaml.
        settings: from the environment.
        announce: shows what goes to no server.
        to: the person, where a channel leads to single people.
        incident: the incident, where a channel writes on incidents.

    Raises:
        SettingsError: there is no such channel or person, or a setting is missing.
        RefusedError: the channel does not take it.
        NotConcernedError: it needs an incident.
        UnavailableError: it does not answer.
    """
    recipient = _recipient(name, config, to)
    bench, nothing = Bench(), Nothing(incident)
    parts = Parts(
        service=bench,
        people=config.people,
        posts=nothing,
        incidents=nothing,
        now=lambda: datetime.now(UTC),
        link=lambda _to, _question: "",
        slack=settings.slack,
    )
    try:
        made = (
            EmailMessenger(mailer(settings, bench, announce))
            if name == EMAIL
            else messengers(parts, {name: config.channels[name]})[name]
        )
        now = datetime.now(UTC)
        news = News(uuid4(), Kind.RESOLVED, uuid4(), TITLE, now, SUMMARY)
        reference = await made.tell(Telling(news, recipient), now=now)
    finally:
        for close in bench.close:
            await close()
    return recipient.model_copy(update={"reference": reference})


def _recipient(name: str, config: Config, to: str) -> Recipient:
    directory = Directory(reachable(config.people), config.channels)
    if name != EMAIL and name not in config.channels:
        listed = ", ".join(dict.fromkeys((EMAIL, *config.channels)))
        raise SettingsError(f"there is no channel {name}: there are {listed}")
    room = directory.room(name)
    if room is not None:
        return room
    wanted = [p for p in config.people if not to or p.email.casefold() == to.casefold()]
    found = (directory.person(person, name) for person in wanted)
    recipient = next((one for one in found if one is not None), None)
    if recipient is None:
        who = f"{to} " if to else "of `people` "
        raise SettingsError(f"{name}: nobody {who}is reached by it; name one with --to")
    return recipient
