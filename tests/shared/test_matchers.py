"""Matchers over labels: what is read, what holds, and what is refused."""

import pytest

from shared.matchers import matcher

LABELS = {"host": "db-1", "env": "prod", "path": 'C:\\data "x"', "two": "a\nb"}


@pytest.mark.parametrize(
    ("written", "holds"),
    [
        ('host="db-1"', True),
        ("host=db-1", True),
        (' host = "db-1" ', True),
        ('"host"="db-1"', True),
        ('host="db-2"', False),
        ('host="db"', False),
        ('host!="db-2"', True),
        ('host!="db-1"', False),
        ('host=~"db-.*"', True),
        (r'host=~"db-\d"', True),
        (r"host=~db-[0-9]{1}", True),
        ('env=~"prod|staging"', True),
        ("env=~prod|staging", True),
        ('host=~"db"', False),
        ('host!~"db"', True),
        ('host!~"db-.+"', False),
        ('nowhere=""', True),
        ('nowhere!=""', False),
        ('nowhere=~".+"', False),
        ('nowhere!="x"', True),
        ('host=""', False),
        (r'path="C:\\data \"x\""', True),
        (r'two="a\nb"', True),
        ('two=~"a.b"', True),
    ],
)
def test_a_matcher_holds_of_labels_as_it_says(written, holds):
    assert matcher(written).holds(LABELS) is holds


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("", "a label is expected (at 1)"),
        ('="db-1"', "a label is expected (at 1)"),
        ('{host="db-1"}', "a label is expected (at 1)"),
        ("host", "one of =, !=, =~ and !~ is expected (at 5)"),
        ("host > 3", "one of =, !=, =~ and !~ is expected (at 6)"),
        ('host="db-1", env="prod"', "write one matcher an item (at 6)"),
        ('host="db-1', "write one matcher an item (at 6)"),
        ('host=~"db-("', "no regular expression"),
    ],
)
def test_what_is_no_matcher_is_refused_with_its_place(written, told):
    with pytest.raises(ValueError, match="no matcher") as refused:
        matcher(written)
    assert told in str(refused.value)
