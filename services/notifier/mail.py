"""Mails: what is asked for and how it ended, in text and HTML, threaded by ticket."""

from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final, Protocol, TypeVar
from uuid import UUID

from services.notifier.approval import Approval
from services.notifier.choice import Choice
from services.notifier.recipients import Recipient
from services.notifier.rendering import render
from services.notifier.text import one_line
from shared.events import TicketEscalated, TicketResolved
from shared.events.envelope import derived_id

#: What a notification is about, as its events say it.
APPROVAL: Final = "approval"
CHOICE: Final = "choice"

# RFC 5322 allows 998 octets a line; beyond that the text has to be encoded to travel whole.
_LINE_OCTETS: Final = 990
_SUBJECT_LENGTH: Final = 140

TicketOutcome = TicketResolved | TicketEscalated
A_contra = TypeVar("A_contra", contravariant=True)


@dataclass(frozen=True)
class Mail:
    """A message before it is put into headers.

    ``id`` is the same however often the mail is made, so that a second copy is known as one;
    ``thread`` is the ticket, ``about`` what a person would look for.
    """

    id: UUID
    thread: UUID
    about: UUID
    to: Recipient
    subject: str
    text: str
    html: str
    link: str | None = None


class Letter(Protocol[A_contra]):
    """Makes the mail that asks one person something."""

    def __call__(self, asked: A_contra, recipient: Recipient, /, *, link: str) -> Mail: ...


def approval_mail(approval: Approval, recipient: Recipient, *, link: str) -> Mail:
    """Asks one person for a yes or a no."""
    values = {"approval": approval, "recipient": recipient, "link": link}
    return Mail(
        id=derived_id(approval.id, "mail", recipient.email),
        thread=approval.ticket_id,
        about=approval.id,
        to=recipient,
        subject=_subject(
            f"[{approval.severity}] Approve? {approval.title}: {approval.ticket_title}"
        ),
        text=render("approval.mail.txt", **values),
        html=render("approval.mail.html", **values),
        link=link,
    )


def choice_mail(choice: Choice, recipient: Recipient, *, link: str) -> Mail:
    """Asks one person which runbook to use."""
    values = {"choice": choice, "recipient": recipient, "link": link}
    return Mail(
        id=derived_id(choice.id, "mail", recipient.email),
        thread=choice.ticket_id,
        about=choice.id,
        to=recipient,
        subject=_subject(f"[{choice.severity}] {choice.title} {choice.ticket_title}"),
        text=render("choice.mail.txt", **values),
        html=render("choice.mail.html", **values),
        link=link,
    )


def outcome_mail(event: TicketOutcome, recipient: Recipient) -> Mail:
    """Tells one person how a ticket ended."""
    word = "Resolved" if isinstance(event, TicketResolved) else "Needs you"
    values = {"event": event, "word": word, "resolved": isinstance(event, TicketResolved)}
    return Mail(
        id=derived_id(event.id, "mail", recipient.email),
        thread=event.ticket_id,
        about=event.ticket_id,
        to=recipient,
        subject=_subject(f"{word}: {event.title}"),
        text=render("outcome.mail.txt", **values),
        html=render("outcome.mail.html", **values),
    )


def mime(mail: Mail, *, sender: Address) -> EmailMessage:
    """The mail with its headers; nothing in it can begin another header."""
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = Address(one_line(mail.to.name), addr_spec=mail.to.email)
    message["Subject"] = _subject(mail.subject)
    message["Message-ID"] = f"<{mail.id}@{sender.domain}>"
    # The ticket itself is the root of the thread, which no mail has as its own id.
    message["In-Reply-To"] = message["References"] = f"<{mail.thread}@{sender.domain}>"
    # RFC 3834: so that nobody's absence notice answers.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text, cte=_encoding(mail.text))
    message.add_alternative(mail.html, subtype="html")
    return message


def _subject(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= _SUBJECT_LENGTH else line[: _SUBJECT_LENGTH - 1] + "…"


def _encoding(text: str) -> str:
    """Lets the text be read as it stands, wherever that is allowed."""
    if any(len(line.encode()) > _LINE_OCTETS for line in text.splitlines()):
        return "quoted-printable"
    return "7bit" if text.isascii() else "8bit"
