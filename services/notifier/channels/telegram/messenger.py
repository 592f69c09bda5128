"""Asks, tells and takes back in Telegram."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from services.notifier.channels.message import Asking, LinkFor, Telling
from services.notifier.channels.post import Post
from services.notifier.channels.store import Posts
from services.notifier.channels.telegram.bot import Bot, NotModifiedError
from services.notifier.channels.telegram.words import buttons, stars, text_of, text_of_several
from services.notifier.question import Question
from services.notifier.recipients import Recipient
from shared.events.envelope import derived_id


class TelegramMessenger:
    """See ``Messenger``; a message's reference is its chat and its number.

    Telegram cannot say whether it has a message already, so a crash between sending and storing
    sends a second copy, whose buttons are those of the same question.
    """

    def __init__(self, bot: Bot, posts: Posts, link: LinkFor) -> None:
        self.bot = bot
        self._posts = posts
        self._link = link

    async def ask(self, asking: Asking, *, now: datetime) -> str:
        """See ``Messenger``."""
        return await self._ask(asking, Post.of(asking, at=now))

    async def gather(self, askings: Sequence[Asking], *, now: datetime) -> str:
        """See ``delivery.Gathering``: one message calls people, the questions follow silently."""
        together = Post.of_several(askings, at=now)
        reference = await self._send(together, text_of_several(askings))
        for asking in askings:
            post = Post.of(asking, at=now).model_copy(update={"root": reference})
            await self._ask(asking, post, disable_notification=True)
        return reference

    async def _ask(self, asking: Asking, post: Post, **more: Any) -> str:
        keyboard = buttons(asking.question, asking.id)
        return await self._send(post, text_of(asking), reply_markup=keyboard, **more)

    async def tell(self, telling: Telling, *, now: datetime) -> str:
        """See ``Messenger``."""
        more = {"reply_markup": stars(telling.id)} if telling.news.ran else {}
        return await self._send(Post.of(telling, at=now), text_of(telling), **more)

    async def revise(self, question: Question, to: Recipient) -> None:
        """See ``Messenger``."""
        chat, number = to.reference.split("/")
        post_id = derived_id(question.id, "mail", to.key)
        try:
            await self.bot.call(
                "editMessageText",
                chat_id=int(chat),
                message_id=int(number),
                reply_markup=buttons(question, post_id),
                **text_of(Asking(question, to, self._link(to, question))),
            )
        except NotModifiedError:
            # Somebody else wrote it at the same time.
            return

    async def _send(self, post: Post, text: dict[str, Any], **more: Any) -> str:
        earlier = await self._posts.begin(post)
        if earlier is not None and earlier.reference:
            return earlier.reference
        first = (await self._posts.thread(post) or post.root).rpartition("/")[2]
        # A first message that is gone is no reason not to tell.
        thread = {"message_id": int(first), "allow_sending_without_reply": True} if first else None
        sent = await self.bot.call(
            "sendMessage",
            chat_id=int(post.to.address),
            reply_parameters=thread,
            link_preview_options={"is_disabled": True},
            **text,
            **more,
        )
        reference = f"{sent['chat']['id']}/{sent['message_id']}"
        await self._posts.posted(post.id, reference)
        return reference
