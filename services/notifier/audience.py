"""The people who are asked and told, and the addresses under which each may answer."""

from dataclasses import dataclass

from services.notifier.approval import Approval
from services.notifier.links import Link, url
from services.notifier.recipients import Recipient
from shared.config import Person


@dataclass(frozen=True)
class Audience:
    """Everybody in handrail.yaml; ``key`` signs links, which begin with ``public_url``."""

    people: tuple[Person, ...]
    key: bytes
    public_url: str

    def recipients(self) -> tuple[Recipient, ...]:
        """Each person, not yet told."""
        return tuple(Recipient(name=person.name, email=person.email) for person in self.people)

    def link_for(self, recipient: Recipient, approval: Approval) -> str:
        """Where this recipient answers."""
        link = Link.to(
            approval.id,
            approval.step_hash,
            approval.expires_at,
            recipient=recipient.email,
            channel=recipient.channel,
        )
        return url(link, key=self.key, public_url=self.public_url)
