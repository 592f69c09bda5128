"""What a service needs to reach targets: targets, secrets and connectors, all kept up to date."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from shared.config import Config
from shared.config.credentials import lead_to_declared
from shared.connectors.registry import Connectors
from shared.credentials.keeper import PAUSE, Secrets
from shared.credentials.sealing import Sealer
from shared.credentials.settings import CredentialSettings
from shared.credentials.store import MongoCredentials
from shared.credentials.vault import Vault
from shared.loops import every
from shared.masking import Mask
from shared.secrets import secret_refs
from shared.service import Service
from shared.store import Database
from shared.targets.live import LiveTargets
from shared.targets.store import MongoTargets

#: What Handrail itself is told that must not be shown, whatever prints it.
_OWN: Final = (
    "HANDRAIL_SECRET_KEY",
    "HANDRAIL_SECRET_KEY_PREVIOUS",
    "HANDRAIL_SLACK_BOT_TOKEN",
    "HANDRAIL_SLACK_SIGNING_SECRET",
    "HANDRAIL_VAULT_TOKEN",
    "HANDRAIL_VAULT_SECRET_ID",
    "VAULT_TOKEN",
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
)
_URLS: Final = ("HANDRAIL_SMTP_URL", "HANDRAIL_MONGO_URL", "HANDRAIL_NATS_URL")


@dataclass(frozen=True)
class Reach:
    """One service's way to targets; ``look`` sees what was declared, added and rotated."""

    targets: LiveTargets
    secrets: Secrets
    connectors: Connectors
    mask: Mask

    async def look(self) -> None:
        """See what is new.

        Raises:
            UnavailableError: the store does not answer; what was known stands.
        """
        # What secrets of new targets are called is known before they are fetched.
        await self.targets.look()
        await self.secrets.look()

    def keep(self, service: Service) -> None:
        """Look before the service begins, and again and again."""
        service.prepare.append(self.look)
        service.loops.append(every(PAUSE, self.look, name="secrets"))
        service.close.append(self.connectors.close)


def reach(
    config: Config, settings: CredentialSettings, home: Path, db: Database, *, by: str
) -> Reach:
    """Put it together; opens nothing.

    Raises:
        SettingsError: Vault is named, and nothing says as whom.
    """
    mask = Mask(own_secrets(os.environ))
    login, keys = settings.vault(), settings.keys()
    secrets = Secrets(
        by,
        mask,
        lambda: datetime.now(UTC),
        stored=MongoCredentials(db, Sealer(keys)) if settings.secret_key else None,
        vault=Vault(login) if login else None,
    )
    secrets.bind(secret_refs(config))
    targets = LiveTargets(config.targets, MongoTargets(db))
    connectors = Connectors(config, home, targets)
    mask.learn(connectors.secrets())

    def declared(names: set[str]) -> None:
        refs = [ref for name in names & set(targets) for ref in secret_refs(targets[name])]
        lead_to_declared(refs, config.credentials)
        secrets.bind(refs)
        connectors.changed(names)

    targets.changed.append(declared)
    secrets.rotated.append(connectors.rotated)
    return Reach(targets, secrets, connectors, mask)


def own_secrets(environment: Mapping[str, str]) -> Iterator[str]:
    """The secrets of Handrail itself that this process was told."""
    yield from (environment[name] for name in _OWN if environment.get(name))
    for name in _URLS:
        try:
            password = urlsplit(environment.get(name, "")).password
        except ValueError:
            # Whoever needs the URL says what is wrong with it.
            continue
        if password:
            yield from (password, unquote(password))
