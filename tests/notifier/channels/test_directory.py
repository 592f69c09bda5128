"""Where people and rooms are reached."""

import pytest
from pydantic import TypeAdapter

from services.notifier.channels.directory import Directory
from services.notifier.links import Channel
from shared.config import Person
from shared.config.channels import Channels, Kind

ALICE = Person(name="Alice", email="alice@example.org", slack="U1", timezone="Europe/Berlin")
BOB = Person(name="Bob", email="bob@example.org", telegram=7)
CHANNELS = TypeAdapter(Channels).validate_python(
    {
        "room": {"kind": "slack", "room": "C123", "tell": ["started"]},
        "direct": {"kind": "slack", "tell": []},
        "quiet": {"kind": "telegram", "token": {"env": "T"}, "chat": -5, "ask": False},
        "bot": {"kind": "telegram", "token": {"env": "T"}, "tell": []},
        "incident": {"kind": "pagerduty", "token": {"env": "T"}, "from": "a@example.org"},
        "hers": {"kind": "apprise", "url": {"env": "U"}, "person": "ALICE@example.org"},
    }
)
DIRECTORY = Directory((ALICE, BOB), CHANNELS)


def test_mail_needs_no_mention():
    to = Directory((ALICE,), {}).person(ALICE, "email")
    assert (to.over, to.key, to.timezone) == ("email", ALICE.email, "Europe/Berlin")


@pytest.mark.parametrize(
    ("person", "channel", "address"),
    [
        (ALICE, "direct", "U1"),
        (BOB, "direct", ""),  # found by address when it is sent
        (BOB, "bot", "7"),
        (ALICE, "bot", None),
        (ALICE, "hers", ""),
        (BOB, "hers", None),
        (BOB, "incident", None),
        (BOB, "nowhere", None),
    ],
)
def test_a_person_is_reached_where_the_channel_leads_to_them(person, channel, address):
    to = DIRECTORY.person(person, channel)
    assert (to and to.address) == address
    assert to is None or (to.over, to.email) == (channel, person.email)


@pytest.mark.parametrize(
    ("channel", "address"),
    [
        ("room", "C123"),
        ("direct", None),
        ("quiet", "-5"),
        ("incident", ""),
        ("hers", None),
        ("email", None),
    ],
)
def test_a_room_is_reached_where_the_channel_is_one(channel, address):
    room = DIRECTORY.room(channel)
    assert (room and room.address) == address
    assert room is None or room.channel is Channel.ROOM


def test_rooms_are_asked_unless_they_do_not_want_to():
    assert [to.over for to in DIRECTORY.asked()] == ["room", "incident"]


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (Kind.STARTED, ["room/#room", "incident/#incident"]),
        (
            Kind.RESOLVED,
            [ALICE.email, BOB.email, "quiet/#quiet", "incident/#incident", f"hers/{ALICE.email}"],
        ),
    ],
)
def test_those_are_told_who_asked_for_it(kind, told):
    assert [to.key for to in DIRECTORY.told(kind)] == told


def test_mails_about_outcomes_can_be_left_out():
    channels = TypeAdapter(Channels).validate_python({"email": {"kind": "email", "tell": []}})
    assert Directory((ALICE,), channels).told(Kind.RESOLVED) == ()
