"""Secrets in texts, replaced."""

from base64 import b64encode, urlsafe_b64encode

import pytest

from shared.masking import MASK, Mask

SECRET = "p@ss w/rd?>~+"
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\nQyNTUxOQAAACD\n-----END-----"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"password={SECRET}.", f"password={MASK}."),
        (f"{SECRET}{SECRET}", MASK + MASK),
        ("p%40ss%20w%2Frd%3F%3E~%2B", MASK),
        ("p%40ss+w%2Frd%3F%3E~%2B", MASK),
        (f"Token {b64encode(SECRET.encode()).decode()}", f"Token {MASK}"),
        (f"Token {urlsafe_b64encode(SECRET.encode()).decode()}", f"Token {MASK}"),
        ("nothing to hide: p@ss", "nothing to hide: p@ss"),
        ("", ""),
    ],
)
def test_every_form_of_a_secret_is_replaced(text, masked):
    assert Mask([SECRET])(text) == masked


@pytest.mark.parametrize("user", ["a", "ab", "abc", "deploy"])
def test_a_secret_inside_a_longer_base64_is_replaced(user):
    coded = b64encode(f"{user}:{SECRET}\n".encode()).decode()
    masked = Mask([SECRET])(f"Basic {coded}")
    assert MASK in masked
    assert len(masked) < len(coded)


def test_the_longer_of_two_secrets_goes_first():
    assert Mask(["open", "open sesame"])("open sesame") == MASK


def test_what_is_shorter_than_four_characters_is_left():
    assert Mask(["abc", ""])("abc") == "abc"


def test_a_line_of_a_private_key_is_replaced_alone():
    assert Mask([KEY])("b3BlbnNzaC1rZXktdjEAAAAA and -----END-----") == f"{MASK} and -----END-----"


def test_without_secrets_a_text_stays():
    assert Mask([])("as it is") == "as it is"
