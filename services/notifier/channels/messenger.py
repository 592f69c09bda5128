"""What every channel does: ask, tell, and take back what is no question any more."""

from datetime import datetime
from typing import Protocol

from services.notifier.channels.message import Asking, Telling
from services.notifier.question import Question
from services.notifier.recipients import Recipient
from shared.errors import HandrailError, PermanentError


class RefusedError(PermanentError):
    """The channel will never take this message for this recipient."""


class NotConcernedError(HandrailError):
    """The channel has nothing to do with this ticket, so there is nothing to send."""


class Messenger(Protocol):
    """A channel, by which messages reach a person or a room.

    A message has the same ``id`` however often it is made. A channel that can know that it has sent
    it before does not send it again; one that cannot may send it twice after a crash, never more
    often than it was called.
    """

    async def ask(self, asking: Asking, *, now: datetime) -> str:
        """Deliver a question; it is with somebody else when this returns.

        Returns what the channel calls the message, or nothing where it gives no name.

        Raises:
            NotConcernedError: there is nothing to send here.
            RefusedError: for good, for this recipient.
            UnavailableError: not now.
        """
        ...

    async def tell(self, telling: Telling, *, now: datetime) -> str:
        """Deliver news of a ticket, in the thread of the ticket where there is one; see ``ask``."""
        ...

    async def revise(self, question: Question, to: Recipient) -> None:
        """Show how the question stands, where it was asked: no button is left that decides nothing.

        ``to`` has the message's ``reference``. Doing it twice does no harm, and a channel that
        cannot change what it sent does nothing.

        Raises:
            RefusedError: the message is gone.
            UnavailableError: not now.
        """
        ...
