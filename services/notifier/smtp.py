"""Mails over SMTP."""

import socket
import ssl
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.headerregistry import Address
from enum import StrEnum
from functools import cached_property
from typing import Final, Self
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientRefused,
    SMTPRecipientsRefused,
)
from pydantic import SecretStr

from services.notifier.bounces.returns import Returns
from services.notifier.channels.messenger import RefusedError
from services.notifier.connections import Connections
from services.notifier.mail import Mail
from services.notifier.mime import composed
from services.notifier.text import one_line
from shared.errors import SettingsError, UnavailableError

TIMEOUT: Final = timedelta(seconds=20)

_SETTING: Final = "HANDRAIL_SMTP_URL"
_SHAPE: Final = "smtp://user:password@host:587?starttls=always, or smtps://host:465"
_SUBMISSION_PORT: Final = 587
_TLS_PORT: Final = 465
_PERMANENT: Final = 500
_ERROR_LENGTH: Final = 300


class Security(StrEnum):
    """How the connection is encrypted."""

    IMPLICIT = "implicit"
    ALWAYS = "always"
    AUTO = "auto"
    NEVER = "never"


@dataclass(frozen=True)
class Server:
    """Where mails are handed in."""

    host: str
    port: int
    security: Security
    username: str | None = None
    password: SecretStr | None = None

    @classmethod
    def parse(cls, url: SecretStr) -> Self:
        """The server that a URL names.

        Without ``starttls``, a password is sent only after STARTTLS (`always`), and a server that
        asks for none is encrypted where it can be (`auto`).

        Raises:
            SettingsError: it is no such URL; the text never repeats it.
        """
        try:
            parts = urlsplit(url.get_secret_value())
            port = parts.port
        except ValueError as error:
            raise SettingsError(f"{_SETTING}: is no URL; it looks like {_SHAPE}") from error
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
            raise SettingsError(f"{_SETTING}: is no address of a mail server; like {_SHAPE}")
        security = _security(parts)
        default = _TLS_PORT if security is Security.IMPLICIT else _SUBMISSION_PORT
        return cls(
            host=parts.hostname,
            port=port or default,
            security=security,
            username=unquote(parts.username) if parts.username else None,
            password=SecretStr(unquote(parts.password)) if parts.password else None,
        )


class SmtpMailer:
    """Hands mails to a mail server, over a few connections that are kept."""

    def __init__(
        self,
        server: Server,
        *,
        sender: Address,
        ca_file: str | None = None,
        returns: Returns | None = None,
    ) -> None:
        self._server = server
        self._sender = sender
        self._ca_file = ca_file
        self._returns = returns
        self._connections = Connections(self._connection)

    async def send(self, mail: Mail, *, now: datetime) -> None:
        """See ``Mailer``.

        What a server says against the recipient or the text is final where its code is; what it
        says against this installation (login, sender, encryption) an operator can put right.
        """
        try:
            async with self._connections.one() as smtp:
                await self._hand_over(smtp, mail, now)
        except (SMTPException, OSError) as error:
            raise UnavailableError(f"{self._server.host}: {_told(error)}") from error

    async def tidy(self) -> None:
        """Close connections that are not needed for now."""
        await self._connections.tidy()

    async def close(self) -> None:
        """Close all connections."""
        await self._connections.close()

    async def _hand_over(self, smtp: SMTP, mail: Mail, now: datetime) -> None:
        eight_bits = smtp.supports_extension("8bitmime")
        sender, to = self._returned_to(mail), mail.to.email
        options = ["BODY=8BITMIME"] if eight_bits else []
        if not (sender + to).isascii():
            options.append("SMTPUTF8")
        text = composed(mail, sender=self._sender, now=now, eight_bits=eight_bits)
        try:
            await smtp.sendmail(sender, to, text, mail_options=options)
        except SMTPRecipientsRefused as error:
            raise _judged(error.recipients[0]) from error
        except SMTPDataError as error:
            raise _judged(error) from error
        except (SMTPNotSupported, ValueError) as error:
            raise RefusedError(_told(error)) from error

    def _returned_to(self, mail: Mail) -> str:
        """Where the mail comes back to if it cannot be delivered."""
        if self._returns is None:
            return self._sender.addr_spec
        return self._returns.sender_of(mail.tells_of, mail.to)

    def _connection(self) -> SMTP:
        server = self._server
        start_tls = {Security.ALWAYS: True, Security.AUTO: None}.get(server.security, False)
        return SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.security is Security.IMPLICIT,
            start_tls=start_tls,
            tls_context=self._tls,
            username=server.username,
            password=server.password.get_secret_value() if server.password else None,
            # The library would look the full name up in DNS, before every mail.
            local_hostname=socket.gethostname(),
            timeout=TIMEOUT.total_seconds(),
        )

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        # Read once: the system's certificates take longer than a mail.
        context = ssl.create_default_context(cafile=self._ca_file)
        if self._server.security is Security.AUTO:
            # Who could show a false certificate could as well take the offer of STARTTLS away:
            # where encryption may be missing, checking it gains nothing.
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def _security(parts: SplitResult) -> Security:
    if parts.scheme == "smtps":
        return Security.IMPLICIT
    default = Security.ALWAYS if parts.password else Security.AUTO
    wanted = parse_qs(parts.query).get("starttls", [default.value])[-1]
    if wanted not in {Security.ALWAYS, Security.AUTO, Security.NEVER}:
        raise SettingsError(f"{_SETTING}: starttls is always, auto or never")
    return Security(wanted)


def _judged(error: SMTPRecipientRefused | SMTPDataError) -> RefusedError | UnavailableError:
    kind = RefusedError if error.code >= _PERMANENT else UnavailableError
    return kind(_told(error))


def _told(error: Exception) -> str:
    return one_line(" ".join(str(part) for part in error.args))[:_ERROR_LENGTH]
