"""What is followed: pieces that come twice, late, or not at all become lines, each once."""

import pytest

from deploy.following import Screen, Seen, newest, together
from deploy.views import Output, Piece, SessionView
from shared.connectors.protocol import Stream
from shared.lifecycle import StepState
from tests.executor.sessions import running, session, step


def piece(text, offset=0, *, stream=Stream.STDOUT, fence=1, attempt=1):
    return Piece(step_id="a", attempt=attempt, fence=fence, stream=stream, offset=offset, text=text)


def texts(lines):
    return [line.text for line in lines]


@pytest.mark.parametrize(
    ("pieces", "shown"),
    [
        ([piece("one"), piece("two", 3)], "onetwo"),
        ([piece("one"), piece("one")], "one"),
        ([piece("one"), piece("netwo", 1)], "onetwo"),
        ([piece("é"), piece("x", 2)], "éx"),
        ([piece("one"), piece("end", 13)], "one\n[10 bytes are left out here]\nend"),
        ([piece("late", 4), piece("soon")], "\n[4 bytes are left out here]\nlate"),
    ],
    ids=["in order", "twice", "overlapping", "characters", "missing", "too late"],
)
def test_each_byte_is_shown_once(pieces, shown):
    seen = Seen()
    assert "".join(map(seen.fresh, pieces)) == shown


def test_of_two_owners_of_an_attempt_the_last_one_counts():
    pieces = [piece("half"), piece("all of it", fence=2), piece("again", attempt=2)]
    assert [each.text for each in newest(pieces)] == ["all of it", "again"]


def test_pieces_are_put_together_by_attempt_and_stream():
    pieces = [piece("one\n"), piece("two", 4), piece("err", stream=Stream.STDERR)]
    (output,) = together(pieces)
    assert (output.stdout, output.stderr, output.cut) == ("one\ntwo", "err", True)


def test_lines_are_shown_when_they_are_whole():
    screen = Screen()
    assert texts(screen.heard(piece("one\ntw"))) == ["one"]
    assert texts(screen.heard(piece("o\n", 6))) == ["two"]


def view(run, *output):
    return SessionView(session=session(step("a"), runs={"a": run}), output=output)


def test_states_are_shown_when_they_change_after_what_was_written_before():
    screen = Screen()
    assert texts(screen.looked(view(running()), [piece("half a line")])) == ["running"]
    done = running().becomes(StepState.FAILED, reason="exit code 3")
    whole = Output(step_id="a", attempt=1, stdout="half a line and its end")
    assert texts(screen.looked(view(done, whole), [])) == [
        "half a line and its end",
        "failed: exit code 3",
    ]
    assert texts(screen.looked(view(done, whole), [])) == []


def test_what_was_cut_is_shown_only_to_who_has_seen_nothing():
    cut = Output(step_id="a", attempt=1, stdout="head\n[9 bytes]\nend\n", cut=True)
    assert "end" in texts(Screen().looked(view(running(), cut), []))
    screen = Screen()
    list(screen.heard(piece("head\n")))
    assert "end" not in texts(screen.looked(view(running(), cut), []))
