"""Connectors by the names of their targets; a new kind is one file and one line here."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from shared.config import Config, LocalTarget, SshTarget, Target
from shared.config.targets import (
    AwsTarget,
    HttpTarget,
    KubernetesTarget,
    SqlTarget,
    TerraformTarget,
    WinrmTarget,
)
from shared.connectors.http import HttpConnector
from shared.connectors.local import LocalConnector
from shared.connectors.protocol import Connector, TargetUnusableError, UnknownTargetError
from shared.connectors.script import ScriptConnector
from shared.connectors.ssh import SshConnector
from shared.connectors.sshlink import Link
from shared.connectors.sshlogin import login_of
from shared.connectors.terraform.connector import Opening, TerraformConnector, described
from shared.connectors.wait import WaitConnector
from shared.errors import SettingsError
from shared.secrets import secret_refs


@dataclass(frozen=True)
class _Site:
    """Where a connector is opened: Handrail's home, and what else is declared."""

    home: Path
    targets: Mapping[str, Target]
    links: dict[str, Link] = field(default_factory=dict)

    @cached_property
    def local(self) -> LocalConnector:
        """The one for this machine, whatever it is called: each has a process of its own."""
        return LocalConnector(self.home / "steps")


@dataclass(frozen=True)
class _Kind:
    """``open`` takes the target's name, its section and the site."""

    open: Callable[[str, Any, _Site], Connector]
    describe: Callable[[Any], str]


def _open_local(_name: str, _target: LocalTarget, site: _Site) -> Connector:
    return site.local


def _open_ssh(name: str, _target: SshTarget, site: _Site) -> Connector:
    return SshConnector(_link(name, site))


def _link(name: str, site: _Site) -> Link:
    """The one link to a host; who is reached through it shares it."""
    target = site.targets[name]
    if not isinstance(target, SshTarget):
        raise UnknownTargetError(f"nothing is reached through {name}: it is no ssh target")
    if name not in site.links:
        via = None if target.via is None else _link(target.via, site)
        site.links[name] = Link(login_of(name, target), via=via)
    return site.links[name]


def _login(target: SshTarget) -> str:
    through = f" through {target.via}" if target.via else ""
    return f"{target.user}@{target.host}:{target.port}{through}"


def _open_winrm(_name: str, target: WinrmTarget, _site: _Site) -> Connector:
    with _extra("winrm"):
        from shared.connectors.winrm import connector, session  # noqa: PLC0415 heavy

    return connector.WinrmConnector(session.Access.of(target))


def _open_terraform(_name: str, target: TerraformTarget, site: _Site) -> Connector:
    return TerraformConnector(Opening.of(target, site.home))


def _open_kubernetes(name: str, target: KubernetesTarget, _site: _Site) -> Connector:
    with _extra("kubernetes"):
        from shared.connectors.kubernetes import access, connector  # noqa: PLC0415 heavy

    return connector.KubernetesConnector(access.Opening.of(name, target))


def _open_aws(_name: str, target: AwsTarget, _site: _Site) -> Connector:
    with _extra("aws"):
        from shared.connectors.aws import access, connector  # noqa: PLC0415 heavy

    return connector.AwsConnector(access.Opening.of(target))


def _account(target: AwsTarget) -> str:
    """Where resources are, for people."""
    return f"{target.region}, as {target.role_arn}" if target.role_arn else target.region


@contextmanager
def _extra(name: str) -> Iterator[None]:
    """Libraries that not everybody has, imported when they are first needed."""
    try:
        yield
    except ImportError as error:
        reason = f"{error.name} is not installed: pip install 'handrail[{name}]'"
        raise TargetUnusableError(reason) from error


def _cluster(target: KubernetesTarget) -> str:
    """Where a cluster is, for people."""
    where = f"context {target.context}" if target.context else "its kubeconfig's cluster"
    if target.in_cluster:
        where = "the cluster that Handrail runs in"
    return target.server or where


def _open_sql(_name: str, target: SqlTarget, _site: _Site) -> Connector:
    from shared.connectors.sql import SqlConnector  # noqa: PLC0415 heavy

    return SqlConnector(target)


def _database(target: SqlTarget) -> str:
    """Where a database is, for people."""
    where = f"{target.user}@{target.host}/" if target.host else ""
    return f"{target.engine} {where}{target.database}"


def _open_http(_name: str, target: HttpTarget, _site: _Site) -> Connector:
    return HttpConnector(target)


