"""What a person at the terminal says on the bus, signed with the installation's secret."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeVar

import nats.errors
import nats.js.errors
from pydantic import SecretStr

from deploy.connection import NotRunningError, Place, reading, streaming
from deploy.store import Reader
from shared.errors import HandrailError, SettingsError
from shared.events import Event
from shared.signing import Signer

#: How long a service may take to do what was said, before the command stops waiting for it.
PATIENCE: Final = timedelta(seconds=60)
_PAUSE: Final = timedelta(milliseconds=200)
_SOURCE: Final = "terminal"

T = TypeVar("T")


class NotDoneError(HandrailError):
    """What was asked for cannot be done, or was not done in time; says why."""


@dataclass(frozen=True)
class Voice:
    """What a command needs to say something and to see what came of it."""

    reader: Reader
    signer: Signer
    say: Callable[[Event], Awaitable[None]]


@asynccontextmanager
async def speaking(
    place: Place, environment: Mapping[str, str] = os.environ
) -> AsyncIterator[Voice]:
    """A voice on the bus of an installation.

    Raises:
        SettingsError: the installation's secret is not known here.
        NotRunningError: the bus or the store is nowhere, or does not answer.
    """
    signer = signer_of(place, environment)
    async with streaming(place) as stream, reading(place) as reader:

        async def say(event: Event) -> None:
            try:
                headers = event.headers(source=_SOURCE)
                await stream.publish(event.subject, event.body(), headers=headers)
            except (nats.errors.Error, nats.js.errors.Error, TimeoutError) as error:
                raise NotRunningError(f"NATS does not take it: {error}") from error

        yield Voice(reader, signer, say)


async def until(
    look: Callable[[], Awaitable[T | None]], *, within: timedelta | None, otherwise: str = ""
) -> T:
    """What a look finds, once it finds something.

    Raises:
        NotDoneError: it did not in time; with ``otherwise`` as its words.
    """
    try:
        async with asyncio.timeout(None if within is None else within.total_seconds()):
            while (found := await look()) is None:  # noqa: ASYNC110 it is told by a store
                await asyncio.sleep(_PAUSE.total_seconds())
    except TimeoutError:
        raise NotDoneError(otherwise) from None
    return found


def signer_of(place: Place, environment: Mapping[str, str]) -> Signer:
    """What signs for an installation.

    Raises:
        SettingsError: its secret is not known here.
    """
    secret = place.home.known_secret_key(environment)
    if secret is None:
        raise SettingsError("HANDRAIL_SECRET_KEY: is not set; what is said is signed with it")
    return Signer(SecretStr(secret))
