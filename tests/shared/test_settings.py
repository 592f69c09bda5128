"""Settings from the environment."""

import os
from datetime import timedelta
from typing import Annotated

import pytest
from pydantic import Field, SecretStr

from shared.errors import SettingsError
from shared.settings import ServiceSettings, SigningSettings, load_settings

GOOD = {
    "HANDRAIL_NATS_URL": "nats://127.0.0.1:4222",
    "HANDRAIL_MONGO_URL": "mongodb://127.0.0.1:27017",
    "HANDRAIL_SECRET_KEY": "k" * 32,
}


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """Nothing of the machine's own settings, and a good set of ours."""
    for name in [name for name in os.environ if name.startswith("HANDRAIL_")]:
        monkeypatch.delenv(name)
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def complaint(cls=SigningSettings):
    with pytest.raises(SettingsError) as caught:
        load_settings(cls)
    assert caught.value.__cause__ is None
    return str(caught.value)


def test_good_settings_are_read():
    settings = load_settings(SigningSettings)
    assert str(settings.nats_url) == "nats://127.0.0.1:4222"
    assert settings.nats_replicas == 1
    assert settings.secret_key.get_secret_value() == "k" * 32
    assert "kkk" not in repr(settings)


@pytest.mark.parametrize("name", GOOD)
def test_a_missing_variable_is_named(environment, name):
    environment.delenv(name)
    assert complaint() == f"{name}: is not set"


def test_one_line_names_every_wrong_variable(environment):
    environment.delenv("HANDRAIL_MONGO_URL")
    environment.setenv("HANDRAIL_NATS_URL", "http://127.0.0.1")
    environment.setenv("HANDRAIL_NATS_REPLICAS", "many")
    said = complaint()
    assert "\n" not in said
    assert "HANDRAIL_MONGO_URL: is not set" in said
    assert "HANDRAIL_NATS_URL: a URL that begins with 'nats'" in said
    assert "HANDRAIL_NATS_REPLICAS: a whole number is expected" in said


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("HANDRAIL_SECRET_KEY", "hunter2", "hunter2"),
        ("HANDRAIL_MONGO_URL", "mongo://admin:hunter2@host", "hunter2"),
        ("HANDRAIL_NATS_URL", "nats//hunter2@host", "hunter2"),
    ],
)
def test_a_wrong_secret_is_not_repeated(environment, name, value, secret):
    environment.setenv(name, value)
    said = complaint()
    assert said.startswith(f"{name}: ")
    assert secret not in said


class Aliased(ServiceSettings):
    """As a service has that reads somebody else's variable."""

    api_key: Annotated[SecretStr, Field(validation_alias="THEIR_API_KEY")]


def test_a_variable_with_a_name_of_its_own_is_named_by_it():
    assert complaint(Aliased) == "THEIR_API_KEY: is not set"


class WithList(ServiceSettings):
    """As a service has that takes several values in one variable."""

    pauses: tuple[timedelta, ...] = ()


def test_a_variable_that_should_be_json_is_named_too(environment):
    environment.setenv("HANDRAIL_PAUSES", "hunter2")
    said = complaint(WithList)
    assert "pauses" in said
    assert "\n" not in said
    assert "hunter2" not in said
