"""Secrets in texts that come in parts, or that something folds, encodes or cuts."""

import html
import json
import shlex
from base64 import b64encode, urlsafe_b64encode
from itertools import pairwise
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.masking import MASK, Mask

#: No character of what stands around a secret is in a secret, or in any form of one.
AROUND = "·¤◦"


def inside_base64(before, secret):
    """Of the base64 of a longer text, the characters that only the secret makes."""
    coded = b64encode(f"{before}{secret}\n".encode()).decode()
    whole = len(f"{before}{secret}".encode()) * 8 // 6
    return coded[-(-len(before) * 8 // 6) : whole]


FORMS = {
    "plain": str,
    "base64": lambda secret: b64encode(secret.encode()).decode(),
    "base64 for URLs": lambda secret: urlsafe_b64encode(secret.encode()).decode(),
    "after a user": lambda secret: inside_base64("me:", secret),
    "after a letter": lambda secret: inside_base64("m", secret),
    "after two letters": lambda secret: inside_base64("m:", secret),
    "powershell": lambda secret: b64encode(secret.encode("utf-16-le")).decode(),
    "URL": lambda secret: quote(secret, safe=""),
    "form": quote_plus,
    "JSON": lambda secret: json.dumps(secret)[1:-1],
    "page": html.escape,
    "shell": lambda secret: shlex.quote(secret).removeprefix("'").removesuffix("'"),
    "hex": lambda secret: secret.encode().hex(),
}
LETTERS = st.characters(min_codepoint=32, max_codepoint=126) | st.sampled_from("äß€")
SECRETS = st.text(LETTERS, min_size=8, max_size=40).filter(
    lambda text: len(text.replace(" ", "")) >= 8
)
FOLDS = st.sampled_from(["\n", "\r\n", "\n    ", "\r\n\t", "\n\n  "])


@st.composite
def written(draw, secret):
    """A secret in some form, folded somewhere, with something around."""
    form = FORMS[draw(st.sampled_from(sorted(FORMS)))](secret)
    for place in sorted(draw(st.sets(st.integers(1, max(1, len(form) - 1)), max_size=4)))[::-1]:
        form = form[:place] + draw(FOLDS) + form[place:]
    return draw(st.text(AROUND, max_size=5)) + form + draw(st.text(AROUND, max_size=5)), form


@st.composite
def split(draw, text):
    """A text in parts."""
    places = sorted(draw(st.sets(st.integers(0, len(text)), max_size=8)))
    edges = [0, *places, len(text)]
    return [text[start:end] for start, end in pairwise(edges)]


def shown_in_parts(mask, parts):
    shown, rest = "", ""
    for part in parts:
        out, rest = mask.settled(rest + part)
        shown += out
    return shown + mask(rest)


def leaks(shown, form):
    """What four characters of a form can still be seen."""
    bare = "".join(form.split())
    seen = "".join(shown.split())
    return [bare[at : at + 4] for at in range(len(bare) - 3) if bare[at : at + 4] in seen]


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_of_no_secret_four_characters_are_shown_whatever_its_form_and_its_parts(data):
    secret = data.draw(SECRETS)
    text, form = data.draw(written(secret))
    mask = Mask([secret, "something else entirely"])
    shown = shown_in_parts(mask, data.draw(split(text)))
    assert not leaks(shown, form)
    assert [char for char in shown if char in AROUND] == [char for char in text if char in AROUND]


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_parts_are_masked_as_the_whole_is(data):
    secrets = data.draw(st.lists(st.text("ab\n", min_size=4, max_size=7), min_size=1, max_size=3))
    text = data.draw(st.text("abc\n ", max_size=40))
    mask = Mask(secrets)
    assert shown_in_parts(mask, data.draw(split(text))) == mask(text)


@settings(deadline=None, max_examples=80)
@given(st.data())
def test_of_a_secret_that_is_cut_neither_end_is_shown(data):
    secret = data.draw(SECRETS)
    at = data.draw(st.integers(0, len(secret)))
    mask = Mask([secret])
    assert not leaks(mask.closed(AROUND + secret[:at]), secret)
    assert not leaks(mask(mask.opened(secret[at:] + AROUND)), secret)


@pytest.mark.parametrize("chunk", [1, 7, 64, 1000])
def test_of_a_long_secret_nothing_is_shown_however_it_comes(chunk):
    secret = "".join(chr(33 + (at * at + at // 7) % 90) for at in range(3000))
    parts = [secret[at : at + chunk] for at in range(0, len(secret), chunk)]
    assert not set(shown_in_parts(Mask([secret]), parts)) - set(MASK)


def test_what_cannot_be_a_secret_is_shown_at_once():
    assert Mask(["hunter22"]).settled("all is well") == ("all is well", "")


def test_only_what_may_become_a_secret_is_kept_back():
    assert Mask(["hunter22"]).settled("it is hunt") == ("it is ", "hunt")


def test_a_break_after_the_first_part_does_not_let_it_go():
    assert Mask(["hunter22"]).settled("it is hunt\r\n  ") == ("it is ", "hunt\r\n  ")


def test_secrets_that_overlap_are_masked_both():
    assert Mask(["abcdef", "defghi"])("<abcdefghi>") == f"<{MASK}>"


def test_a_secret_inside_another_that_goes_on_is_kept_back_whole():
    mask = Mask(["xyzabcd", "cdefgh"])
    assert mask.settled("xyzabcd") == ("", "xyzabcd")
    assert mask("xyzabcdefgh") == MASK


def test_a_text_that_repeats_a_secret_for_ever_is_not_kept_back_for_ever():
    mask, rest = Mask(["aaaa"]), ""
    for _ in range(50):
        _, rest = mask.settled(rest + "a" * 1000)
    assert len(rest) < 5000
