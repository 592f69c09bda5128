"""Any address that takes signed JSON; the format is in docs/channels.md."""

import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from pydantic import SecretStr

from services.notifier.channels.http import Http
from services.notifier.channels.message import Asking, Telling
from services.notifier.channels.post import Post
from services.notifier.channels.store import Posts
from services.notifier.question import Question
from services.notifier.recipients import Recipient
from shared.events.envelope import derived_id

VERSION: Final = 1
#: Of all kinds of questions, what receivers may count on; the rest is only ours.
_SHOWN: Final = {
    *("state", "ticket_id", "ticket_title", "severity", "created_at", "expires_at", "settled_at"),
    *("session_id", "step_id", "runbook", "title", "connector", "target", "command", "risk"),
    *("why", "evidence", "rollback", "check", "dry_run", "required", "who", "requester"),
    *("because", "options", "text", "fields"),
}


class WebhookMessenger:
    """Posts questions, what became of them, and news; see ``Messenger``.

    ``Handrail-Id`` is the same for a message that is sent again, by which receivers know it.
    """

    def __init__(self, url: str, secrets: Sequence[SecretStr], http: Http, posts: Posts) -> None:
        self._url = url
        self._secrets = tuple(secrets)
        self._http = http
        self._posts = posts

    async def ask(self, asking: Asking, *, now: datetime) -> str:
        """See ``Messenger``."""
        earlier = await self._posts.begin(Post.of(asking, at=now))
        if earlier is not None and earlier.reference:
            return earlier.reference
        body = _question("question", asking.question) | {"link": asking.link}
        await self._send(asking.id, body, now)
        await self._posts.posted(asking.id, str(asking.id))
        return str(asking.id)

    async def tell(self, telling: Telling, *, now: datetime) -> str:
        """See ``Messenger``."""
        news = telling.news
        body = {
            "type": "news",
            "news": news.kind.value,
            "ticket_id": str(news.ticket_id),
            "title": news.title,
            "summary": news.summary,
            "sections": [{"title": title, "lines": list(items)} for title, items in news.sections],
        }
        await self._send(telling.id, body, now)
        return str(telling.id)

    async def revise(self, question: Question, to: Recipient) -> None:
        """See ``Messenger``: how the question stands is a message of its own."""
        key = f"{question.state}{len(question.answers)}"
        body = _question("answered", question)
        await self._send(derived_id(question.id, key, to.key), body, datetime.now(UTC))

    async def _send(self, message_id: UUID, body: dict[str, Any], now: datetime) -> None:
        whole = {"version": VERSION, "id": str(message_id), "at": now.isoformat(), **body}
        raw = json.dumps(whole, ensure_ascii=False).encode("utf-8", "replace")
        headers = {
            "Content-Type": "application/json",
            "Handrail-Id": str(message_id),
            "Handrail-Signature": signature(raw, secrets=self._secrets, now=now),
        }
        await self._http.post(self._url, content=raw, headers=headers)


def signature(body: bytes, *, secrets: Sequence[SecretStr], now: datetime) -> str:
    """The time, and HMAC-SHA256 over it and the body, under each secret: one is enough."""
    at = str(int(now.timestamp()))
    message = at.encode() + b"." + body
    macs = [
        hmac.new(secret.get_secret_value().encode(), message, hashlib.sha256).hexdigest()
        for secret in secrets
    ]
    return ",".join([f"t={at}", *(f"v1={mac}" for mac in macs)])


def _question(kind: str, question: Question) -> dict[str, Any]:
    answers = [said.model_dump(mode="json", exclude={"signature"}) for said in question.answers]
    return {
        "type": kind,
        "question_id": str(question.id),
        "question": {
            "kind": getattr(question, "kind", "approval"),
            **question.model_dump(mode="json", include=_SHOWN),
            "answers": answers,
        },
    }
