"""What is read of a claim's outputs."""

from shared.connectors.local.folder import Folder
from shared.connectors.protocol import Stream


def test_what_was_cut_out_is_told_also_where_nothing_came_after_it(tmp_path):
    folder = Folder(tmp_path, head=4)
    folder.write("stdout", b"head")
    folder.write("stdout.cut", b"1000\n")
    pieces = list(folder.pieces(Stream.STDOUT, 0))
    assert [(piece.start, piece.data) for piece in pieces] == [(0, b"head"), (1004, b"")]
    assert list(folder.pieces(Stream.STDOUT, 1004)) == []


def test_what_lies_behind_a_cut_is_read_where_it_was(tmp_path):
    folder = Folder(tmp_path, head=4)
    folder.write("stdout", b"headtail")
    folder.write("stdout.cut", b"10\n")
    pieces = list(folder.pieces(Stream.STDOUT, 2))
    assert [(piece.start, piece.data) for piece in pieces] == [(2, b"ad"), (14, b"tail")]


def test_nothing_is_read_while_it_is_cut_or_before_there_is_any(tmp_path):
    folder = Folder(tmp_path, head=4)
    assert list(folder.pieces(Stream.STDOUT, 0)) == []
    folder.write("stdout", b"head")
    folder.mark("stdout.cutting")
    assert list(folder.pieces(Stream.STDOUT, 0)) == []
