"""Who asks AWS: keys of the target or of the machine, and a role that is taken with them."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import aioboto3
from aiobotocore.config import AioConfig
from aiobotocore.credentials import AioDeferredRefreshableCredentials
from aiobotocore.session import AioSession, get_session
from pydantic import SecretStr

from shared.config.targets.aws import AwsTarget
from shared.connectors.aws.refusals import told

#: How long an answer may take; a function answers when it is done, and says so itself.
ANSWER: Final = timedelta(seconds=60)
_CONNECT: Final = 10
_ROLE_SESSION: Final = "handrail"


@dataclass(frozen=True)
class Opening:
    """A target's section and its keys."""

    target: AwsTarget
    access_key_id: SecretStr | None = None
    secret_access_key: SecretStr | None = None
    session_token: SecretStr | None = None

    @classmethod
    def of(cls, target: AwsTarget) -> "Opening":
        """Read the keys.

        Raises:
            SettingsError: one is not where it should be.
        """
        refs = (target.access_key_id, target.secret_access_key, target.session_token)
        return cls(target, *(ref.read() if ref else None for ref in refs))

    def session(self) -> aioboto3.Session:
        """A session with the keys themselves."""
        keys = (self.access_key_id, self.secret_access_key, self.session_token)
        key, secret, token = (value.get_secret_value() if value else None for value in keys)
        return aioboto3.Session(key, secret, token, region_name=self.target.region)


class Aws:
    """The API of one region; clients are made when they are first needed."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._clients = AsyncExitStack()
        self._made: dict[tuple[str, timedelta, bool], Any] = {}
        self._session: aioboto3.Session | None = None

    async def look(self, service: str, operation: str, **said: Any) -> Mapping[str, Any]:
        """Ask for something that changes nothing, or that may well be said twice.

        Raises:
            CallRefusedError: AWS does not do it; see also the errors derived from it.
            LoginRefusedError: see there.
            TargetUnreachableError: see there.
        """
        client = await self._client(service, ANSWER, repeats=True)
        with told(writes=False):
            found: Mapping[str, Any] = await getattr(client, operation)(**said)
            return found

    async def do(
        self, service: str, operation: str, within: timedelta = ANSWER, /, **said: Any
    ) -> Mapping[str, Any]:
        """Change something, and never say it twice.

        Raises:
            CallRefusedError: see ``look``.
            LoginRefusedError: see there.
            TargetUnreachableError: see there; the change may have been made.
        """
        client = await self._client(service, within, repeats=False)
        with told(writes=True):
            done: Mapping[str, Any] = await getattr(client, operation)(**said)
            return done

    async def close(self) -> None:
        self._made.clear()
        await self._clients.aclose()

    async def _client(self, service: str, within: timedelta, *, repeats: bool) -> Any:
        key = (service, within, repeats)
        if key not in self._made:
            self._session = self._session or self._entered()
            config = AioConfig(
                connect_timeout=_CONNECT,
                read_timeout=within.total_seconds(),
                retries={"mode": "standard", "total_max_attempts": 4 if repeats else 1},
            )
            endpoint = self._opening.target.endpoint_url
            with told(writes=False):
                client = self._session.client(service, endpoint_url=endpoint, config=config)
                self._made[key] = await self._clients.enter_async_context(client)
        return self._made[key]

    def _entered(self) -> aioboto3.Session:
        target = self._opening.target
        if target.role_arn is None:
            return self._opening.session()
        session: AioSession = get_session()
        # There is no public way to give a session keys that renew themselves.
        session._credentials = AioDeferredRefreshableCredentials(  # noqa: SLF001
            self._role_keys, method="sts-assume-role"
        )
        return aioboto3.Session(botocore_session=session, region_name=target.region)

    async def _role_keys(self) -> dict[str, str]:
        target = self._opening.target
        said = {"RoleArn": target.role_arn, "RoleSessionName": _ROLE_SESSION}
        if target.external_id is not None:
            said["ExternalId"] = target.external_id
        with told(writes=False):
            async with self._opening.session().client(
                "sts", endpoint_url=target.endpoint_url
            ) as sts:
                keys = (await sts.assume_role(**said))["Credentials"]
        return {
            "access_key": keys["AccessKeyId"],
            "secret_key": keys["SecretAccessKey"],
            "token": keys["SessionToken"],
            "expiry_time": keys["Expiration"].isoformat(),
        }
