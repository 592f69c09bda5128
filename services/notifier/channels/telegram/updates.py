"""What people do in Telegram: they press buttons, and answer the question for a reason."""

import re
from typing import Annotated, Any, Final
from uuid import UUID

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.notifier.channels.answering import GONE, STRANGER, Answering, Asked
from services.notifier.channels.messenger import RefusedError
from services.notifier.channels.post import Post
from services.notifier.channels.telegram.bot import Bot
from services.notifier.channels.telegram.words import (
    APPROVE,
    BACK,
    CHOOSE,
    FEEDBACK,
    REJECT,
    SURE,
    buttons,
)
from services.notifier.feedback.giving import THANKS, Giving
from services.notifier.inquiry import Inquiry
from services.notifier.text import one_line
from shared.config import Person
from shared.errors import UnavailableError

log = structlog.get_logger(__name__)

NOT_NOW: Final = "Not now: Handrail cannot tell whether that was recorded. Try again in a moment."
#: What is asked for: nothing else is sent.
ALLOWED: Final = ["callback_query", "message"]
_ASKED_FOR_REASON: Final = re.compile(r"\[([0-9a-f]{32})\]\Z")
_ASKED_FOR_MORE: Final = re.compile(r"\[f([0-9a-f]{32})\]\Z")
_STARS: Final = re.compile(rf"{FEEDBACK}([yn])([1-5])")
FIRST_STARS: Final = "Press one of the stars first."
_NOTE_LENGTH: Final = 200


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _User(_Part):
    id: int
    is_bot: bool = False


class _Chat(_Part):
    id: int


class _Message(_Part):
    message_id: int
    chat: _Chat
    sender: Annotated[_User | None, Field(alias="from")] = None
    text: str = ""
    reply_to_message: "_Message | None" = None


class _Press(_Part):
    id: str
    sender: Annotated[_User, Field(alias="from")]
    message: _Message | None = None
    data: str = ""


class _Update(_Part):
    update_id: int
    callback_query: _Press | None = None
    message: _Message | None = None


