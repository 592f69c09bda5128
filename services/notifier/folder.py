"""Where no mail server is configured: mails as files, and their links on the terminal."""

import asyncio
import os
import re
import sys
from collections.abc import Callable
from datetime import datetime
from email.headerregistry import Address
from pathlib import Path
from typing import Final, TextIO

from services.notifier.mail import Mail
from services.notifier.mime import composed
from shared.errors import UnavailableError

# File systems allow 255 octets for a name.
_NAME_LENGTH: Final = 100

Announce = Callable[[str], None]
"""Shows a link, and whose it is, to whoever sits at the terminal."""


def on_terminal(link: str, *, stream: TextIO | None = None) -> None:
    """Plain text, where somebody sits at a terminal: a log must never carry a link."""
    stream = stream or sys.stderr
    if stream.isatty():
        stream.write(f"read and answer: {link}\n")
        stream.flush()


class TerminalMailer:
    """Shows the link, where nobody has a mailbox."""

    def __init__(self, announce: Announce) -> None:
        self._announce = announce

    async def send(self, mail: Mail, *, now: datetime) -> None:  # noqa: ARG002 a Mailer's
        """See ``Mailer``."""
        if mail.link is not None:
            self._announce(mail.link)


class FolderMailer:
    """Writes each mail as an ``.eml`` file, readable by its owner only, and shows its link."""

    def __init__(self, folder: Path, *, sender: Address, announce: Announce) -> None:
        self._folder = folder
        self._sender = sender
        self._announce = announce

    async def send(self, mail: Mail, *, now: datetime) -> None:
        """See ``Mailer``; the file is there whole or not at all."""
        message = composed(mail, sender=self._sender, now=now)
        recipient = re.sub(r"[^A-Za-z0-9@.+-]", "_", mail.to.email)[:_NAME_LENGTH]
        name = f"{now:%Y%m%dT%H%M%S.%fZ}-{mail.about.hex[:8]}-{recipient}.eml"
        try:
            await asyncio.to_thread(_write, self._folder / name, message)
        except OSError as error:
            raise UnavailableError(f"{self._folder}: {error.strerror}") from error
        if mail.link is not None:
            self._announce(f"{mail.to.name}: {mail.subject}\n  {mail.link}")


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = path.with_suffix(".tmp")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
