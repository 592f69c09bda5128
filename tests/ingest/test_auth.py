"""Whether a webhook comes from the source that it names."""

import base64

import pytest

from services.ingest.auth import Basic, Bearer, proof
from shared.config import SourceConfig


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
    assert Bearer("sesame").admits(header) is admitted


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
    assert Basic("am", "sesame").admits(header) is admitted


def test_secrets_in_any_language_are_admitted():
    assert Bearer("säsam").admits(on_the_wire("Bearer säsam"))
    assert Basic("wächter", "säsam:öffne").admits(basic("wächter:säsam:öffne"))


def test_a_secret_is_read_from_where_the_configuration_says(monkeypatch, tmp_path):
    monkeypatch.setenv("TOKEN", "sesame")
    (tmp_path / "password").write_text("open\n")
    bearer = SourceConfig.model_validate({"bearer": {"env": "TOKEN"}})
    file = {"file": tmp_path / "password"}
    login = SourceConfig.model_validate({"basic": {"username": "am", "password": file}})
    assert proof(bearer) == Bearer("sesame")
    assert proof(login) == Basic("am", "open")
