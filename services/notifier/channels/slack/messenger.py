"""Asks, tells and takes back in Slack."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from services.notifier.channels.message import Asking, LinkFor, Telling
from services.notifier.channels.plain import digest_title
from services.notifier.channels.post import Post
from services.notifier.channels.slack.blocks import (
    Block,
    digest_blocks,
    fallback,
    headline,
    news_blocks,
    question_blocks,
)
from services.notifier.channels.slack.members import Members
from services.notifier.channels.slack.web import MissingScopeError, Web
from services.notifier.channels.store import Posts
from services.notifier.question import Question
from services.notifier.recipients import Recipient
from shared.config.channels import Kind
from shared.events.envelope import derived_id

#: How a message of ours is known among others.
_EVENT: Final = "handrail_message"
#: How many messages are looked through for one of ours.
_LOOKED_AT: Final = 200
# Clocks differ.
_SKEW: Final = timedelta(minutes=2)


class SlackMessenger:
    """See ``Messenger``; a message's reference is its channel's ID and its ``ts``.

    It is stored before it is posted that it will be. After a crash in between, the channel is asked
    whether it has the message (by its metadata, where the app may read the history); besides, each
    one carries a ``client_msg_id``.
    """

    def __init__(self, web: Web, posts: Posts, members: Members, link: LinkFor) -> None:
        self._web = web
        self._posts = posts
        self._members = members
        self._link = link

    async def ask(self, asking: Asking, *, now: datetime) -> str:
        """See ``Messenger``."""
        return await self._ask(asking, Post.of(asking, at=now), loud=True)

    async def gather(self, askings: Sequence[Asking], *, now: datetime) -> str:
        """See ``delivery.Gathering``: one message calls people, each question is in its thread."""
        together = Post.of_several(askings, at=now)
        title, blocks = digest_title(askings), digest_blocks(askings)
        reference = await self._post(together, title, blocks, loud=True)
        for asking in askings:
            post = Post.of(asking, at=now).model_copy(update={"root": reference})
            await self._ask(asking, post, loud=False)
        return reference

    async def _ask(self, asking: Asking, post: Post, *, loud: bool) -> str:
        question = asking.question
        blocks = question_blocks(question, asking.id, link=asking.link, zone=asking.to.timezone)
        return await self._post(post, headline(question), blocks, loud=loud)

    async def tell(self, telling: Telling, *, now: datetime) -> str:
        """See ``Messenger``."""
        news = telling.news
        loud = news.kind is Kind.ESCALATED
        blocks = news_blocks(news, telling.id)
        return await self._post(Post.of(telling, at=now), news.headline, blocks, loud=loud)

    async def revise(self, question: Question, to: Recipient) -> None:
        """See ``Messenger``."""
        channel, ts = to.reference.split("/")
        post_id = derived_id(question.id, "mail", to.key)
        await self._web.call(
            "chat.update",
            channel=channel,
            ts=ts,
            text=fallback(headline(question)),
            blocks=question_blocks(
                question, post_id, link=self._link(to, question), zone=to.timezone
            ),
        )

    async def _post(self, post: Post, text: str, blocks: list[Block], *, loud: bool) -> str:
        """Post it, in the ticket's thread where there is one; ``loud`` shows it beside, too."""
        earlier = await self._posts.begin(post)
        if earlier is not None and earlier.reference:
            return earlier.reference
        address = post.to.address or await self._members.id_of(post.to.email)
        channel, _, thread = (await self._posts.thread(post) or post.root).partition("/")
        reference = await self._found(earlier, channel or address, thread) if earlier else ""
        if not reference:
            posted = await self._web.call(
                "chat.postMessage",
                channel=channel or address,
                text=fallback(text),
                blocks=blocks,
                thread_ts=thread or None,
                reply_broadcast=(loud and bool(thread)) or None,
                client_msg_id=str(post.id),
                metadata={"event_type": _EVENT, "event_payload": {"id": str(post.id)}},
                unfurl_links=False,
                unfurl_media=False,
            )
            reference = f"{posted['channel']}/{posted['ts']}"
        await self._posts.posted(post.id, reference)
        return reference

    async def _found(self, post: Post, place: str, thread: str) -> str:
        """The reference of a message that was posted, though that was not stored; else nothing."""
        try:
            channel = await self._channel(place)
            if not channel:
                return ""
            asked: dict[str, str | int | bool] = {
                "channel": channel,
                "include_all_metadata": True,
                "oldest": str((post.at - _SKEW).timestamp()),
                "limit": _LOOKED_AT,
            }
            if thread:
                answer = await self._web.read("conversations.replies", ts=thread, **asked)
            else:
                answer = await self._web.read("conversations.history", **asked)
        except MissingScopeError:
            # Without a look into the history, a second message is better than none.
            return ""
        for message in answer.get("messages", ()):
            if _id_in(message) == str(post.id):
                return f"{channel}/{message['ts']}"
        return ""

    async def _channel(self, place: str) -> str:
        """The ID of the conversation that a place is; a room's name does not tell it."""
        if place.startswith(("U", "W")):
            opened = await self._web.call("conversations.open", users=place)
            return str(opened["channel"]["id"])
        return "" if place.startswith("#") else place


def _id_in(message: Mapping[str, Any]) -> str:
    return str(message.get("metadata", {}).get("event_payload", {}).get("id", ""))
