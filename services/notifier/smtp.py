"""Mails over SMTP."""

import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from enum import StrEnum
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

from services.notifier.channels.messenger import RefusedError
from services.notifier.mail import Mail, mime
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
    """Hands each mail to a mail server, over a connection of its own."""

    def __init__(self, server: Server, *, sender: Address, ca_file: str | None = None) -> None:
        self._server = server
        self._sender = sender
        self._ca_file = ca_file

    async def send(self, mail: Mail, *, now: datetime) -> None:
        """See ``Mailer``.

        What a server says against the recipient or the text is final where its code is; what it
        says against this installation (login, sender, encryption) an operator can put right.
        """
        message = mime(mail, sender=self._sender)
        message["Date"] = format_datetime(now)
        try:
            async with self._connection() as smtp:
                await self._hand_over(smtp, message, mail.to.email)
        except (SMTPException, OSError) as error:
            raise UnavailableError(f"{self._server.host}: {_told(error)}") from error

    async def _hand_over(self, smtp: SMTP, message: EmailMessage, to: str) -> None:
        try:
            await smtp.send_message(message, sender=self._sender.addr_spec, recipients=[to])
        except SMTPRecipientsRefused as error:
            raise _judged(error.recipients[0]) from error
        except SMTPDataError as error:
            raise _judged(error) from error
        except (SMTPNotSupported, ValueError) as error:
            raise RefusedError(_told(error)) from error

    def _connection(self) -> SMTP:
        server = self._server
        start_tls = {Security.ALWAYS: True, Security.AUTO: None}.get(server.security, False)
        return SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.security is Security.IMPLICIT,
            start_tls=start_tls,
            # Who could show a false certificate could as well take the offer of STARTTLS away:
            # where encryption may be missing, checking it gains nothing.
            validate_certs=server.security is not Security.AUTO,
            cert_bundle=self._ca_file,
            username=server.username,
            password=server.password.get_secret_value() if server.password else None,
            # The library would look the full name up in DNS, before every mail.
            local_hostname=socket.gethostname(),
            timeout=TIMEOUT.total_seconds(),
        )


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