class Updates:
    """Acts on updates; one that comes again finds its answer recorded."""

    def __init__(
        self,
        bot: Bot,
        answering: Answering,
        people: tuple[Person, ...],
        *,
        giving: Giving | None = None,
    ) -> None:
        self._bot = bot
        self._giving = giving
        self._answering = answering
        self._people = {one.telegram: one for one in people if one.telegram is not None}

    async def take(self, raw: Any) -> int:
        """Act on one update; its number, zero for what is no update."""
        try:
            update = _Update.model_validate(raw)
        except ValidationError:
            log.warning("telegram.unreadable")
            return int(raw.get("update_id", 0)) if isinstance(raw, dict) else 0
        if update.callback_query is not None:
            await self._pressed(update.callback_query)
        elif update.message is not None:
            await self._written(update.message)
        return update.update_id

    async def _pressed(self, press: _Press) -> None:
        try:
            told = await self._act(press)
        except UnavailableError as error:
            log.warning("telegram.delayed", reason=str(error))
            told = NOT_NOW
        await self._quietly(
            "answerCallbackQuery",
            callback_query_id=press.id,
            text=told[:_NOTE_LENGTH],
            show_alert=bool(told),
        )

    async def _act(self, press: _Press) -> str:
        person = self._people.get(press.sender.id)
        if person is None:
            log.warning("telegram.stranger", user=press.sender.id)
            return STRANGER
        action, _, post_id = press.data.partition(":")
        where = press.message
        reference = f"{where.chat.id}/{where.message_id}" if where else ""
        stars = _STARS.fullmatch(action)
        if stars and where is not None and self._giving is not None:
            post = await self._giving.offered(post_id, person, reference=reference)
            if isinstance(post, str):
                return post
            return await self._rated(self._giving, post, person, stars, where)
        asked = await self._answering.asked(post_id, person, reference=reference)
        if isinstance(asked, str) or where is None:
            return asked if isinstance(asked, str) else GONE
        return await self._done(action, asked, person, where)

    async def _done(self, action: str, asked: Asked, person: Person, where: _Message) -> str:
        question = asked.question
        if isinstance(question, Inquiry) and action.startswith(SURE):
            return await self._answering.choose(question, person, action.removeprefix(SURE))
        picks = isinstance(question, Inquiry) and action.startswith(CHOOSE)
        if action.startswith(CHOOSE) and not picks:
            return await self._answering.choose(question, person, action.removeprefix(CHOOSE))
        if action == SURE:
            return await self._answering.approve(question, person)
        if picks or action in {APPROVE, BACK}:
            picked = action.removeprefix(CHOOSE) if picks else ""
            keyboard = buttons(question, asked.post.id, sure=action == APPROVE, picked=picked)
            await self._quietly(
                "editMessageReplyMarkup",
                chat_id=where.chat.id,
                message_id=where.message_id,
                reply_markup=keyboard,
            )
            return ""
        if action == REJECT:
            await self._ask_reason(asked.post.id, where)
            return ""
        return GONE

    async def _rated(
        self, giving: Giving, post: Post, person: Person, stars: re.Match[str], where: _Message
    ) -> str:
        """Record whether it was fixed, and ask whether there is anything to add."""
        before = await giving.before(post, person)
        fixed, count = stars[1] == "y", int(stars[2])
        comment = before.comment if before else ""
        await giving.give(post, person, fixed=fixed, stars=count, comment=comment)
        if before is None:
            text = f"Anything to add? Reply to this message. [f{post.id.hex}]"
            await self._ask(text, where)
        return f"Recorded: {'fixed' if fixed else 'not fixed'}, {count} of 5. Thank you."

    async def _ask_reason(self, post_id: UUID, where: _Message) -> None:
        """Ask for a reason; the answer is known by the end of what it answers."""
        await self._ask(f"What is wrong with it? Reply to this message. [{post_id.hex}]", where)

    async def _ask(self, text: str, where: _Message) -> None:
        await self._quietly(
            "sendMessage",
            chat_id=where.chat.id,
            text=text,
            reply_parameters={"message_id": where.message_id},
            reply_markup={"force_reply": True, "selective": True},
        )

    async def _written(self, message: _Message) -> None:
        """A reply to our own question for more; nobody else can write that in our name."""
        asked_for = message.reply_to_message
        person = self._people.get(message.sender.id) if message.sender else None
        if asked_for is None or person is None or not _is_ours(asked_for):
            return
        reason = _ASKED_FOR_REASON.search(asked_for.text)
        more = _ASKED_FOR_MORE.search(asked_for.text)
        try:
            if reason is not None:
                told = await self._rejected(reason[1], person, message.text)
            elif more is not None and self._giving is not None:
                told = await self._commented(self._giving, more[1], person, message.text)
            else:
                return
        except UnavailableError as error:
            log.warning("telegram.delayed", reason=str(error))
            told = NOT_NOW
        await self._quietly("sendMessage", chat_id=message.chat.id, text=one_line(told))

    async def _rejected(self, post_id: str, person: Person, reason: str) -> str:
        asked = await self._answering.asked(post_id, person)
        if isinstance(asked, str):
            return asked
        return await self._answering.reject(asked.question, person, reason)

    async def _commented(self, giving: Giving, post_id: str, person: Person, text: str) -> str:
        post = await giving.offered(post_id, person)
        if isinstance(post, str):
            return post
        before = await giving.before(post, person)
        if before is None:
            return FIRST_STARS
        await giving.give(post, person, fixed=before.fixed, stars=before.stars, comment=text)
        return THANKS

    async def _quietly(self, method: str, **said: Any) -> None:
        """A call whose failure costs a person no more than pressing again."""
        try:
            await self._bot.call(method, **said)
        except (RefusedError, UnavailableError) as error:
            log.warning("telegram.unanswered", reason=str(error))


def _is_ours(message: _Message) -> bool:
    return message.sender is not None and message.sender.is_bot
