"""Whom a stage tells, as tables: people, teams, who is on call, channels, and who may answer."""

from datetime import UTC, datetime, timedelta

import pytest

from services.notifier.channels.directory import Directory
from services.notifier.recipients import Recipient, Status
from services.notifier.routing.choosing import Chooser, Circle
from services.notifier.routing.timing import Kind, Stage
from shared.config import Config, Person
from shared.oncall.calendar import Shift, Shifts
from shared.oncall.roster import Roster
from shared.policy.voters import Voters

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
ANN, BOB, CY = (f"{name}@example.org" for name in ("ann", "bob", "cy"))
PEOPLE = (
    Person(name="Ann", email="Ann@example.org", slack="U1"),
    Person(name="Bob", email=BOB),
    Person(name="Cy", email=CY),
)
CHANNELS = Config.model_validate(
    {
        "channels": {
            "chat": {"kind": "slack"},
            "ops": {"kind": "slack", "room": "C123"},
            "wall": {"kind": "webhook", "url": "https://w.example.org", "secret": {"env": "W"}},
        }
    }
).channels
TEAMS = {"leads": (CY, BOB), "dba": (ANN,)}
#: Ann until an hour ago, Bob since.
ROSTER = Roster(
    {
        "web": Shifts((Shift(ANN, NOW - 9 * HOUR, NOW - HOUR), Shift(BOB, NOW - HOUR))),
        "db": Shifts((Shift(CY, NOW - HOUR),)),
    }
)


def chosen(to=(), over=("email",), *, kind=Kind.ASK, people=PEOPLE, roster=ROSTER, **said):
    voters = Voters(said.pop("who", ()), said.pop("requester", ""))
    circle = Circle(voters, roster, said.pop("asked_at", NOW), NOW)
    stage = Stage(f"{kind}-1", kind, NOW, tuple(to), tuple(over), "")
    chooser = Chooser(Directory(people, CHANNELS), TEAMS)
    return chooser.chosen(stage, circle, **{"route": "r", **said})


def keys(recipients):
    return [to.key.lower() for to in recipients]


@pytest.mark.parametrize(
    ("to", "said", "who"),
    [
        ((), {}, [ANN, BOB, CY]),
        ((BOB,), {}, [BOB]),
        (("ANN@example.org", "leads"), {}, [ANN, BOB, CY]),
        (("on-call:web",), {}, [BOB]),
        (("on-call",), {}, [BOB, CY]),
        (("on-call:db", "dba"), {}, [ANN, CY]),
        # Without schedules everybody is on call.
        (("on-call",), {"roster": Roster()}, [ANN, BOB, CY]),
        # Only those whose yes counts.
        ((), {"who": (CY, "on-call:web")}, [BOB, CY]),
        (("leads",), {"requester": CY}, [BOB]),
        # Who was on call when it was asked may still answer.
        ((), {"who": ("on-call:web",), "asked_at": NOW - 2 * HOUR}, [ANN, BOB]),
        # Where that leaves nobody: everybody whose yes counts, or everybody.
        (("dba",), {"who": (CY,)}, [CY]),
        (("dba",), {"who": ("gone@example.org",)}, [ANN, BOB, CY]),
        (("on-call:gone",), {}, [ANN, BOB, CY]),
        ((), {"people": ()}, ["terminal"]),
    ],
)
def test_who_is_meant(to, said, who):
    assert keys(chosen(to, **said)) == who


@pytest.mark.parametrize(
    ("over", "who"),
    [
        (("email", "chat"), [ANN, BOB, f"chat/{ANN}", f"chat/{BOB}"]),
        # Slack finds people by their addresses too; a room is one for all.
        (("ops",), ["ops/#ops"]),
        (("ops", "email"), ["ops/#ops", ANN, BOB]),
        # Nobody can answer in a room that only shows.
        (("wall",), [ANN, BOB, "wall/#wall"]),
        (("wall", "chat"), ["wall/#wall", f"chat/{ANN}", f"chat/{BOB}"]),
        (("gone",), [ANN, BOB, CY]),
    ],
)
def test_over_which_channels(over, who):
    assert sorted(keys(chosen((ANN, BOB), over))) == sorted(who)


def test_questions_of_no_route_go_to_rooms_too():
    assert keys(chosen(route="no route")) == [ANN, BOB, CY, "ops/#ops", "wall/#wall"]


def sent(email, **more):
    return Recipient(name="x", email=email, status=Status.SENT, reference="r", **more)


@pytest.mark.parametrize(
    ("kind", "to", "answered", "who"),
    [
        (Kind.ESCALATE, ("leads",), (), [f"{CY}+escalate-1"]),
        (Kind.ESCALATE, (BOB,), (), []),
        (Kind.REMIND, (BOB,), (), [f"{BOB}+remind-1"]),
        (Kind.REMIND, (BOB, ANN), (), [f"{ANN}+remind-1", f"{BOB}+remind-1"]),
        (Kind.REMIND, (BOB, ANN), (BOB,), [f"{ANN}+remind-1"]),
    ],
)
def test_later_stages_tell_who_is_new_and_reminders_who_was_told(kind, to, answered, who):
    told = (sent(BOB),)
    found = chosen(to, kind=kind, told=told, answered=answered)
    assert sorted(keys(found)) == who
    assert {(one.status, one.reference) for one in found} <= {(Status.QUEUED, "")}


def test_a_reminder_is_one_message_however_many_came_before():
    told = (
        sent(BOB),
        sent(BOB, round="remind-1"),
        sent(ANN).model_copy(update={"status": "failed"}),
    )
    assert keys(chosen((BOB,), kind=Kind.REMIND, told=told)) == [f"{BOB}+remind-1"]


def test_a_form_is_asked_where_it_can_be_filled_in():
    circle = Circle(Voters(), ROSTER, NOW, NOW, by_page=True)
    stage = Stage("ask", Kind.ASK, NOW, (ANN,), ("ops", "wall"), "")
    chooser = Chooser(Directory(PEOPLE, CHANNELS), TEAMS)
    assert keys(chooser.chosen(stage, circle, route="r")) == ["ops/#ops", "wall/#wall"]
    only = Stage("ask", Kind.ASK, NOW, (ANN,), ("wall",), "")
    assert keys(chooser.chosen(only, circle, route="r")) == ["wall/#wall", ANN]


def lost(email, via="", status=Status.FAILED):
    return Recipient(name="x", email=email, via=via, status=status)


@pytest.mark.parametrize(
    ("told", "who"),
    [
        ([lost(ANN)], [f"chat/{ANN}"]),
        ([lost(ANN, status=Status.BOUNCED)], [f"chat/{ANN}"]),
        ([lost(ANN, "chat")], [ANN]),
        ([lost(ANN), lost(ANN, "chat")], []),
        ([lost(ANN), lost(ANN, "chat", Status.SENT)], []),
        ([lost(ANN, status=Status.SENT)], []),
        ([lost(ANN, status=Status.QUEUED)], []),
        ([lost("#wall", "wall")], []),
    ],
)
def test_who_is_not_reached_is_told_on_channels_of_their_own(told, who):
    circle = Circle(Voters(), ROSTER, NOW, NOW)
    chooser = Chooser(Directory(PEOPLE, CHANNELS), TEAMS)
    assert keys(chooser.instead(told, circle)) == who
