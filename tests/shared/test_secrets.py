"""Secrets by reference."""

import pytest
from pydantic import ValidationError

from shared.errors import SettingsError
from shared.secrets import SecretRef


def test_a_secret_is_read_from_the_environment_each_time(monkeypatch):
    reference = SecretRef(env="SOME_TOKEN")
    for value in ("first", "second"):
        monkeypatch.setenv("SOME_TOKEN", value)
        assert reference.read().get_secret_value() == value


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        (b"hunter2", "hunter2"),
        (b"hunter2\n", "hunter2"),
        (b"hunter2\r\n", "hunter2"),
        (b" hunter2 ", " hunter2 "),
        (b"two\nlines\n", "two\nlines"),
        ("pässword".encode(), "pässword"),
    ],
)
def test_a_secret_is_read_from_a_file_less_its_last_line_break(tmp_path, content, secret):
    path = tmp_path / "secret"
    path.write_bytes(content)
    assert SecretRef(file=path).read().get_secret_value() == secret


def test_a_secret_that_is_not_there_is_told_by_its_place(monkeypatch, tmp_path):
    monkeypatch.delenv("SOME_TOKEN", raising=False)
    with pytest.raises(SettingsError, match=r"^SOME_TOKEN: the secret is not set$"):
        SecretRef(env="SOME_TOKEN").read()
    missing = tmp_path / "missing"
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        SecretRef(file=missing).read()


def test_an_empty_file_is_no_secret(tmp_path):
    path = tmp_path / "secret"
    path.write_text("\n")
    with pytest.raises(SettingsError, match="is not set"):
        SecretRef(file=path).read()


def test_a_file_that_is_no_text_is_told_without_its_bytes(tmp_path):
    path = tmp_path / "secret"
    path.write_bytes(b"hunter2\xff")
    with pytest.raises(SettingsError, match="is not UTF-8 text") as caught:
        SecretRef(file=path).read()
    assert caught.value.__cause__ is None
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("hunter2", "a secret is not written here"),
        ({}, "name one place"),
        ({"env": "A", "file": "/b"}, "name one place"),
        ({"env": ""}, "should match pattern"),
        ({"env": "hunter2!"}, "should match pattern"),
        ({"value": "hunter2"}, "Extra inputs are not permitted"),
    ],
    ids=str,
)
def test_what_is_no_reference_is_refused(written, reason):
    with pytest.raises(ValidationError) as caught:
        SecretRef.model_validate(written)
    assert reason in "; ".join(error["msg"] for error in caught.value.errors())


def test_a_read_secret_does_not_show_when_printed(monkeypatch):
    monkeypatch.setenv("SOME_TOKEN", "hunter2")
    assert "hunter2" not in repr(SecretRef(env="SOME_TOKEN").read())
