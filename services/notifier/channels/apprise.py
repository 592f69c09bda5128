"""A hundred more services, one way, through apprise."""

import logging
import warnings
from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from importlib import import_module
from typing import Any, Final

from pydantic import SecretStr

from services.notifier.channels.message import Asking, Telling
from services.notifier.channels.plain import (
    digest_lines,
    digest_title,
    link_words,
    text_of,
    title_of,
)
from services.notifier.question import Question
from services.notifier.recipients import Recipient
from shared.errors import SettingsError, UnavailableError

_GATHERED: Final = 5


class AppriseMessenger:
    """Sends a title and a text to the service that a URL names; see ``Messenger``.

    Such a service does not tell what became of a message, so a copy after a crash is possible.
    """

    def __init__(self, name: str, url: SecretStr) -> None:
        self._name = name
        self._url = url

    async def ask(self, asking: Asking, *, now: datetime) -> str:  # noqa: ARG002 a Messenger's
        """See ``Messenger``."""
        return await self._notify(title_of(asking), text_of(asking))

    async def gather(self, askings: Sequence[Asking], *, now: datetime) -> str:  # noqa: ARG002 a Messenger's
        """See ``delivery.Gathering``; messages that are short enough for most services."""
        for at in range(0, len(askings), _GATHERED):
            some = askings[at : at + _GATHERED]
            lines = zip(digest_lines(some), some, strict=True)
            text = "\n".join(f"{line}\n{link_words(one)}: {one.link}" for line, one in lines)
            await self._notify(digest_title(some), text)
        return ""

    async def tell(self, telling: Telling, *, now: datetime) -> str:  # noqa: ARG002 a Messenger's
        """See ``Messenger``."""
        return await self._notify(title_of(telling), text_of(telling))

    async def revise(self, question: Question, to: Recipient) -> None:
        """See ``Messenger``: what was sent stays."""

    async def _notify(self, title: str, text: str) -> str:
        sent = await self._service.async_notify(title=title, body=text, body_format="text")
        if not sent:
            raise UnavailableError(f"{self._name}: the service did not take the message")
        return ""

    @cached_property
    def _service(self) -> Any:
        with warnings.catch_warnings():
            # It looks for modules of older versions of Python.
            warnings.simplefilter("ignore", DeprecationWarning)
            return self._loaded()

    def _loaded(self) -> Any:
        # It takes seconds to import, and few installations need it.
        apprise = import_module("apprise")
        # Its messages may have addresses, and those have secrets.
        logging.getLogger("apprise").setLevel(logging.CRITICAL)
        service = apprise.Apprise()
        if not service.add(self._url.get_secret_value()):
            raise SettingsError(f"channels.{self._name}: apprise does not know such a URL")
        return service

    def check(self) -> None:
        """Know at the start whether the URL can be used.

        Raises:
            SettingsError: it cannot; the text never repeats it.
        """
        _ = self._service
