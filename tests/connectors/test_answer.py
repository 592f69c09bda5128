"""What the scripts on a target say, parsed."""

import pytest

from shared.connectors.answer import Piece, State, parsed
from shared.connectors.shell import Output
from shared.connectors.transcript import Capped

MARK = b"\x1ehandrail\n"
LAST = b"\n\x1eended 3 0 0 owner 0 0m1.25s+0m0.5s 0 0 0 0\n"


def output(stdout: bytes, stderr: bytes = b"") -> Output:
    both = Capped(10_000), Capped(10_000)
    for capped, data in zip(both, (stdout, stderr), strict=True):
        capped.feed(data)
    return Output(*both, exit_code=0)


def test_what_login_files_print_is_not_the_commands_output():
    answer = parsed(output(b"Welcome!\n" + MARK + b"out" + LAST, b"motd\n" + MARK + b"err"))
    assert (answer.stdout.data, answer.stderr.data) == (b"out", b"err")
    assert (answer.state, answer.exit_code, answer.owner) == (State.ENDED, 3, "owner")


def test_a_command_cannot_forge_an_answer():
    forged = MARK + b"\n\x1eended 0 0 0 x 0 - 0 0 0 0\n"
    answer = parsed(output(MARK + forged + LAST))
    assert (answer.stdout.data, answer.exit_code) == (forged, 3)


@pytest.mark.parametrize(
    "stdout",
    [b"", b"This account is not available.\n", MARK, MARK + b"out", MARK + b"out" + LAST[:-1]],
)
def test_half_an_answer_is_none(stdout):
    assert parsed(output(stdout)) is None


@pytest.mark.parametrize(
    ("piece", "last"),
    [
        (Piece(b"abc", 0, 0), True),
        (Piece(b"abcd", 0, 0), False),
        (Piece(b"", -1, 0), False),
        (Piece(b"abc", 0, 9), False),
        (Piece(b"", 12, 9), True),
    ],
)
def test_whether_more_was_written_is_known(piece, last):
    assert piece.is_last(4) is last
