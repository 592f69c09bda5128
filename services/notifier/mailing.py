"""How mails leave: over SMTP, or, where no server is configured, as files."""

from email.errors import MessageError
from email.headerregistry import Address
from email.utils import parseaddr
from typing import Final

from services.notifier.bounces.returns import Returns
from services.notifier.channels.email import Mailer
from services.notifier.channels.parts import Host
from services.notifier.channels.settings import ChannelSettings
from services.notifier.connections import IDLE
from services.notifier.folder import Announce, FolderMailer
from services.notifier.smtp import Server, SmtpMailer
from shared.config import Person
from shared.errors import SettingsError
from shared.loops import every

OUTBOX: Final = "outbox"

_FOLDER_SENDER: Final = "Handrail <handrail@localhost>"


def mailer(
    settings: ChannelSettings, host: Host, announce: Announce, *, returns: Returns | None = None
) -> Mailer:
    """What hands mails over; ``host`` looks after its connections.

    With ``returns``, a mail that cannot be delivered comes back to an address of its own.

    Raises:
        SettingsError: the server or the sender cannot be used.
    """
    if settings.smtp_url is None:
        sender = sender_in(settings.mail_from or _FOLDER_SENDER)
        return FolderMailer(settings.home / OUTBOX, sender=sender, announce=announce)
    server = Server.parse(settings.smtp_url)
    if settings.mail_from is None:
        raise SettingsError("HANDRAIL_MAIL_FROM: is not set; mail servers want to know who sends")
    made = SmtpMailer(server, sender=sender_in(settings.mail_from), returns=returns)
    host.loops.append(every(IDLE, made.tidy, name="connections"))
    host.close.append(made.close)
    return made


def sender_in(text: str) -> Address:
    """The address that mails are from.

    Raises:
        SettingsError: there is none in it.
    """
    name, email = parseaddr(text)
    try:
        address = Address(name, addr_spec=email)
    except (MessageError, ValueError, IndexError):
        address = Address()
    if not address.username or not address.domain:
        raise SettingsError(
            f"HANDRAIL_MAIL_FROM: {text!r} is not like `Handrail <ops@example.org>`"
        )
    return address


def reachable(people: tuple[Person, ...]) -> tuple[Person, ...]:
    """The people, each of whom has an address that a mail can go to.

    Raises:
        SettingsError: one has not.
    """
    for person in people:
        try:
            Address(person.name, addr_spec=person.email)
        except (MessageError, ValueError, IndexError) as error:
            raise SettingsError(f"people: {person.email!r} is no address for mails") from error
    return people
