"""Where people and rooms are reached, by the names of channels."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from services.notifier.recipients import Recipient
from shared.config import Person
from shared.config.channels import (
    EMAIL,
    AppriseChannel,
    ChannelConfig,
    EmailChannel,
    Kind,
    PagerDutyChannel,
    SlackChannel,
    TeamsChannel,
    TelegramChannel,
    WebhookChannel,
)


@dataclass(frozen=True)
class Directory:
    """Everybody in handrail.yaml, and its channels; mail needs no mention there."""

    people: tuple[Person, ...]
    channels: Mapping[str, ChannelConfig]

    def person(self, person: Person, channel: str) -> Recipient | None:
        """A person on a channel, not yet told; none where that channel does not lead to them."""
        to = Recipient(name=person.name, email=person.email, timezone=person.timezone)
        if channel == EMAIL:
            return to
        match self.channels.get(channel):
            case SlackChannel():
                return to.model_copy(update={"via": channel, "address": person.slack or ""})
            case TelegramChannel() if person.telegram is not None:
                return to.model_copy(update={"via": channel, "address": str(person.telegram)})
            case TeamsChannel() | WebhookChannel() | AppriseChannel() as one_way if _is(
                person, one_way.person
            ):
                return to.model_copy(update={"via": channel})
        return None

    def room(self, channel: str) -> Recipient | None:
        """The room that a channel is, not yet told; none where it leads to single people."""
        match self.channels.get(channel):
            case SlackChannel(room=str(room)):
                return Recipient.room(channel, address=room, name=room)
            case TelegramChannel(chat=int(chat)):
                return Recipient.room(channel, address=str(chat))
            case PagerDutyChannel():
                return Recipient.room(channel)
            case TeamsChannel() | WebhookChannel() | AppriseChannel() as one_way if (
                one_way.person is None
            ):
                return Recipient.room(channel)
        return None

    def asked(self) -> tuple[Recipient, ...]:
        """The rooms where every question goes that no route sends elsewhere."""
        rooms = (
            self.room(name)
            for name, config in self.channels.items()
            if not isinstance(config, EmailChannel) and config.ask
        )
        return tuple(room for room in rooms if room is not None)

    def told(self, kind: Kind) -> tuple[Recipient, ...]:
        """Everybody who wants to hear of this, and where."""
        return tuple(self._told(kind))

    def _told(self, kind: Kind) -> Iterator[Recipient]:
        email = EmailChannel(kind="email")
        for name, config in ({EMAIL: email} | dict(self.channels)).items():
            if kind not in config.tell:
                continue
            room = self.room(name)
            if room is not None:
                yield room
                continue
            for person in self.people:
                to = self.person(person, name)
                if to is not None:
                    yield to


def _is(person: Person, email: str | None) -> bool:
    return email is not None and person.email.casefold() == email.casefold()
