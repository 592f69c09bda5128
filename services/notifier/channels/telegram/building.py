"""Puts Telegram's parts together: one bot a channel."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from services.notifier.channels.messenger import Messenger
from services.notifier.channels.parts import Parts
from services.notifier.channels.telegram.bot import Bot
from services.notifier.channels.telegram.messenger import TelegramMessenger
from services.notifier.channels.telegram.receiving import poll, register, webhook
from services.notifier.channels.telegram.updates import Updates
from services.notifier.channels.telegram.words import shows_all
from services.notifier.links import Channel
from shared.config.channels import TelegramChannel
from shared.loops import every

#: Telegram forgets no webhook, but somebody may have set another one.
_AGAIN: Final = timedelta(hours=1)


def telegram(
    parts: Parts, name: str, config: TelegramChannel, made: Iterable[Messenger]
) -> TelegramMessenger:
    """The messenger for a bot, also of channels before; adds its route, or asks for updates.

    Raises:
        SettingsError: a secret is not there.
    """
    token = config.token.read()
    for one in made:
        if isinstance(one, TelegramMessenger) and one.bot.token == token:
            return one
    bot = Bot(str(config.url), token)
    parts.service.close.append(bot.close)
    answering = parts.answering(Channel.TELEGRAM, shows_all=shows_all)
    if answering is not None:
        _listen(
            parts, name, config, Updates(bot, answering, parts.people, giving=parts.giving()), bot
        )
    return TelegramMessenger(bot, parts.posts, parts.link)


def _listen(parts: Parts, name: str, config: TelegramChannel, updates: Updates, bot: Bot) -> None:
    if config.webhook_secret is None:
        parts.service.loops.append(lambda: poll(bot, updates))
    else:
        secret = config.webhook_secret.read()
        url = f"{parts.public_url}/telegram/{name}"
        parts.service.api.include_router(webhook(name, updates, secret=secret))
        again = every(_AGAIN, lambda: register(bot, url, secret=secret), name="telegram")
        parts.service.loops.append(again)
