"""``handrail channel``: the channels by which people are asked and told, and a test message."""

import asyncio
import os
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from deploy.commands.channel_bounce import bounce
from deploy.home import Home
from deploy.output import AsJson, add, console, say, show_json, table
from services.notifier.channels.settings import ChannelSettings
from services.notifier.channels.trying import try_out
from services.notifier.folder import on_terminal
from shared.config import Config, load_config
from shared.config.channels import (
    EMAIL,
    AppriseChannel,
    ChannelConfig,
    EmailChannel,
    TeamsChannel,
    WebhookChannel,
)
from shared.errors import SettingsError
from shared.settings import load_settings

app = typer.Typer(
    add_completion=False,
    help="The channels by which people are asked and told.",
    no_args_is_help=True,
)


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """Show each channel: of which kind it is, where it leads, and what is told on it."""
    rows = list(_rows(_config()))
    if as_json:
        show_json(rows)
        return
    shown = table("name", "kind", "leads to", "asks", "tells")
    for row in rows:
        tells = ", ".join(row["tell"]) or "nothing"
        add(shown, row["name"], row["kind"], row["to"], "yes" if row["ask"] else "no", tells)
    console().print(shown)


@app.command("test")
def try_(
    name: Annotated[str, typer.Argument(help="The channel, or `email`.")],
    *,
    to: Annotated[str, typer.Option(help="A person's address, where it leads to people.")] = "",
    incident: Annotated[str, typer.Option(help="An incident in PagerDuty to write on.")] = "",
    as_json: AsJson = False,
) -> None:
    """Send a message that says it is a test; needs nothing of Handrail to run."""
    settings = load_settings(ChannelSettings)
    settings = settings.model_copy(update={"home": Home.of(os.environ).path})
    recipient = asyncio.run(
        try_out(name, _config(), settings, announce=on_terminal, to=to, incident=incident)
    )
    if as_json:
        told = {"name": recipient.name, "reference": recipient.reference}
        show_json({"channel": name, "sent_to": told})
        return
    say(f"sent over {name} to {recipient.name}")


app.command("bounce")(bounce)


def _config() -> Config:
    path = Home.of(os.environ).config(os.environ)
    if path is None:
        raise SettingsError("there is no handrail.yaml here: set HANDRAIL_CONFIG")
    return load_config(path)


def _rows(config: Config) -> Iterator[dict[str, Any]]:
    channels: dict[str, ChannelConfig] = {EMAIL: EmailChannel(kind="email")}
    for name, channel in (channels | config.channels).items():
        yield {
            "name": name,
            "kind": channel.kind,
            "to": _leads_to(channel),
            "ask": isinstance(channel, EmailChannel) or channel.ask,
            "tell": [kind.value for kind in channel.tell],
        }


def _leads_to(channel: ChannelConfig) -> str:
    match channel:
        case EmailChannel():
            return "each person's mailbox"
        case TeamsChannel() | WebhookChannel() | AppriseChannel():
            return channel.person or "a room (its links only show)"
    room = getattr(channel, "room", None) or getattr(channel, "chat", None)
    if channel.kind == "pagerduty":
        return "the incident that a ticket came from"
    return f"room {room}" if room else "each person"
