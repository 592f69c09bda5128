"""``channels``: where people are asked and told besides their mailboxes."""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field, HttpUrl

from shared.config.policy import Located
from shared.config.section import Section
from shared.config.sources import Secrets
from shared.secrets import SecretRef

#: The channel that is always there: each person's mailbox.
EMAIL: Final = "email"
TERMINAL: Final = "terminal"


class Kind(StrEnum):
    """What can happen to a ticket that people may want to hear of."""

    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    NEEDS_LOOK = "needs_look"
    RESOLVED = "resolved"
    ESCALATED = "escalated"


#: How a ticket ended is told everywhere; what comes before, where it is asked for.
ENDS: Final = (Kind.RESOLVED, Kind.ESCALATED)


class _Tells(Section):
    """What is told on a channel."""

    tell: tuple[Kind, ...] = ENDS

    def secrets(self) -> tuple[SecretRef, ...]:
        """The secrets that it needs."""
        return ()


class _AnyChannel(_Tells):
    """A channel where questions go that no route sends elsewhere, unless it does not want to."""

    ask: bool = True


class EmailChannel(_Tells):
    """Each person's mailbox; which are asked is a matter of the policy and of routes.

    ``bounces`` is an address for mails that come back: with a plus sign and a code after its name,
    which has to fit into the 64 octets that such a name may have.
    """

    kind: Literal["email"]
    bounces: (
        Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,21}@[A-Za-z0-9.-]+$", max_length=200)]
        | None
    ) = None


class SlackChannel(_AnyChannel):
    """A room in Slack, or, without one, each person's direct messages.

    The app's credentials are settings (``HANDRAIL_SLACK_…``): there is one app.
    """

    kind: Literal["slack"]
    room: Annotated[str, Field(pattern=r"^([CG][A-Z0-9]{2,}|#[^\s#]+)$")] | None = None


class TelegramChannel(_AnyChannel):
    """A chat with a bot in Telegram, or, without one, each person's own chat with it.

    With ``webhook_secret``, Telegram posts to ``/telegram/{channel}``; without, the bot asks it.
    """

    kind: Literal["telegram"]
    token: SecretRef
    chat: int | None = None
    webhook_secret: SecretRef | None = None
    url: HttpUrl = HttpUrl("https://api.telegram.org")

    def secrets(self) -> tuple[SecretRef, ...]:
        return (self.token, *((self.webhook_secret,) if self.webhook_secret else ()))


class _OneWay(_AnyChannel):
    """A channel without answers: its link is ``person``'s own, or for looking only."""

    person: str | None = None


class TeamsChannel(_OneWay):
    """A workflow of Microsoft Teams that posts cards; its address is a secret."""

    kind: Literal["teams"]
    url: SecretRef

    def secrets(self) -> tuple[SecretRef, ...]:
        return (self.url,)


class PagerDutyChannel(_AnyChannel):
    """Notes on the incident in PagerDuty that a ticket came from; ``from`` is a user's address."""

    kind: Literal["pagerduty"]
    token: SecretRef
    from_: Annotated[str, Field(alias="from", pattern=r"^[^@\s]+@[^@\s]+$")]
    tell: tuple[Kind, ...] = tuple(Kind)
    url: HttpUrl = HttpUrl("https://api.pagerduty.com")

    def secrets(self) -> tuple[SecretRef, ...]:
        return (self.token,)


class WebhookChannel(_OneWay):
    """Any address that takes JSON; each body is signed with the first secret."""

    kind: Literal["webhook"]
    url: HttpUrl
    secret: Secrets

    def secrets(self) -> tuple[SecretRef, ...]:
        return self.secret


class AppriseChannel(_OneWay):
    """One of the services that apprise knows; its URL is a secret."""

    kind: Literal["apprise"]
    url: SecretRef

    def secrets(self) -> tuple[SecretRef, ...]:
        return (self.url,)


ChannelConfig = Annotated[
    EmailChannel
    | SlackChannel
    | TelegramChannel
    | TeamsChannel
    | PagerDutyChannel
    | WebhookChannel
    | AppriseChannel,
    Field(discriminator="kind"),
]
ChannelName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=60)]
Channels = dict[ChannelName, ChannelConfig]


def channel_mistakes(
    channels: Mapping[str, ChannelConfig], emails: Iterable[str]
) -> Iterator[Located]:
    """Names that mean something else, and people who are nobody, each at its place."""
    known = {email.lower() for email in emails}
    for name, channel in channels.items():
        if name == TERMINAL or (name == EMAIL) != isinstance(channel, EmailChannel):
            yield (name,), "`email` is each person's mailbox, `terminal` the terminal: rename it"
        if isinstance(channel, _OneWay) and channel.person and channel.person.lower() not in known:
            yield (name, "person"), f"there is no {channel.person} under `people`"
