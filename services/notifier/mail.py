"""Mails: what is asked for and how it ended, in text and HTML, threaded by ticket."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from services.notifier.approval import Approval
from services.notifier.channels.message import Asking, Message, Telling, digest_id
from services.notifier.choice import Choice
from services.notifier.inadvance.saying import ADVANCE
from services.notifier.inquiry import WORDS, Inquiry
from services.notifier.links import Channel
from services.notifier.question import Question
from services.notifier.recipients import Recipient
from services.notifier.rendering import moment, render
from services.notifier.text import one_line

_SUBJECT_LENGTH: Final = 140
#: What is added to a person's link for what they say in advance.
ADVANCED: Final = f"?{ADVANCE}"


@dataclass(frozen=True)
class Mail:
    """A message before it is put into headers.

    ``id`` is the same however often the mail is made, so that a second copy is known as one;
    ``thread`` is the ticket, ``about`` what a person would look for, ``tells_of`` the question or
    the news where it is kept that this recipient is told.
    """

    id: UUID
    thread: UUID
    about: UUID
    tells_of: UUID
    to: Recipient
    subject: str
    text: str
    html: str
    link: str | None = None


def mail_of(message: Message) -> Mail:
    """The mail that asks or tells one person."""
    return _asking(message) if isinstance(message, Asking) else _telling(message)


def digest_of(askings: Sequence[Asking]) -> Mail:
    """The mail that asks one person several things; the same for the same questions."""
    first = askings[0]
    until = [moment(one.question.expires_at, first.to.timezone) for one in askings]
    values = {"askings": askings, "recipient": first.to, "until": until}
    return Mail(
        id=digest_id(askings),
        thread=first.id,
        about=first.question.id,
        tells_of=first.question.id,
        to=first.to,
        subject=_subject(f"{len(askings)} questions wait for your answer"),
        text=render("digest.mail.txt", **values),
        html=render("digest.mail.html", **values),
    )


def _asking(asking: Asking) -> Mail:
    question = asking.question
    template, subject = _shape(question)
    values = {
        "question": question,
        "recipient": asking.to,
        "words": WORDS,
        "link": asking.link,
        "advance": "" if asking.to.is_room or asking.to.channel is Channel.TERMINAL else ADVANCED,
        "until": moment(question.expires_at, asking.to.timezone),
    }
    return Mail(
        id=asking.id,
        thread=question.ticket_id,
        about=question.id,
        tells_of=question.id,
        to=asking.to,
        subject=_subject(f"[{question.severity}] {_again(asking.to)}{subject}"),
        text=render(f"{template}.mail.txt", **values),
        html=render(f"{template}.mail.html", **values),
        link=asking.link,
    )


def _shape(question: Question) -> tuple[str, str]:
    """The template for a question, and the subject."""
    if isinstance(question, Choice):
        return "choice", f"{question.title} {question.ticket_title}"
    if isinstance(question, Inquiry):
        return "inquiry", f"{question.title} {question.ticket_title}"
    title = question.title if isinstance(question, Approval) else "?"
    return "approval", f"Approve? {title}: {question.ticket_title}"


def _telling(telling: Telling) -> Mail:
    news = telling.news
    return Mail(
        id=telling.id,
        thread=news.ticket_id,
        about=news.ticket_id,
        tells_of=news.id,
        to=telling.to,
        subject=_subject(news.headline),
        text=render("outcome.mail.txt", news=news, feedback=telling.feedback),
        html=render("outcome.mail.html", news=news, feedback=telling.feedback),
    )


def _again(to: Recipient) -> str:
    """What tells a mail from the first one about the same question."""
    words = {"remind": "Reminder: ", "escalate": "Nobody has answered: "}
    return words.get(to.round.partition("-")[0], "")


def _subject(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= _SUBJECT_LENGTH else line[: _SUBJECT_LENGTH - 1] + "…"
