"""``channels`` in handrail.yaml."""

import pytest

from shared.config import load_config
from shared.yamlsource import SourceError

PEOPLE = "people: [{name: A, email: a@example.org}]\n"


def loaded(tmp_path, text):
    path = tmp_path / "handrail.yaml"
    path.write_text(PEOPLE + text)
    return load_config(path)


def test_every_kind_of_channel_is_understood(tmp_path):
    config = loaded(
        tmp_path,
        """
channels:
  email: {kind: email, tell: [resolved]}
  ops: {kind: slack, room: "#ops", tell: [started, failed]}
  bot: {kind: telegram, token: {env: T}, chat: -100}
  cards: {kind: teams, url: {env: U}}
  pager: {kind: pagerduty, token: {env: P}, from: a@example.org}
  hook: {kind: webhook, url: "https://example.org/h", secret: {env: S}}
  phone: {kind: apprise, url: {file: /run/secrets/phone}, person: a@example.org}
""",
    )
    assert [c.kind for c in config.channels.values()] == [
        "email",
        "slack",
        "telegram",
        "teams",
        "pagerduty",
        "webhook",
        "apprise",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("channels: {ops: {kind: smoke}}", "kind is one of"),
        ("channels: {ops: {kind: slack, rom: C1}}", "rom"),
        ("channels: {ops: {kind: slack, tell: [everything]}}", "everything|started"),
        ("channels: {email: {kind: slack}}", "rename it"),
        ("channels: {post: {kind: email}}", "rename it"),
        ("channels: {terminal: {kind: slack}}", "rename it"),
        ("channels: {p: {kind: apprise, url: {env: U}, person: b@example.org}}", "no b@example"),
        ("channels: {p: {kind: apprise, url: 'tgram://secret'}}", "not written here"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path, text, told):
    with pytest.raises(SourceError, match=told) as error:
        loaded(tmp_path, text)
    assert ":2:" in str(error.value)
