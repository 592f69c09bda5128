"""Whether the channels of handrail.yaml can be used, and what they did not deliver of late."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx
from pydantic import HttpUrl, SecretStr

from deploy.connection import Place, storing
from deploy.finding import Finding, Level, fine, note, wrong
from deploy.output import ago
from services.notifier.channels.apprise import AppriseMessenger
from services.notifier.channels.messenger import RefusedError
from services.notifier.channels.slack.web import API_URL, Credentials, Web
from services.notifier.channels.store import MongoLost
from services.notifier.channels.telegram.bot import Bot
from shared.config import Config
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
from shared.errors import HandrailError, SettingsError, UnavailableError
from shared.secrets import SecretRef

#: What did not arrive is told for so long.
LATELY: Final = timedelta(days=1)
_PATIENCE: Final = 5.0

_BOT: Final = "HANDRAIL_SLACK_BOT_TOKEN"
_SIGNING: Final = "HANDRAIL_SLACK_SIGNING_SECRET"
_APP: Final = "HANDRAIL_SLACK_APP_TOKEN"
_PREFIXES: Final = {_BOT: "xoxb-", _APP: "xapp-"}


async def channels(config: Config, environment: Mapping[str, str]) -> list[Finding]:
    """Each channel, as far as it can be looked at without sending anything."""
    looks = [_channel(f"channel {name}", one) for name, one in config.channels.items()]
    found = [one for one in await asyncio.gather(*looks, _slack(config, environment)) if one]
    email = config.channels.get("email")
    bounces = isinstance(email, EmailChannel) and email.bounces
    if bounces and not environment.get("HANDRAIL_SMTP_URL"):
        found.append(note("mail", "`bounces` is set, and no mail server: nothing comes back"))
    return found + list(_unlike(environment))


async def undelivered(place: Place) -> list[Finding]:
    """What did not arrive within the last day, by channel, with the last reason."""
    if place.mongo is None:
        return []
    try:
        async with storing(place) as db:
            lost = await MongoLost(db).since(datetime.now(UTC) - LATELY)
    except HandrailError:
        # That the store does not answer is told already.
        return []
    return [
        wrong(
            f"channel {each.channel}",
            f"{each.count} not delivered within a day, the last {ago(each.at)}: {each.error}",
        )
        for each in lost
    ]


async def _slack(config: Config, environment: Mapping[str, str]) -> Finding | None:
    """The app that all channels of that kind go by."""
    used = any(isinstance(one, SlackChannel) for one in config.channels.values())
    token = environment.get(_BOT, "")
    back = environment.get(_SIGNING) or environment.get(_APP)
    if not used and not token and not back:
        return None
    if not token:
        return wrong("slack", f"{_BOT} is not set, so that nothing can be sent there")
    if not back:
        return wrong("slack", f"no button works: set {_SIGNING}, or {_APP} for socket mode")
    found = await _asked_slack(token, environment)
    if used or found.level is not Level.OK:
        return found
    return note("slack", f"{found.told}, but no channel of handrail.yaml is of `kind: slack`")


async def _asked_slack(token: str, environment: Mapping[str, str]) -> Finding:
    web = Web(Credentials(SecretStr(token), environment.get("HANDRAIL_SLACK_API_URL") or API_URL))
    try:
        async with asyncio.timeout(_PATIENCE):
            who = await web.call("auth.test")
    except (RefusedError, UnavailableError) as error:
        return wrong("slack", f"{error}; is {_BOT} that of the app as it is installed now?")
    except TimeoutError:
        return wrong("slack", f"does not answer within {_PATIENCE:.0f} s")
    finally:
        await web.close()
    return fine("slack", f"{who.get('user', '?')} in {who.get('team', '?')}")


def _unlike(environment: Mapping[str, str]) -> Iterator[Finding]:
    for name, prefix in _PREFIXES.items():
        value = environment.get(name)
        if value and not value.startswith(prefix):
            yield wrong("slack", f"{name}: such a token begins with {prefix}")


async def _channel(what: str, config: ChannelConfig) -> Finding | None:
    """One of the others; a secret that is not there is told with all secrets."""
    if any(not _readable(secret) for secret in config.secrets()):
        return None
    match config:
        case TelegramChannel():
            return await _telegram(what, config)
        case PagerDutyChannel():
            headers = {
                "Authorization": f"Token token={config.token.read().get_secret_value()}",
                "Accept": "application/vnd.pagerduty+json;version=2",
            }
            url = f"{str(config.url).rstrip('/')}/abilities"
            return await _answers(what, url, headers=headers)
        case WebhookChannel() | TeamsChannel():
            return await _answers(what, _address(config.url))
        case AppriseChannel():
            return await asyncio.to_thread(_apprise, what, config)
    return None


async def _telegram(what: str, config: TelegramChannel) -> Finding:
    bot = Bot(str(config.url), config.token.read())
    try:
        async with asyncio.timeout(_PATIENCE):
            me: Any = await bot.call("getMe")
    except (RefusedError, UnavailableError) as error:
        return wrong(what, error)
    except TimeoutError:
        return wrong(what, f"does not answer within {_PATIENCE:.0f} s")
    finally:
        await bot.close()
    name = me.get("username", "?") if isinstance(me, dict) else "?"
    return fine(what, f"the bot {name} answers")


async def _answers(what: str, url: str, *, headers: Mapping[str, str] | None = None) -> Finding:
    """Whether somebody answers at an address; what only a POST would tell is not known.

    Only a credential that is sent along can be refused.
    """
    try:
        async with httpx.AsyncClient(timeout=_PATIENCE, follow_redirects=False) as client:
            answer = await client.get(url, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        # Not the error's text: it may have the address, which may be a secret.
        return wrong(what, f"cannot be reached ({type(error).__name__})")
    if headers and not answer.is_success:
        return wrong(what, f"the credential is answered with {answer.status_code}")
    if answer.status_code == httpx.codes.GONE:
        return wrong(what, f"answers {answer.status_code}: there is nothing any more")
    return fine(what, "answers")


def _apprise(what: str, config: AppriseChannel) -> Finding:
    try:
        AppriseMessenger(what.removeprefix("channel "), config.url.read()).check()
    except SettingsError as error:
        return wrong(what, error)
    return fine(what, "apprise knows such a URL")


def _address(named: SecretRef | HttpUrl) -> str:
    return named.read().get_secret_value() if isinstance(named, SecretRef) else str(named)


def _readable(secret: SecretRef) -> bool:
    try:
        secret.read()
    except SettingsError:
        return False
    return True
