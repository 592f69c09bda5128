"""``handrail source``: what the payloads of a source become, with nothing running."""

import asyncio
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from deploy.connection import NotRunningError, Place, reading
from deploy.home import Home
from deploy.output import add, colored, console, say, table
from services.ingest import generic
from services.ingest.api import parsed
from services.ingest.app import parser
from services.ingest.body import BODY_MOST
from services.ingest.identity import Identity
from services.ingest.refusal import Refusal
from services.ingest.rehearsal import Outcome, Rehearsal, Standing, Told
from services.ingest.sources import SOURCES
from services.ingest.sources.alertmanager import NOT_IDENTITY
from services.ingest.triggers import Triggers
from services.ingest.webhook import Parse, Webhook
from shared.config import load_config
from shared.errors import SettingsError
from shared.events import Alert
from shared.mapping import GenericMap

app = typer.Typer(add_completion=False, no_args_is_help=True)

_FINGERPRINT_SHOWN: Final = 12
_FACTS: Final = ("title", "severity", "status", "resource", "fingerprint")


@app.callback()
def _group() -> None:
    """What the payloads of a source become, with nothing running."""
    # Being there makes this a group, although there is one command in it.


@dataclass(frozen=True)
class _Source:
    name: str
    parse: Parse
    mapping: GenericMap | None = None
    rules: Identity = field(default_factory=Identity)
    triggers: Triggers = field(default_factory=Triggers)

    def told(self, file: Path, headers: dict[str, str]) -> tuple[Told, ...]:
        """The alerts in a file.

        Raises:
            Refusal: there are none, and why.
        """
        webhook = Webhook(self.name, _body(file), headers)
        alerts = parsed(self.parse, webhook)
        if self.mapping is not None:
            identities = [read.identity for read in generic.reads(self.mapping, webhook)]
        else:
            identities = [_usual_identity(alert) for alert in alerts]
        names = [f"{file} #{at}" for at in range(1, len(alerts) + 1)]
        where = names if len(alerts) > 1 else [str(file)]
        return tuple(map(self._told, where, alerts, identities))

    def _told(self, where: str, alert: Alert, own: Mapping[str, str]) -> Told:
        """The alert as the rules of handrail.yaml tell it from others."""
        found = self.rules.identified(alert)
        return Told(where, found.alert, found.by or own, found.because)


@dataclass(frozen=True)
class _Tried:
    """What became of a file: its alerts, or why there are none."""

    file: Path
    told: tuple[Told, ...] = ()
    refusal: Refusal | None = None


@app.command("test")
def try_out(
    source: Annotated[str, typer.Argument(help="A source in handrail.yaml, or a kind of one.")],
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Bodies of webhooks.")],
    *,
    header: Annotated[
        list[str] | None, typer.Option(metavar="'NAME: VALUE'", help="Sent along; repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON line a file.")] = False,
) -> None:
    """Show what each body becomes, and which alerts would be one ticket; 1 when one is refused."""
    headers = dict(map(_header, header or ()))
    chosen = _chosen(source)
    tried = [_try(chosen, file, headers) for file in files]
    told = [one for each in tried for one in each.told]
    standing = asyncio.run(_standing({one.alert.fingerprint for one in told}))
    rehearsal = Rehearsal.upon(standing, chosen.triggers)
    for each in tried:
        outcomes = [rehearsal.hear(one) for one in each.told]
        if as_json:
            print(json.dumps(_facts(each, outcomes), ensure_ascii=False))
        else:
            _show(each, outcomes)
    if any(each.refusal for each in tried):
        raise typer.Exit(1)


def _chosen(name: str) -> _Source:
    path = Home.of(os.environ).config(os.environ)
    config = load_config(path)
    triggers = Triggers.of(config)
    configured = config.sources.get(name)
    if configured is not None:
        parse = parser(name, configured)
        return _Source(name, parse, configured.map, Identity.of(config), triggers)
    if name not in SOURCES:
        known = ", ".join(sorted(SOURCES))
        where = f"under sources in {path}" if path else "configured, as there is no handrail.yaml"
        raise SettingsError(f"no source {name} is {where}, and no kind has this name: {known}")
    return _Source(name, SOURCES[name], triggers=triggers)


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise typer.BadParameter(f"{text!r} is no header: write 'Name: value'")
    return name.strip().lower(), value.strip()


def _try(source: _Source, file: Path, headers: dict[str, str]) -> _Tried:
    try:
        return _Tried(file, source.told(file, headers))
    except Refusal as refusal:
        return _Tried(file, refusal=refusal)


def _body(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            body = opened.read(BODY_MOST + 1)
    except OSError as error:
        raise Refusal(400, f"cannot be read: {error.strerror}") from error
    if len(body) > BODY_MOST:
        raise Refusal(413, f"is larger than {BODY_MOST} bytes, which is the most of a webhook")
    return body


def _usual_identity(alert: Alert) -> dict[str, str]:
    """What most sources are told apart by, for people."""
    labels = {name: text for name, text in alert.labels.items() if name not in NOT_IDENTITY}
    return {"name": alert.name, "resource": alert.resource, **labels}


async def _standing(fingerprints: set[str]) -> Sequence[Standing]:
    """The open tickets with these fingerprints, where a Handrail is reachable from here."""
    place = Place.of()
    if place.mongo is None or not fingerprints:
        return ()
    try:
        async with reading(place) as reader:
            return await reader.standing(fingerprints)
    except NotRunningError as error:
        typer.echo(f"Open tickets are not looked at: {error}", err=True)
        return ()


def _facts(tried: _Tried, outcomes: Iterable[Outcome]) -> dict[str, Any]:
    if tried.refusal is not None:
        return {"file": str(tried.file), "error": str(tried.refusal)}
    return {"file": str(tried.file), "alerts": [_alert_facts(outcome) for outcome in outcomes]}


def _alert_facts(outcome: Outcome) -> dict[str, Any]:
    facts = {name: getattr(outcome.told.alert, name) for name in _FACTS}
    return {**facts, "would": outcome.would, "because": outcome.because}


def _show(tried: _Tried, outcomes: Sequence[Outcome]) -> None:
    say(str(tried.file), style="bold")
    if tried.refusal is not None:
        for problem in tried.refusal.problems or (str(tried.refusal),):
            say(f"  {problem}", style="red")
    elif not outcomes:
        say("  no alert: there is nothing in it that would become one")
    else:
        shown = table("would", "severity", "status", "title", "resource", "fingerprint", "told by")
        for outcome in outcomes:
            _add(shown, outcome)
        console().print(shown)
        for at, outcome in enumerate(outcomes, 1):
            say(f"  {at}. {outcome.would}: {outcome.because}", style="dim")
    say()


def _add(shown: Any, outcome: Outcome) -> None:
    alert = outcome.told.alert
    identity = ", ".join(text for _, text in sorted(outcome.told.identity.items()) if text)
    add(
        shown,
        outcome.would.value,
        colored(alert.severity),
        colored(alert.status),
        alert.title,
        alert.resource,
        alert.fingerprint[:_FINGERPRINT_SHOWN],
        identity,
    )
