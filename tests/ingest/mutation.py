"""Strategies for what senders never promised: any JSON, and real bodies with something wrong."""

import json
from copy import deepcopy
from dataclasses import replace

from hypothesis import strategies as st

# What has broken parsers, stores and clocks: each is tried far more often than chance would.
AWKWARD = [
    *(None, True, False, "", " ", 0, -1, -0.0, 1e308, float("nan"), float("inf"), float("-inf")),
    *(2**31, 2**53 + 1, 2**63, -(2**63) - 1, 10**400, 5e-324, 253402300800, -62135596801),
    *("\0", "a\0b", "\ud800", "x\udfffy", "\ufeff", "\x7f\x1b[31m", "😀" * 9, "a" * 70_000),
    *("9" * 5_000, "1e999", "NaN", "-Infinity", "0001-01-01T00:00:00Z", "0000-00-00T00:00:00Z"),
    *("9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "2026-02-30T10:00:00Z"),
    *("2026-03-01 10:00:00", "1772359200", "99999999999999999999", "http://[::1", "http://a:b:c"),
    *("$where", "a.b", "{{ x }}", "${jndi:x}", "%00", "%zz", "[]", "{}", [], {}, [[]], [None]),
    *({"": ""}, {"$set": {"a": 1}}, {"a.b": {"\0": 1}}, {"\ud800": "x"}, {"__proto__": {}}),
]

# A copy each: what is drawn is changed later.
awkward = st.sampled_from(AWKWARD).map(deepcopy)

_scalar = st.one_of(
    awkward,
    st.integers(),
    st.floats(),
    st.text(st.characters(exclude_categories=()), max_size=30),
)

#: Anything that Python writes as JSON, also what no standard allows: NaN, half a character.
anything = st.recursive(
    _scalar,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.text(st.characters(exclude_categories=()), max_size=12), inner, max_size=4
        ),
    ),
    max_leaves=12,
)


def nested(depth, within=None):
    """Lists in lists, so deep."""
    for _ in range(depth):
        within = [within]
    return within


@st.composite
def wronged(draw, said):
    """The JSON value with one to four of its parts replaced, removed, repeated or renamed."""
    said = deepcopy(said)
    for _ in range(draw(st.integers(1, 4))):
        places = list(_places(said))
        if not places:
            return draw(anything)
        within, key = draw(st.sampled_from(places))
        _wrong(draw, within, key)
    return said


def _places(value):
    inner = value.items() if isinstance(value, dict) else ()
    inner = enumerate(value) if isinstance(value, list) else inner
    for key, one in inner:
        yield value, key
        yield from _places(one)


def _wrong(draw, within, key):
    match draw(
        st.sampled_from(["replace", "replace", "awkward", "remove", "repeat", "rename", "deep"])
    ):
        case "replace":
            within[key] = draw(anything)
        case "awkward":
            within[key] = draw(awkward)
        case "remove":
            del within[key]
        case "repeat":
            within[key] = [within[key], deepcopy(within[key])]
        case "rename" if isinstance(within, dict):
            within[draw(st.text(max_size=5))] = within.pop(key)
        case _:
            within[key] = nested(draw(st.sampled_from([3, 150, 400])), within[key])


@st.composite
def garbled(draw, body):
    """The bytes with some replaced, removed or put in."""
    at = draw(st.integers(0, len(body)))
    length = draw(st.integers(0, 8))
    return body[:at] + draw(st.binary(max_size=8)) + body[at + length :]


@st.composite
def mutated(draw, webhooks):
    """One of the webhooks with something wrong in its body or its headers."""
    webhook = draw(st.sampled_from(webhooks))
    if draw(st.integers(0, 5)) == 0:
        webhook = replace(webhook, body=draw(garbled(webhook.body)))
    else:
        said = json.loads(webhook.body or b"null")
        webhook = replace(webhook, body=draw(wronged(said).map(json.dumps)).encode())
    if webhook.headers and draw(st.integers(0, 3)) == 0:
        headers = dict(webhook.headers)
        headers[draw(st.sampled_from(sorted(headers)))] = draw(
            # No client sends line breaks in a header, nor whitespace before its value.
            st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=20).map(
                str.lstrip
            )
        )
        webhook = replace(webhook, headers=headers)
    return webhook
