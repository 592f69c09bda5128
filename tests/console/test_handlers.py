"""Events of every kind come in and are appended."""

from dataclasses import replace
from uuid import uuid4

from services.console.handlers import RECORDED, record, router
from shared.bus.streams import FAMILIES
from shared.events import CATALOG, TicketEscalated
from tests.console.test_chain import envelope, escalated


class FakeRecorder:
    def __init__(self):
        self.entries = []

    async def record(self, entries):
        self.entries += entries


async def test_events_are_appended_in_one_batch():
    recorder = FakeRecorder()
    events = [escalated(), escalated()]
    await record([envelope(event) for event in events], recorder)
    assert [entry.event_id for entry in recorder.entries] == [event.id for event in events]


async def test_a_message_that_is_no_event_does_not_keep_others_from_being_recorded():
    recorder = FakeRecorder()
    stranger = replace(envelope(escalated()), headers={})
    event = TicketEscalated(id=uuid4(), ticket_id=uuid4(), title="t", reason="r")
    await record([stranger, envelope(event)], recorder)
    assert [entry.event_id for entry in recorder.entries] == [event.id]


def test_every_family_of_events_is_recorded():
    assert {event.subject.split(".")[0] for event in CATALOG} <= set(RECORDED)
    assert set(RECORDED) == set(FAMILIES) - {"dead"}
    assert len({one.durable for one in router.subscriptions}) == len(RECORDED)