_KINDS: Final[dict[str, _Kind]] = {
    "aws": _Kind(_open_aws, _account),
    "http": _Kind(_open_http, lambda target: target.url),
    "local": _Kind(_open_local, lambda _: "this machine"),
    "kubernetes": _Kind(_open_kubernetes, _cluster),
    "ssh": _Kind(_open_ssh, _login),
    "winrm": _Kind(_open_winrm, lambda target: f"{target.user}@{target.host}:{target.port}"),
    "sql": _Kind(_open_sql, _database),
    "terraform": _Kind(_open_terraform, described),
}


def _powershell_scripts(host: Any) -> Connector:
    from shared.connectors.winrm.sources import PowerShellScripts  # noqa: PLC0415 heavy

    return PowerShellScripts(host)


#: What runs on targets of other connectors; see ``shared.config.targets.CARRIED``.
_ON_OTHERS: Final[dict[tuple[str | None, str], Callable[[Any], Connector]]] = {
    ("script", "local"): ScriptConnector,
    ("script", "ssh"): ScriptConnector,
    ("script", "winrm"): _powershell_scripts,
}

#: What needs no target.
_WITHOUT_TARGET: Final[dict[str, Callable[[], Connector]]] = {"wait": WaitConnector}


class Connectors:
    """The connectors of all declared targets, each opened at most once."""

    def __init__(
        self, config: Config, home: Path, targets: Mapping[str, Target] | None = None
    ) -> None:
        self._config = config
        self._targets = config.targets if targets is None else targets
        self._site = _Site(home, self._targets)
        self._opened: dict[str, Connector] = {}
        self._retired: list[Connector] = []

    def open(self, target: str, *, uses: str | None = None) -> Connector:
        """The connector of a target; no connection is made yet.

        Raises:
            UnknownTargetError: there is no such target, or none that is reached by ``uses``.
            TargetUnusableError: the target's section names keys that cannot be used.
            SettingsError: a secret of the target is not where it should be.
        """
        if not target and uses in _WITHOUT_TARGET:
            return self._opened.setdefault(f"({uses})", _WITHOUT_TARGET[uses]())
        reached = self._section(target).connector
        if (uses, reached) in _ON_OTHERS:
            return _ON_OTHERS[uses, reached](self.open(target))
        if uses not in (None, reached):
            raise UnknownTargetError(f"target {target} is reached by {reached}, not by {uses}")
        if target not in self._opened:
            section = self._section(target)
            self._opened[target] = _KINDS[section.connector].open(target, section, self._site)
        return self._opened[target]

    def kind(self, target: str) -> str:
        """Which connector a target has: the word that runbooks write after ``uses``.

        Raises:
            UnknownTargetError: see ``open``.
        """
        return self._section(target).connector

    def describe(self, target: str) -> str:
        """Where a target is, for people; never a secret.

        Raises:
            UnknownTargetError: see ``open``.
        """
        section = self._section(target)
        return f"{_KINDS[section.connector].describe(section)} ({section.connector})"

    def secrets(self) -> tuple[str, ...]:
        """Every secret that the configuration refers to and that can be read now."""
        found = []
        for ref in secret_refs(self._config):
            try:
                found.append(ref.read().get_secret_value())
            except SettingsError:
                # What is not there cannot be shown; whoever needs it says that it is missing.
                continue
        return tuple(dict.fromkeys(found))

    def rotated(self, places: set[str]) -> None:
        """Open targets anew that have secrets in these places; see ``shared.secrets.SecretRef``."""
        self.changed(
            {
                name
                for name, target in self._targets.items()
                if any(str(ref) in places for ref in secret_refs(target))
            }
        )

    def changed(self, names: set[str]) -> None:
        """Open these anew, and what is reached through them; what runs over old ones goes on."""
        through = {
            name
            for name, target in self._targets.items()
            if isinstance(target, SshTarget) and target.via in names
        }
        if through - names:
            self.changed(names | through)
            return
        for name in names:
            self._site.links.pop(name, None)
            if (old := self._opened.pop(name, None)) is not None:
                self._retired.append(old)

    async def close(self) -> None:
        """Let go of all connections; runs on the targets go on."""
        # Several names may have one connector.
        connectors = {id(each): each for each in (*self._opened.values(), *self._retired)}
        await asyncio.gather(*(connector.close() for connector in connectors.values()))
        self._opened.clear()
        self._retired.clear()

    def _section(self, target: str) -> Target:
        section = self._targets.get(target)
        if section is None:
            declared = ", ".join(sorted(self._targets)) or "none"
            raise UnknownTargetError(
                f"no target {target!r} in handrail.yaml; declared under targets: {declared}"
            )
        return section
