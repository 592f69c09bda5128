"""What is done when somebody in Slack presses a button, sends a reason off or types a command."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import structlog

from services.notifier.channels.answering import GONE, STRANGER, Answering, Asked
from services.notifier.channels.messenger import RefusedError
from services.notifier.channels.slack.blocks import (
    APPROVE,
    CHANGE,
    CHOOSE,
    DETAILS,
    FEEDBACK,
    FILL,
    REASON,
    REJECT,
    details_view,
    escaped,
    reason_view,
)
from services.notifier.channels.slack.changing import (
    CONFIRM,
    change_view,
    confirmed,
    shown,
)
from services.notifier.channels.slack.commands import Commands
from services.notifier.channels.slack.members import Members
from services.notifier.channels.slack.modals import (
    COMMENT,
    FIXED,
    STARS,
    block_of,
    feedback_view,
    filled_in,
    form_view,
    thanks_view,
)
from services.notifier.channels.slack.payload import (
    Command,
    Interaction,
    Pressed,
    Submitted,
    View,
)
from services.notifier.channels.slack.web import Web
from services.notifier.feedback.giving import Giving
from services.notifier.inquiry import Inquiry
from services.notifier.text import one_line
from shared.config import Person
from shared.errors import UnavailableError

log = structlog.get_logger(__name__)

NOT_NOW: Final = (
    "Handrail cannot tell just now whether that was recorded. The message will show it; "
    "else try again in a moment."
)

#: Slack shows an error after three seconds, and somebody who sees that presses again.
PATIENCE: Final = timedelta(seconds=2)

After = Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class Reply:
    """What Slack gets at once, and what is done ``after`` it has it: Slack waits three seconds."""

    body: dict[str, Any] | None = None
    after: tuple[After, ...] = field(default=())


class Conversation:
    """Answers what comes from Slack, by HTTP or over a socket; the sender is known to be Slack."""

    def __init__(
        self,
        web: Web,
        members: Members,
        answering: Answering,
        commands: Commands,
        *,
        giving: Giving | None = None,
        patience: timedelta = PATIENCE,
    ) -> None:
        self._web = web
        self._members = members
        self._answering = answering
        self._commands = commands
        self._giving = giving
        self._patience = patience

    async def interact(self, interaction: Interaction) -> Reply:
        """Do what a button or a modal says.

        It is done when this returns, unless that takes longer than Slack waits: then it is done
        after Slack has its answer.
        """
        match interaction:
            case Pressed():
                return await self._in_time(self._pressed(interaction), Reply())
            case Submitted():
                late = _errors(NOT_NOW, _first_block(interaction.view))
                return await self._in_time(self._submitted(interaction), late)
        return Reply()

    async def command(self, command: Command) -> Reply:
        """Answer a slash command, so that only who typed it sees the answer."""
        return await self._in_time(self._commanded(command), _ephemeral(NOT_NOW))

    async def _in_time(self, doing: Coroutine[Any, Any, Reply], otherwise: Reply) -> Reply:
        task = asyncio.create_task(doing)
        await asyncio.wait({task}, timeout=self._patience.total_seconds())
        if task.done():
            return task.result()

        async def finish() -> None:
            for then in (await task).after:
                await then()

        return Reply(otherwise.body, after=(finish,))

    async def _commanded(self, command: Command) -> Reply:
        try:
            person = await self._members.person(command.user_id)
            text = await self._commands.answer(command.text, person) if person else STRANGER
        except UnavailableError as error:
            log.warning("slack.delayed", reason=str(error))
            text = NOT_NOW
        return _ephemeral(text)

    async def _pressed(self, pressed: Pressed) -> Reply:
        action = pressed.actions[0]
        where = pressed.container
        reference = f"{where.channel_id}/{where.message_ts}" if where.message_ts else ""
        try:
            person = await self._members.person(pressed.user.id)
            if person is None:
                log.warning("slack.stranger", user=pressed.user.id)
                return self._whisper(pressed, STRANGER)
            if action.action_id == FEEDBACK and self._giving is not None:
                return await self._feedback(pressed, self._giving, person, reference)
            asked = await self._answering.asked(action.value, person, reference=reference)
            if isinstance(asked, str):
                return self._whisper(pressed, asked)
            return await self._act(pressed, action.action_id, asked, person)
        except UnavailableError as error:
            log.warning("slack.delayed", reason=str(error))
            return self._whisper(pressed, NOT_NOW)

    async def _act(self, pressed: Pressed, action: str, asked: Asked, person: Person) -> Reply:
        question = asked.question
        kind, _, option = action.partition(":")
        if kind == APPROVE:
            return self._whisper(pressed, await self._answering.approve(question, person))
        if kind == CHOOSE:
            told = await self._answering.choose(question, person, option)
            return self._whisper(pressed, told)
        view = _view(kind, asked, person)
        return Reply() if view is None else self._modal(pressed, view)

    async def _feedback(
        self, pressed: Pressed, giving: Giving, person: Person, reference: str
    ) -> Reply:
        post = await giving.offered(pressed.actions[0].value, person, reference=reference)
        if isinstance(post, str):
            return self._whisper(pressed, post)
        before = await giving.before(post, person)
        return self._modal(pressed, feedback_view(post.id, before))

    async def _submitted(self, submitted: Submitted) -> Reply:
        view = submitted.view
        try:
            person = await self._members.person(submitted.user.id)
            if person is None:
                return _errors(STRANGER, _first_block(view))
            return await self._sent_off(view, person)
        except UnavailableError as error:
            log.warning("slack.delayed", reason=str(error))
            return _errors(NOT_NOW, _first_block(view))

    async def _sent_off(self, view: View, person: Person) -> Reply:
        """What somebody sent off in a modal, recorded; else why not, in the modal."""
        if view.callback_id == FEEDBACK:
            return await self._given(view, person)
        if view.callback_id == CONFIRM:
            return Reply(await confirmed(self._answering, view, person))
        asked = await self._answering.asked(view.private_metadata, person)
        if isinstance(asked, str):
            return _errors(asked, _first_block(view))
        if view.callback_id == CHANGE:
            return Reply(shown(view, asked, first=_first_block(view)))
        if view.callback_id == FILL and isinstance(asked.question, Inquiry):
            values = filled_in(asked.question, view.values)
            told = await self._answering.fill(asked.question, person, values)
        else:
            told = await self._answering.reject(asked.question, person, view.reason)
        if told.startswith("Recorded"):
            return Reply({"response_action": "clear"})
        return _errors(told, _first_block(view))

    async def _given(self, view: View, person: Person) -> Reply:
        """Feedback; its two choices are required, and Slack offers nothing else."""
        fixed, stars = view.values.get(FIXED, ""), view.values.get(STARS, "")
        if self._giving is None or fixed not in {"yes", "no"} or stars not in {*"12345"}:
            return _errors(GONE, FIXED)
        post = await self._giving.offered(view.private_metadata, person)
        if isinstance(post, str):
            return _errors(post, FIXED)
        comment = view.values.get(COMMENT, "")
        await self._giving.give(
            post, person, fixed=fixed == "yes", stars=int(stars), comment=comment
        )
        return Reply({"response_action": "update", "view": thanks_view()})

    def _whisper(self, pressed: Pressed, text: str) -> Reply:
        """Tell it only to who pressed."""
        if not pressed.container.channel_id:
            return Reply()

        async def tell() -> None:
            await self._quietly(
                "chat.postEphemeral",
                channel=pressed.container.channel_id,
                user=pressed.user.id,
                text=escaped(text),
                mrkdwn=False,
            )

        return Reply(after=(tell,))

    def _modal(self, pressed: Pressed, view: dict[str, Any]) -> Reply:
        async def show() -> None:
            await self._quietly("views.open", trigger_id=pressed.trigger_id, view=view)

        return Reply(after=(show,))

    async def _quietly(self, method: str, **arguments: Any) -> None:
        """A call whose failure costs a person no more than pressing again."""
        try:
            await self._web.call(method, **arguments)
        except (RefusedError, UnavailableError) as error:
            log.warning("slack.unanswered", reason=str(error))


def _view(kind: str, asked: Asked, person: Person) -> dict[str, Any] | None:
    """The modal that a button opens."""
    question, post_id = asked.question, asked.post.id
    if kind == REJECT:
        return reason_view(question, post_id)
    if kind == CHANGE:
        return change_view(question, post_id)
    if kind == FILL and isinstance(question, Inquiry):
        return form_view(question, post_id)
    return details_view(question, zone=person.timezone) if kind == DETAILS else None


def _ephemeral(text: str) -> Reply:
    return Reply({"response_type": "ephemeral", "mrkdwn": False, "text": escaped(text)})


def _errors(text: str, block: str) -> Reply:
    return Reply({"response_action": "errors", "errors": {block: one_line(text)}})


def _first_block(view: View) -> str:
    """Where what is wrong is told: Slack knows only blocks that have a field."""
    return {FILL: block_of(0), FEEDBACK: FIXED}.get(view.callback_id, REASON)
