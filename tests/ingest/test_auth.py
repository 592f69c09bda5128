"""Whether a webhook comes from the source that it names."""

import base64

import pytest

from services.ingest.auth import Basic, Bearer


def basic(text, encoding="utf-8"):
    return "Basic " + base64.b64encode(text.encode(encoding)).decode()


def on_the_wire(header):
    """A header as the server hands it over."""
    return header.encode().decode("latin-1")


@pytest.mark.parametrize(
    ("header", "admitted"),
    [
        ("Bearer sesame", True),
        ("bearer sesame", True),
        ("Bearer  sesame ", True),
        ("Bearer sesame2", False),
        ("Bearer sesam", False),
        ("Bearer", False),
        ("sesame", False),
        ("", False),
        ("Basic sesame", False),
        (basic("sesame:"), False),
        ("Bearer sésame", False),
        ("Bearer \x00\xff", False),
    ],
)
def test_a_bearer_token_is_admitted_when_it_is_the_one(header, admitted):
    assert Bearer("sesame").admits({"authorization": header}) is admitted


@pytest.mark.parametrize(
    ("header", "admitted"),
    [
        (basic("am:sesame"), True),
        (basic("am:sesame").replace("Basic", "basic"), True),
        (basic("am:wrong"), False),
        (basic("other:sesame"), False),
        (basic("am"), False),
        (basic("am:sesame:"), False),
        ("Basic", False),
        ("Basic ", False),
        ("Basic !!!", False),
        ("Basic YW06c2VzYW1", False),
        ("Basic YW06c2Vz\xe9YW1l", False),
        ("Bearer sesame", False),
        ("", False),
    ],
)
def test_a_name_and_password_are_admitted_when_they_are_the_ones(header, admitted):
    assert Basic("am", "sesame").admits({"authorization": header}) is admitted


def test_secrets_in_any_language_are_admitted():
    assert Bearer("säsam").admits({"authorization": on_the_wire("Bearer säsam")})
    assert Basic("wächter", "säsam:öffne").admits({"authorization": basic("wächter:säsam:öffne")})
