"""Dead letters: listed, read, brought back."""

import pytest

from shared.bus import Router, consumes
from shared.bus.dead import NoSuchLetterError, body_text, letter, letters, replay
from shared.errors import PermanentError
from shared.events import TicketCreated
from tests.bus.samples import created, until


@pytest.fixture
def broken():
    """Whether the handler refuses; a person repairs it in between."""
    return {"yes": True}


@pytest.fixture
async def bus(running, seen, broken):
    router = Router()

    @consumes(router, TicketCreated, by="triage")
    async def handle(event: TicketCreated) -> None:
        if broken["yes"]:
            raise PermanentError("not today")
        await seen.add(event)

    return await running("triage", router)


async def listed(js, number):
    async def enough():
        found = [each async for each in letters(js)]
        return found if len(found) == number else None

    return await until(enough)


async def test_no_letters_are_an_empty_list(js, bus):
    assert [each async for each in letters(js)] == []


async def test_letters_are_listed_the_oldest_first_and_each_can_be_read(js, bus):
    events = [created() for _ in range(3)]
    for number, event in enumerate(events, 1):
        await bus.publish(event)
        await listed(js, number)
    found = await listed(js, 3)
    assert [each.ticket_id for each in found] == [str(event.ticket_id) for event in events]
    assert [each.seq for each in found] == [1, 2, 3]
    assert found[0].at.tzinfo is not None
    assert await letter(js, 2) == found[1]


@pytest.mark.parametrize("act", [letter, replay])
async def test_a_letter_that_is_not_there_is_an_error_that_names_it(js, bus, act):
    with pytest.raises(NoSuchLetterError, match="there is no dead letter 7"):
        await act(js, 7)


async def test_a_replayed_letter_is_handled_though_the_stream_still_knows_its_id(
    js, bus, seen, broken
):
    event = created()
    await bus.publish(event)
    (dead,) = await listed(js, 1)
    broken["yes"] = False

    assert (await replay(js, dead.seq)).seq == dead.seq
    assert await seen.count(1) == [event]
    assert [each async for each in letters(js)] == []


class BreaksOff:
    """JetStream for one whose process dies before it takes the letter away."""

    def __init__(self, js) -> None:
        self.get_msg, self.publish = js.get_msg, js.publish

    async def delete_msg(self, stream, seq) -> None:
        raise ConnectionResetError


async def test_a_replay_that_was_broken_off_is_made_again_without_a_second_message(
    js, bus, seen, broken
):
    await bus.publish(created())
    (dead,) = await listed(js, 1)
    broken["yes"] = False
    with pytest.raises(ConnectionResetError):
        await replay(BreaksOff(js), dead.seq)
    await replay(js, dead.seq)
    await seen.count(1)
    assert (await js.stream_info("TICKETS")).state.messages == 2


async def test_a_letter_that_fails_again_is_a_letter_again(js, bus, broken):
    await bus.publish(created())
    (first,) = await listed(js, 1)
    await replay(js, first.seq)

    async def another():
        found = [each async for each in letters(js)]
        return found and found[-1].seq > first.seq and found

    (second,) = await until(another)
    assert second.headers["ce-id"] == first.headers["ce-id"]
    assert second.error == first.error
    assert {n for n in second.headers if n.startswith("handrail-")} == {
        n for n in first.headers if n.startswith("handrail-")
    }


async def test_a_replay_leaves_no_trace_of_the_burial_in_the_message(js, client, bus, broken):
    await bus.publish(created())
    (dead,) = await listed(js, 1)
    broken["yes"] = False
    subscription = await client.subscribe("ticket.created")
    await client.flush()
    await replay(js, dead.seq)
    message = await subscription.next_msg()
    assert not [name for name in message.headers if name.startswith("handrail-")]
    assert message.headers["ce-id"] == dead.headers["ce-id"]
    assert message.data == dead.body


@pytest.mark.parametrize(
    ("body", "text"), [(b'{"a": "\xc3\xa4"}', '{"a": "ä"}'), (b"\xff\x00", "/wA=")]
)
def test_a_body_is_shown_as_text_where_it_is_one(body, text):
    assert body_text(body) == text
