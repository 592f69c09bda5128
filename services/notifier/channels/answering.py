"""Answers that people give in chats: checked against what stood in the message, then recorded."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from services.notifier.approval import Approval
from services.notifier.channels.post import Post
from services.notifier.channels.store import Posts
from services.notifier.choice import Choice
from services.notifier.desk import Desk
from services.notifier.inquiry import WORDS, Inquiry
from services.notifier.links import Channel, Link
from services.notifier.question import (
    AlreadyAnswered,
    AlreadyDecided,
    Expired,
    NotAsked,
    NotOffered,
    Question,
    Recorded,
    Refused,
)
from services.notifier.store import Questions
from services.notifier.text import REASON_LENGTH, cleaned
from shared.config import Person
from shared.events import Answer, Proposal
from shared.lifecycle import ApprovalState

STRANGER: Final = "Handrail does not know you: ask for an entry under `people` in handrail.yaml."
GONE: Final = "This button does not work any more. Nothing was decided."
CHANGED: Final = "What would run has changed since this message. Nothing was decided."
NOT_YOURS: Final = "This question was for somebody else. Nothing was decided."
TOO_LONG: Final = "All of it is too long to be shown here: open the page. Nothing was decided."
NO_REASON: Final = "A rejection needs a reason: say what is wrong with it."

_STATES: Final[Mapping[ApprovalState, str]] = {
    ApprovalState.APPROVED: "approved",
    ApprovalState.REJECTED: "rejected",
    ApprovalState.EXPIRED: "not answered in time",
    ApprovalState.SUPERSEDED: "withdrawn",
    ApprovalState.PENDING: "open",
}


@dataclass(frozen=True)
class Asked:
    """What a button belongs to."""

    post: Post
    question: Question


class Answering:
    """Records what known people say in one kind of chat, as links do for browsers.

    ``shows_all`` says whether a message of it has room for all that a yes is to: without, there is
    none.
    """

    def __init__(
        self,
        posts: Posts,
        questions: Questions,
        desk: Desk,
        channel: Channel,
        *,
        shows_all: Callable[[Question], bool],
    ) -> None:
        self._shows_all = shows_all
        self._posts = posts
        self._questions = questions
        self._desk = desk
        self._channel = channel

    async def asked(self, post_id: str, by: Person, *, reference: str = "") -> Asked | str:
        """What a message asks, or why this button of it decides nothing.

        Args:
            post_id: the id that the button carries.
            by: who pressed it.
            reference: where the button is, if that is known.
        """
        post = await named(self._posts, post_id)
        if post is None or post.question_id is None:
            return GONE
        if reference and post.reference and reference != post.reference:
            return GONE
        if not post.to.is_room and post.to.email.casefold() != by.email.casefold():
            return NOT_YOURS
        question = await self._questions.find(post.question_id)
        if question is None:
            return GONE
        return CHANGED if question.bound_to != post.bound_to else Asked(post, question)

    async def approve(self, question: Question, by: Person) -> str:
        """Record a yes to what could be seen; what to tell the person."""
        if not self._shows_all(question):
            return TOO_LONG
        return await self._answer(question, by, Answer.APPROVE, "")

    async def reject(self, question: Question, by: Person, reason: str) -> str:
        """Record a no; what to tell the person."""
        tidy = cleaned(reason)[:REASON_LENGTH]
        return await self._answer(question, by, Answer.REJECT, tidy) if tidy else NO_REASON

    async def choose(self, question: Question, by: Person, option: str) -> str:
        """Record which option is chosen, by its place among them; what to tell the person."""
        if isinstance(question, Inquiry):
            return await self._pick(question, by, option)
        if not isinstance(question, Choice):
            return GONE
        runbook = None
        if option != "none":
            at = int(option) if option.isdecimal() else len(question.options)
            if at >= len(question.options):
                return GONE
            runbook = question.options[at].name
        link = self._link(question, by)
        return told(await self._desk.choose(question, link, runbook, reason=""))

    async def fill(self, inquiry: Inquiry, by: Person, given: Mapping[str, str]) -> str:
        """Record what was filled in; what to tell the person."""
        return told(await self._desk.reply(inquiry, self._link(inquiry, by), given))

    async def propose(
        self, approval: Approval, by: Person, given: Mapping[str, str], reason: str
    ) -> str:
        """Record that other values are wanted for a step; what to tell the person."""
        link, tidy = self._link(approval, by), cleaned(reason)[:REASON_LENGTH]
        return told(await self._desk.propose(approval, link, given, reason=tidy))

    async def _answer(self, question: Question, by: Person, answer: Answer, reason: str) -> str:
        link = self._link(question, by)
        if isinstance(question, Inquiry) and answer is Answer.REJECT:
            return told(await self._desk.refuse(question, link, reason=reason))
        if not isinstance(question, Approval):
            return GONE
        return told(await self._desk.answer(question, link, answer, reason=reason))

    async def _pick(self, inquiry: Inquiry, by: Person, option: str) -> str:
        field = inquiry.picks
        at = int(option) if option.isdecimal() else -1
        if field is None or not 0 <= at < len(field.options):
            return GONE
        return await self.fill(inquiry, by, {field.name: field.options[at]})

    def _link(self, question: Question, by: Person) -> Link:
        return Link.to(
            question.id,
            question.bound_to,
            question.expires_at,
            recipient=by.email,
            channel=self._channel,
        )


async def named(posts: Posts, post_id: str) -> Post | None:
    """The message whose id a button carries; none where it carries something else."""
    try:
        return await posts.find(UUID(post_id))
    except ValueError:
        return None


def told(outcome: Recorded[Approval] | Recorded[Choice] | Recorded[Inquiry] | Refused) -> str:
    """What a person is told of an answer of theirs."""
    match outcome:
        case Recorded(question=Approval(proposal=Proposal())):
            return "Recorded: you and the others are asked about it with these values."
        case Recorded(question=question):
            return _recorded(question)
        case AlreadyAnswered():
            return "You have answered already, and that stands."
        case AlreadyDecided(state=state):
            return f"It was settled before your answer came: {_STATES[state]}."
        case Expired():
            return "The time to answer is over. Nothing was decided."
        case NotAsked(reason=reason) | NotOffered(reason=reason):
            return f"Nothing was decided: {reason}."


def _recorded(question: Question) -> str:
    match question:
        case Approval(state=ApprovalState.PENDING):
            word = "no" if question.decisions[-1].answer is Answer.REJECT else "yes"
            return f"Your {word} is recorded. Still needed: {question.lacks}."
        case Approval():
            return f"Recorded: {_STATES[question.state]}."
        case Choice(chosen=option) if option is not None:
            return f"Recorded: {option.name} is used."
        case Inquiry(state=ApprovalState.REJECTED):
            return "Recorded: nobody answers it, and the plan goes on without."
        case Inquiry(answers=answers):
            said = ", ".join(WORDS.get(one.value, one.value) for one in answers[-1].values)
            return f"Recorded: {said or 'as it was proposed'}."
    return "Recorded: you take over, and nothing runs."
