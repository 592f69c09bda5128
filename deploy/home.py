"""``HANDRAIL_HOME``: the folder of one local installation, and what is made in it at first."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from shared.errors import SettingsError

CONFIG_NAME: Final = "handrail.yaml"
_KEY_BYTES: Final = 48

_PORTS: Final = TypeAdapter(dict[str, int])

_STARTER: Final = """\
# Handrail's own settings: sources, people, targets, Prometheus servers.
# `handrail doctor` says what is wrong in here, with line and column.

sources:
  alertmanager:              # POST /webhooks/alertmanager
    bearer: {{file: "{token}"}}

# Who is asked for approvals and told of outcomes.
# people:
#   - {{name: Your Name, email: you@example.com}}

# Where steps run. `ssh-keyscan HOST` shows a host's key.
# targets:
#   this-machine: {{connector: local}}
#   web-1:
#     connector: ssh
#     host: 192.0.2.10
#     user: handrail
#     host_key: ssh-ed25519 AAAA…
#     key: {{file: /path/to/id_ed25519}}

# What verification asks.
# prometheus:
#   default: {{url: "http://127.0.0.1:9090"}}
"""


@dataclass(frozen=True)
class Home:
    """The paths of an installation; makes nothing until it is asked to."""

    path: Path

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Home":
        return cls(Path(environment.get("HANDRAIL_HOME") or ".handrail").absolute())

    @property
    def logs(self) -> Path:
        return self.path / "log"

    @property
    def outbox(self) -> Path:
        return self.path / "outbox"

    @property
    def key_file(self) -> Path:
        return self.path / "secret.key"

    @property
    def token_file(self) -> Path:
        return self.path / "webhook.token"

    @property
    def starter_config(self) -> Path:
        return self.path / CONFIG_NAME

    @property
    def ports_file(self) -> Path:
        return self.path / "ports.json"

    def ports(self) -> dict[str, int]:
        """The ports that the services had the last time; none where that is not known."""
        try:
            return _PORTS.validate_json(self.ports_file.read_bytes())
        except (OSError, ValidationError):
            return {}

    def remember_ports(self, ports: Mapping[str, str]) -> None:
        """Keep which ports the services have, for the next time."""
        self.ports_file.write_bytes(_PORTS.dump_json({**self.ports(), **_numbers(ports)}))

    def make(self) -> None:
        """Make the folder, for its owner only.

        Raises:
            SettingsError: it cannot be made or written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.logs.mkdir(exist_ok=True)
        except OSError as error:
            raise SettingsError(f"HANDRAIL_HOME: {self.path}: {error.strerror}") from error
        if not os.access(self.path, os.W_OK):
            raise SettingsError(f"HANDRAIL_HOME: {self.path}: cannot be written")

    def config(self, environment: Mapping[str, str]) -> Path | None:
        """The settings file: the one that is named, one in the working folder, or the starter."""
        if named := environment.get("HANDRAIL_CONFIG"):
            return Path(named)
        here = Path(CONFIG_NAME).absolute()
        return next((path for path in (here, self.starter_config) if path.is_file()), None)

    def write_starter_config(self) -> Path:
        """Make a settings file that takes alerts from an Alertmanager with a token of its own."""
        _secret(self.token_file)
        text = _STARTER.format(token=self.token_file)
        self.starter_config.write_text(text, encoding="utf-8")
        return self.starter_config

    def secret_key(self) -> str:
        """The installation's secret, made when there is none."""
        return _secret(self.key_file)

    def known_secret_key(self, environment: Mapping[str, str]) -> str | None:
        """The secret that signatures are made with here, if there is one."""
        return environment.get("HANDRAIL_SECRET_KEY") or _content(self.key_file) or None


def _numbers(ports: Mapping[str, str]) -> dict[str, int]:
    return {name: int(port) for name, port in ports.items()}


def _secret(path: Path) -> str:
    if known := _content(path):
        return known
    # Written aside first: what a crash leaves half-written must never be used.
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    made = secrets.token_urlsafe(_KEY_BYTES)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(made + "\n")
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    return made


def _content(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
