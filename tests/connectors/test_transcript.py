"""A command's output as it comes in."""

import pytest

from shared.connectors.protocol import Stream
from shared.connectors.transcript import CHUNK_MOST, Capped, StreamTranscript
from tests.connectors.conftest import Heard


@pytest.mark.parametrize("size", [0, 1, 5, 9, 10])
@pytest.mark.parametrize("step", [1, 3, 100])
def test_what_fits_is_kept_whole(size, step):
    data, capped = bytes(range(size)), Capped(10)
    for at in range(0, size, step):
        capped.feed(data[at : at + step])
    assert (capped.content(), capped.missing) == (data, 0)


@pytest.mark.parametrize("size", [11, 20, 21, 100])
@pytest.mark.parametrize("step", [1, 3, 100])
def test_of_more_both_ends_are_kept_and_the_rest_is_counted(size, step):
    data, capped = b"0123456789" * 10, Capped(10)
    for at in range(0, size, step):
        capped.feed(data[at : min(at + step, size)])
    notice = f"\n[{size - 10} bytes are left out here]\n".encode()
    assert capped.content() == data[:5] + notice + data[size - 5 : size]


def test_skipped_bytes_count_as_missing():
    capped = Capped(10)
    capped.feed(b"abc")
    capped.skip(4)
    capped.feed(b"xyz")
    assert capped.content() == b"abc\n[4 bytes are left out here]\nxyz"


async def test_bytes_that_were_seen_are_passed_over():
    heard = Heard()
    stream = StreamTranscript(Stream.STDOUT, 100, heard)
    for start, data in [(0, b"abc"), (0, b"abcde"), (2, b"cd"), (5, b"f"), (6, b"")]:
        await stream.absorb(start, data)
    assert [(chunk.offset, chunk.text) for chunk in heard.chunks] == [
        (0, "abc"),
        (3, "de"),
        (5, "f"),
    ]
    assert stream.text() == "abcdef"


async def test_a_character_in_two_pieces_is_heard_whole():
    heard = Heard()
    stream = StreamTranscript(Stream.STDERR, 100, heard)
    await stream.absorb(0, b"a\xc3")
    await stream.absorb(2, b"\xa4b\xc3")
    await stream.finish()
    heard_as = [(chunk.offset, chunk.text) for chunk in heard.chunks]
    assert heard_as == [(0, "a"), (1, "äb"), (4, "\ufffd")]


async def test_a_gap_shows_in_the_offsets():
    heard = Heard()
    stream = StreamTranscript(Stream.STDOUT, 100, heard)
    await stream.absorb(0, b"abc")
    await stream.absorb(10, b"xyz")
    assert [chunk.offset for chunk in heard.chunks] == [0, 10]
    assert stream.text() == "abc\n[7 bytes are left out here]\nxyz"


async def test_a_long_piece_is_heard_in_chunks_that_fit():
    heard = Heard()
    await StreamTranscript(Stream.STDOUT, 100, heard).absorb(0, b"x" * (2 * CHUNK_MOST + 1))
    assert [len(chunk.text) for chunk in heard.chunks] == [CHUNK_MOST, CHUNK_MOST, 1]


async def test_a_gap_at_the_very_end_is_counted():
    stream = StreamTranscript(Stream.STDOUT, 100, None)
    await stream.absorb(0, b"abc")
    await stream.absorb(10, b"")
    assert stream.text() == "abc\n[7 bytes are left out here]\n"
