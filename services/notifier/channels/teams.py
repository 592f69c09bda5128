"""Microsoft Teams, by a workflow that posts Adaptive Cards ("when a webhook request is received").

Everything that is not ours stands in text runs, in which Teams looks for no markup.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import SecretStr

from services.notifier.channels.http import Http
from services.notifier.channels.message import Asking, Message, Telling
from services.notifier.channels.plain import (
    Line,
    digest_lines,
    digest_title,
    lines_of,
    link_words,
    title_of,
)
from services.notifier.question import Question
from services.notifier.recipients import Recipient

# Teams takes cards of at most 28 kB.
_TEXT_LENGTH: Final = 4000
_GATHERED: Final = 20


class TeamsMessenger:
    """Posts cards with a link; nothing comes back, so a copy after a crash is possible."""

    def __init__(self, url: SecretStr, http: Http) -> None:
        self._url = url
        self._http = http

    async def ask(self, asking: Asking, *, now: datetime) -> str:  # noqa: ARG002 a Messenger's
        """See ``Messenger``."""
        return await self._post(asking)

    async def gather(self, askings: Sequence[Asking], *, now: datetime) -> str:  # noqa: ARG002 a Messenger's
        """See ``delivery.Gathering``; cards of a size that Teams takes."""
        for at in range(0, len(askings), _GATHERED):
            some = askings[at : at + _GATHERED]
            await self._http.post(self._url.get_secret_value(), json=digest_card(some))
        return ""

    async def tell(self, telling: Telling, *, now: datetime) -> str:  # noqa: ARG002 a Messenger's
        """See ``Messenger``."""
        return await self._post(telling)

    async def revise(self, question: Question, to: Recipient) -> None:
        """See ``Messenger``: a card stays; its link shows how the question stands."""

    async def _post(self, message: Message) -> str:
        await self._http.post(self._url.get_secret_value(), json=card(message))
        return ""


def card(message: Message) -> dict[str, Any]:
    """The message as the workflow takes it."""
    content = _card([_heading(title_of(message)), *map(_line, lines_of(message))])
    if isinstance(message, Asking):
        action = {"type": "Action.OpenUrl", "title": link_words(message), "url": message.link}
        content["actions"] = [action]
    return _message(content)


def digest_card(askings: Sequence[Asking]) -> dict[str, Any]:
    """Several questions, each with its own link."""
    lines = []
    for asking, text in zip(askings, digest_lines(askings), strict=True):
        opening = {"type": "Action.OpenUrl", "url": asking.link}
        said = {"type": "TextRun", "text": f"{text}: "}
        link = {"type": "TextRun", "text": link_words(asking), "selectAction": opening}
        lines.append({"type": "RichTextBlock", "inlines": [said, link]})
    return _message(_card([_heading(digest_title(askings)), *lines]))


def _card(body: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    }


def _message(content: dict[str, Any]) -> dict[str, Any]:
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": content,
    }
    return {"type": "message", "attachments": [attachment]}


def _heading(text: str) -> dict[str, Any]:
    run = {"type": "TextRun", "text": text[:_TEXT_LENGTH], "weight": "bolder", "size": "large"}
    return {"type": "RichTextBlock", "inlines": [run]}


def _line(line: Line) -> dict[str, Any]:
    runs: list[dict[str, Any]] = []
    if line.label:
        runs.append({"type": "TextRun", "text": f"{line.label}: ", "weight": "bolder"})
    text = line.text
    if len(text) > _TEXT_LENGTH:
        text = f"{text[:_TEXT_LENGTH]} … and {len(text) - _TEXT_LENGTH} more characters"
    said = {"type": "TextRun", "text": text or " "}
    runs.append(said | {"fontType": "monospace"} if line.exact else said)
    return {"type": "RichTextBlock", "inlines": runs}
