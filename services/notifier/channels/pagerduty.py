"""Notes on the incident in PagerDuty that a ticket came from (REST API version 2)."""

from datetime import datetime
from typing import Final
from urllib.parse import quote

from pydantic import SecretStr

from services.notifier.channels.http import Http
from services.notifier.channels.message import Asking, Message, Telling, ticket_of
from services.notifier.channels.messenger import NotConcernedError
from services.notifier.channels.plain import text_of, title_of
from services.notifier.channels.store import Incidents
from services.notifier.question import Question
from services.notifier.recipients import Recipient

# PagerDuty keeps 25,000; nobody reads that much in a note.
_LENGTH: Final = 5000


class PagerDutyMessenger:
    """Writes notes in the name of one user; see ``Messenger``."""

    def __init__(
        self, url: str, token: SecretStr, *, sender: str, http: Http, incidents: Incidents
    ) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._sender = sender
        self._http = http
        self._incidents = incidents

    async def ask(self, asking: Asking, *, now: datetime) -> str:  # noqa: ARG002 a Messenger's
        """See ``Messenger``."""
        return await self._note(asking)

    async def tell(self, telling: Telling, *, now: datetime) -> str:  # noqa: ARG002 a Messenger's
        """See ``Messenger``."""
        return await self._note(telling)

    async def revise(self, question: Question, to: Recipient) -> None:
        """See ``Messenger``: notes stay; what became of a question is told as news."""

    async def _note(self, message: Message) -> str:
        incident = await self._incidents.incident_of(ticket_of(message))
        if not incident:
            raise NotConcernedError("the ticket came from no incident in PagerDuty")
        answer = await self._http.post(
            f"{self._url}/incidents/{quote(incident, safe='')}/notes",
            json={"note": {"content": f"{title_of(message)}\n{text_of(message)}"[:_LENGTH]}},
            headers={
                "Authorization": f"Token token={self._token.get_secret_value()}",
                "Accept": "application/vnd.pagerduty+json;version=2",
                "From": self._sender,
            },
        )
        note = answer.json().get("note", {})
        return str(note.get("id", ""))
