"""Text of strangers."""

import pytest

from services.notifier.text import cleaned, one_line, visible


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain", "plain"),
        ("down\r\nBcc: eve@example.net", "down Bcc: eve@example.net"),
        ("a\x00b\x1bc\u2028d\u0085e", "a b c d e"),
        ("  spaced \t out ", "spaced out"),
        ("grüße 监控", "grüße 监控"),
    ],
)
def test_one_line_has_no_break_and_no_control(text, line):
    assert one_line(text) == line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ls -l\n\tcd /", "ls -l\n\tcd /"),
        ("rm \u202egpj.x", "rm \\u{202e}gpj.x"),
        ("rm\u00a0-rf", "rm\\u{a0}-rf"),
        ("ec\u200bho", "ec\\u{200b}ho"),
        ("echo ok\rrm -rf /", "echo ok\\u{d}rm -rf /"),
    ],
)
def test_what_deceives_the_eye_is_shown_as_it_is(text, shown):
    assert visible(text) == shown


def test_a_reason_keeps_its_lines_and_loses_controls():
    assert cleaned(" wrong\r\nhost\x07\u202e ") == "wrong\nhost"
