"""Puts Slack's parts together: one app serves all rooms and direct messages."""

from services.notifier.channels.parts import Parts
from services.notifier.channels.slack.api import slack_routes
from services.notifier.channels.slack.blocks import shows_all
from services.notifier.channels.slack.commands import Commands
from services.notifier.channels.slack.conversation import Conversation
from services.notifier.channels.slack.members import Members
from services.notifier.channels.slack.messenger import SlackMessenger
from services.notifier.channels.slack.socket import Socket
from services.notifier.channels.slack.web import API_URL, Credentials, Web
from services.notifier.links import Channel
from shared.errors import SettingsError


def slack(parts: Parts) -> SlackMessenger:
    """The messenger for every channel that is Slack; adds the routes, or the socket.

    Raises:
        SettingsError: the app's credentials are not set.
    """
    app = parts.slack
    if app.bot_token is None:
        raise SettingsError("HANDRAIL_SLACK_BOT_TOKEN: is not set, and a channel is Slack")
    web = Web(Credentials(app.bot_token, app.api_url or API_URL))
    members = Members(web, parts.people)
    parts.service.close.append(web.close)
    answering = parts.answering(Channel.SLACK, shows_all=shows_all)
    if answering is not None and parts.questions is not None:
        commands = Commands(parts.questions, answering)
        talk = Conversation(web, members, answering, commands, giving=parts.giving())
        _listen(parts, web, talk)
    return SlackMessenger(web, parts.posts, members, parts.link)


def _listen(parts: Parts, web: Web, conversation: Conversation) -> None:
    app = parts.slack
    if app.signing_secret is not None:
        parts.service.api.include_router(
            slack_routes(conversation, secret=app.signing_secret, now=parts.now)
        )
    if app.app_token is not None:
        socket = Socket(web, conversation, app_token=app.app_token)
        parts.service.loops.append(socket.run)
    if app.signing_secret is None and app.app_token is None:
        raise SettingsError(
            "HANDRAIL_SLACK_SIGNING_SECRET: is not set, so that no button would work "
            "(or set HANDRAIL_SLACK_APP_TOKEN, for socket mode)"
        )
