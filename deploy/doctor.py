"""What is configured, what can be reached, and what is wrong."""

import asyncio
import os
import platform
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import nats.errors
from pydantic import SecretStr

from deploy.channels import channels, undelivered
from deploy.connection import NotRunningError, Place, reading, shown, storing, streaming
from deploy.finding import Finding, Level, note, wrong
from deploy.home import Home
from deploy.naming import of_active
from deploy.output import ago
from deploy.readiness import missing
from deploy.servers import mongod, nats_server
from services.ingest.app import API, parser
from services.notifier.smtp import Server
from services.planner.app import runbooks_directory
from shared.config import Config, SshTarget, load_config
from shared.credentials.sealing import Sealer
from shared.credentials.store import MongoCredentials
from shared.errors import HandrailError, SettingsError
from shared.oncall.keeping import Rosters
from shared.oncall.roster import Standing
from shared.oncall.store import MongoShifts
from shared.policy.reading import PolicyPlace
from shared.policy.store import MongoStopSwitch
from shared.runbook import load_runbooks
from shared.secrets import SecretRef, secret_refs
from shared.settings import SECRET_KEY_LENGTH
from shared.targets.live import usable
from shared.targets.store import MongoTargets
from shared.yamlsource import SourceError

_OLDEST: Final = (3, 11)
_CONNECT: Final = 3.0
_OTHERS: Final = 0o077


async def examine(environment: Mapping[str, str]) -> list[Finding]:
    """Look at everything; raises for nothing, all of it is in what is found."""
    place = Place.of(environment)
    config, findings = _config(place.home, environment)
    findings = [_python(), _home(place), *findings, *_policy(config, place.home, environment)]
    looks = [
        _nats(place),
        _mongo(place),
        _stopped(place),
        _smtp(environment),
        _targets(config),
        _services(place),
        _schedules(config, place),
        _credentials(config, place),
        _named(config, place, environment),
        channels(config, environment),
        undelivered(place),
    ]
    for found in await asyncio.gather(*looks):
        findings += found
    findings += [_secret_key(place.home, environment), *_secrets(config), *_runbooks(environment)]
    if any(finding.what == "config" and finding.level is Level.WRONG for finding in findings):
        # What a file that cannot be read leaves out is not known.
        return findings
    return findings + list(unconfigured(config, environment, place.home))


def _policy(config: Config, home: Home, environment: Mapping[str, str]) -> list[Finding]:
    """The policy in a file of its own; one in ``handrail.yaml`` is a part of that."""
    path = home.config(environment)
    if path is None or not isinstance(config.policy, str):
        return []
    place = PolicyPlace(path)
    try:
        policy = place.read()
    except SourceError as error:
        told = "the last good policy stays in force, or everything is asked for"
        return [wrong("policy", f"{problem}; {told}") for problem in error.problems]
    rules = len(policy.config.rules)
    return [Finding(Level.OK, "policy", f"{place.file(config.policy)}: {rules} rules")]


def _runbooks(environment: Mapping[str, str]) -> list[Finding]:
    """How many runbooks there are, from where, and every mistake in them."""
    named = environment.get("HANDRAIL_RUNBOOKS")
    try:
        folder = runbooks_directory(Path(named) if named else None)
    except SettingsError as error:
        return [wrong("runbooks", error)]
    library = load_runbooks(folder)
    told = f"{len(library.runbooks)} in {folder}, where the planner sees changes in seconds"
    found = Finding(Level.OK, "runbooks", told)
    return [found, *(wrong("runbooks", problem) for problem in library.problems)]


def unconfigured(config: Config, environment: Mapping[str, str], home: Home) -> Iterator[Finding]:
    """What Handrail does without, and what that means."""
    if not environment.get("HANDRAIL_SMTP_URL"):
        yield note("mail", f"HANDRAIL_SMTP_URL is not set: mails land in {home.outbox}")
    if not config.sources:
        yield note("sources", "none: no webhook is taken in")
    if not config.people:
        yield note("people", "nobody: approvals are asked for on the terminal")
    if not config.schedules:
        yield note("on call", "no schedules: `on-call` in the policy is everybody under people")
    if not config.targets:
        yield note("targets", "none: no step can run")
    if not config.prometheus:
        yield note("prometheus", "none: checks by query cannot run")
    if not any(name.startswith("OTEL_EXPORTER_OTLP") for name in environment):
        yield note("traces", "OTEL_EXPORTER_OTLP_ENDPOINT is not set: they are kept nowhere")


