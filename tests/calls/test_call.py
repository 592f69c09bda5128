"""The canonical text of a call: written and read back, and told what is wrong with it."""

import pytest

from shared.calls.call import MalformedCallError
from shared.calls.families import FAMILIES, parsed_as
from shared.calls.http import Post

WHOLE = """\
POST
path: "/x"
headers: {"X-A": "a \\" {{"}
expect: {"status": [200]}
json: {"a": [1, null, "ü"]}"""


def test_a_text_is_read_and_written_as_it_was():
    call = parsed_as("http", WHOLE)
    assert isinstance(call, Post)
    assert call.text() == WHOLE
    assert parsed_as("http", call.text()) == call


def test_only_what_was_given_is_written():
    assert Post(path="/x").text() == 'POST\npath: "/x"'


def test_a_number_may_come_as_a_text():
    call = parsed_as("http", 'GET\npath: "/"\nexpect: {"status": "204"}')
    assert call.expect.status == (204,)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "there is no action ''"),
        ("POSTS", "there are GET, HEAD, POST"),
        ("POST", "path: is missing"),
        ('POST\npath "/x"', "write name: and its JSON value"),
        ("POST\npath: /x", "no JSON on one line"),
        ('POST\npath: "/x"\npath: "/y"', "twice"),
        ('POST\npath: "/x"\nverb: "y"', "no such argument"),
        ('POST\npath: "x"', "begins with one /"),
        ('POST\npath: "//evil.example/"', "begins with one /"),
        ('POST\npath: "/a/../b"', "lead elsewhere"),
        ('POST\npath: "/a/%2e%2e/b"', "lead elsewhere"),
        ('POST\npath: "/a b"', "percent-encode"),
        ('POST\npath: "/a#b"', "percent-encode"),
        ('POST\npath: "/a\\\\b"', "percent-encode"),
        ('POST\npath: "/"\nheaders: {"Host": "evil"}', "target's section"),
        ('POST\npath: "/"\nheaders: {"authorization": "x"}', "target's section"),
        ('POST\npath: "/"\nheaders: {"Idempotency-Key": "x"}', "target's section"),
        ('POST\npath: "/"\nheaders: {"X": "a\\r\\nY: b"}', "no header has"),
        ('POST\npath: "/"\nheaders: {"X:": "a"}', "no name of a header"),
        ('POST\npath: "/"\nheaders: {"X": "a", "x": "b"}', "twice"),
        ('POST\npath: "/"\njson: 1\nbody: "x"', "one body"),
        ('POST\npath: "/"\nexpect: {"json": {"a[": 1}}', "no JMESPath"),
        ('GET\npath: "/"\nbody: "x"', "no such argument"),
    ],
)
def test_what_is_no_call_is_told_with_what_to_change(text, told):
    with pytest.raises(MalformedCallError) as error:
        parsed_as("http", text)
    assert told in str(error.value)


def test_a_family_that_is_not_there_is_named():
    with pytest.raises(MalformedCallError, match="ssh has no actions"):
        parsed_as("ssh", "true")


@pytest.mark.parametrize("uses", list(FAMILIES))
def test_every_action_says_what_it_is_for(uses):
    for model in FAMILIES[uses]:
        assert model.__doc__
        assert model.action
