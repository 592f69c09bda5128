"""What was posted, and what is no longer true of it: one contract, in memory and in MongoDB."""

from datetime import timedelta
from uuid import UUID

import pytest

from services.notifier.approval import decide
from services.notifier.channels.message import Asking, Telling
from services.notifier.channels.post import Post
from services.notifier.channels.revising import Reviser
from services.notifier.channels.store import MongoPosts
from services.notifier.recipients import Recipient
from shared.errors import UnavailableError
from tests.notifier.builders import NOW, approval, decision, news, resolved

ROOM = Recipient.room("ops", address="C1")
OTHER = Recipient.room("dev", address="C2")


def post(of=None, to=ROOM, at=NOW) -> Post:
    return Post.of(Asking(of or approval(), to, "https://h.example.org/a/x"), at=at)


async def test_a_post_is_begun_once_and_found_as_it_was(posts):
    assert await posts.begin(post()) is None
    assert await posts.begin(post(at=NOW + timedelta(hours=1))) is not None
    await posts.posted(post().id, "C1/1.2")
    found = await posts.find(post().id)
    assert found == post().model_copy(update={"reference": "C1/1.2", "at": found.at})
    assert abs(found.at - NOW) < timedelta(milliseconds=1)
    assert await posts.find(UUID(int=77)) is None


async def test_a_thread_begins_with_the_first_message_on_a_ticket_in_a_place(posts):
    first, second = post(), post(approval(approval_id=UUID(int=50)), at=NOW + timedelta(hours=1))
    told = Post.of(Telling(news(resolved()), ROOM), at=NOW)
    assert await posts.thread(told) == ""
    await posts.begin(second)
    await posts.posted(second.id, "C1/2")
    await posts.begin(first)
    await posts.posted(first.id, "C1/1")
    assert await posts.thread(told) == "C1/1"
    assert await posts.thread(post(to=OTHER)) == ""
    elsewhere = approval(ticket_id=UUID(int=60))
    assert await posts.thread(post(elsewhere)) == ""


async def test_what_has_not_changed_is_not_looked_at(posts, approvals):
    await approvals.open(approval())
    await posts.begin(post())
    await posts.posted(post().id, "C1/1")
    assert await posts.outdated() == []


async def test_a_message_is_outdated_when_somebody_said_something(posts, approvals):
    asked = await approvals.open(approval(required=2))
    await posts.begin(post(asked))
    await posts.posted(post(asked).id, "C1/1")
    await approvals.record(asked, decide(asked, decision(), now=NOW).question, [])
    (found,) = await posts.outdated()
    assert found.id == post(asked).id
    await posts.revised(found.id, await approvals.find(asked.id))
    assert await posts.outdated() == []
    await approvals.supersede(asked.session_id, NOW)
    assert len(await posts.outdated()) == 1


async def test_what_was_settled_is_written_once_more_and_then_left(posts, approvals):
    asked = await approvals.open(approval())
    await posts.begin(post())
    await posts.posted(post().id, "C1/1")
    await approvals.supersede(asked.session_id, NOW)
    await posts.revised(post().id, await approvals.find(asked.id))
    assert await posts.outdated() == []
    assert not (await posts.find(post().id)).live


async def test_what_was_settled_and_is_asked_anew_is_written_once_more(db, mongo_approvals):
    posts, approvals = MongoPosts(db), mongo_approvals
    await db.posts.delete_many({})
    asked = await approvals.open(approval())
    await posts.begin(post())
    await posts.posted(post().id, "C1/1")
    settled = decide(asked, decision(), now=NOW).question
    await approvals.record(asked, settled, [])
    await posts.revised(post().id, await approvals.find(asked.id))
    assert await posts.outdated() == []
    await approvals.open(approval(approval_id=UUID(int=77), replaces=asked.id))
    (found,) = await posts.outdated()
    assert found.id == post().id
    await posts.revised(found.id, await approvals.find(asked.id))
    assert await posts.outdated() == []


async def test_a_question_that_is_gone_is_not_looked_for_for_ever(posts, approvals):
    await posts.begin(post())
    await posts.posted(post().id, "C1/1")
    await Reviser(posts, approvals, {}).look()
    assert await posts.outdated() == []


class Chat:
    """Remembers what it wrote again; refuses while it is away."""

    def __init__(self) -> None:
        self.written = []
        self.away = False

    async def revise(self, question, to):
        if self.away:
            raise UnavailableError("no answer")
        self.written.append((question.state, to.reference))


@pytest.fixture
async def settled(posts, approvals):
    """A question in two rooms, which was settled elsewhere."""
    asked = await approvals.open(approval())
    for to, reference in ((ROOM, "C1/1"), (OTHER, "C2/2")):
        await posts.begin(post(to=to))
        await posts.posted(post(to=to).id, reference)
    await approvals.record(asked, decide(asked, decision(), now=NOW).question, [])
    return asked


async def test_every_room_sees_what_was_decided_elsewhere(posts, approvals, settled):
    chat = Chat()
    for _ in range(2):
        await Reviser(posts, approvals, {"ops": chat, "dev": chat}).look()
    assert sorted(chat.written) == [("approved", "C1/1"), ("approved", "C2/2")]


async def test_a_chat_that_is_away_holds_up_no_other_and_is_written_later(
    posts, approvals, settled
):
    away, there = Chat(), Chat()
    away.away = True
    reviser = Reviser(posts, approvals, {"ops": away, "dev": there})
    await reviser.look()
    away.away = False
    await reviser.look()
    assert (len(away.written), len(there.written)) == (1, 1)
