"""Makes the channels of handrail.yaml: one line a kind of channel."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from services.notifier.channels.messenger import Messenger
from services.notifier.channels.parts import Parts
from services.notifier.channels.revising import Reviser
from services.notifier.channels.slack.building import slack
from shared.config.channels import ChannelConfig, EmailChannel, SlackChannel
from shared.loops import every

#: How long a message may show buttons of a question that was decided elsewhere.
PAUSE: Final = timedelta(seconds=1)


def messengers(parts: Parts, channels: Mapping[str, ChannelConfig]) -> dict[str, Messenger]:
    """A messenger for each channel, by its name; mail is made elsewhere.

    Raises:
        SettingsError: a channel needs a setting or a secret that is not there.
    """
    made: dict[str, Messenger] = {}
    app: Messenger | None = None
    for name, config in channels.items():
        match config:
            case SlackChannel():
                app = made[name] = app or slack(parts)
            case EmailChannel():
                continue
    return made


def keep_true(parts: Parts, made: Mapping[str, Messenger]) -> None:
    """Have messages written again whose question was settled elsewhere."""
    reviser = Reviser(parts.posts, parts.questions, made)
    parts.service.prepare.append(parts.posts.prepare)
    parts.service.loops.append(every(PAUSE, reviser.look, name="revise"))
