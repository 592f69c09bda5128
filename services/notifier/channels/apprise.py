"""A hundred more services, one way, through apprise."""

import logging
import warnings
from datetime import datetime
from functools import cached_property
from importlib import import_module
from typing import Any

from pydantic import SecretStr

from services.notifier.channels.message import Asking, Message, Telling
from services.notifier.channels.plain import text_of, title_of
from services.notifier.question import Question
from services.notifier.recipients import Recipient
from shared.errors import SettingsError, UnavailableError


class AppriseMessenger:
    """Sends a title and a text to the service that a URL names; see ``Messenger``.

    Such a service does not tell what became of a message, so a copy after a crash is possible.
    """

    def __init__(self, name: str, url: SecretStr) -> None:
        self._name = name
        self._url = url

    async def ask(self, asking: Asking, *, now: datetime) -> str:  # noqa: ARG002 a Messenger's
        """See ``Messenger``."""
        return await self._notify(asking)

    async def tell(self, telling: Telling, *, now: datetime) -> str:  # noqa: ARG002 a Messenger's
        """See ``Messenger``."""
        return await self._notify(telling)

    async def revise(self, question: Question, to: Recipient) -> None:
        """See ``Messenger``: what was sent stays."""

    async def _notify(self, message: Message) -> str:
        sent = await self._service.async_notify(
            title=title_of(message), body=text_of(message), body_format="text"
        )
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
