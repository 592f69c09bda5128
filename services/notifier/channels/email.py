"""Email, and what stands in for it where there is no mail server: files, and the terminal."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from services.notifier.channels.message import Asking, Telling
from services.notifier.mail import Mail, digest_of, mail_of
from services.notifier.question import Question
from services.notifier.recipients import Recipient


class Mailer(Protocol):
    """A way by which a mail reaches somebody."""

    async def send(self, mail: Mail, *, now: datetime) -> None:
        """Hand the mail over; see ``Messenger.ask``."""
        ...


class EmailMessenger:
    """Asks and tells by mail.

    A mail server does not say whether it has a mail already, so a crash between sending and storing
    sends a second copy. It has the same Message-ID, by which mail programs show one.
    """

    def __init__(self, mailer: Mailer) -> None:
        self._mailer = mailer

    async def ask(self, asking: Asking, *, now: datetime) -> str:
        """See ``Messenger``."""
        return await self._send(mail_of(asking), now)

    async def gather(self, askings: Sequence[Asking], *, now: datetime) -> str:
        """See ``delivery.Gathering``."""
        return await self._send(digest_of(askings), now)

    async def tell(self, telling: Telling, *, now: datetime) -> str:
        """See ``Messenger``."""
        return await self._send(mail_of(telling), now)

    async def revise(self, question: Question, to: Recipient) -> None:
        """See ``Messenger``: a mail stays as it is, and its link shows how the question stands."""

    async def _send(self, mail: Mail, now: datetime) -> str:
        await self._mailer.send(mail, now=now)
        return str(mail.id)
