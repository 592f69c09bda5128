"""The people who are asked and told, and the addresses under which each may answer."""

from collections.abc import Collection
from dataclasses import dataclass

from services.notifier.links import Link, url
from services.notifier.question import Question
from services.notifier.recipients import Recipient
from shared.config import Person
from shared.policy.terms import may_approve


@dataclass(frozen=True)
class Audience:
    """Everybody in handrail.yaml; ``key`` signs links, which begin with ``public_url``."""

    people: tuple[Person, ...]
    key: bytes
    public_url: str

    def recipients(self, who: Collection[str] = ()) -> tuple[Recipient, ...]:
        """Each person, not yet told; where some are asked for, those."""
        return tuple(
            Recipient(name=person.name, email=person.email)
            for person in self.people
            if may_approve(who, person.email)
        )

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
