"""Where each recipient of a question answers."""

from dataclasses import dataclass

from services.notifier.links import Link, url
from services.notifier.question import Question
from services.notifier.recipients import Recipient


@dataclass(frozen=True)
class Linking:
    """Makes links: ``key`` signs them, and they begin with ``public_url``."""

    key: bytes
    public_url: str

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
