"""How a cluster is reached and who asks: a kubeconfig, a token, or the pod's own account."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import yaml
from kubernetes_asyncio import config
from kubernetes_asyncio.client.configuration import Configuration
from kubernetes_asyncio.client.rest import RESTClientObject
from kubernetes_asyncio.config.config_exception import ConfigException
from pydantic import SecretStr

from shared.config.targets.kubernetes import KubernetesTarget
from shared.connectors.protocol import TargetUnusableError

_BEARER: Final = "BearerToken"
#: So the library says that a kubeconfig is not made as it expects.
_UNREAD: Final = (AssertionError, AttributeError, KeyError, TypeError)


@dataclass(frozen=True)
class Opening:
    """A target's name, its section, and its secrets."""

    name: str
    target: KubernetesTarget
    kubeconfig: SecretStr | None = None
    token: SecretStr | None = None

    @classmethod
    def of(cls, name: str, target: KubernetesTarget) -> "Opening":
        """Read the secrets.

        Raises:
            SettingsError: a secret is not where it should be.
        """
        kubeconfig = target.kubeconfig.read() if target.kubeconfig else None
        return cls(name, target, kubeconfig, target.token.read() if target.token else None)


@dataclass(frozen=True)
class Session:
    """A way to the API server."""

    http: aiohttp.ClientSession
    configuration: Configuration

    def url(self, path: str) -> str:
        return f"{str(self.configuration.host).rstrip('/')}{path}"

    async def headers(self) -> dict[str, str]:
        """Who asks. A token that has grown old is renewed where there is a way to."""
        value = await self.configuration.get_api_key_with_prefix(_BEARER)
        return {"Authorization": value} if value else {}

    def options(self) -> dict[str, Any]:
        """What each request has beside its own."""
        said = {
            "proxy": self.configuration.proxy,
            "server_hostname": self.configuration.tls_server_name,
        }
        return {name: value for name, value in said.items() if value}


class Access:
    """Opens a session when it is first needed, and a new one when the old one is refused."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._session: Session | None = None
        self._client: RESTClientObject | None = None
        self._opening_one = asyncio.Lock()

    async def session(self) -> Session:
        """The session.

        Raises:
            TargetUnusableError: the kubeconfig, a certificate or the pod's account cannot be used.
        """
        async with self._opening_one:
            if self._session is None:
                configuration = await _configuration(self._opening)
                self._client = _client(configuration)
                self._session = Session(self._client.pool_manager, configuration)
            return self._session

    async def renew(self, refused: Session) -> None:
        """Read the credentials again, unless somebody has done so since."""
        async with self._opening_one:
            if self._session is refused:
                await self._close()

    async def close(self) -> None:
        async with self._opening_one:
            await self._close()

    async def _close(self) -> None:
        if self._client is not None:
            await self._client.close()
        self._session = self._client = None


async def _configuration(opening: Opening) -> Configuration:
    made = Configuration()
    try:
        await _load(opening, made)
    except (ConfigException, OSError, ValueError, yaml.YAMLError, *_UNREAD) as error:
        raise TargetUnusableError(f"the way into {opening.name} cannot be used: {error}") from error
    return made


async def _load(opening: Opening, made: Configuration) -> None:
    target = opening.target
    if target.in_cluster:
        config.load_incluster_config(client_configuration=made)  # type: ignore[no-untyped-call]
    elif opening.kubeconfig is not None:
        await _load_kubeconfig(opening, opening.kubeconfig, made)
    else:
        made.host = target.server
        made.ssl_ca_cert = str(target.ca) if target.ca else None
        token = opening.token.get_secret_value() if opening.token else ""
        made.api_key[_BEARER] = f"Bearer {token}"


async def _load_kubeconfig(opening: Opening, text: SecretStr, made: Configuration) -> None:
    context, ref = opening.target.context, opening.target.kubeconfig
    if ref is not None and ref.file is not None:
        # By its path, since certificates in it are named relative to it.
        await config.load_kube_config(
            str(ref.file), context=context, client_configuration=made, persist_config=False
        )
        return
    read = yaml.safe_load(text.get_secret_value())
    await config.load_kube_config_from_dict(read, context=context, client_configuration=made)


def _client(configuration: Configuration) -> RESTClientObject:
    try:
        return RESTClientObject(configuration)
    except OSError as error:
        raise TargetUnusableError(f"a certificate cannot be used: {error}") from error
