"""Makes the channels of handrail.yaml: one line a kind of channel."""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Final

from services.notifier.channels.apprise import AppriseMessenger
from services.notifier.channels.http import Http
from services.notifier.channels.messenger import Messenger
from services.notifier.channels.pagerduty import PagerDutyMessenger
from services.notifier.channels.parts import Parts
from services.notifier.channels.revising import Reviser
from services.notifier.channels.slack.building import slack
from services.notifier.channels.slack.messenger import SlackMessenger
from services.notifier.channels.teams import TeamsMessenger
from services.notifier.channels.telegram.building import telegram
from services.notifier.channels.webhook import WebhookMessenger
from services.notifier.store import Questions
from shared.config.channels import (
    AppriseChannel,
    ChannelConfig,
    EmailChannel,
    PagerDutyChannel,
    SlackChannel,
    TeamsChannel,
    TelegramChannel,
    WebhookChannel,
)
from shared.errors import SettingsError
from shared.loops import every

#: How long a message may show buttons of a question that was decided elsewhere.
PAUSE: Final = timedelta(seconds=1)


def messengers(parts: Parts, channels: Mapping[str, ChannelConfig]) -> dict[str, Messenger]:
    """A messenger for each channel, by its name; mail is made elsewhere.

    Raises:
        SettingsError: a channel needs a setting or a secret that is not there.
    """
    made: dict[str, Messenger] = {}
    for name, config in channels.items():
        if not isinstance(config, EmailChannel):
            made[name] = _made(parts, name, config, made)
    return made


def _made(
    parts: Parts, name: str, config: ChannelConfig, made: Mapping[str, Messenger]
) -> Messenger:
    http = partial(_http, parts, name)
    match config:
        case SlackChannel():
            apps = (one for one in made.values() if isinstance(one, SlackMessenger))
            return next(apps, None) or slack(parts)
        case TelegramChannel():
            return telegram(parts, name, config, made.values())
        case WebhookChannel():
            secrets = [secret.read() for secret in config.secret]
            return WebhookMessenger(str(config.url), secrets, http(), parts.posts)
        case TeamsChannel():
            return TeamsMessenger(config.url.read(), http())
        case PagerDutyChannel():
            return PagerDutyMessenger(
                str(config.url),
                config.token.read(),
                sender=config.from_,
                http=http(),
                incidents=parts.incidents,
            )
        case AppriseChannel():
            service = AppriseMessenger(name, config.url.read())
            service.check()
            return service
    raise SettingsError(f"channels.{name}: {config.kind} is not a channel of messages")


def _http(parts: Parts, name: str) -> Http:
    http = Http(name)
    parts.service.close.append(http.close)
    return http


def keep_true(parts: Parts, questions: Questions, made: Mapping[str, Messenger]) -> None:
    """Have messages written again whose question was settled elsewhere."""
    reviser = Reviser(parts.posts, questions, made)
    parts.service.prepare.append(parts.posts.prepare)
    parts.service.loops.append(every(PAUSE, reviser.look, name="revise"))
