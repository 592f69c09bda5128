"""``credentials`` in handrail.yaml: names for secrets."""

import pytest

from shared.config import load_config
from shared.secrets import SecretMissingError
from shared.yamlsource import SourceError


@pytest.fixture
def load(tmp_path):
    def loaded(text):
        path = tmp_path / "handrail.yaml"
        path.write_text(text)
        return load_config(path)

    return loaded


API = "targets:\n  api: {connector: http, url: https://a, auth: {bearer: {credential: api}}}\n"


def test_a_name_leads_to_what_it_stands_for(load, monkeypatch):
    monkeypatch.setenv("API_TOKEN", "hunter22")
    config = load(f"credentials: {{api: {{env: API_TOKEN}}}}\n{API}")
    assert config.targets["api"].auth.bearer.read().get_secret_value() == "hunter22"


def test_a_name_of_the_store_is_read_where_somebody_keeps_it(load):
    with pytest.raises(SecretMissingError, match="credential api: no secret can be taken"):
        load(API).targets["api"].auth.bearer.read()


def test_sources_take_a_name_that_stands_for_what_is_here(load, monkeypatch):
    monkeypatch.setenv("HOOK", "hunter22")
    config = load("credentials: {hook: {env: HOOK}}\nsources:\n  a: {bearer: {credential: hook}}\n")
    (secret,) = config.sources["a"].secrets()
    assert secret.read().get_secret_value() == "hunter22"


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ("credentials: {a: {credential: b}}\n", "1:19", "a credential stands for no other"),
        ("sources:\n  a: {bearer: {credential: x}}\n", "2:3", "those that are kept elsewhere"),
        ("sources:\n  a: {bearer: {vault: {path: x}}}\n", "2:3", "those that are kept elsewhere"),
        ("credentials: {a b: {env: A}}\n", "1:15", "credentials"),
        ("credentials: {a: {vault: {path: /x}}}\n", "1:27", "has to match"),
    ],
)
def test_each_mistake_is_told_with_its_place(load, text, place, reason):
    with pytest.raises(SourceError) as caught:
        load(text)
    assert place in str(caught.value)
    assert reason in str(caught.value)
