"""What a command writes becomes pieces: in order, masked, with the places where something lacks."""

import pytest

from services.executor.transcript import Transcript
from shared.connectors.protocol import Chunk, Stream
from shared.masking import Mask
from tests.executor.sessions import NOW

OUT, ERR = Stream.STDOUT, Stream.STDERR


def pieces(*chunks, secret=""):
    transcript = Transcript(Mask([secret]))
    shown = [piece for chunk in chunks for piece in transcript.add(chunk, NOW)]
    return [(p.stream, p.offset, p.text) for p in shown + transcript.finish(NOW)]


@pytest.mark.parametrize(
    ("chunks", "shown"),
    [
        ([], []),
        ([Chunk(OUT, 0, "")], []),
        ([Chunk(OUT, 0, "one"), Chunk(OUT, 3, "two")], [(OUT, 0, "one"), (OUT, 3, "two")]),
        ([Chunk(OUT, 0, "é\0"), Chunk(OUT, 3, "x")], [(OUT, 0, "é\0"), (OUT, 3, "x")]),
        # Two bytes that are no text became six: nothing seems to be missing.
        ([Chunk(OUT, 0, "��"), Chunk(OUT, 2, "x")], [(OUT, 0, "��"), (OUT, 6, "x")]),
        # What the connector left out stays visible as a gap.
        ([Chunk(OUT, 0, "head"), Chunk(OUT, 1004, "end")], [(OUT, 0, "head"), (OUT, 1004, "end")]),
        ([Chunk(ERR, 0, "err"), Chunk(OUT, 0, "out")], [(ERR, 0, "err"), (OUT, 0, "out")]),
    ],
    ids=["nothing", "empty", "two", "bytes", "no text", "gap", "streams"],
)
def test_chunks_become_pieces(chunks, shown):
    assert pieces(*chunks) == shown


def test_a_secret_in_one_chunk_is_masked():
    assert pieces(Chunk(OUT, 0, "it is hunter2!"), secret="hunter2") == [(OUT, 0, "it is •••!")]


def test_a_secret_that_comes_in_two_chunks_is_masked():
    halves = Chunk(OUT, 0, "hun"), Chunk(OUT, 3, "ter2")
    assert "".join(p[2] for p in pieces(*halves, secret="hunter2")) == "•••"


def test_what_was_held_back_is_shown_before_a_gap():
    shown = pieces(Chunk(OUT, 0, "abc"), Chunk(OUT, 100, "xyz"), secret="abcdef")
    assert shown == [(OUT, 0, "abc"), (OUT, 100, "xyz")]


def test_of_a_secret_with_a_gap_in_it_neither_part_is_shown():
    shown = pieces(Chunk(OUT, 0, "it is hunt"), Chunk(OUT, 100, "er22!"), secret="hunter22")
    assert "".join(text for _, _, text in shown) == "it is ••••••!"


def test_what_cannot_be_a_secret_is_not_kept_back():
    transcript = Transcript(Mask(["hunter2"]))
    assert [piece.text for piece in transcript.add(Chunk(OUT, 0, "all is well"), NOW)]
