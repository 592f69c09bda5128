"""The people who are asked and told, and the addresses under which each may answer."""

from dataclasses import dataclass
from datetime import datetime

from services.notifier.links import Channel, Link, url
from services.notifier.question import Question
from services.notifier.recipients import Recipient
from shared.config import Person
from shared.policy.voters import EVERYBODY, OnCall, Voters


@dataclass(frozen=True)
class Audience:
    """Everybody in handrail.yaml; ``key`` signs links, which begin with ``public_url``.

    ``rooms`` are where every question goes that no route sends elsewhere.
    """

    people: tuple[Person, ...]
    key: bytes
    public_url: str
    rooms: tuple[Recipient, ...] = ()

    def recipients(self) -> tuple[Recipient, ...]:
        """Each person, not yet told."""
        return tuple(map(_by_mail, self.people))

    def who_may(
        self, voters: Voters, *, now: datetime, on_call: OnCall = EVERYBODY
    ) -> tuple[Recipient, ...]:
        """Each person whose yes would count now, not yet told.

        Where nobody's would, everybody: whoever sees the question can say no, or change the policy.
        """
        may = [p for p in self.people if _may(voters, p, now, on_call)]
        return tuple(map(_by_mail, may)) or self.recipients()

    def and_rooms(self, people: tuple[Recipient, ...]) -> tuple[Recipient, ...]:
        """Rooms beside people: of a room alone, nobody's answer would count."""
        if not self.rooms:
            return people
        return (*(people or (Recipient.at_terminal(),)), *self.rooms)

    def link_for(self, recipient: Recipient, question: Question) -> str:
        """Where this recipient answers."""
        link = Link.to(
            question.id,
            question.bound_to,
            question.expires_at,
            recipient=recipient.email,
            channel=recipient.channel,
        )
        return url(link, key=self.key, public_url=self.public_url)


def _by_mail(person: Person) -> Recipient:
    return Recipient(name=person.name, email=person.email, timezone=person.timezone)


def _may(voters: Voters, person: Person, now: datetime, on_call: OnCall) -> bool:
    return not voters.objection(person.email, Channel.EMAIL, on_call=on_call, since=now, until=now)