def _python() -> Finding:
    told = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    level = Level.OK if sys.version_info >= _OLDEST else Level.WRONG
    return Finding(level, "python", told)


def _home(place: Place) -> Finding:
    path = place.home.path
    if place.run:
        return Finding(Level.OK, "home", f"{path}: running (process {place.run.pid})")
    if path.exists() and not os.access(path, os.W_OK):
        return Finding(Level.WRONG, "home", f"HANDRAIL_HOME: {path} cannot be written")
    return note("home", f"{path}: `handrail up` is not running here")


def _config(home: Home, environment: Mapping[str, str]) -> tuple[Config, list[Finding]]:
    path = home.config(environment)
    if path is None:
        return Config(), [note("config", "no handrail.yaml: `handrail up` makes one to start with")]
    try:
        config = load_config(path)
        kinds = [wrong("config", problem) for problem in _unknown_kinds(config)]
        return config, kinds or [Finding(Level.OK, "config", str(path))]
    except SourceError as error:
        return Config(), [wrong("config", problem) for problem in error.problems]


def _unknown_kinds(config: Config) -> Iterator[SettingsError]:
    """What would stop the start of ingest."""
    for name, source in config.sources.items():
        if (source.kind or name) != API:
            try:
                parser(name, source)
            except SettingsError as error:
                yield error


def _secret_key(home: Home, environment: Mapping[str, str]) -> Finding:
    named = bool(environment.get("HANDRAIL_SECRET_KEY"))
    where = "HANDRAIL_SECRET_KEY" if named else str(home.key_file)
    try:
        key = home.known_secret_key(environment)
    except SettingsError as error:
        return wrong("secret key", error)
    if key is None:
        return note("secret key", "HANDRAIL_SECRET_KEY is not set: `handrail up` makes one")
    if len(key) < SECRET_KEY_LENGTH:
        return wrong("secret key", f"{where}: shorter than {SECRET_KEY_LENGTH} characters")
    if not named and home.key_file.stat().st_mode & _OTHERS:
        return wrong("secret key", f"{where}: others may read it; chmod 600 it")
    return Finding(Level.OK, "secret key", where)


def _secrets(config: Config) -> list[Finding]:
    """Those that the config names and that are not where it says."""
    found = []
    for where, reference in _references(config):
        if _is_kept(reference, config):
            continue
        try:
            reference.read()
        except SettingsError as error:
            found.append(wrong(where, error))
    return found


def _references(config: Config) -> Iterator[tuple[str, SecretRef]]:
    for part in ("sources", "channels", "schedules"):
        for name, one in getattr(config, part).items():
            for reference in one.secrets():
                yield f"{part}.{name}", reference
    for name, target in config.targets.items():
        for reference in secret_refs(target):
            yield f"targets.{name}", reference
    for name, server in config.prometheus.items():
        if server.bearer:
            yield f"prometheus.{name}", server.bearer


def _is_kept(reference: SecretRef, config: Config) -> bool:
    """Whether it is in the store or in Vault, where services look."""
    declared = config.credentials.get(reference.credential) if reference.credential else None
    return (declared or reference).is_kept


async def _named(config: Config, place: Place, environment: Mapping[str, str]) -> list[Finding]:
    """What the active runbooks name that is not declared; they wait for it, the others do not."""
    if not config.targets and not config.evidence.looks:
        # That nothing is declared is told already.
        return []
    try:
        return [
            note("runbooks", problem) for problem in await of_active(config, place, environment)
        ]
    except HandrailError:
        # That the runbooks cannot be read is told already.
        return []


async def _credentials(config: Config, place: Place) -> list[Finding]:
    """Those that the config, or a target that was added, names and that nobody keeps."""
    if place.mongo is None:
        return []
    try:
        async with storing(place) as db:
            kept = {each.name for each in await MongoCredentials(db, Sealer([])).all()}
            added, _ = usable(await MongoTargets(db).all(), config.targets)
    except HandrailError:
        # That the store does not answer is told already.
        return []
    references = [*_references(config)]
    references += [(f"target {name}", one) for name in added for one in secret_refs(added[name])]
    known = {None, *kept, *config.credentials}
    named = dict.fromkeys((where, reference.credential) for where, reference in references)
    return [
        wrong(where, f"there is no credential {name}: `handrail secret set {name}`")
        for where, name in named
        if name not in known
    ]


