"""Who is who: people of handrail.yaml and members of a Slack workspace."""

import time
from collections.abc import Mapping
from typing import Any, Final

from services.notifier.channels.messenger import RefusedError
from services.notifier.channels.slack.web import MissingScopeError, Web
from shared.config import Person

#: For how many seconds an answer of Slack is good: so long works somebody who was just removed.
_KEPT: Final = 300.0
# Guests, members of other workspaces and programs do not answer for anybody.
_OTHERS: Final = (
    "deleted",
    "is_bot",
    "is_app_user",
    "is_stranger",
    "is_restricted",
    "is_ultra_restricted",
)


class Members:
    """Finds a person's ID in Slack, and the person behind an ID, by the file or by mail."""

    def __init__(self, web: Web, people: tuple[Person, ...]) -> None:
        self._web = web
        self._by_id = {person.slack: person for person in people if person.slack}
        # Whoever has an ID in the file is that ID alone, whatever address another one has.
        self._by_email = {p.email.casefold(): p for p in people if not p.slack}
        self._ids: dict[str, str] = {}
        self._known: dict[str, tuple[float, Person | None]] = {}

    async def id_of(self, email: str) -> str:
        """The ID of a person, to write to them directly.

        Raises:
            RefusedError: nobody in the workspace has that address.
            UnavailableError: Slack does not answer.
        """
        if email not in self._ids:
            found = await self._web.read("users.lookupByEmail", email=email)
            self._ids[email] = str(found["user"]["id"])
        return self._ids[email]

    async def person(self, user_id: str) -> Person | None:
        """The person whom a member is, if it is one.

        Raises:
            UnavailableError: Slack does not answer.
        """
        if user_id in self._by_id:
            return self._by_id[user_id]
        since, known = self._known.get(user_id, (-_KEPT, None))
        if time.monotonic() - since < _KEPT:
            return known
        found = await self._looked_up(user_id) if self._by_email else None
        self._known[user_id] = (time.monotonic(), found)
        return found

    async def _looked_up(self, user_id: str) -> Person | None:
        try:
            user = (await self._web.read("users.info", user=user_id)).get("user", {})
        except (RefusedError, MissingScopeError):
            return None
        if not isinstance(user, dict) or any(user.get(other) for other in _OTHERS):
            return None
        return self._by_email.get(_email(user))


def _email(user: Mapping[str, Any]) -> str:
    return str(user.get("profile", {}).get("email", "")).casefold()