async def _nats(place: Place) -> list[Finding]:
    if place.nats is None:
        return [_program("nats", nats_server)]
    try:
        async with streaming(place) as js:
            await js.account_info()
    except NotRunningError as error:
        return [wrong("nats", error)]
    except (nats.errors.Error, TimeoutError):
        return [wrong("nats", f"JetStream is not on at {shown(place.nats)}: start it with -js")]
    return [Finding(Level.OK, "nats", f"{shown(place.nats)}, JetStream is on")]


async def _mongo(place: Place) -> list[Finding]:
    if place.mongo is None:
        return [_program("mongodb", mongod)]
    try:
        async with reading(place) as reader:
            replicated = await reader.is_replica_set()
    except HandrailError as error:
        return [wrong("mongodb", error)]
    where = shown(place.mongo)
    if not replicated:
        return [wrong("mongodb", f"{where} is no replica set: start mongod with --replSet")]
    return [Finding(Level.OK, "mongodb", f"{where}, a replica set that takes writes")]


async def _stopped(place: Place) -> list[Finding]:
    if place.mongo is None:
        return []
    try:
        async with storing(place) as db:
            stop = await MongoStopSwitch(db).state()
    except HandrailError:
        # That the store does not answer is told already.
        return []
    return [note("stop", f"everything is stopped: {stop}; `handrail resume`")] if stop else []


def _program(what: str, find: Callable[[], str]) -> Finding:
    try:
        return Finding(Level.OK, what, f"{find()} (not running)")
    except SettingsError as error:
        return wrong(what, error)


async def _smtp(environment: Mapping[str, str]) -> list[Finding]:
    url = environment.get("HANDRAIL_SMTP_URL")
    if not url:
        return []
    try:
        server = Server.parse(SecretStr(url))
    except SettingsError as error:
        return [wrong("mail", error)]
    found = [await _reach("mail", server.host, server.port)]
    if not environment.get("HANDRAIL_MAIL_FROM"):
        found.append(wrong("mail", "HANDRAIL_MAIL_FROM is not set: servers want to know who sends"))
    return found


async def _schedules(config: Config, place: Place) -> list[Finding]:
    """Whether those that others keep are known, as the services know them."""
    if place.mongo is None or not config.schedules:
        return []
    try:
        async with storing(place) as db:
            roster = await Rosters(config.schedules, MongoShifts(db)).roster()
    except HandrailError:
        # That the store does not answer is told already.
        return []
    return [_schedule(name, standing) for name, standing in roster.standing.items()]


def _schedule(name: str, standing: Standing) -> Finding:
    age = f"fetched {ago(standing.fetched_at)}" if standing.fetched_at else "not known yet"
    if standing.error:
        return wrong(f"on call {name}", f"{standing.error} ({age})")
    return Finding(Level.OK, f"on call {name}", age)


async def _targets(config: Config) -> list[Finding]:
    return await asyncio.gather(
        *(
            _reach(f"target {name}", target.host, target.port)
            for name, target in config.targets.items()
            if isinstance(target, SshTarget)
        )
    )


async def _services(place: Place) -> list[Finding]:
    services = place.run.services if place.run else {}
    lacks = await asyncio.gather(*(missing(service.url) for service in services.values()))
    return [
        wrong(name, f"{services[name].url} {lack}")
        if lack
        else Finding(Level.OK, name, f"{services[name].url} is ready")
        for name, lack in zip(services, lacks, strict=True)
    ]


async def _reach(what: str, host: str, port: int) -> Finding:
    where = f"{host}:{port}"
    try:
        async with asyncio.timeout(_CONNECT):
            _reader, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return wrong(what, f"{where} does not answer within {_CONNECT:.0f} s")
    except OSError as error:
        return wrong(what, f"{where} cannot be reached: {error.strerror or error}")
    writer.close()
    return Finding(Level.OK, what, f"{where} answers")
